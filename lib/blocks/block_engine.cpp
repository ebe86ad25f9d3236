#include "blocks/block_engine.h"

#include <ATen/ops/from_blob.h>
#include <ATen/ops/zeros.h>
#include <c10/core/InferenceMode.h>
#include <c10/util/StringUtil.h>

#include <algorithm>

#include "support/exceptions.h"
#include "torchstreamer/error.h"

namespace torchstreamer::blocks {
namespace {

// Writes frames, [T, C], and advances `*out`.
void write(const Tensor& frames, float** out) {
  at::from_blob(*out, frames.sizes(), at::kFloat).copy_(frames);
  *out += frames.numel();
}

}  // namespace

BlockEngine::BlockEngine(std::shared_ptr<const BlockPlan> plan)
    : plan_(std::move(plan)), state_(plan_->method(), plan_->rate_hz()) {
  const Windows& windows = plan_->windows();
  const int64_t most_frames =
      windows.window_frames + (plan_->batches().most_rows() - 1) * windows.hop_frames;
  queue_.resize(most_frames * plan_->form().channels_in);
}

int64_t BlockEngine::held_bytes() const {
  return static_cast<int64_t>(queue_.capacity() * sizeof(float)) + state_.held_bytes();
}

void BlockEngine::process(const void* const* in, int64_t frames, bool final, void* const* out) {
  c10::InferenceMode guard;
  const int64_t channels = plan_->form().channels_in;
  const int64_t most_frames = static_cast<int64_t>(queue_.size()) / channels;
  const int64_t signal_frames = frames_in() + frames;
  const auto* next_in = static_cast<const float*>(frames > 0 ? in[0] : nullptr);
  auto* next_out = static_cast<float*>(out ? out[0] : nullptr);
  while (frames > 0) {
    const int64_t taken = std::min(frames, most_frames - queued_frames_);
    std::copy_n(next_in, taken * channels, queue_.data() + queued_frames_ * channels);
    next_in += taken * channels;
    queued_frames_ += taken;
    frames -= taken;
    call_complete(&next_out);
  }
  if (final) call_last(signal_frames, &next_out);
}

void BlockEngine::call_complete(float** out) {
  const Windows& windows = plan_->windows();
  const int64_t count = windows.complete(queued_frames_);
  if (count == 0) return;
  for (int64_t called = 0; called < count;) {  // (1)
    const Batches::Call rows = plan_->batches().next(called_windows_, count - called);
    call_batch(called, rows, rows.windows * windows.frames_out, out);
    called += rows.windows;
    called_windows_ += rows.windows;
  }
  // (2)
  const int64_t channels = plan_->form().channels_in, done_frames = count * windows.hop_frames;
  std::copy(queue_.begin() + done_frames * channels, queue_.begin() + queued_frames_ * channels,
            queue_.begin());
  queued_frames_ -= done_frames;
}

void BlockEngine::call_last(int64_t signal_frames, float** out) {
  const Windows& windows = plan_->windows();
  if (windows.last_frames(signal_frames) == 0) return;
  if (windows.tail == Tail::kShort) {
    const int64_t due_frames =
        plan_->timing().frames_out(signal_frames, true) - called_windows_ * windows.frames_out;
    return write(output_of(queued(0, 1, queued_frames_), due_frames, /*is_batch=*/false)[0], out);
  }
  std::fill(queue_.begin() + queued_frames_ * plan_->form().channels_in, queue_.end(), 0.0F);
  const Batches::Call rows = plan_->batches().next(called_windows_, 1);
  call_batch(0, rows, windows.padded_frames_out(signal_frames), out);
}

// Calls the model for windows of the queue, and writes the first `frames_out` output frames.
void BlockEngine::call_batch(int64_t first_window, const Batches::Call& rows, int64_t frames_out,
                             float** out) {
  const Windows& windows = plan_->windows();
  Tensor x = queued(first_window, rows.windows, windows.window_frames);
  if (rows.windows < rows.rows) {
    const Tensor filled = at::zeros({rows.rows, x.size(1), x.size(2)}, x.options());
    filled.narrow(0, rows.first_row, rows.windows).copy_(x);
    x = filled;
  }
  const bool is_batch = plan_->batches().most_rows() > 1;
  const Tensor y = output_of(x, windows.frames_out, is_batch);
  const Tensor frames = y.narrow(0, rows.first_row, rows.windows).flatten(0, 1);
  write(frames.narrow(0, 0, frames_out), out);
}

// Returns overlapping windows of the queue, [windows, frames, channels].
Tensor BlockEngine::queued(int64_t first_window, int64_t windows, int64_t frames) {
  const int64_t channels = plan_->form().channels_in;
  const int64_t hop = plan_->windows().hop_frames * channels;
  return at::from_blob(queue_.data() + first_window * hop, {windows, frames, channels},
                       {hop, channels, 1}, at::kFloat);
}

// Calls the model. Returns its output, [N, frames_out, channels].
Tensor BlockEngine::output_of(const Tensor& windows, int64_t frames_out, bool is_batch) {
  const auto& model = plan_->method()->model();
  const BlockForm& form = plan_->form();
  try {
    const Tensor x = windows.to(model.device(), model.dtype());
    const Tensor y = output_frames(state_.call(as_argument(x, form.layout)), form, is_batch);
    const std::vector<int64_t> shape = {windows.size(0), frames_out, form.channels_out};
    if (y.sizes() != shape)
      throw Error(c10::str("it returns ", y.size(1), " frames of ", y.size(2), " channels, not ",
                           frames_out, " of ", form.channels_out));
    return y;
  } catch (const std::exception& e) {
    throw Error(c10::str(plan_->method()->name(), "() fails for the ",
                         windows.size(0) > 1 ? "windows from" : "window at", " frame ",
                         called_windows_ * plan_->windows().hop_frames,
                         " of the signal: ", reason_of(e)));
  }
}

void BlockEngine::clear() {
  state_.reset();
  queued_frames_ = called_windows_ = 0;
}

EachChannelEngine::EachChannelEngine(std::vector<std::unique_ptr<Engine>> engines,
                                     int64_t channels_out)
    : engines_(std::move(engines)), channels_out_(channels_out) {}

int64_t EachChannelEngine::held_bytes() const {
  auto bytes = static_cast<int64_t>((in_.capacity() + out_.capacity()) * sizeof(float));
  for (const auto& engine : engines_) bytes += engine->held_bytes();
  return bytes;
}

// The first engine throws before others are changed.
void EachChannelEngine::set_inputs(const NamedValues& inputs) {
  for (const auto& engine : engines_) engine->set_inputs(inputs);
}

void EachChannelEngine::process(const void* const* in, int64_t frames, bool final,
                                void* const* out) {
  const size_t channels = engines_.size(), channels_out = channels * channels_out_;
  const int64_t due_frames = frames_due(frames, final);
  in_.resize(frames);
  out_.resize(due_frames * channels_out_);
  for (size_t c = 0; c < channels; ++c) {
    for (int64_t t = 0; t < frames; ++t)
      in_[t] = static_cast<const float*>(in[0])[t * channels + c];
    const void* const in_plane = in_.data();
    void* const out_plane = out_.data();
    engines_[c]->push(&in_plane, frames, final, &out_plane);
    for (int64_t t = 0; t < due_frames; ++t)
      std::copy_n(out_.begin() + t * channels_out_, channels_out_,
                  static_cast<float*>(out[0]) + t * channels_out + c * channels_out_);
  }
}

void EachChannelEngine::clear() {
  for (const auto& engine : engines_) engine->reset();
}

}  // namespace torchstreamer::blocks
