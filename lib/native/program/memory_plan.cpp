#include "native/program/memory_plan.h"

#include <algorithm>

#include "native/program/program_state.h"

namespace torchstreamer::native {
namespace {

// Maximum size in bytes of the kept frames of a ring. A larger buffer is linear and moves its
// frames from time to time; this takes little time compared with the process that reads so many
// frames.
constexpr int64_t kMaxRingBytes = 1 << 16;
// Maximum number of frames of silence that are pushed to measure the memory of a stream.
constexpr int64_t kMaxWarmUpFrames = 1 << 16;

// Pushes silence until the kept frames of all buffers have reached their maxima.
void push_silence(const Program& program, ProgramState& state) {
  const int64_t block_frames = program.block_frames();
  const Timing timing = Network::timing_of(program.nodes());
  // The number of kept frames depends on the position of a block's end in a period of the network.
  const int64_t settled =
      timing.receptive_field_frames() + (Rational(timing.period_frames()) / timing.rate()).ceil();
  const int64_t frames = (std::min(settled, kMaxWarmUpFrames) / block_frames + 3) * block_frames;
  const std::vector<float> silence(block_frames * program.channels_in());
  std::vector<float> out;
  for (int64_t at = 0, emitted = 0; at < frames; at += block_frames) {
    const int64_t due_frames = timing.frames_out(at + block_frames, false) - emitted;
    out.resize(std::max<int64_t>(1, due_frames * program.output().samples));
    state.push_frames(silence.data(), block_frames, program.channels_in(),
                      {false, emitted, due_frames, {}}, out.data());
    emitted += due_frames;
  }
}

// Returns true if all frames of a buffer are dropped at the end of every push, because its kernels
// read all of them and need no older ones.
bool keeps_no_frames(const Program& program, int buffer) {
  const BufferPlan& plan = program.buffers()[buffer];
  if (plan.lead || plan.trail) return false;
  const Counting& counting = program.counting();
  int producer = counting.place(Network::kSource);
  for (const KernelCall& call : program.calls())
    if (call.buffer == buffer) producer = counting.place(call.node);
  auto reads_all = [&](const BufferView& view, int node) {
    return view.offset == 0 && view.step == 1 && counting.place(node) == producer;
  };
  for (const KernelCall& call : program.calls())
    for (size_t i = 0; i < call.in.size(); ++i) {
      if (call.in[i].buffer != buffer) continue;
      constexpr int64_t kAnyFrame = 1000;
      const int64_t from = call.kernel->needs_from(static_cast<int>(i), kAnyFrame);
      const bool is_consumed = from == kConsumed;
      if (!is_consumed && from != kAnyFrame) return false;
      if (!reads_all(call.in[i], is_consumed ? call.in_nodes[i] : call.node)) return false;
    }
  return program.output().buffer != buffer ||
         reads_all(program.output(), static_cast<int>(program.nodes().size()) - 1);
}

}  // namespace

std::vector<BufferPlan> with_capacities(const Program& program) {
  ProgramState state(program, Work::kCounts);
  push_silence(program, state);
  std::vector<BufferPlan> buffers = program.buffers();
  for (size_t b = 0; b < buffers.size(); ++b) {
    const EdgeBuffer& measured = state.buffers()[b];
    const int64_t kept_frames = measured.max_kept_frames();
    const bool keeps_many = kept_frames > measured.max_frames() / 4;
    buffers[b].is_ring =
        keeps_many && kept_frames * buffers[b].pitch * int64_t{sizeof(float)} <= kMaxRingBytes;
    buffers[b].room_frames = measured.max_frames() + buffers[b].trail;
    if (keeps_many && !buffers[b].is_ring) buffers[b].room_frames += kept_frames / 2;
  }
  // With blocks of different lengths, up to one more stride may be kept, and kernels write whole
  // strides.
  for (const KernelCall& call : program.calls())
    for (const BufferView& view : call.in) {
      BufferPlan& buffer = buffers[view.buffer];
      buffer.room_frames += 2 * (buffer.rate / buffers[call.buffer].rate).ceil();
    }
  return buffers;
}

std::vector<BufferPlan> with_shared_memory(const Program& program) {
  std::vector<BufferPlan> buffers = program.buffers();
  const std::vector<KernelCall>& calls = program.calls();
  const int count = static_cast<int>(calls.size());
  // The first and the last call during which the frames of a buffer are in the memory. The calls of
  // a stage with steps alternate, so that the frames of a block are there during all of them.
  std::vector<int> first(buffers.size(), 0), last(buffers.size(), 0);
  for (const Stage& stage : program.stages())
    for (int c = stage.first; c < stage.end; ++c) {
      const auto is_block = [&](int buffer) {
        return stage.has_steps && buffers[buffer].stage == BufferPlan::kNoStage;
      };
      const auto use = [&](int buffer) { last[buffer] = is_block(buffer) ? stage.end - 1 : c; };
      first[calls[c].buffer] = is_block(calls[c].buffer) ? stage.first : c;
      use(calls[c].buffer);
      for (const BufferView& view : calls[c].in) use(view.buffer);
    }
  last[program.output().buffer] = count;
  auto floats = [&](int buffer) { return buffers[buffer].room_frames * buffers[buffer].pitch; };
  // The last user of each shared memory. A buffer uses the largest memory that is free.
  std::vector<int> users;
  for (int c = 0; c < count; ++c) {
    const int buffer = calls[c].buffer;
    if (!keeps_no_frames(program, buffer)) continue;
    auto best = users.end();
    for (auto it = users.begin(); it != users.end(); ++it)
      if (last[*it] < first[buffer] && (best == users.end() || floats(*best) < floats(*it)))
        best = it;
    if (best == users.end()) best = users.insert(best, buffer);
    buffers[buffer].memory = buffers[*best].memory;
    *best = buffer;
  }
  return buffers;
}

}  // namespace torchstreamer::native
