// Functions of ModelQueue for changes of inputs.
#include <algorithm>
#include <iterator>
#include <utility>

#include "loader/model_queue.h"

namespace torchstreamer {
namespace {

bool is_number(const NamedValue& value) {
  return std::holds_alternative<int64_t>(value) || std::holds_alternative<double>(value);
}

bool is_same_or_number(const NamedValues::value_type& a, const NamedValues::value_type& b) {
  return a.first == b.first &&
         (a.second == b.second || (is_number(a.second) && is_number(b.second)));
}

/// Returns true if inputs have the same names and differ at most in numbers.
bool differ_in_numbers(const NamedValues& a, const NamedValues& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), is_same_or_number);
}

ModelSettings with_inputs(ModelSettings settings, const NamedValues& inputs) {
  settings.options.call.inputs = inputs;
  return settings;
}

bool differ_in_numbers(const ModelSettings& a, const ModelSettings& b) {
  const NamedValues& inputs = b.options.call.inputs;
  return differ_in_numbers(a.options.call.inputs, inputs) && with_inputs(a, inputs) == b;
}

/// Returns the inputs in `wanted` that `old` does not have.
NamedValues difference(const NamedValues& wanted, const NamedValues& old) {
  NamedValues different;
  std::set_difference(wanted.begin(), wanted.end(), old.begin(), old.end(),
                      std::inserter(different, different.end()));
  return different;
}

bool is_block_model(const LoadedModel& loaded) {
  return loaded.model && loaded.model->window_frames() > 0;
}

/// Sets new inputs of a block model. Its engines get them when they start.
void change(LoadedModel* loaded, const NamedValues& inputs) {
  NamedValues different = difference(inputs, loaded->settings.options.call.inputs);
  different.merge(loaded->new_inputs);
  ModelSettings settings = with_inputs(loaded->settings, inputs);
  loaded->new_inputs = std::move(different);  // the code from here on does not throw
  loaded->settings = std::move(settings);
}

}  // namespace

bool ModelQueue::change_inputs(const ModelSettings& settings) {
  if (!current_.model) return false;
  const NamedValues& inputs = settings.options.call.inputs;
  if (is_current_last()) {
    if (!is_change_of_inputs(settings)) return false;
    set_new_settings(with_inputs(current_.settings, inputs));
    return true;
  }
  if (requested().options.call.inputs == inputs || !differ_in_numbers(requested(), settings))
    return false;
  if (Loading* loading = last_loading()) {
    loading->settings = with_inputs(loading->settings, inputs);
  } else if (is_block_model(*last_loaded())) {
    change(last_loaded(), inputs);
  } else {
    reload_ = with_inputs(last_loaded()->settings, inputs);
  }
  follow(inputs);
  return true;
}

void ModelQueue::control_inputs(const ModelSettings& settings) {
  if (!change_inputs(settings)) follow(settings.options.call.inputs);
}

/// Sets `inputs`, those of the last model, in the models that run until it takes over.
void ModelQueue::follow(const NamedValues& inputs) {
  if (is_block_model(current_) && differ_in_numbers(current_.settings.options.call.inputs, inputs))
    set_new_settings(with_inputs(current_.settings, inputs));
  LoadedModel* next = next_loaded();
  if (next && is_block_model(*next) &&
      differ_in_numbers(next->settings.options.call.inputs, inputs))
    change(next, inputs);
}

/// Sets the inputs that changed during the load of a block model. Returns the request to make after
/// a planned model has taken over; usually none.
std::optional<ModelSettings> ModelQueue::update_inputs(LoadedModel* loaded) {
  const Loading* loading = last_loading();
  if (!loading || loading->settings == loaded->settings) return std::nullopt;
  if (!is_block_model(*loaded)) return loading->settings;
  change(loaded, loading->settings.options.call.inputs);
  return std::nullopt;
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
  if (!new_settings_) return;
  const NamedValues inputs = std::move(new_settings_->options.call.inputs);
  drop_new_settings();
  set(difference(inputs, current_.settings.options.call.inputs));
  change(&current_, inputs);
}

/// Sets the requested inputs in the current model, whose engine no longer runs.
void ModelQueue::apply_new_settings() {
  if (new_settings_) change(&current_, new_settings_->options.call.inputs);
}

std::optional<ModelSettings> ModelQueue::take_reload() {
  if (!std::holds_alternative<Nothing>(next_)) return std::nullopt;
  return std::exchange(reload_, std::nullopt);
}

/// Returns true if the model requested last is the current one.
bool ModelQueue::is_current_last() const {
  const auto* awaiting = std::get_if<AwaitingCaps>(&next_);
  return awaiting ? std::holds_alternative<CurrentAgain>(awaiting->after)
                  : std::holds_alternative<Nothing>(next_);
}

/// Returns the model requested last if it is loading, otherwise null.
ModelQueue::Loading* ModelQueue::last_loading() {
  auto* awaiting = std::get_if<AwaitingCaps>(&next_);
  return awaiting ? std::get_if<Loading>(&awaiting->after) : std::get_if<Loading>(&next_);
}

/// Returns the model requested last if it is loaded and not the current one, otherwise null.
LoadedModel* ModelQueue::last_loaded() {
  auto* awaiting = std::get_if<AwaitingCaps>(&next_);
  if (!awaiting || std::holds_alternative<Nothing>(awaiting->after)) return next_loaded();
  auto* ready = std::get_if<Ready>(&awaiting->after);
  return ready ? &ready->loaded : nullptr;
}

void ModelQueue::set_new_settings(ModelSettings settings) {
  if (settings == current_.settings) return drop_new_settings();
  new_settings_ = std::move(settings);
  has_new_inputs_ = true;
}

void ModelQueue::drop_new_settings() {
  new_settings_.reset();
  has_new_inputs_ = false;
}

/// Drops requests for other inputs.
void ModelQueue::drop_changes() {
  drop_new_settings();
  reload_.reset();
}

}  // namespace torchstreamer
