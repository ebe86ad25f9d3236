#include "native/program/program_state.h"

#include <ATen/ops/empty.h>

#include <algorithm>

#include "torchstreamer/error.h"

namespace torchstreamer::native {
namespace {

[[noreturn]] void throw_wrong_count() {
  throw Error("the network did not return the number of frames that follows from its timing");
}

}  // namespace

ProgramState::ProgramState(const Program& program, Work work)
    : program_(program), work_(work), computed_frames_(program.calls().size(), 0) {
  memory_.resize(program.buffers().size());
  for (const BufferPlan& plan : program.buffers()) {
    buffers_.emplace_back(plan.pitch, plan.lead, plan.is_ring, &memory_[plan.memory]);
    buffers_.back().reserve(plan.room_frames);
  }
  for (const KernelCall& call : program.calls()) kernel_states_.push_back(call.kernel->start());
  needed_.resize(buffers_.size());
}

void ProgramState::push_frames(const float* in, int64_t frames, int64_t channels, const Step& step,
                               float* out) {
  begin_push({this, in, frames, channels, step, out, nullptr});
  while (has_block()) {
    begin_block();
    for (int s = 0; s < static_cast<int>(program_.stages().size()); ++s) run_stage(s);
    end_block();
  }
}

Tensor ProgramState::push(const Tensors& in, const Step& step) {
  Tensor y = at::empty({step.frames, program_.output().samples}, at::kFloat);
  const Tensor x = in[0].defined() ? in[0].contiguous() : in[0];
  push_frames(x.defined() ? x.data_ptr<float>() : nullptr, x.defined() ? x.size(0) : 0,
              program_.channels_in(), step, y.data_ptr<float>());
  return y;
}

int64_t ProgramState::held_bytes() const {
  int64_t bytes = 0;
  for (const AlignedFloats& memory : memory_)
    bytes += static_cast<int64_t>(memory.size() * sizeof(float));
  for (const auto& state : kernel_states_) bytes += state ? state->bytes() : 0;
  return bytes;
}

int64_t ProgramState::recoveries() const {
  int64_t recoveries = 0;
  for (const auto& state : kernel_states_) recoveries += state ? state->recoveries() : 0;
  return recoveries;
}

int64_t ProgramState::frames_of(int node) const {
  const Count& count = counts_[program_.counting().place(node)];
  return final_ ? count.total : count.now;
}

int64_t ProgramState::frames_left(int c) const {
  return frames_of(program_.calls()[c].node) - computed_frames_[c];
}

void ProgramState::begin_push(const Push& push) {
  push_ = push;
  pushed_frames_ = returned_frames_ = 0;
  is_last_block_ = false;
}

// (1)
void ProgramState::begin_block() {
  block_frames_ = std::min(push_.frames - pushed_frames_, program_.block_frames());
  is_last_block_ = pushed_frames_ + block_frames_ == push_.frames;
  const int64_t channels = program_.channels_in();
  if (block_frames_)
    std::copy_n(push_.in + pushed_frames_ * channels, block_frames_ * channels,
                buffers_[0].append(block_frames_));
  buffers_[0].commit(block_frames_);
  if (push_.step.final && is_last_block_) buffers_[0].append_zeros(program_.buffers()[0].trail);
  pushed_frames_ += block_frames_;
  source_frames_ += block_frames_;
}

// (2)
void ProgramState::run_stage(int s) {
  const Stage& stage = program_.stages()[s];
  const int64_t step_frames = stage.has_steps ? program_.step_frames() : block_frames_;
  int64_t end_frames = 0;
  do {
    end_frames = std::min(end_frames + step_frames, block_frames_);
    begin_step(end_frames);
    for (int c = stage.first; c < stage.end; ++c) run_call(c);
    end_step(s);
  } while (end_frames < block_frames_);
}

void ProgramState::begin_step(int64_t end_frames) {
  const int64_t frames = source_frames_ - block_frames_ + end_frames;
  final_ = push_.step.final && is_last_block_ && end_frames == block_frames_;
  if (frames == counted_frames_) return;
  program_.counting().count({frames, frames, frames}, counts_);
  counted_frames_ = frames;
}

void ProgramState::end_step(int s) {
  const Stage& stage = program_.stages()[s];
  if (stage.has_steps) drop_frames(stage.first, stage.end, s);
}

void ProgramState::run_call(int c) {
  const KernelCall& call = program_.calls()[c];
  const KernelRun run = begin_call(c);
  if (run.frames > 0 || call.is_fallback) {
    Step step{final_, run.first, run.frames, {}};
    if (call.is_fallback) step.in = program_.counting().joined(call.node, counts_);
    if (runs(call)) call.kernel->run(run.in, step, run.y, run.state);
  }
  end_call(c);
}

KernelRun ProgramState::begin_call(int c) {
  const KernelCall& call = program_.calls()[c];
  const int64_t frames = frames_left(c), granularity = call.kernel->granularity_frames();
  in_.clear();
  if (frames <= 0 && !call.is_fallback) return {nullptr, computed_frames_[c], 0, nullptr, nullptr};
  for (size_t i = 0; i < call.in.size(); ++i)
    in_.emplace_back(buffers_[call.in[i].buffer], call.in[i], frames_of(call.in_nodes[i]));
  float* y = buffers_[call.buffer].append(ceil_div(frames, granularity) * granularity);
  return {in_.data(), computed_frames_[c], frames, y, kernel_states_[c].get()};
}

void ProgramState::end_call(int c) {
  const KernelCall& call = program_.calls()[c];
  EdgeBuffer& buffer = buffers_[call.buffer];
  const int64_t frames = frames_left(c);
  if (frames > 0 || call.is_fallback) {
    buffer.commit(frames);
    computed_frames_[c] += frames;
  }
  if (final_) buffer.append_zeros(program_.buffers()[call.buffer].trail);
}

void ProgramState::end_block() {
  returned_frames_ += emit(push_.step.frames - returned_frames_,
                           push_.out + returned_frames_ * program_.output().samples);
  drop_frames(0, static_cast<int>(computed_frames_.size()), BufferPlan::kNoStage);
  if (is_last_block_ && returned_frames_ != push_.step.frames) throw_wrong_count();
}

// (3) Returns the number of frames; throws if it is greater than `max_frames`.
int64_t ProgramState::emit(int64_t max_frames, float* out) {
  const BufferView& view = program_.output();
  const int node = static_cast<int>(program_.nodes().size()) - 1;
  const int64_t frames = frames_of(node) - emitted_frames_;
  if (frames < 0 || frames > max_frames) throw_wrong_count();
  if (frames == 0) return 0;
  const FrameReader y(buffers_[view.buffer], view, 0);
  const bool is_contiguous = y.pitch() == view.samples;
  const int64_t at_once = is_contiguous ? frames : 1;
  for (int64_t f = 0; f < frames; f += at_once)
    std::copy_n(y.at(emitted_frames_ + f), at_once * view.samples, out + f * view.samples);
  emitted_frames_ += frames;
  return frames;
}

// (4) Drops frames of the buffers of this stage, or of no stage. All their readers are among the
// calls [first, end).
void ProgramState::drop_frames(int first, int end, int stage) {
  std::fill(needed_.begin(), needed_.end(), kConsumed);
  auto need = [&](const BufferView& view, int64_t index) {
    needed_[view.buffer] = std::min(needed_[view.buffer], index * view.step + view.offset);
  };
  for (int c = first; c < end; ++c) {
    const KernelCall& call = program_.calls()[c];
    for (size_t i = 0; i < call.in.size(); ++i) {
      const int64_t from = call.kernel->needs_from(static_cast<int>(i), computed_frames_[c]);
      need(call.in[i], from == kConsumed ? frames_of(call.in_nodes[i]) : from);
    }
  }
  need(program_.output(), emitted_frames_);
  for (size_t b = 0; b < buffers_.size(); ++b)
    if (program_.buffers()[b].stage == stage) buffers_[b].drop_before(needed_[b]);
}

}  // namespace torchstreamer::native
