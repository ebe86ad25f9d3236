#include "torchstreamer/load.h"

#include "blocks/block_choice.h"
#include "graph/model/device.h"
#include "graph/model/planned_model.h"
#include "graph/model/print_handler.h"
#include "graph/model/threads.h"
#include "support/exceptions.h"
#include "torchstreamer/stream.h"

namespace torchstreamer {
namespace {

std::shared_ptr<const graph::ScriptModel> read(const std::string& path,
                                               const LoadOptions& options) {
  return std::make_shared<graph::ScriptModel>(path, graph::usable_device(options.device),
                                              options.call, options.trust);
}

std::unique_ptr<Model> chosen_model(const std::shared_ptr<const graph::ScriptModel>& model,
                                    const LoadOptions& options) {
  if (auto called = blocks::block_model(model, options)) return called;
  try {
    return std::make_unique<graph::PlannedModel>(model, options);
  } catch (const Error&) {
    blocks::rethrow_with_advice(model, options);
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

}  // namespace

std::shared_ptr<BaseStream> load_stream(const std::string& path, LoadOptions options) {
  try {
    const auto model = read(path, options);
    options = with_settings(options, model->settings());
    blocks::required_windows(options.call, /*default_window_frames=*/0);
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
  torchstreamer::graph::print_models_to_stderr();
  return torchstreamer::make_model(path, options).release();
}
