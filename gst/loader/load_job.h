// One load of a model in the background.
#pragma once

#include <gst/gst.h>

#include <memory>

#include "loader/loaded_model.h"

namespace torchstreamer {

/// Fetches, checks and loads a model in a thread of its own, and prepares its engine. A job that is
/// cancelled after fetching still runs to its end, because libtorch cannot be interrupted, and
/// drops its model.
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

  /// `owner` lives as long as `element`, to which the job keeps only a weak reference: a job may
  /// outlive both, and its results are dropped then. `channels` is as in prepare_engine().
  LoadJob(GstElement* element, Owner* owner, const ModelSettings& settings, int channels);
  ~LoadJob();
  LoadJob(const LoadJob&) = delete;
  LoadJob& operator=(const LoadJob&) = delete;

  /// Starts the thread, which shares `job`. Calls on_failed() if there is no thread to be had.
  static void start(const std::shared_ptr<LoadJob>& job);

  /// Ends the job early if possible. The owner ignores results that arrive nevertheless.
  void cancel();

  const ModelSettings& settings() const { return settings_; }

 private:
  void run();
  LoadedModel load();
  template <class Code>
  void with_owner(Code&& code);

  const ModelSettings settings_;
  const int channels_;
  GCancellable* const cancellable_;
  Owner* const owner_;
  GWeakRef element_;
};

}  // namespace torchstreamer
