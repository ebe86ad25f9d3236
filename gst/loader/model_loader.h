// Loads the models of one tsmodel.
#pragma once

#include <gst/gst.h>

#include <functional>
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

struct CurrentModel {
  std::shared_ptr<const Model> model;  ///< null if none is loaded
  std::string sha256;
  std::shared_ptr<Group> group;  ///< see LoadedModel
};

/// Loads models in the background and posts progress messages:
///
///     (1) start()     for the change to PAUSED, which is then asynchronous: data waits in
///                     wait_until_loaded(); a failure is an element error
///     (2) request()   while audio flows: the model is next() until it takes over; a failure is a
///                     warning
///
/// A load is cancelled by a request for a different model and by stop(). Combines LoadJob,
/// AsyncStart and ModelQueue. Thread-safe.
class ModelLoader : private LoadJob::Owner {
 public:
  explicit ModelLoader(GstElement* element) : element_(element), starting_(element) {}
  ModelLoader(const ModelLoader&) = delete;
  ModelLoader& operator=(const ModelLoader&) = delete;

  /// Step (1). Returns the result of the state change to PAUSED: ASYNC, or SUCCESS if the model is
  /// loaded already. Throws ElementError if there is no file at a local location, so that the state
  /// change fails at once, like that of filesrc.
  GstStateChangeReturn start(const ModelSettings& settings);
  /// Cancels the load and ends every wait_until_loaded().
  void stop();
  /// Called after stop() and after the end of streaming. Makes the model requested last the current
  /// one if it is loaded.
  void finish_stop();
  /// Returns true between start() and stop().
  bool is_started() const { return starting_.is_started(); }
  /// Blocks during an asynchronous start. Returns false if the start failed or the element is
  /// flushed.
  bool wait_until_loaded();
  void set_flushing(bool is_flushing) { starting_.set_flushing(is_flushing); }

  /// Step (2), unless the model requested last has the same settings. With `reload` the model is
  /// always loaded, because its file may have changed. If only inputs of a running block model
  /// differ, set_inputs() sets them. Before start() nothing is loaded.
  void request(const ModelSettings& settings, bool reload);
  /// Handles a request that needs no load, because only inputs change: see ModelQueue.
  bool change_inputs(const ModelSettings& settings);
  void control_inputs(const ModelSettings& settings);
  /// Returns true if the model requested last has these settings.
  bool is_requested(const ModelSettings& settings) const;

  /// The current model, which is the running one; null if none is loaded.
  std::shared_ptr<const Model> model() const;
  /// The same, with the digest of its file and the group of its engines.
  CurrentModel current() const;
  /// Returns a new engine of the current model. May throw.
  std::unique_ptr<Engine> start_engine(EngineInput input);
  /// Sets inputs that were requested for the running model, see ModelQueue::set_inputs(). Needs
  /// only one atomic load if there are none, because it is called for every buffer.
  void set_inputs(const std::function<void(const NamedValues&)>& set);
  /// Frees the current model.
  void unload();

  // The next model, as in ModelQueue. Methods that take `next` do nothing if it is not the next
  // model any more.

  /// Needs only one atomic load if there is no next model, because it is called for every buffer.
  std::optional<NextModel> next() const;
  /// Returns the model whose caps upstream should send: the next one if it awaits caps, otherwise
  /// the current one.
  std::shared_ptr<const Model> negotiated_model() const;
  /// Keeps `next` in the queue until its caps arrive. Models requested later are queued after it.
  void await_caps(const Model& next);
  ModelQueue::CapsWait end_caps_wait(const Model& next);
  /// Prepares an engine, so that start_engine() cannot fail after `next` has become the current
  /// model. May throw.
  void prepare_next(const Model& next, EngineInput input);
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
  void request_again(const std::optional<ModelSettings>& settings);
  std::shared_ptr<LoadJob> make_job(const ModelSettings& settings, EngineInput input);
  void replace_job(const std::shared_ptr<LoadJob>& old, const std::shared_ptr<LoadJob>& job);

  GstElement* const element_;
  AsyncStart starting_;
  mutable std::mutex mutex_;  // protects the following members
  ModelQueue queue_;
  std::shared_ptr<LoadJob> job_;  // the current load; null if no model is loading
  EngineInput input_;             // input of the last started engine
};

}  // namespace torchstreamer
