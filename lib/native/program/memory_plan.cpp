#include "native/program/memory_plan.h"

#include <algorithm>
#include <numeric>

#include "native/program/program_state.h"

namespace torchstreamer::native {
namespace {

// Maximum size in bytes of the kept frames of a ring. A larger buffer is linear and moves its
// frames from time to time; this takes little time compared with the process that reads so many
// frames.
constexpr int64_t kMaxRingBytes = 1 << 16;
// Maximum number of frames of silence that are pushed to measure the memory of a stream, and of
// positions in a period of the network at which blocks then begin.
constexpr int64_t kMaxWarmUpFrames = 1 << 16, kMaxPositions = 16;

// A stream that receives silence.
class SilentStream {
 public:
  SilentStream(const Program& program, const Timing& timing, ProgramState& state)
      : program_(program), timing_(timing), state_(state) {}

  void push(int64_t frames) {
    silence_.resize(std::max<size_t>(silence_.size(), frames * program_.channels_in()));
    pushed_frames_ += frames;
    const int64_t due_frames = timing_.frames_out(pushed_frames_, false) - emitted_frames_;
    out_.resize(std::max<size_t>(out_.size(), due_frames * program_.output().samples + 1));
    state_.push_frames(silence_.data(), frames, program_.channels_in(),
                       {false, emitted_frames_, due_frames, {}}, out_.data());
    emitted_frames_ += due_frames;
  }

 private:
  const Program& program_;
  const Timing& timing_;
  ProgramState& state_;
  std::vector<float> silence_, out_;
  int64_t pushed_frames_ = 0, emitted_frames_ = 0;
};

// Returns the shortest distance of blocks that begin at every position of a period, one after the
// other; the block's own length if there is none nearby.
int64_t block_distance(int64_t block_frames, int64_t period_frames) {
  for (int64_t d = block_frames + 1; d <= block_frames + 64; ++d)
    if (std::gcd(d, period_frames) == 1) return d;
  return block_frames;
}

// Pushes silence until the kept frames of all buffers have reached their maxima. Their number
// depends on the position of a step in a period of the network.
void push_silence(const Program& program, ProgramState& state) {
  const int64_t block_frames = program.block_frames();
  const Timing timing = Network::timing_of(program.nodes());
  SilentStream stream(program, timing, state);
  const int64_t period_frames = (Rational(timing.period_frames()) / timing.rate()).ceil();
  const int64_t settled =
      std::min(timing.receptive_field_frames() + period_frames, kMaxWarmUpFrames);
  for (int64_t at = 0; at < settled + 2 * block_frames; at += block_frames)
    stream.push(block_frames);
  const int64_t between = block_distance(block_frames, period_frames) - block_frames;
  for (int64_t i = 0; i < std::min(period_frames, kMaxPositions); ++i) {
    stream.push(between);
    stream.push(block_frames);
  }
}

// Returns true if all frames of a buffer are dropped at the end of every step, because its kernels
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
  // The first and the last call during which a buffer is in use. The calls of a stage with steps
  // run several times in a block, so that a buffer outside of the stage is in use during all of
  // them.
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
