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
///     (1) load()      before any data: the caller waits; an error is an element error
///     (2) start()     the element goes to PAUSED: a remote model is loaded during the state
///     change,
///                     data waits in wait_until_loaded(); progress messages; an error is an element
///                     error
///     (3) request()   while audio flows: the model is next() until the element takes it over;
///                     progress messages; an error is a warning
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
  /// ASYNC with (2).
  GstStateChangeReturn start(const ModelSettings& settings);
  /// Cancels the load and ends every wait_until_loaded().
  void stop();
  /// After stop(), when nothing streams any more: the model requested last becomes the current one
  /// if it is loaded.
  void finish_stop();
  /// Returns true between start() and stop().
  bool is_started() const { return starting_.is_started(); }
  /// Blocks during an asynchronous start. Returns false if that failed or the element is flushed.
  bool wait_until_loaded();
  void set_flushing(bool is_flushing) { starting_.set_flushing(is_flushing); }

  /// (3), unless the model requested last has the same settings. With `reload` the file may have
  /// changed, so the model is loaded in any case. Before start(), only load() and start() load.
  void request(const ModelSettings& settings, bool reload);
  /// Returns whether the model requested last has these settings.
  bool is_requested(const ModelSettings& settings) const;

  /// The current model, which runs; null if none is loaded.
  std::shared_ptr<const Model> model() const;
  /// The same, with the digest of its file.
  std::pair<std::shared_ptr<const Model>, std::string> model_and_sha256() const;
  /// Returns a fresh engine of the current model. May throw.
  std::unique_ptr<Engine> start_engine(int channels);
  /// Frees the current model.
  void unload();

  // The next model, as in ModelQueue. Methods that take `next` do nothing if it is not the next
  // model any more.

  /// Costs one atomic load if there is none: every buffer asks.
  std::optional<NextModel> next() const;
  /// Returns the model whose caps upstream is to send: the next one if it awaits caps, otherwise
  /// the current one.
  std::shared_ptr<const Model> negotiated_model() const;
  /// Keeps the place of `next` until its caps come: models requested from now on come after it.
  void await_caps(const Model& next);
  ModelQueue::CapsWait end_caps_wait(const Model& next);
  /// Prepares an engine, so that start_engine() cannot fail once `next` is the current model. May
  /// throw.
  void prepare_next(const Model& next, int channels);
  /// Makes `next` the current model. Returns nothing if it is not the next one any more.
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
