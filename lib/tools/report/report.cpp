#include "tools/report/report.h"

#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <utility>

#include "network/node_timings.h"
#include "support/noise.h"
#include "support/search.h"

namespace torchstreamer::tools {
namespace {

std::vector<std::string> guards_of(const Network& network) {
  std::vector<std::string> guards;
  const auto* planned = dynamic_cast<const graph::PlannedNetwork*>(&network);
  if (!planned) return guards;
  for (const graph::Guard& guard : planned->guards().all())
    if (std::find(guards.begin(), guards.end(), guard.violation) == guards.end())
      guards.push_back(guard.violation);
  return guards;
}

// Maximum number of frames that are pushed to fill the buffers of a network.
constexpr int64_t kMaxFillFrames = 1 << 22;
// Limits of the number of pushes of one frame.
constexpr int64_t kFewestSingleFrames = 4, kMostSingleFrames = 512;

/// A stream of noise whose memory is measured.
class MeasuredStream {
 public:
  MeasuredStream(const Timing& timing, const Format& in, std::unique_ptr<State> state)
      : timing_(timing), in_(in), state_(std::move(state)) {}

  void push(int64_t frames) {
    total_frames_ += frames;
    const int64_t due = timing_.frames_out(total_frames_, /*final=*/false) - emitted_frames_;
    const Tensor x = noise_.next({in_.channels(), frames}, in_.dtype).to(in_.device);
    state_->push(
        {x.t().contiguous()},
        {/*final=*/false, emitted_frames_, due, {total_frames_, total_frames_, total_frames_}});
    emitted_frames_ += due;
  }
  int64_t held_bytes() const { return state_->held_bytes(); }

 private:
  const Timing& timing_;
  const Format in_;
  const std::unique_ptr<State> state_;
  Noise noise_{/*seed=*/20};
  int64_t total_frames_ = 0, emitted_frames_ = 0;
};

// Returns the number of pushes of one frame after which the buffers have contained all remainders
// of the strides. A network that remembers the whole signal gets the most.
int64_t single_frames(const Network& network, int64_t max_frames) {
  if (max_frames > 0) return std::min(kMostSingleFrames, max_frames);
  int64_t period_frames = 1;
  for (const Timing& timing : node_timings(network))
    period_frames =
        std::max(period_frames, (Rational(timing.period_frames()) / timing.rate()).ceil());
  return std::clamp(2 * period_frames, kFewestSingleFrames, kMostSingleFrames);
}

// Pushes noise until all buffers are full, first in chunks of 10 ms, then in single frames.
// `max_frames`: see LoadOptions::max_memory_frames.
StreamMemory measured_memory(const graph::PlannedNetwork& network, std::unique_ptr<State> state,
                             const Format& in, int64_t rate_hz, int64_t max_frames) {
  c10::InferenceMode guard;
  StreamMemory memory;
  memory.chunk_frames = std::max<int64_t>(1, rate_hz / 100);
  MeasuredStream stream(network.timing(), in, std::move(state));
  auto push = [&](int64_t frames) {
    stream.push(frames);
    memory.settled_bytes = std::max(memory.settled_bytes, stream.held_bytes());
  };
  const int64_t kept_frames = std::max<int64_t>(0, network.guards().kept_frames());
  int64_t fill = std::min(
      kMaxFillFrames, 2 * network.timing().receptive_field_frames() + kept_frames + rate_hz / 10);
  if (max_frames > 0) fill = std::min(fill, max_frames - kMostSingleFrames - memory.chunk_frames);
  for (; memory.chunks_frames < fill; memory.chunks_frames += memory.chunk_frames)
    push(memory.chunk_frames);
  memory.bytes = std::exchange(memory.settled_bytes, stream.held_bytes());
  const int64_t singles = single_frames(network, max_frames);
  for (; memory.single_frames < singles; ++memory.single_frames) push(1);
  memory.bytes = std::max(memory.bytes, memory.settled_bytes);
  return memory;
}

// Native kernels do not run if possible: they allocate nothing, and a large model would take
// minutes. An operator of libtorch may raise an exception for what they leave.
StreamMemory memory_of(const graph::PlannedNetwork& network, const Format& in, int64_t rate_hz,
                       int64_t max_frames) {
  try {
    return measured_memory(network, network.start_without_kernels(), in, rate_hz, max_frames);
  } catch (const std::exception&) {
    return measured_memory(network, network.start(), in, rate_hz, max_frames);
  }
}

}  // namespace

std::vector<Process> processes_of(const Network& network, const Format& in) {
  std::vector<Process> processes;
  const auto visits = network.walk(in);
  const auto timings = node_timings(network);
  const auto* planned = dynamic_cast<const graph::PlannedNetwork*>(&network);
  const native::Program* program = planned ? planned->program() : nullptr;
  for (size_t n = 0; n < network.nodes().size(); ++n) {
    const auto& [layer, inputs, label] = network.nodes()[n];
    const Timing& timing = timings[n];
    Process process;
    process.description = layer->describe();
    process.is_native = program && !program->is_fallback(static_cast<int>(n));
    process.inputs = inputs;
    process.rate = timing.rate();
    process.receptive_field_frames = timing.receptive_field_frames();
    process.look_ahead_frames = timing.look_ahead_frames();
    process.multiply_adds_per_frame =
        process.rate * Rational(layer->multiply_adds_per_frame(visits[n].in));
    process.operation = label.operator_name;
    process.module_path = label.module_path;
    process.source = label.source_line;
    processes.push_back(std::move(process));
  }
  return processes;
}

std::optional<int64_t> first_frames(const std::function<bool(int64_t frames)>& holds) {
  constexpr int64_t kMaxFrames = int64_t{1} << 26;
  int64_t high = 1;
  while (!holds(high))
    if ((high *= 2) > kMaxFrames) return std::nullopt;
  return first_where(high / 2, high, holds);
}

Report make_report(const graph::ScriptModel& model, const std::shared_ptr<const Network>& network,
                   const LoadOptions& options, int64_t rate_hz) {
  c10::InferenceMode guard;
  const Format in{model.dtype(), model.device(), {options.channels}};
  const auto& planned = dynamic_cast<const graph::PlannedNetwork&>(*network);
  const Timing& timing = network->timing();
  Report report;
  report.rate_hz = rate_hz;
  report.dtype = in.dtype;
  report.device = in.device.str();
  report.layout = graph::name_of(planned.call().layout);
  report.remarks = model.remarks();
  report.warnings = model.settings().warnings;
  report.settings = model.settings().json;
  report.channels_in = options.channels;
  report.channels_out = network->accept({in}).channels();
  report.rate = timing.rate();
  report.receptive_field_frames = timing.receptive_field_frames();
  report.look_ahead_frames = timing.look_ahead_frames();
  report.first_output_frames =
      first_frames([&](int64_t frames) { return timing.frames_out(frames, false) > 0; });
  report.parameters = model.parameters();
  report.memory = memory_of(planned, in, rate_hz, options.max_memory_frames);
  report.processes = processes_of(*network, in);
  for (const Process& process : report.processes)
    report.multiply_adds_per_frame =
        report.multiply_adds_per_frame + process.multiply_adds_per_frame;
  report.proof = planned.proof();
  report.guards = guards_of(*network);
  return report;
}

}  // namespace torchstreamer::tools
