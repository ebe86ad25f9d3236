#include "trust/checked_operators.h"

#include <ATen/MemoryOverlap.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/core/enum_type.h>
#include <c10/core/Layout.h>
#include <c10/core/MemoryFormat.h>
#include <c10/util/StringUtil.h>
#include <torch/csrc/jit/runtime/operator.h>

#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "torchstreamer/error.h"
#include "trust/checks.h"

namespace torchstreamer {
namespace {

namespace jit = torch::jit;
using c10::IValue;
using OperatorPtr = std::shared_ptr<jit::Operator>;

// libtorch takes less integers for addresses of symbolic ones.
constexpr int64_t kLeastInteger = -(int64_t{1} << 61);

/// An argument that is a value of an enumeration of libtorch, which uses it as an index.
struct Enumeration {
  size_t argument;
  int64_t values;
};

// Returns the number of values of an enumeration; 0 for arguments of other types.
int64_t values_of(const c10::Argument& argument) {
  c10::TypePtr type = argument.real_type();
  if (const auto optional = type->cast<c10::OptionalType>()) type = optional->getElementType();
  const bool is_int = type->kind() == c10::TypeKind::IntType;  // of an operator of TorchScript only
  if (type->kind() == c10::TypeKind::ScalarTypeType || (is_int && argument.name() == "dtype"))
    return static_cast<int64_t>(at::ScalarType::Undefined);
  if (type->kind() == c10::TypeKind::LayoutType)
    return static_cast<int64_t>(at::Layout::NumOptions);
  if (type->kind() == c10::TypeKind::MemoryFormatType)
    return static_cast<int64_t>(at::MemoryFormat::NumOptions);
  return 0;
}

bool has_integers(const c10::Argument& argument) {
  c10::TypePtr type = argument.type();
  if (const auto optional = type->cast<c10::OptionalType>()) type = optional->getElementType();
  if (const auto list = type->cast<c10::ListType>()) type = list->getElementType();
  return type->kind() == c10::TypeKind::IntType;
}

bool is_written(const c10::Argument& argument) {
  return argument.alias_info() && argument.alias_info()->isWrite();
}

/// Checks of one operator, in addition to those of libtorch.
class Checks {
 public:
  /// `is_dispatched`: not an operator of TorchScript only.
  Checks(c10::FunctionSchema schema, bool is_dispatched, std::vector<Check> checks)
      : schema_(std::move(schema)), checks_(std::move(checks)) {
    const auto& arguments = schema_.arguments();
    for (size_t i = 0; i < arguments.size(); ++i) {
      if (const int64_t values = values_of(arguments[i])) enumerations_.push_back({i, values});
      if (is_dispatched && has_integers(arguments[i])) integers_.push_back(i);
      if (arguments[i].kwarg_only() && is_written(arguments[i])) outputs_.push_back(i);
    }
    const auto& returns = schema_.returns();
    returns_arguments_ = returns.size() > 1 && is_written(returns[0]);
  }

  bool empty() const {
    return checks_.empty() && enumerations_.empty() && integers_.empty() && outputs_.empty() &&
           !returns_arguments_;
  }
  const c10::FunctionSchema& schema() const { return schema_; }

  /// Throws Error for arguments that end the process.
  void examine(c10::ArrayRef<IValue> values) const {
    for (const auto& [i, count] : enumerations_) {
      if (!values[i].isInt()) continue;
      const int64_t value = values[i].toInt();
      if (value < 0 || value >= count)
        throw Error(c10::str("its argument '", schema_.arguments()[i].name(), "' is ", value,
                             ", which is not one of its values"));
    }
    const Arguments args(schema_, values);
    for (const size_t i : integers_) args.require_least(i, kLeastInteger);
    for (const size_t i : outputs_)
      if (values[i].isTensor() &&
          at::has_internal_overlap(values[i].toTensor()) == at::MemOverlap::Yes)
        throw Error(c10::str("its output '", schema_.arguments()[i].name(),
                             "' has several elements in one place"));
    for (const Check check : checks_) check(args);
  }

  /// Returns the arguments that have to exist until the operator has returned: libtorch releases
  /// the tensors that it returns before it returns them, if they are arguments and several.
  std::vector<IValue> held(c10::ArrayRef<IValue> values) const {
    return returns_arguments_ ? values.vec() : std::vector<IValue>();
  }

 private:
  c10::FunctionSchema schema_;
  std::vector<Check> checks_;
  std::vector<Enumeration> enumerations_;
  std::vector<size_t> integers_, outputs_;
  bool returns_arguments_ = false;
};

jit::Operator with_checks(const jit::Operator& op, Checks checks) {
  const auto shared = std::make_shared<const Checks>(std::move(checks));
  const auto checked = [shared, original = op.getOperation()](jit::Stack& stack) mutable {
    const c10::ArrayRef<IValue> values = jit::last(stack, shared->schema().arguments().size());
    shared->examine(values);
    const std::vector<IValue> held = shared->held(values);
    original(stack);
  };
  const c10::FunctionSchema& schema = shared->schema();
  if (op.isC10Op())
    return {c10::Dispatcher::singleton().findSchemaOrThrow(schema.name().c_str(),
                                                           schema.overload_name().c_str()),
            checked};
  return {schema.name(), schema.overload_name(), schema.arguments(), schema.returns(),
          checked,       op.aliasAnalysisKind()};
}

// Puts the operator into its place in the registry of TorchScript. Only pointers are written, and
// the old operator exists forever: nodes and other threads may refer to it.
void replace(const OperatorPtr& place, jit::Operator op) {
  static auto& replaced = *new std::vector<OperatorPtr>;
  replaced.push_back(place);
  std::atomic_store(const_cast<OperatorPtr*>(&place),
                    std::make_shared<jit::Operator>(std::move(op)));
}

std::map<std::string, std::vector<Check>> checks_by_name() {
  std::map<std::string, std::vector<Check>> checks;
  for (const auto& table : {integer_checks(), layer_checks(), tensor_checks()})
    for (const CheckedOperators& operators : table)
      for (const char* name : operators.names) checks[name].push_back(operators.check);
  return checks;
}

void add_checks() {
  auto checks = checks_by_name();
  std::set<std::string> names;
  for (const OperatorPtr& op : jit::getAllOperators()) names.insert(op->schema().name());
  for (const std::string& name : names)
    for (const OperatorPtr& op : jit::getAllOperatorsFor(c10::Symbol::fromQualString(name))) {
      if (!op->hasOperation() || op->schema().is_vararg()) continue;
      const std::string& overload = op->schema().overload_name();
      std::vector<Check> own;
      for (const std::string& key : {name, name + "." + overload})
        if (const auto found = checks.find(key); found != checks.end())
          own.insert(own.end(), found->second.begin(), found->second.end());
      Checks added(op->schema(), op->isC10Op(), std::move(own));
      if (!added.empty()) replace(op, with_checks(*op, std::move(added)));
    }
}

// Adds the checks while the library is loaded: usually before main(), when no other thread exists.
[[maybe_unused]] const bool kAreAddedWhileLoading = [] {
  try {
    check_operators();
  } catch (const std::exception&) {  // of the next call, too
    return false;
  }
  return true;
}();

}  // namespace

void check_operators() {
  static std::once_flag added;
  std::call_once(added, add_checks);
}

}  // namespace torchstreamer
