#include "loader/loaded_model.h"

#include "engine/handover.h"
#include "loader/library_entry.h"
#include "loader/shared_groups.h"
#include "loader/shared_models.h"
#include "process/element_error.h"
#include "process/exit_barrier.h"

namespace torchstreamer {
namespace {

/// Refuses a file that changed while it was loaded, because the digest may differ from that of the
/// loaded bytes.
void check_unchanged(const ModelSettings& settings, const ModelFile& file) {
  if (is_remote(settings.location)) return;
  if (fetch_model(settings.location, settings.fetch, nullptr).sha256 != file.sha256)
    throw ElementError(GST_RESOURCE_ERROR_READ, file.path + " changed while it was loaded.");
}

}  // namespace

LoadedModel load_model(const ModelSettings& settings, const ModelFile& file) {
  LoadedModel loaded;
  loaded.settings = settings;
  loaded.sha256 = file.sha256;
  loaded.lease = file.lease;
  loaded.cache_warning = file.warning;
  const LoadModel load = find_load_model();
  loaded.model = share_model(file.sha256, settings.options, [&] {
    std::unique_ptr<Model> model(load(file.path.c_str(), settings.options));
    check_unchanged(settings, file);
    return model.release();
  });
  loaded.group = shared_group(loaded.model, settings.batch_wait_ns);
  return loaded;
}

void prepare_engine(LoadedModel* loaded, EngineInput input) {
  const Model& model = *loaded->model;
  loaded->warm_up_frames = Handover::warm_up_frames(model.timing());
  if (model.channels_in() > 0) input.channels = model.channels_in();
  if (model.sample_rate_hz() > 0) input.rate_hz = model.sample_rate_hz();
  loaded->input = input;
  if (input.is_known())
    loaded->engine = start_engine(model, input, loaded->group, loaded->new_inputs);
}

std::unique_ptr<Engine> start_engine(const Model& model, EngineInput input,
                                     const std::shared_ptr<Group>& group,
                                     const NamedValues& new_inputs) {
  const ExitBarrier::Hold hold;
  std::unique_ptr<Engine> engine = model.start(input.channels, input.rate_hz, group);
  if (!new_inputs.empty()) engine->set_inputs(new_inputs);
  return engine;
}

}  // namespace torchstreamer
