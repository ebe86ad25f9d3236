#include "native/program/stages.h"

#include <algorithm>

namespace torchstreamer::native {
namespace {

// The costs of calls for blocks of different lengths, per frame of the source.
class Costs {
 public:
  Costs(const std::vector<KernelCall>& calls, const std::vector<BufferPlan>& buffers) {
    for (const KernelCall& call : calls) {
      const Rational rate = buffers[call.buffer].rate;
      calls_.push_back({static_cast<double>(rate.num) / static_cast<double>(rate.den),
                        static_cast<double>(call.kernel->frames_at_once()),
                        static_cast<double>(call.kernel->weights_bytes())});
      weights_bytes_ += call.kernel->weights_bytes();
    }
  }

  int64_t weights_bytes() const { return weights_bytes_; }
  bool has_weights(int c) const { return calls_[c].weights_bytes > 0; }

  // Returns true if a call takes much longer for blocks of this length than for long ones.
  bool needs_longer(int c, int64_t block_frames) const {
    return cost(calls_[c], block_frames) > 1.5 * long_cost(calls_[c]);
  }

  // Returns true if the calls take little longer for blocks of this length than for long ones.
  bool are_low(int64_t block_frames) const {
    double cost = 0, low = 0;
    for (const Call& call : calls_) {
      cost += this->cost(call, block_frames);
      low += long_cost(call);
    }
    return cost <= 1.1 * low;
  }

 private:
  struct Call {
    double rate, frames_at_once, weights_bytes;
  };

  // Fewer frames than those that a kernel computes at once cost as much as these.
  static double cost(const Call& call, int64_t block_frames) {
    return call.weights_bytes *
           std::max(call.rate, call.frames_at_once / static_cast<double>(block_frames));
  }
  static double long_cost(const Call& call) { return call.weights_bytes * call.rate; }

  std::vector<Call> calls_;
  int64_t weights_bytes_ = 0;
};

// Returns the size of the frames of a buffer for one frame of the source.
double frame_bytes(const BufferPlan& buffer) {
  return static_cast<double>(buffer.rate.num) / static_cast<double>(buffer.rate.den) *
         static_cast<double>(buffer.pitch) * sizeof(float);
}

// Returns the size of the frames of the source and of the outputs of all calls, for one frame of
// the source. `blocks_only`: without those that are in the memory for one step only.
double frame_bytes(const std::vector<KernelCall>& calls, const std::vector<BufferPlan>& buffers,
                   bool blocks_only) {
  double bytes = frame_bytes(buffers[0]);
  for (const KernelCall& call : calls) {
    const BufferPlan& buffer = buffers[call.buffer];
    if (!blocks_only || buffer.stage == BufferPlan::kNoStage) bytes += frame_bytes(buffer);
  }
  return bytes;
}

// Returns how many frames of this size fit.
int64_t fitting_frames(int64_t bytes, double frame_bytes, int64_t most) {
  const double frames = static_cast<double>(bytes) / std::max(1., frame_bytes);
  return std::clamp<int64_t>(static_cast<int64_t>(frames), 1, most);
}

// Separates the calls that need longer blocks than a step from the others. A call without weights
// belongs to the one before it.
std::vector<Stage> separate(const Costs& costs, int calls, int64_t step_frames) {
  std::vector<Stage> stages;
  for (int c = 0; c < calls; ++c) {
    const bool has_steps = !costs.needs_longer(c, step_frames);
    if (stages.empty() || (costs.has_weights(c) && has_steps != stages.back().has_steps))
      stages.push_back({c, c, has_steps});
    stages.back().end = c + 1;
  }
  return stages;
}

// Sets the stage of each buffer of which all frames are written and read in steps of one stage.
void set_stages(const std::vector<Stage>& stages, const std::vector<KernelCall>& calls,
                std::vector<BufferPlan>& buffers, const BufferView& output) {
  const int count = static_cast<int>(stages.size());
  for (BufferPlan& buffer : buffers) buffer.stage = BufferPlan::kNoStage;
  for (int s = 0; s < count; ++s)
    for (int c = stages[s].first; c < stages[s].end && stages[s].has_steps; ++c)
      buffers[calls[c].buffer].stage = s;
  for (int s = 0; s < count; ++s)
    for (int c = stages[s].first; c < stages[s].end; ++c)
      for (const BufferView& view : calls[c].in)
        if (buffers[view.buffer].stage != s) buffers[view.buffer].stage = BufferPlan::kNoStage;
  buffers[output.buffer].stage = BufferPlan::kNoStage;
}

}  // namespace

Stages divide(const std::vector<KernelCall>& calls, std::vector<BufferPlan>& buffers,
              const BufferView& output, const BlockSizes& sizes) {
  const Costs costs(calls, buffers);
  Stages result;
  result.step_frames =
      fitting_frames(sizes.step_bytes, frame_bytes(calls, buffers, false), sizes.most_step_frames);
  result.stages = separate(costs, static_cast<int>(calls.size()), result.step_frames);
  set_stages(result.stages, calls, buffers, output);
  const int64_t most_bytes =
      std::max(sizes.step_bytes,
               std::min(costs.weights_bytes() / sizes.weights_per_block, sizes.most_block_bytes));
  const int64_t most_frames =
      fitting_frames(most_bytes, frame_bytes(calls, buffers, true), sizes.most_block_frames);
  result.block_frames = result.step_frames;
  while (2 * result.block_frames <= most_frames && !costs.are_low(result.block_frames))
    result.block_frames *= 2;
  if (result.block_frames == result.step_frames || result.stages.size() == 1) {
    // One step is a whole block.
    result.step_frames = result.block_frames;
    result.stages = {{0, static_cast<int>(calls.size()), false}};
    set_stages(result.stages, calls, buffers, output);
  }
  return result;
}

}  // namespace torchstreamer::native
