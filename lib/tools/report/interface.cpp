#include "tools/report/interface.h"

#include <nlohmann/json.hpp>

#include "graph/script/arguments.h"
#include "graph/script/method_graph.h"
#include "graph/script/module_attributes.h"
#include "graph/script/signature.h"
#include "support/tensor.h"

namespace torchstreamer::tools {
namespace {

using Json = nlohmann::ordered_json;

Json json_of(const c10::IValue& value);

// Returns nested arrays.
Json json_of(const Tensor& tensor) {
  if (!tensor.defined() || tensor.is_complex()) return nullptr;
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
  Json items = Json::array();
  if (value.isTuple())
    for (const auto& item : value.toTupleRef().elements()) items.push_back(json_of(item));
  else if (value.isList())
    for (const c10::IValue& item : value.toListRef()) items.push_back(json_of(item));
  else
    return nullptr;
  return items;
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
    interface.attributes.push_back({name, type->annotation_str(), text_of(value), can_be_set});
  interface.method = call.method_name();
  const auto method = module.find_method(interface.method);
  if (!method) return interface;
  const auto graph = graph::method_graph(module, interface.method);
  for (const graph::Argument& argument : graph::arguments_of(
           method->function().getSchema(), *graph, call.inputs, at::TensorOptions(at::kFloat))) {
    using Kind = graph::Argument::Kind;
    const bool is_used = argument.kind == Kind::kGiven || argument.kind == Kind::kDefault;
    interface.arguments.push_back({argument.name, argument.type->annotation_str(),
                                   origin_of(argument), is_used ? text_of(argument.value) : ""});
  }
  return interface;
}

}  // namespace torchstreamer::tools
