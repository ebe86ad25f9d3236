#include "native/program/program.h"

#include <algorithm>

#include "native/program/compile.h"
#include "native/program/memory_plan.h"
#include "native/program/program_state.h"

namespace torchstreamer::native {
namespace {

// Weights of a model up to this size stay in the L2 cache from one push to the next. Reading them
// once for several streams would gain nothing.
constexpr int64_t kCachedWeightsBytes = 1 << 19;

}  // namespace

Program::Program(std::vector<Network::Node> nodes, const Format& in, const BlockSizes& sizes)
    : nodes_(std::move(nodes)), counting_(nodes_), channels_in_(in.channels()) {
  CompiledNetwork compiled = compile(nodes_, in);
  is_fallback_ = std::move(compiled.is_fallback);
  calls_ = std::move(compiled.calls);
  buffers_ = std::move(compiled.buffers);
  output_ = compiled.output;
  stages_ = divide_into_stages(calls_, buffers_, output_, sizes);
  for (size_t b = 0; b < buffers_.size(); ++b) buffers_[b].memory = static_cast<int>(b);
  buffers_ = with_capacities(*this);
  buffers_ = with_shared_memory(*this);
  find_calls_together();
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
