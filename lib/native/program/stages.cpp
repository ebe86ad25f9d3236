#include "native/program/stages.h"

#include <algorithm>

namespace torchstreamer::native {
namespace {

// Part by which a call may take longer than in long blocks, and by which all calls together may.
constexpr double kMostOfCall = 0.5, kMostOfAll = 0.1;

double frames_per_source_frame(const BufferPlan& buffer) {
  return static_cast<double>(buffer.rate.num) / static_cast<double>(buffer.rate.den);
}

// Returns the size of the frames of a buffer for one frame of the source.
double frame_bytes(const BufferPlan& buffer) {
  return frames_per_source_frame(buffer) * static_cast<double>(buffer.pitch) * sizeof(float);
}

// The costs of calls in blocks of different lengths, for each frame of the source.
class Costs {
 public:
  Costs(const std::vector<KernelCall>& calls, const std::vector<BufferPlan>& buffers) {
    for (const KernelCall& call : calls) {
      calls_.push_back({frames_per_source_frame(buffers[call.buffer]),
                        static_cast<double>(call.kernel->frames_at_once()),
                        static_cast<double>(call.kernel->weights_bytes())});
      weights_bytes_ += call.kernel->weights_bytes();
    }
  }

  int64_t weights_bytes() const { return weights_bytes_; }
  bool has_weights(int c) const { return calls_[c].weights_bytes > 0; }

  bool gains_by_longer(int c, int64_t block_frames) const {
    return cost(calls_[c], block_frames) > (1 + kMostOfCall) * long_cost(calls_[c]);
  }

  bool gain_by_longer(int64_t block_frames) const {
    double all = 0, all_long = 0;
    for (const Call& call : calls_) {
      all += cost(call, block_frames);
      all_long += long_cost(call);
    }
    return all > (1 + kMostOfAll) * all_long;
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

// Returns true if the output of a call is larger than its inputs.
bool enlarges(const KernelCall& call, const std::vector<BufferPlan>& buffers) {
  double in = 0;
  for (const BufferView& view : call.in) in += frame_bytes(buffers[view.buffer]);
  return frame_bytes(buffers[call.buffer]) > in;
}

// Returns for each call if it runs in steps: not if it gains by longer blocks, or runs libtorch. A
// call without weights runs like its neighbour on the side of the larger frames, so that the frames
// between stages are small.
std::vector<bool> calls_with_steps(const std::vector<KernelCall>& calls,
                                   const std::vector<BufferPlan>& buffers, const Costs& costs,
                                   int64_t step_frames) {
  const int count = static_cast<int>(calls.size());
  std::vector<bool> has_steps(count, true), is_known(count, false);
  for (int c = 0; c < count; ++c) {
    if (calls[c].is_fallback || costs.has_weights(c)) {
      has_steps[c] = !calls[c].is_fallback && !costs.gains_by_longer(c, step_frames);
      is_known[c] = true;
    } else if (c > 0 && is_known[c - 1] && !enlarges(calls[c], buffers)) {
      has_steps[c] = has_steps[c - 1];
      is_known[c] = true;
    }
  }
  for (int c = count - 2; c >= 0; --c)
    if (!is_known[c]) has_steps[c] = has_steps[c + 1];
  return has_steps;
}

std::vector<Stage> stages_of(const std::vector<bool>& has_steps) {
  std::vector<Stage> stages;
  for (int c = 0; c < static_cast<int>(has_steps.size()); ++c) {
    if (stages.empty() || has_steps[c] != stages.back().has_steps)
      stages.push_back({c, c, has_steps[c]});
    stages.back().end = c + 1;
  }
  if (stages.empty()) stages.emplace_back();            // frames are only copied
  if (stages.size() == 1) stages[0].has_steps = false;  // a step is a whole block
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

// Returns the size of the frames of the source and of the outputs of all calls, for one frame of
// the source. `is_block`: without those that are in the memory for one step only.
double frame_bytes(const std::vector<KernelCall>& calls, const std::vector<BufferPlan>& buffers,
                   bool is_block) {
  double bytes = frame_bytes(buffers[0]);
  for (const KernelCall& call : calls) {
    const BufferPlan& buffer = buffers[call.buffer];
    if (!is_block || buffer.stage == BufferPlan::kNoStage) bytes += frame_bytes(buffer);
  }
  return bytes;
}

// Returns the number of frames of this size that fit in `bytes`, from 1 to `most`.
int64_t fitting_frames(int64_t bytes, double frame_bytes, int64_t most) {
  const double frames = static_cast<double>(bytes) / std::max(1., frame_bytes);
  return std::clamp<int64_t>(static_cast<int64_t>(frames), 1, most);
}

}  // namespace

Stages divide_into_stages(const std::vector<KernelCall>& calls, std::vector<BufferPlan>& buffers,
                          const BufferView& output, const BlockSizes& sizes) {
  const Costs costs(calls, buffers);
  const int64_t step_frames = fitting_frames(
      sizes.step_bytes, frame_bytes(calls, buffers, /*is_block=*/false), sizes.most_step_frames);
  Stages result{stages_of(calls_with_steps(calls, buffers, costs, step_frames)), step_frames,
                step_frames};
  set_stages(result.stages, calls, buffers, output);
  const int64_t most_bytes =
      std::max(sizes.step_bytes,
               std::min(costs.weights_bytes() / sizes.weights_per_block, sizes.most_block_bytes));
  const int64_t most_frames = fitting_frames(
      most_bytes, frame_bytes(calls, buffers, /*is_block=*/true), sizes.most_block_frames);
  while (2 * result.block_frames <= most_frames && costs.gain_by_longer(result.block_frames))
    result.block_frames *= 2;
  if (result.block_frames == step_frames && result.stages.size() > 1) {
    result.stages = {{0, static_cast<int>(calls.size()), false}};
    set_stages(result.stages, calls, buffers, output);
  }
  if (result.stages.size() == 1) result.step_frames = result.block_frames;
  return result;
}

}  // namespace torchstreamer::native
