#include "torchstreamer/load.h"

#include "blocks/block_choice.h"
#include "graph/model/device.h"
#include "graph/model/planned_model.h"
#include "graph/model/print_handler.h"
#include "graph/model/threads.h"
#include "support/exceptions.h"
#include "support/wrong_option.h"
#include "torchstreamer/stream.h"

namespace torchstreamer {
namespace {

std::unique_ptr<Model> chosen_model(const std::shared_ptr<const graph::ScriptModel>& model,
                                    const LoadOptions& options) {
  if (auto called = blocks::block_model(model, options)) return called;
  try {
    return std::make_unique<graph::PlannedModel>(model, options);
  } catch (const Error&) {
    blocks::rethrow_with_advice(model, options);
  }
}

// Returns use(model, options), where the options contain the settings of the file.
template <class Use>
auto loaded(const std::string& path, const LoadOptions& options, const Use& use) {
  try {
    const at::Device device = graph::usable_device(options.device);
    const Settings settings = read_settings(path);
    const LoadOptions merged = with_settings(options, settings);
    try {
      return use(std::make_shared<graph::ScriptModel>(path, device, options.call, options.trust),
                 merged);
    } catch (const OptionError& error) {
      throw with_key(error, options, settings);
    }
  } catch (...) {
    rethrow_as_error("'" + path + "'");
  }
}

std::unique_ptr<Model> make_model(const std::string& path, const LoadOptions& options) {
  return loaded(path, options, chosen_model);
}

}  // namespace

std::shared_ptr<BaseStream> load_stream(const std::string& path, LoadOptions options) {
  return loaded(path, options, [](const auto& model, LoadOptions merged) {
    blocks::required_windows(merged.call, /*default_window_frames=*/0);
    if (merged.call.window_frames != 0)
      throw WrongOption(
          "window",
          "a model that is called block by block is not a stream of tensors: use load_model()");
    return std::make_shared<LayerStream>(graph::plan_network(*model, merged));
  });
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
