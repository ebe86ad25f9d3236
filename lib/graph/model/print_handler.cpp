#include "graph/model/print_handler.h"

#include <torch/csrc/jit/runtime/print_handler.h>

#include <iostream>

namespace torchstreamer::graph {

void print_models_to_stderr() {
  torch::jit::setPrintHandler([](const std::string& text) { std::cerr << text; });
}

}  // namespace torchstreamer::graph
