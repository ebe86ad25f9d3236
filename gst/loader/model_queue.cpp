#include "loader/model_queue.h"

#include <cassert>
#include <utility>

namespace torchstreamer {
void ModelQueue::set_current(LoadedModel loaded) {
  drop_changes();
  set_aside(std::exchange(current_, std::move(loaded)));
  remove_next();
}

void ModelQueue::start_loading(const ModelSettings& settings) {
  Loading loading{settings};
  drop_changes();
  remove_current();
  remove_next();
  set_next(std::move(loading));
}

const ModelSettings& ModelQueue::requested() const {
  if (reload_) return *reload_;
  if (const auto* awaiting = std::get_if<AwaitingCaps>(&next_)) {
    if (const auto* loading = std::get_if<Loading>(&awaiting->after)) return loading->settings;
    if (const auto* ready = std::get_if<Ready>(&awaiting->after)) return ready->loaded.settings;
    if (std::holds_alternative<Nothing>(awaiting->after)) return awaiting->loaded.settings;
  }
  if (const auto* loading = std::get_if<Loading>(&next_)) return loading->settings;
  if (const auto* ready = std::get_if<Ready>(&next_)) return ready->loaded.settings;
  return new_settings_ ? *new_settings_ : current_.settings;
}

bool ModelQueue::request(const ModelSettings& settings, bool reload) {
  if (!reload && change_inputs(settings)) return false;
  const bool is_current = !reload && current_.model && settings == current_.settings;
  if (!is_current && !reload && !irreplaceable_next() && is_change_of_inputs(settings)) {
    ModelSettings changed = settings;
    drop_changes();
    remove_next();
    set_new_settings(std::move(changed));
    return false;
  }
  set_last(is_current ? After(CurrentAgain{}) : After(Loading{settings}));
  return !is_current;
}

void ModelQueue::add(LoadedModel loaded) {
  std::optional<ModelSettings> reload = update_inputs(&loaded);
  const auto is_same = [&](const LoadedModel& known) {
    return known.model == loaded.model && known.new_inputs == loaded.new_inputs;
  };
  AwaitingCaps* const fixed = irreplaceable_next();
  if (fixed && is_same(fixed->loaded)) {
    fixed->loaded.settings = std::move(loaded.settings);
    set_last(Nothing{});
    set_aside(std::move(loaded));
  } else if (is_same(current_)) {
    drop_new_settings();
    current_.settings = std::move(loaded.settings);
    set_last(CurrentAgain{});
    set_aside(std::move(loaded));
  } else {
    set_last(Ready{std::move(loaded)});
  }
  reload_ = std::move(reload);
}

void ModelQueue::load_failed() {
  if (auto* awaiting = std::get_if<AwaitingCaps>(&next_))
    awaiting->after = Nothing{};
  else
    set_next(Nothing{});
}

std::optional<NextModel> ModelQueue::next() const {
  const LoadedModel* loaded = next_loaded();
  if (!loaded) return std::nullopt;
  return NextModel{loaded->model, loaded->warm_up_frames,
                   std::holds_alternative<AwaitingCaps>(next_)};
}

std::shared_ptr<const Model> ModelQueue::negotiated_model() const {
  const auto* awaiting = std::get_if<AwaitingCaps>(&next_);
  return awaiting ? awaiting->loaded.model : current_.model;
}

const LoadedModel* ModelQueue::find_next(const Model& next) const {
  const LoadedModel* loaded = next_loaded();
  return loaded && loaded->model.get() == &next ? loaded : nullptr;
}

bool ModelQueue::needs_engine(const Model& next, EngineInput input) const {
  const LoadedModel* loaded = find_next(next);
  return loaded && !(loaded->engine && loaded->input == input);
}

std::unique_ptr<Engine> ModelQueue::set_engine(const Model& next, std::unique_ptr<Engine> engine,
                                               EngineInput input) {
  if (!is_next(next)) return engine;
  next_loaded()->input = input;
  return std::exchange(next_loaded()->engine, std::move(engine));
}

void ModelQueue::await_caps(const Model& next) {
  if (!is_next(next)) return;
  if (auto* awaiting = std::get_if<AwaitingCaps>(&next_))
    awaiting->is_replaceable = false;
  else
    set_next(AwaitingCaps{std::move(*next_loaded()), Nothing{}});
}

ModelQueue::CapsWait ModelQueue::end_caps_wait(const Model& next) {
  auto* awaiting = std::get_if<AwaitingCaps>(&next_);
  if (!awaiting || !is_next(next)) return CapsWait::kReplaced;
  const After& after = awaiting->after;
  if (std::holds_alternative<Ready>(after) || std::holds_alternative<CurrentAgain>(after)) {
    drop(next);
    return CapsWait::kReplaced;
  }
  const bool is_first = !std::exchange(awaiting->is_replaceable, true);
  return is_first ? CapsWait::kEnded : CapsWait::kEndedEarlier;
}

void ModelQueue::take_over(const Model& next) {
  if (!is_next(next)) return;
  const auto* awaiting = std::get_if<AwaitingCaps>(&next_);
  const bool is_again = awaiting && std::holds_alternative<CurrentAgain>(awaiting->after);
  if (is_again) apply_new_settings();
  drop_new_settings();
  After after = take_after();
  LoadedModel old = std::exchange(current_, std::move(*next_loaded()));
  if (is_again) {
    set_next(Ready{std::move(old)});
  } else {
    set_aside(std::move(old));
    set_next(without_current(std::move(after)));
  }
}

void ModelQueue::drop(const Model& next) {
  if (!is_next(next)) return;
  After after = take_after();
  if (std::holds_alternative<Nothing>(after)) reload_.reset();
  remove_next();
  set_next(without_current(std::move(after)));
}

void ModelQueue::stop() {
  const bool is_requested = next_loaded() && next_loaded()->settings == requested();
  drop_changes();
  std::optional<LoadedModel> last;
  After after = take_after();
  if (auto* ready = std::get_if<Ready>(&after)) {
    last = std::move(ready->loaded);
    remove_next();
  } else if (is_requested) {
    last = std::move(*next_loaded());
    set_next(Nothing{});
  } else {
    remove_next();
  }
  if (!last) return;
  if (kept_) set_aside(std::move(*kept_));
  kept_ = std::move(last);
}

void ModelQueue::finish_stop() {
  if (!kept_) return;
  set_aside(std::exchange(current_, std::move(*kept_)));
  kept_.reset();
}

ModelQueue::Removed ModelQueue::take_removed() {
  removed_count_ = 0;
  return std::exchange(removed_, {});
}

/// Returns `after` as the state of the next model, or Nothing if it is the current model.
ModelQueue::Next ModelQueue::without_current(After after) {
  if (auto* loading = std::get_if<Loading>(&after)) return std::move(*loading);
  if (auto* ready = std::get_if<Ready>(&after)) return std::move(*ready);
  return Nothing{};
}

/// Returns the next model, or null if it is not loaded.
const LoadedModel* ModelQueue::next_loaded() const {
  if (const auto* ready = std::get_if<Ready>(&next_)) return &ready->loaded;
  if (const auto* awaiting = std::get_if<AwaitingCaps>(&next_)) return &awaiting->loaded;
  return nullptr;
}

LoadedModel* ModelQueue::next_loaded() {
  return const_cast<LoadedModel*>(std::as_const(*this).next_loaded());
}

/// Returns the next model if a request does not replace it, otherwise null.
ModelQueue::AwaitingCaps* ModelQueue::irreplaceable_next() {
  auto* awaiting = std::get_if<AwaitingCaps>(&next_);
  return awaiting && !awaiting->is_replaceable ? awaiting : nullptr;
}

void ModelQueue::set_next(Next next) {
  next_ = std::move(next);
  has_next_ = next_loaded() != nullptr;
}

/// Queues `last` after the next model if that cannot be replaced; otherwise replaces the next
/// model.
void ModelQueue::set_last(After last) {
  reload_.reset();
  if (AwaitingCaps* fixed = irreplaceable_next()) {
    remove_after();
    fixed->after = std::move(last);
  } else {
    remove_next();
    set_next(without_current(std::move(last)));
  }
}

void ModelQueue::remove_after() {
  After after = take_after();
  if (auto* ready = std::get_if<Ready>(&after)) set_aside(std::move(ready->loaded));
}

void ModelQueue::remove_next() {
  remove_after();
  if (next_loaded()) set_aside(std::move(*next_loaded()));
  set_next(Nothing{});
}

ModelQueue::After ModelQueue::take_after() {
  auto* awaiting = std::get_if<AwaitingCaps>(&next_);
  return awaiting ? std::exchange(awaiting->after, Nothing{}) : Nothing{};
}

void ModelQueue::set_aside(LoadedModel removed) {
  assert(removed_count_ < removed_.size());
  removed_[removed_count_++] = std::move(removed);
}

}  // namespace torchstreamer
