#include "trust/checked_operators.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/ops/any.h>
#include <ATen/record_function.h>
#include <c10/util/StringUtil.h>
#include <torch/csrc/jit/runtime/operator.h>

#include <limits>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "torchstreamer/error.h"

namespace torchstreamer {
namespace {

namespace jit = torch::jit;
using c10::IValue;

constexpr int64_t kLeast = std::numeric_limits<int64_t>::min();

/// The arguments of one call.
class Arguments {
 public:
  Arguments(const c10::FunctionSchema& schema, c10::ArrayRef<IValue> values)
      : schema_(schema), values_(values) {}

  const IValue& operator[](size_t i) const { return values_[i]; }
  size_t size() const { return values_.size(); }

  /// Returns null if the overload has no such argument.
  const IValue* find(const std::string& name) const {
    const auto index = schema_.argumentIndexWithName(name);
    return index ? &values_[*index] : nullptr;
  }

 private:
  const c10::FunctionSchema& schema_;
  c10::ArrayRef<IValue> values_;
};

[[noreturn]] void refuse_division(int64_t dividend, int64_t divisor) {
  throw Error(c10::str("it divides ", dividend, " by ", divisor));
}

bool is_integral(const IValue& value) {
  return value.isTensor() ? value.toTensor().defined() &&
                                at::isIntegralType(value.toTensor().scalar_type(), false)
                          : value.isInt();
}

// Returns true if the integral type has the number. eq() would convert it: -1 is 255 in 8 bits.
bool has(at::ScalarType type, int64_t integer) {
  if (type == at::kByte) return integer >= 0 && integer < 256;
  const int64_t bits = 8 * static_cast<int64_t>(c10::elementSize(type));
  return bits == 64 ||
         (integer >= -(int64_t{1} << (bits - 1)) && integer < int64_t{1} << (bits - 1));
}

// Only divisions on the CPU end the process. Reading tensors on other devices would wait for them.
bool contains(const IValue& value, int64_t integer) {
  if (!value.isTensor()) return value.toInt() == integer;
  const Tensor& tensor = value.toTensor();
  if (!tensor.is_cpu() || !has(tensor.scalar_type(), integer)) return false;
  const at::DisableRecordFunctionGuard unobserved;
  return tensor.eq(integer).any().item<bool>();
}

// Returns the least integer of the type in which tensors are divided. Types of 8 and 16 bits are
// divided in 32 bits.
int64_t least_dividend(const IValue& dividend, const IValue& divisor) {
  const auto is_short = [](const IValue& value) {
    return !value.isTensor() || value.toTensor().scalar_type() != at::kLong;
  };
  return is_short(dividend) && is_short(divisor) ? std::numeric_limits<int32_t>::min() : kLeast;
}

// Refuses a division of tensors of integers. libtorch itself raises an exception for the divisor 0.
void require_tensor_division(const IValue& dividend, const IValue& divisor) {
  if (!contains(divisor, -1)) return;
  for (const int64_t least : {kLeast, least_dividend(dividend, divisor)})
    if (contains(dividend, least)) refuse_division(least, -1);
}

// (dividend, divisor, ..).
void require_division(const Arguments& args) {
  if (args.size() < 2 || !is_integral(args[0]) || !is_integral(args[1])) return;
  if (args[0].isTensor() || args[1].isTensor()) return require_tensor_division(args[0], args[1]);
  const int64_t dividend = args[0].toInt(), divisor = args[1].toInt();
  if (divisor == 0 || (divisor == -1 && dividend == kLeast)) refuse_division(dividend, divisor);
}

// Without a rounding mode, real numbers are divided.
void require_rounded_division(const Arguments& args) {
  const IValue* mode = args.find("rounding_mode");
  if (mode && !mode->isNone()) require_division(args);
}

// Euclid's algorithm divides the least integer by -1, in either order of both.
void require_common_divisor(const Arguments& args) {
  if (!is_integral(args[0]) || !is_integral(args[1])) return;
  for (const size_t i : {0, 1})
    if (contains(args[i], kLeast) && contains(args[1 - i], -1)) refuse_division(kLeast, -1);
}

// The common divisor may be -1 if an operand is the least integer.
void require_common_multiple(const Arguments& args) {
  for (const size_t i : {0, 1})
    if (is_integral(args[i]) && contains(args[i], least_dividend(args[0], args[1])))
      refuse_division(least_dividend(args[0], args[1]), -1);
}

double real(const IValue* value, double otherwise) {
  if (!value || !(value->isInt() || value->isDouble())) return otherwise;
  return value->toScalar().toDouble();
}

// libtorch computes the number of elements in 64 bits.
void require_short_range(const Arguments& args) {
  constexpr double kMostElements = 1e18;
  const double start = real(args.find("start"), 0), end = real(args.find("end"), 0);
  const double step = real(args.find("step"), 1);
  if (step != 0 && (end - start) / step > kMostElements)
    throw Error(c10::str("its range from ", start, " to ", end, " by ", step, " is too long"));
}

// (text, width, ..). libtorch pads one character after the other.
void require_short_text(const Arguments& args) {
  constexpr int64_t kMostCharacters = 1 << 20;
  if (args[1].toInt() > kMostCharacters)
    throw Error(c10::str("its width is ", args[1].toInt(), "; at most ", kMostCharacters,
                         " are supported"));
}

// center() pads without an end.
void require_width_of_text(const Arguments& args) {
  require_short_text(args);
  if (args[1].toInt() < 0) throw Error(c10::str("its width is ", args[1].toInt()));
}

// (text, part, ..).
void require_part_of_text(const Arguments& args) {
  if (args[0].isString() && args[1].isString() && args[1].toStringRef().empty())
    throw Error("it counts an empty text");
}

// A view as a different type. libtorch divides by the size of the type, 0 for unknown ones.
void require_known_type(const Arguments& args) {
  const IValue* type = args.find("dtype");
  constexpr auto kTypes = static_cast<int64_t>(at::ScalarType::Undefined);
  if (type && type->isInt() && (type->toInt() < 0 || type->toInt() >= kTypes))
    throw Error(c10::str("its argument 'dtype' is ", type->toInt(), ", which is not a type"));
}

struct CheckedOperators {
  std::vector<const char*> names;
  void (*check)(const Arguments& args);
};

const std::vector<CheckedOperators>& checked_operators() {
  static const std::vector<CheckedOperators> table = {
      {{"aten::__round_to_zero_floordiv", "aten::divmod", "aten::floor_divide",
        "aten::floor_divide_", "aten::floordiv", "aten::fmod", "aten::fmod_", "aten::remainder",
        "aten::remainder_"},
       require_division},
      {{"aten::div", "aten::div_", "aten::divide", "aten::divide_"}, require_rounded_division},
      {{"aten::gcd"}, require_common_divisor},
      {{"aten::lcm", "aten::lcm_"}, require_common_multiple},
      {{"aten::arange"}, require_short_range},
      {{"aten::ljust", "aten::rjust", "aten::zfill"}, require_short_text},
      {{"aten::center"}, require_width_of_text},
      {{"aten::count"}, require_part_of_text},
      {{"aten::view", "aten::view_copy"}, require_known_type},
  };
  return table;
}

// Replaces the operator in its place in the registry, because nodes refer to it.
void add_check(jit::Operator& op, void (*check)(const Arguments& args)) {
  if (!op.hasOperation()) return;
  const auto schema = std::make_shared<const c10::FunctionSchema>(op.schema());
  const auto checked = [schema, check, original = op.getOperation()](jit::Stack& stack) mutable {
    check(Arguments(*schema, jit::last(stack, schema->arguments().size())));
    original(stack);
  };
  if (op.isC10Op())
    op = jit::Operator(c10::Dispatcher::singleton().findSchemaOrThrow(
                           schema->name().c_str(), schema->overload_name().c_str()),
                       checked);
  else
    op = jit::Operator(schema->name(), schema->overload_name(), schema->arguments(),
                       schema->returns(), checked, op.aliasAnalysisKind());
}

}  // namespace

void check_operators() {
  static std::once_flag added;
  std::call_once(added, [] {
    for (const CheckedOperators& operators : checked_operators())
      for (const char* name : operators.names)
        for (const auto& op : jit::getAllOperatorsFor(c10::Symbol::fromQualString(name)))
          add_check(*op, operators.check);
  });
}

}  // namespace torchstreamer
