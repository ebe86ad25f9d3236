// Models that the server offers, by name.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "server/ref.h"
#include "server/settings.h"

namespace torchstreamer::server {

/// Creates a tsmodel with these properties. Throws std::runtime_error that names the property.
Ref<GstElement> make_model_element(const std::string& name, const ModelSettings& settings);

/// Description of a loaded model.
struct ModelInfo {
  std::string name;
  std::string digest;
  /// 0: any.
  int rate_hz = 0, channels = 0;
  /// Of a stream at `rate_hz`, or at 48 kHz.
  uint64_t latency_ns = 0;
  uint64_t weights_bytes = 0;
};

/// Holds one model in memory while no session uses it: a tsmodel in PAUSED. The elements of
/// sessions share its weights and its plan.
class LoadedModel {
 public:
  /// Starts to load. Throws std::runtime_error.
  LoadedModel(const std::string& name, const ModelSettings& settings);
  ~LoadedModel();
  LoadedModel(const LoadedModel&) = delete;
  LoadedModel& operator=(const LoadedModel&) = delete;

  const ModelSettings& settings() const { return settings_; }
  /// Waits until the model is loaded. Throws std::runtime_error with the reason if it is refused.
  void wait();
  /// The same without waiting: false if the model is still being loaded or tried.
  bool is_loaded();
  ModelInfo info() const;

 private:
  /// A model is ready once it has processed a frame: then its latency is known.
  enum class State { kLoading, kTrying, kReady };

  /// Starts to process one frame of silence; false if there is no format for it.
  bool try_out();
  Ref<GstCaps> input_caps() const;

  std::string name_;
  ModelSettings settings_;
  Ref<GstElement> pipeline_;
  Ref<GstElement> source_, model_;
  State state_ = State::kLoading;
};

using Warn = std::function<void(const std::string&)>;

/// Every function is called in one thread.
class Models {
 public:
  /// Loads the models of the folder and of the sections, and waits for them. Throws
  /// std::runtime_error if one of them is refused.
  explicit Models(const Settings& settings);

  /// nullptr: there is no model of this name.
  std::shared_ptr<LoadedModel> find(const std::string& name) const;
  std::vector<ModelInfo> infos() const;
  std::vector<std::string> names() const;

  /// Reads the folder and the sections again, and loads all models in the background; each takes
  /// over when it is ready. Throws std::runtime_error if there is none. A model that is refused is
  /// reported through `warn`, and the old one of this name stays. `done` is called at the end; both
  /// in the main context.
  void reload(const Settings& settings, Warn warn, std::function<void()> done);

 private:
  void take_over();

  std::map<std::string, std::shared_ptr<LoadedModel>> models_;
  std::map<std::string, std::shared_ptr<LoadedModel>> pending_;
  Warn warn_;
  std::function<void()> done_;
  Ref<GSource> timer_;
};

}  // namespace torchstreamer::server
