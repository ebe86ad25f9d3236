#include "loader/model_queue.h"

#include <algorithm>
#include <cassert>
#include <iterator>
#include <utility>

namespace torchstreamer {

void ModelQueue::set_current(LoadedModel loaded) {
  set_aside(std::exchange(current_, std::move(loaded)));
  remove_next();
}

void ModelQueue::start_loading(const ModelSettings& settings) {
  Loading loading{settings};
  remove_current();
  remove_next();
  set_next(std::move(loading));
}

const ModelSettings& ModelQueue::requested() const {
  if (const auto* awaiting = std::get_if<AwaitingCaps>(&next_)) {
    if (const auto* loading = std::get_if<Loading>(&awaiting->after)) return loading->settings;
    if (const auto* ready = std::get_if<Ready>(&awaiting->after)) return ready->loaded.settings;
    if (std::holds_alternative<CurrentAgain>(awaiting->after)) return current_.settings;
    return awaiting->loaded.settings;
  }
  if (const auto* loading = std::get_if<Loading>(&next_)) return loading->settings;
  if (const auto* ready = std::get_if<Ready>(&next_)) return ready->loaded.settings;
  if (const auto* changed = std::get_if<NewInputs>(&next_)) return changed->settings;
  return current_.settings;
}

bool ModelQueue::request(const ModelSettings& settings, bool reload) {
  const bool is_current = !reload && current_.model && settings == current_.settings;
  if (!is_current && !reload && !irreplaceable_next() && is_change_of_inputs(settings)) {
    NewInputs changed{settings};
    remove_next();
    set_next(std::move(changed));
    return false;
  }
  set_last(is_current ? After(CurrentAgain{}) : After(Loading{settings}));
  return !is_current;
}

void ModelQueue::add(LoadedModel loaded) {
  AwaitingCaps* const fixed = irreplaceable_next();
  if (fixed && loaded.model == fixed->loaded.model) {
    fixed->loaded.settings = std::move(loaded.settings);
    set_last(Nothing{});
  } else if (loaded.model == current_.model && current_.new_inputs.empty()) {
    current_.settings = std::move(loaded.settings);
    set_last(CurrentAgain{});
  } else {
    return set_last(Ready{std::move(loaded)});
  }
  set_aside(std::move(loaded));
}

void ModelQueue::load_failed() {
  if (auto* awaiting = std::get_if<AwaitingCaps>(&next_))
    awaiting->after = Nothing{};
  else
    set_next(Nothing{});
}

/// Returns true if `settings` are those of the current model, a block model, with other values of
/// inputs. An input that has a value must keep one, because it cannot return to its default.
bool ModelQueue::is_change_of_inputs(const ModelSettings& settings) const {
  if (!current_.model || current_.model->window_frames() == 0) return false;
  const NamedValues& old = current_.settings.options.call.inputs;
  const NamedValues& wanted = settings.options.call.inputs;
  ModelSettings with_old = settings;
  with_old.options.call.inputs = old;
  return with_old == current_.settings &&
         std::all_of(old.begin(), old.end(),
                     [&](const auto& input) { return wanted.count(input.first) > 0; });
}

void ModelQueue::set_inputs(const std::function<void(const NamedValues&)>& set) {
  auto* changed = std::get_if<NewInputs>(&next_);
  if (!changed) return;
  ModelSettings settings = std::move(changed->settings);
  set_next(Nothing{});
  const NamedValues& wanted = settings.options.call.inputs;
  const NamedValues& old = current_.settings.options.call.inputs;
  NamedValues different;
  std::set_difference(wanted.begin(), wanted.end(), old.begin(), old.end(),
                      std::inserter(different, different.end()));
  set(different);
  different.merge(current_.new_inputs);
  current_.new_inputs = std::move(different);
  current_.settings = std::move(settings);
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
  After after = take_after();
  LoadedModel old = std::exchange(current_, std::move(*next_loaded()));
  if (std::holds_alternative<CurrentAgain>(after)) {
    set_next(Ready{std::move(old)});
  } else {
    set_aside(std::move(old));
    set_next(without_current(std::move(after)));
  }
}

void ModelQueue::drop(const Model& next) {
  if (!is_next(next)) return;
  After after = take_after();
  remove_next();
  set_next(without_current(std::move(after)));
}

void ModelQueue::stop() {
  const bool is_requested = next_loaded() && next_loaded()->settings == requested();
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
  has_new_inputs_ = std::holds_alternative<NewInputs>(next_);
}

/// Queues `last` after the next model if that cannot be replaced; otherwise replaces the next
/// model.
void ModelQueue::set_last(After last) {
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
