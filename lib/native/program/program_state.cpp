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

void ProgramState::push_frames(const float* in, int64_t frames, int64_t, const Step& step,
                               float* out) {
  int64_t at = 0, emitted = 0;
  do {
    const int64_t block_frames = std::min(frames - at, program_.block_frames());
    const bool final = step.final && at + block_frames == frames;
    run_block(in + at * program_.channels_in(), block_frames, final);
    emitted += emit(final, step.frames - emitted, out + emitted * program_.output().samples);
    drop_frames(final);
    at += block_frames;
  } while (at < frames);
  if (emitted != step.frames) throw_wrong_count();
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

int64_t ProgramState::frames_of(int node, bool final) const {
  const Count& count = counts_[program_.counting().place(node)];
  return final ? count.total : count.now;
}

// (1), (2)
void ProgramState::run_block(const float* in, int64_t frames, bool final) {
  const int64_t channels = program_.channels_in();
  if (frames) std::copy_n(in, frames * channels, buffers_[0].append(frames));
  buffers_[0].commit(frames);
  if (final) buffers_[0].append_zeros(program_.buffers()[0].trail);
  source_frames_ += frames;
  program_.counting().count({source_frames_, source_frames_, source_frames_}, counts_);
  for (size_t c = 0; c < computed_frames_.size(); ++c) run_call(c, final);
}

// (2)
void ProgramState::run_call(size_t c, bool final) {
  const KernelCall& call = program_.calls()[c];
  EdgeBuffer& buffer = buffers_[call.buffer];
  const int64_t frames = frames_of(call.node, final) - computed_frames_[c];
  if (frames > 0 || call.is_fallback) {
    in_.clear();
    for (size_t i = 0; i < call.in.size(); ++i)
      in_.emplace_back(buffers_[call.in[i].buffer], call.in[i], frames_of(call.in_nodes[i], final));
    const int64_t granularity = call.kernel->granularity_frames();
    float* y = buffer.append(ceil_div(frames, granularity) * granularity);
    Step step{final, computed_frames_[c], frames, {}};
    if (call.is_fallback) step.in = program_.counting().joined(call.node, counts_);
    if (runs(call)) call.kernel->run(in_.data(), step, y, kernel_states_[c].get());
    buffer.commit(frames);
    computed_frames_[c] += frames;
  }
  if (final) buffer.append_zeros(program_.buffers()[call.buffer].trail);
}

// (3) Returns the number of frames; throws if it is greater than `max_frames`.
int64_t ProgramState::emit(bool final, int64_t max_frames, float* out) {
  const BufferView& view = program_.output();
  const int node = static_cast<int>(program_.nodes().size()) - 1;
  const int64_t frames = frames_of(node, final) - emitted_frames_;
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

// (4)
void ProgramState::drop_frames(bool final) {
  std::fill(needed_.begin(), needed_.end(), kConsumed);
  auto need = [&](const BufferView& view, int64_t index) {
    needed_[view.buffer] = std::min(needed_[view.buffer], index * view.step + view.offset);
  };
  for (size_t c = 0; c < computed_frames_.size(); ++c) {
    const KernelCall& call = program_.calls()[c];
    for (size_t i = 0; i < call.in.size(); ++i) {
      const int64_t from = call.kernel->needs_from(static_cast<int>(i), computed_frames_[c]);
      need(call.in[i], from == kConsumed ? frames_of(call.in_nodes[i], final) : from);
    }
  }
  need(program_.output(), emitted_frames_);
  for (size_t b = 0; b < buffers_.size(); ++b) buffers_[b].drop_before(needed_[b]);
}

}  // namespace torchstreamer::native
