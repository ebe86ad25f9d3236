#include "torchstreamer/load.h"

#include <torch/csrc/jit/runtime/print_handler.h>

#include <iostream>

#include "graph/model/device.h"
#include "graph/model/planned_model.h"
#include "graph/model/threads.h"
#include "support/exceptions.h"
#include "torchstreamer/stream.h"

namespace torchstreamer {
namespace {

std::shared_ptr<const graph::ModelFile> read(const std::string& path, const LoadOptions& options) {
  return graph::read_model_file(path, graph::usable_device(options.device), options.call);
}

std::unique_ptr<Model> make_model(const std::string& path, const LoadOptions& options) {
  try {
    const auto file = read(path, options);
    return std::make_unique<graph::PlannedModel>(file, with_settings(options, file->settings()));
  } catch (...) {
    rethrow_as_error("'" + path + "'");
  }
}

// Elements may write audio to stdout.
void print_to_stderr(const std::string& text) { std::cerr << text; }

}  // namespace

std::shared_ptr<BaseStream> load_stream(const std::string& path, LoadOptions options) {
  try {
    const auto file = read(path, options);
    options = with_settings(options, file->settings());
    return std::make_shared<LayerStream>(graph::plan_network(*file, options));
  } catch (...) {
    rethrow_as_error("'" + path + "'");
  }
}

std::shared_ptr<const Model> load_model(const std::string& path, const LoadOptions& options) {
  return make_model(path, options);
}

}  // namespace torchstreamer

torchstreamer::Model* torchstreamer_load_model(const char* path,
                                               const torchstreamer::LoadOptions& options) {
  torchstreamer::graph::limit_threads_once();
  torch::jit::setPrintHandler(torchstreamer::print_to_stderr);
  return torchstreamer::make_model(path, options).release();
}
