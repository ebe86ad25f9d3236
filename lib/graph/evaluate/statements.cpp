#include "graph/evaluate/statements.h"

#include <ATen/core/jit_type.h>

#include <set>
#include <string>

#include "graph/plan/refusal.h"

namespace torchstreamer::graph {
namespace {

// Autocast is for the device type in its attribute `device`.
void require_disabled(const Node* node, const IValue& autocast, Attributes& attributes,
                      at::Device device) {
  const Object enabled = attributes.get(autocast, "_enabled");
  const Object type = attributes.get(autocast, "device");
  const bool is_elsewhere = type.constant() && type.constant()->isString() &&
                            at::Device(type.constant()->toStringRef()).type() != device.type();
  const bool is_disabled = enabled.constant() && !enabled.constant()->toBool();
  if (!is_elsewhere && !is_disabled)
    throw refusal(node,
                  "autocast rounds to half precision, streams compute in float32 or float64; save "
                  "the model with autocast(enabled=False)");
}

}  // namespace

bool has_no_effect(const Node* node) {
  static const std::set<std::string> names = {"prim::Print", "aten::warn", "aten::set_grad_enabled",
                                              "aten::_assert_async",
                                              "aten::_assert_tensor_metadata"};
  return names.count(operator_name(node)) > 0;
}

bool is_without_effect(const Node* node, const IValue& manager, Attributes& attributes,
                       at::Device device) {
  const std::string name = manager.toObjectRef().name();
  if (name.rfind("__torch__.torch.", 0) != 0) return false;
  if (name.find("autocast") != std::string::npos)
    require_disabled(node, manager, attributes, device);
  return true;
}

}  // namespace torchstreamer::graph
