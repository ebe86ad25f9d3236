// One load of a model in the background.
#pragma once

#include <gst/gst.h>

#include <memory>

#include "loader/loaded_model.h"

namespace torchstreamer {

/// Fetches, checks and loads a model in a separate thread, and prepares its engine. If a job is
/// cancelled after fetching, it still runs to its end, because libtorch cannot be interrupted, and
/// its model is dropped.
class LoadJob {
 public:
  /// Receives the results of a job.
  class Owner {
   public:
    virtual void on_progress(const LoadJob& job, int percent) = 0;
    virtual void on_loaded(const LoadJob& job, LoadedModel loaded) = 0;
    /// Called while the exception is being handled.
    virtual void on_failed(const LoadJob& job) = 0;

   protected:
    ~Owner() = default;
  };

  /// `owner` must live as long as `element`. The job keeps only a weak reference to `element` and
  /// may outlive both; its results are then dropped. `input`: see prepare_engine().
  LoadJob(GstElement* element, Owner* owner, const ModelSettings& settings, EngineInput input);
  ~LoadJob();
  LoadJob(const LoadJob&) = delete;
  LoadJob& operator=(const LoadJob&) = delete;

  /// Starts the thread, which shares `job`. Calls on_failed() if the thread cannot be created.
  static void start(const std::shared_ptr<LoadJob>& job);

  /// Ends the job early if possible. The job may still report results, which the owner ignores.
  void cancel();

  const ModelSettings& settings() const { return settings_; }

 private:
  void run();
  LoadedModel load();
  template <class Code>
  void with_owner(Code&& code);

  const ModelSettings settings_;
  const EngineInput input_;
  const std::shared_ptr<GCancellable> cancellable_;
  Owner* const owner_;
  GWeakRef element_;
};

}  // namespace torchstreamer
