#include "graph/script/aliases.h"

#include <set>
#include <string>

namespace torchstreamer::graph {

bool may_return_argument(const torch::jit::Node* node) {
  static const std::set<std::string> kNames = {"aten::alpha_dropout",
                                               "aten::atleast_1d",
                                               "aten::atleast_2d",
                                               "aten::atleast_3d",
                                               "aten::broadcast_tensors",
                                               "aten::dropout",
                                               "aten::einsum",
                                               "aten::feature_alpha_dropout",
                                               "aten::feature_dropout",
                                               "aten::meshgrid",
                                               "aten::type_as"};
  return kNames.count(node->kind().toQualString()) > 0;
}

}  // namespace torchstreamer::graph
