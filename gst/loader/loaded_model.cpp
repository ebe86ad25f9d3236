#include "loader/loaded_model.h"

#include "base/element_error.h"
#include "engine/handover.h"
#include "loader/library_entry.h"
#include "loader/shared_models.h"

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
  const LoadModel load = find_load_model();
  loaded.model = share_model(file.sha256, settings.options, [&] {
    std::unique_ptr<Model> model(load(file.path.c_str(), settings.options));
    check_unchanged(settings, file);
    return model.release();
  });
  return loaded;
}

void prepare_engine(LoadedModel* loaded, int channels) {
  const int only = loaded->model->channels_in();
  loaded->warm_up_frames = Handover::warm_up_frames(loaded->model->timing());
  loaded->channels = only > 0 ? only : channels;
  if (loaded->channels > 0) loaded->engine = loaded->model->start(loaded->channels);
}

}  // namespace torchstreamer
