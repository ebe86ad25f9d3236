#include "native/program/program.h"

#include <algorithm>

#include "native/program/compile.h"
#include "native/program/memory_plan.h"
#include "native/program/program_state.h"

namespace torchstreamer::native {
namespace {

// Maximum size of one block, in frames and in bytes of its frames in all buffers, so that they stay
// in the L2 cache.
constexpr int64_t kBlockBytes = 1 << 18, kBlockFrames = 1024;
// The same for models of large weights, which every block reads. Their blocks are as long as their
// kernels need, although the frames leave the L2 cache.
constexpr int64_t kLargeBlockBytes = 1 << 22, kLargeBlockFrames = 2048;
constexpr int64_t kWeightsPerBlock = 32;
// Weights of a model up to this size stay in the L2 cache from one push to the next. Reading them
// once for several streams would gain nothing.
constexpr int64_t kCachedWeightsBytes = 1 << 19;

}  // namespace

Program::Program(std::vector<Network::Node> nodes, const Format& in)
    : nodes_(std::move(nodes)), counting_(nodes_), channels_in_(in.channels()) {
  CompiledNetwork compiled = compile(nodes_, in);
  is_fallback_ = std::move(compiled.is_fallback);
  calls_ = std::move(compiled.calls);
  buffers_ = std::move(compiled.buffers);
  output_ = compiled.output;
  find_block_frames(std::max<int64_t>(1, compiled.floats_per_frame * int64_t{sizeof(float)}));
  for (size_t b = 0; b < buffers_.size(); ++b) buffers_[b].memory = static_cast<int>(b);
  buffers_ = with_capacities(*this);
  buffers_ = with_shared_memory(*this);
  find_calls_together();
}

void Program::find_block_frames(int64_t frame_bytes) {
  const int64_t cached = std::clamp<int64_t>(kBlockBytes / frame_bytes, 1, kBlockFrames);
  const int64_t large_bytes = std::min(weights_bytes() / kWeightsPerBlock, kLargeBlockBytes);
  const int64_t large = std::min(large_bytes / frame_bytes, kLargeBlockFrames);
  int64_t needed = 1;
  for (const KernelCall& call : calls_)
    needed = std::max(
        needed, (Rational(call.kernel->frames_at_once()) / buffers_[call.buffer].rate).ceil());
  block_frames_ = std::max(cached, std::min(large, needed));
}

void Program::find_calls_together() {
  for (KernelCall& call : calls_) {
    const BufferPlan& buffer = buffers_[call.buffer];
    const Rational frame_bytes = buffer.rate * Rational(buffer.pitch * int64_t{sizeof(float)});
    const int64_t bytes = call.kernel->shared_bytes();
    if (bytes > 0) call.most_frames_together = (Rational(bytes) / frame_bytes).floor();
  }
}

bool Program::gains_together() const {
  const auto is_joint = [](const KernelCall& call) { return call.most_frames_together > 0; };
  return weights_bytes() > kCachedWeightsBytes &&
         std::any_of(calls_.begin(), calls_.end(), is_joint);
}

std::unique_ptr<State> Program::start(Work work) const {
  return std::make_unique<ProgramState>(*this, work);
}

int64_t Program::weights_bytes() const {
  int64_t bytes = 0;
  for (const KernelCall& call : calls_) bytes += call.kernel->weights_bytes();
  return bytes;
}

}  // namespace torchstreamer::native
