// The models of one tsmodel: the one that runs, and the one that is to follow it.
#pragma once

#include <gst/gst.h>

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "loader/loaded_model.h"

namespace torchstreamer {

/// The model that is to take over.
struct NextModel {
  std::shared_ptr<const Model> model;
  int64_t warm_up_frames;  ///< that it must hear before it goes on where another one is
  /// It waits for other audio, which upstream was asked for.
  bool asks_for_audio;
};

/// What a model that took over was made of.
struct TakenOver {
  std::string location, sha256;
};

/// Loads models, in the caller's thread or in one of its own, and tells of it on the bus:
///
///     (1) load()     nothing runs yet; the caller waits; an error is an element error
///     (2) follow()   the element goes to PAUSED; a remote model comes while the state change goes
///                    on and data waits in wait(); progress messages; an error is an element error
///     (3) change()   audio flows; the model is next() until the element takes it over; progress
///                    messages; an error is a warning
///
/// What is under way is given up when another model is asked for, and in stop(). Thread-safe.
class ModelLoader {
 public:
  explicit ModelLoader(GstElement* element) : element_(element) {}
  ModelLoader(const ModelLoader&) = delete;
  ModelLoader& operator=(const ModelLoader&) = delete;

  /// (1), unless that model is loaded. False after an element error.
  bool load(const ModelSettings& settings);
  /// Where the model is not loaded, (1) or (2). What the state change to PAUSED returns: ASYNC
  /// with (2). Until stop(), change() is heard.
  GstStateChangeReturn follow(const ModelSettings& settings);
  /// (3), where the settings are others than those asked for last, or `again`: the file may have
  /// changed. A model that is awaited is exchanged for this one.
  void change(const ModelSettings& settings, bool again);
  bool is_following() const;
  /// Whether these are the settings that were asked for last.
  bool wants(const ModelSettings& settings) const;
  /// Gives up what is loading; nobody waits any more.
  void stop();
  /// Then, when nothing streams any more: a next model becomes the one that runs.
  void settle();
  /// Frees the model.
  void unload();

  /// The model that runs; null where none is loaded.
  std::shared_ptr<const Model> model() const;
  /// The same, with the digest of its file.
  std::pair<std::shared_ptr<const Model>, std::string> model_and_sha256() const;

  /// Waits as long as a model is awaited. False where it does not come, and while flushing.
  bool wait();
  void set_flushing(bool is_flushing);

  /// A fresh stream of the model that runs. May throw.
  std::unique_ptr<Engine> start(int channels);

  std::optional<NextModel> next() const;
  /// This next model waits for other audio from now on. Others that are asked for come after it:
  /// upstream, which is asked in several steps and answers behind what queues hold, gets one
  /// answer.
  void ask_for_audio(const Model& next);
  /// That takes too long: others may come in its place. What becomes of it: another one does, it
  /// waits on, or it has waited like that before.
  enum class Patience { kGaveWay, kEnded, kWasOver };
  Patience end_patience(const Model& next);
  /// The model for which upstream is to send audio: the next one where that waits for it, or the
  /// one that runs.
  std::shared_ptr<const Model> expected() const;
  /// Sees to it that start() of this next model, once it runs, cannot fail. May throw.
  void make_ready(const Model& next, int channels);
  /// This next model runs from now on; none where it is not the next one any more.
  std::optional<TakenOver> take_over(const Model& next);
  /// The model that runs goes on, if this is still the next one.
  void drop(const Model& next);

 private:
  struct Job;

  void replace_job(std::unique_lock<std::mutex> lock, std::shared_ptr<Job> job);
  static void run(Job& job);
  void tell_percent(const Job& job, int percent);
  void finish(const Job& job, LoadedModel loaded);
  void fail(const Job& job);
  void end_wait(unsigned run, GstStateChangeReturn result);
  bool is_loaded(const ModelSettings& settings) const;
  bool is_next(const Model& model) const;
  void set_next(std::optional<LoadedModel>* next);

  GstElement* const element_;
  mutable std::mutex mutex_;
  std::condition_variable woken_;
  LoadedModel current_;
  std::optional<LoadedModel> next_;
  bool asks_for_audio_ = false;         // the next one
  bool is_promised_ = false;            // and it takes over before any other does
  std::optional<LoadedModel> later_;    // is next then
  std::optional<LoadedModel> stopped_;  // was asked for last, when all stopped
  std::atomic<bool> has_next_ = false;  // every buffer asks
  ModelSettings wanted_;                // by the latest call
  std::shared_ptr<Job> job_;            // under way
  unsigned run_ = 0;  // counts follow() and stop(): who was late ends nothing of the next
  bool is_following_ = false;
  bool is_awaited_ = false;         // data waits
  bool is_changing_state_ = false;  // the state waits
  bool is_flushing_ = false;
  int channels_ = 0;  // of the stream that was started last
};

}  // namespace torchstreamer
