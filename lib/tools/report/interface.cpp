#include "tools/report/interface.h"

#include <c10/util/StringUtil.h>

#include <nlohmann/json.hpp>

#include "graph/script/arguments.h"
#include "graph/script/method_graph.h"
#include "graph/script/module_attributes.h"
#include "graph/script/signature.h"
#include "graph/script/type_name.h"
#include "support/tensor.h"

namespace torchstreamer::tools {
namespace {

using Json = nlohmann::ordered_json;

// Maximum number of elements of a tensor, a list or a dictionary that are listed.
constexpr int64_t kMostItems = 16;

Json json_of(const c10::IValue& value);

// Returns an array of the first values.
template <class Values>
Json array_of(const Values& values) {
  Json items = Json::array();
  for (const c10::IValue& value : values) {
    if (items.size() == kMostItems) {
      items.push_back("...");
      break;
    }
    items.push_back(json_of(value));
  }
  return items;
}

std::string key_of(const c10::IValue& key) {
  return key.isString() ? key.toStringRef() : c10::str(key);
}

// Returns an object of the first values.
Json object_of(const c10::Dict<c10::IValue, c10::IValue>& values) {
  Json items = Json::object();
  for (const auto& entry : values) {
    if (items.size() == kMostItems) {
      items["..."] = nullptr;
      break;
    }
    items[key_of(entry.key())] = json_of(entry.value());
  }
  return items;
}

// Returns nested arrays, or the shape and the type of a large or empty tensor.
Json json_of(const Tensor& tensor) {
  if (!tensor.defined()) return nullptr;
  const bool is_listed = tensor.numel() >= 1 && tensor.numel() <= kMostItems &&
                         tensor.layout() == at::kStrided && !tensor.is_complex();
  if (!is_listed)
    return {{"shape", tensor.sizes().vec()}, {"dtype", c10::toString(tensor.scalar_type())}};
  if (tensor.dim() == 0) return json_of(c10::IValue(tensor.item()));
  Json items = Json::array();
  for (const Tensor& item : tensor.unbind()) items.push_back(json_of(item));
  return items;
}

Json json_of(const c10::IValue& value) {
  if (value.isBool()) return value.toBool();
  if (value.isInt()) return value.toInt();
  if (value.isDouble()) return value.toDouble();
  if (value.isString()) return value.toStringRef();
  if (value.isTensor()) return json_of(value.toTensor());
  if (value.isTuple()) return array_of(value.toTupleRef().elements());
  if (value.isList()) return array_of(value.toListRef());
  if (value.isGenericDict()) return object_of(value.toGenericDict());
  return nullptr;
}

template <class OptionalValue>
std::string text_of(const OptionalValue& value) {
  return value ? json_of(*value).dump(-1, ' ', false, Json::error_handler_t::replace) : "";
}

std::string origin_of(const graph::Argument& argument) {
  using Kind = graph::Argument::Kind;
  switch (argument.kind) {
    case Kind::kSignal:
      return "signal";
    case Kind::kGiven:
      return "given";
    case Kind::kRate:
      return "sample rate";
    case Kind::kDefault:
      return "default";
    case Kind::kUnused:
      return "no effect";
    case Kind::kMissing:
      break;
  }
  return graph::accepted_values(argument.type).empty() ? "cannot be given" : "must be set";
}

}  // namespace

Interface interface_of(const torch::jit::Module& module, const CallOptions& call) {
  Interface interface;
  interface.methods = graph::signatures(module);
  for (const auto& [name, type, value, can_be_set] : graph::module_attributes(module))
    interface.attributes.push_back({name, graph::type_name(type), text_of(value), can_be_set});
  interface.method = call.method_name();
  const auto method = module.find_method(interface.method);
  if (!method) return interface;
  const auto graph = graph::method_graph(module, interface.method);
  for (const graph::Argument& argument : graph::arguments_of(
           method->function().getSchema(), *graph, call.inputs, at::TensorOptions(at::kFloat))) {
    using Kind = graph::Argument::Kind;
    const bool is_used = argument.kind == Kind::kGiven || argument.kind == Kind::kDefault;
    interface.arguments.push_back({argument.name, graph::type_name(argument.type),
                                   origin_of(argument), is_used ? text_of(argument.value) : ""});
  }
  return interface;
}

}  // namespace torchstreamer::tools
