// The models of one tsmodel: the current one and those that follow it.
#pragma once

#include <array>
#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <utility>
#include <variant>

#include "loader/loaded_model.h"

namespace torchstreamer {

/// The next model, for the streaming thread.
struct NextModel {
  std::shared_ptr<const Model> model;
  int64_t warm_up_frames;  ///< see Handover
  bool awaits_caps;        ///< audio that the model accepts was requested from upstream
};

/// The current model, the next one, and one after a next model that awaits caps. States of the next
/// model:
///
///                request()             add()            await_caps()
///     +---------+ -----> +---------+ ------> +-------+ ------------> +--------------+
///     | Nothing |        | Loading |         | Ready |               | AwaitingCaps |
///     +---------+ <----- +---------+         +-------+               |   + after    |
///          ^   load_failed()                     |                   +--------------+
///          |                                     |                           |
///          +-------------------------------------+                           |
///          |            take_over(), drop()                                  |
///          +-----------------------------------------------------------------+
///            take_over(), drop(), end_caps_wait(): `after` becomes the next model
///
/// If the current model is called block by block and a request differs from it only in values of
/// inputs, no model follows: has_new_inputs() is true until set_inputs().
///
/// request() replaces the next model, with one exception: upstream may answer a request for caps
/// late, so a model that awaits caps is kept until end_caps_wait(), and the requested model is
/// queued after it. States of `after`:
///
///     after          request()      add()       load_failed()   next model after take_over()
///     ------------   ------------   ---------   -------------   ----------------------------
///     Nothing        Loading (1)                                Nothing
///     Loading        Loading (1)    Ready (2)   Nothing         Loading
///     Ready          Loading (1)                                Ready
///     CurrentAgain   Loading (1)                                Ready: the old current model
///
///     (1) CurrentAgain if the current model is requested, because it is loaded already
///     (2) Nothing if this is the next model, CurrentAgain if it is the current one
///
/// change_inputs() keeps the last model of the queue if the request differs from it only in numbers
/// among the inputs, because such requests are frequent:
///
///     called block by block    the model, even if it is still loading, gets the new numbers
///     planned                  it takes over as it is, then take_reload() returns the request
///
/// end_caps_wait() removes the next model if `after` is Ready or CurrentAgain. Otherwise that model
/// continues to wait, but request() and add() replace it from then on.
///
/// The caller must hold a lock; only has_next() may be called without it. After a method that may
/// remove models, the caller calls take_removed() and frees them without the lock.
class ModelQueue {
 public:
  ModelQueue() = default;
  ModelQueue(const ModelQueue&) = delete;
  ModelQueue& operator=(const ModelQueue&) = delete;

  /// The running model; its `model` is null if there is none.
  const LoadedModel& current() const { return current_; }
  /// Replaces the current model and drops the next one, loading or loaded.
  void set_current(LoadedModel loaded);
  /// Removes the current model. The caller then loads a new one and passes it to set_current().
  void start_loading(const ModelSettings& settings);
  /// Makes the settings of the current model differ from all others, so that it is loaded again.
  void invalidate_current() { current_.settings = {}; }
  void remove_current() { set_aside(std::exchange(current_, {})); }
  /// Removes and returns the prepared engine of the current model; null if there is none.
  std::unique_ptr<Engine> take_engine() { return std::move(current_.engine); }

  /// Settings of the last model in the queue, which is the model requested last.
  const ModelSettings& requested() const;
  /// Handles a request that needs no load, because it differs from the model requested last only in
  /// inputs. Returns false if request() must be called.
  [[nodiscard]] bool change_inputs(const ModelSettings& settings);
  /// The same for inputs that are controlled, which load no model: if they are not those of the
  /// model requested last, only the current model gets them.
  void control_inputs(const ModelSettings& settings);
  /// Requests a model. Returns true if it must be loaded: the caller calls add() or load_failed()
  /// later. The current model is not loaded again, unless `reload`.
  [[nodiscard]] bool request(const ModelSettings& settings, bool reload);
  /// Adds the model that was loading.
  void add(LoadedModel loaded);
  void load_failed();

  /// Returns true if inputs of the current model were requested. May be called without the lock.
  bool has_new_inputs() const { return has_new_inputs_; }
  /// Calls `set` with the inputs that were requested and differ from those of the current model.
  /// They are then its inputs. Rethrows exceptions of `set`; the request is then dropped.
  void set_inputs(const std::function<void(const NamedValues&)>& set);

  /// Returns true if next() returns a model. May be called without the lock.
  bool has_next() const { return has_next_; }
  std::optional<NextModel> next() const;
  /// Returns the model whose caps upstream should send: the next one if it awaits caps, otherwise
  /// the current one.
  std::shared_ptr<const Model> negotiated_model() const;

  // The following do nothing if `next` is not the next model any more.

  /// Returns the loaded model of `next`, or null.
  const LoadedModel* find_next(const Model& next) const;
  /// Returns true if `next` has no prepared engine for this input.
  bool needs_engine(const Model& next, EngineInput input) const;
  /// Sets the prepared engine. Returns the replaced one, which the caller frees without the lock.
  std::unique_ptr<Engine> set_engine(const Model& next, std::unique_ptr<Engine> engine,
                                     EngineInput input);
  void await_caps(const Model& next);
  enum class CapsWait {
    kReplaced,      ///< `next` is not the next model any more, or does not await caps
    kEnded,         ///< later requests may replace `next`, which still awaits caps
    kEndedEarlier,  ///< the same, and this is not the first call
  };
  /// Called if the caps did not arrive in time. The model after `next` replaces it.
  CapsWait end_caps_wait(const Model& next);
  /// Makes `next` the current model.
  void take_over(const Model& next);
  /// Returns a request to make after take_over() or add(), see above; usually none.
  std::optional<ModelSettings> take_reload();
  /// Removes `next`.
  void drop(const Model& next);

  /// Empties the queue. The model requested last is kept if it is loaded, for finish_stop().
  void stop();
  /// Makes the model that stop() kept the current one.
  void finish_stop();

  /// At most the current model, the next one and the one after it.
  using Removed = std::array<LoadedModel, 3>;
  /// Returns the models that the last method removed.
  Removed take_removed();

 private:
  struct Nothing {};
  struct Loading {
    ModelSettings settings;
  };
  struct Ready {
    LoadedModel loaded;
  };
  struct CurrentAgain {};
  using After = std::variant<Nothing, Loading, Ready, CurrentAgain>;
  struct AwaitingCaps {
    LoadedModel loaded;
    After after;
    bool is_replaceable = false;  // true after end_caps_wait()
  };
  using Next = std::variant<Nothing, Loading, Ready, AwaitingCaps>;

  static Next without_current(After after);
  bool is_current_last() const;
  Loading* last_loading();
  LoadedModel* last_loaded();
  void follow(const NamedValues& inputs);
  std::optional<ModelSettings> update_inputs(LoadedModel* loaded);
  void apply_new_settings();
  void set_new_settings(ModelSettings settings);
  void drop_new_settings();
  void drop_changes();
  const LoadedModel* next_loaded() const;
  LoadedModel* next_loaded();
  bool is_next(const Model& model) const { return find_next(model) != nullptr; }
  AwaitingCaps* irreplaceable_next();
  bool is_change_of_inputs(const ModelSettings& settings) const;
  void set_next(Next next);
  void set_last(After last);
  void remove_next();
  void remove_after();
  After take_after();
  void set_aside(LoadedModel removed);

  LoadedModel current_;
  std::optional<ModelSettings> new_settings_;  // of the current model, until set_inputs()
  Next next_;
  std::optional<ModelSettings> reload_;  // of the last model, see take_reload()
  std::atomic<bool> has_next_ = false, has_new_inputs_ = false;
  std::optional<LoadedModel> kept_;  // set by stop()
  Removed removed_;
  size_t removed_count_ = 0;
};

}  // namespace torchstreamer
