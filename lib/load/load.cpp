#include "torchstreamer/load.h"

#include <torch/csrc/jit/runtime/print_handler.h>

#include <iostream>

#include "blocks/block_choice.h"
#include "graph/model/device.h"
#include "graph/model/planned_model.h"
#include "graph/model/threads.h"
#include "support/exceptions.h"
#include "torchstreamer/stream.h"

namespace torchstreamer {
namespace {

std::shared_ptr<const graph::ScriptModel> read(const std::string& path,
                                               const LoadOptions& options) {
  return std::make_shared<graph::ScriptModel>(path, graph::usable_device(options.device),
                                              options.call);
}

std::unique_ptr<Model> chosen_model(const std::shared_ptr<const graph::ScriptModel>& model,
                                    const LoadOptions& options) {
  if (auto called = blocks::block_model(model, options)) return called;
  try {
    return std::make_unique<graph::PlannedModel>(model, options);
  } catch (const Refusal& refusal) {
    blocks::refuse_with_advice(refusal, model, options);
  }
}

std::unique_ptr<Model> make_model(const std::string& path, const LoadOptions& options) {
  try {
    const auto model = read(path, options);
    return chosen_model(model, with_settings(options, model->settings()));
  } catch (...) {
    rethrow_as_error("'" + path + "'");
  }
}

// Elements may write audio to stdout.
void print_to_stderr(const std::string& text) { std::cerr << text; }

}  // namespace

std::shared_ptr<BaseStream> load_stream(const std::string& path, LoadOptions options) {
  try {
    const auto model = read(path, options);
    options = with_settings(options, model->settings());
    if (options.call.window_frames != 0)
      throw OptionError(
          "a model that is called block by block is not a stream of tensors: use load_model()");
    return std::make_shared<LayerStream>(graph::plan_network(*model, options));
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
