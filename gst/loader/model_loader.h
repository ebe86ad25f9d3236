// Loads the models of one tsmodel.
#pragma once

#include <gst/gst.h>

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "loader/async_start.h"
#include "loader/load_job.h"
#include "loader/model_queue.h"

namespace torchstreamer {

/// Origin of a model that took over.
struct TakenOver {
  std::string location, sha256;
};

/// Loads models, in the caller's thread or in the background, and reports it on the bus:
///
///     (1) load()     before any data: the caller waits; an error is an element error
///     (2) follow()   the element goes to PAUSED: a remote model is loaded during the state change,
///                    data waits in wait(); progress messages; an error is an element error
///     (3) change()   while audio flows: the model is next() until the element takes it over;
///                    progress messages; an error is a warning
///
/// A load is cancelled when another model is requested, and in stop(). Joins LoadJob, AsyncStart
/// and ModelQueue. Thread-safe.
class ModelLoader : private LoadJob::Owner {
 public:
  explicit ModelLoader(GstElement* element) : element_(element), starting_(element) {}
  ModelLoader(const ModelLoader&) = delete;
  ModelLoader& operator=(const ModelLoader&) = delete;

  /// (1), unless that model is loaded. Returns false after an element error.
  bool load(const ModelSettings& settings);
  /// (1) or (2), unless that model is loaded. Returns the result of the state change to PAUSED:
  /// ASYNC with (2). change() takes effect from now on until stop().
  GstStateChangeReturn follow(const ModelSettings& settings);
  /// (3), unless the model requested last has the same settings. With `again` the file may have
  /// changed, so that model is loaded, too.
  void change(const ModelSettings& settings, bool again);
  bool is_following() const;
  /// Returns whether the model requested last has these settings.
  bool wants(const ModelSettings& settings) const;
  /// Cancels the load and ends every wait().
  void stop();
  /// After stop(), when nothing streams any more: the model requested last becomes the current one
  /// if it is loaded.
  void settle();
  /// Frees the model.
  void unload();

  /// The current model, which runs; null if none is loaded.
  std::shared_ptr<const Model> model() const;
  /// The same, with the digest of its file.
  std::pair<std::shared_ptr<const Model>, std::string> model_and_sha256() const;

  /// Blocks while the element starts asynchronously. Returns false if that failed, and if flushed.
  bool wait();
  void set_flushing(bool is_flushing) { starting_.set_flushing(is_flushing); }

  /// Returns a fresh engine of the current model. May throw.
  std::unique_ptr<Engine> start(int channels);

  // The next model, see ModelQueue. Methods that take `next` do nothing if it is not the next model
  // any more.

  /// Costs one atomic load if there is none: every buffer asks.
  std::optional<NextModel> next() const;
  /// `next` awaits other audio. Models that are requested from now on come after it.
  void ask_for_audio(const Model& next);
  enum class Patience { kGaveWay, kEnded, kWasOver };  // see ModelQueue::CapsWait
  Patience end_patience(const Model& next);
  /// Returns the model that upstream is to send audio for: the next one if it awaits audio,
  /// otherwise the current one.
  std::shared_ptr<const Model> expected() const;
  /// Prepares an engine, so that start() cannot fail once `next` is the current model. May throw.
  void make_ready(const Model& next, int channels);
  /// `next` becomes the current model. Returns nothing if it is not the next one any more.
  std::optional<TakenOver> take_over(const Model& next);
  /// Removes `next`; the current model stays.
  void drop(const Model& next);

 private:
  class Access;

  void on_progress(const LoadJob& job, int percent) override;
  void on_loaded(const LoadJob& job, LoadedModel loaded) override;
  void on_failed(const LoadJob& job) override;
  bool is_loaded(const ModelSettings& settings) const;
  std::shared_ptr<LoadJob> make_job(const ModelSettings& settings, int channels);
  void replace_job(const std::shared_ptr<LoadJob>& old, const std::shared_ptr<LoadJob>& job);

  GstElement* const element_;
  AsyncStart starting_;
  mutable std::mutex mutex_;  // of the following
  ModelQueue queue_;
  std::shared_ptr<LoadJob> job_;  // while a model is loading
  int channels_ = 0;              // of the engine that was started last
};

}  // namespace torchstreamer
