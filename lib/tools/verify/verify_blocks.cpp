// The plain loop. It shares the form of a call and of a reset with the engine, but not the queue,
// the batches, the graph that runs, nor the choice of the attributes that are copied.
#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/constant_pad_nd.h>
#include <ATen/ops/empty.h>
#include <c10/core/InferenceMode.h>
#include <c10/util/StringUtil.h>
#include <torch/csrc/jit/api/function_impl.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <optional>

#include "graph/script/module_copy.h"
#include "support/exceptions.h"
#include "tools/report/block_report.h"
#include "tools/verify/random_signals.h"
#include "torchstreamer/error.h"

namespace torchstreamer::tools {
namespace {

// Limit of the frames of all signals together, except for the first one.
constexpr int64_t kMostFrames = 1 << 20;
// Allowed difference relative to the peak if several windows go into one call, because a product
// may round a row differently then.
constexpr double kBatchTolerance = 1e-6;

// Calls the method as the code of a user does: on a copy of the whole module.
class UserLoop {
 public:
  UserLoop(const blocks::BlockPlan& plan, int64_t rate_hz)
      : plan_(plan), arguments_(plan.method()->arguments(plan.method()->inputs(), rate_hz)) {}

  // `x`: [T, C]. Returns the output, [T', C'].
  Tensor operator()(const Tensor& x) const {
    torch::jit::Module module = own_module();
    reset(module);
    const blocks::Windows& w = plan_.windows();
    std::vector<c10::IValue> arguments;
    for (size_t i = 1; i < arguments_.size(); ++i) arguments.push_back(own_copy(arguments_[i]));
    Tensors parts;
    int64_t start = 0, end = 0;
    for (; start + w.window_frames <= x.size(0); start += w.hop_frames) {
      end = start + w.window_frames;
      parts.push_back(call(module, arguments, x.slice(0, start, end)));
    }
    if (end < x.size(0) && w.tail != Tail::kDrop)
      parts.push_back(last_call(module, arguments, x.slice(0, start), x.size(0) - end));
    return parts.empty() ? at::empty({0, plan_.form().channels_out}) : at::cat(parts, 0);
  }

 private:
  static c10::IValue own_copy(const c10::IValue& value) {
    return graph::copied(value, [](const Tensor& tensor) { return tensor.clone(); });
  }

  torch::jit::Module own_module() const {
    return torch::jit::Module(own_copy(plan_.method()->model().module()._ivalue()).toObject());
  }

  // Python converts lists and dictionaries to new ones for each call, with the same tensors.
  static std::vector<c10::IValue> converted(std::vector<c10::IValue> arguments) {
    for (c10::IValue& argument : arguments)
      if (argument.isList() || argument.isGenericDict())
        argument = graph::copied(argument, [](const Tensor& tensor) { return tensor; });
    return arguments;
  }

  static void reset(const torch::jit::Module& module) {
    blocks::ResetCall call = blocks::reset_call(module);
    if (call.method.empty()) return;
    call.arguments.erase(call.arguments.begin());
    module.get_method(call.method)(call.arguments);
  }

  // `new_frames`: those that are in no complete window.
  Tensor last_call(torch::jit::Module& module, std::vector<c10::IValue>& arguments,
                   const Tensor& rest, int64_t new_frames) const {
    const blocks::Windows& w = plan_.windows();
    if (w.tail == Tail::kShort) return call(module, arguments, rest);
    const int64_t missing_frames = w.window_frames - rest.size(0);
    const Tensor y = call(module, arguments, at::constant_pad_nd(rest, {0, 0, 0, missing_frames}));
    const int64_t fresh_frames = std::min(new_frames, w.hop_frames);
    return y.slice(0, 0, (fresh_frames * y.size(0) + w.hop_frames - 1) / w.hop_frames);
  }

  Tensor call(torch::jit::Module& module, std::vector<c10::IValue>& arguments,
              const Tensor& window) const {
    const blocks::BlockMethod& method = *plan_.method();
    const auto& model = method.model();
    const Tensor x = window.unsqueeze(0).to(model.device(), model.dtype());
    arguments[method.signal_argument() - 1] = blocks::as_argument(x, plan_.form().layout);
    const c10::IValue returned = method.name() == "forward"
                                     ? module(converted(arguments))
                                     : module.get_method(method.name())(converted(arguments));
    for (const blocks::ReturnedState& state : method.returned_states())
      arguments[state.argument - 1] = state.value_in(returned);
    // A copy, because the model may write to its output in the next call.
    return blocks::output_frames(returned, plan_.form(), /*is_batch=*/false)[0].to(
        at::kCPU, at::kFloat, /*non_blocking=*/false, /*copy=*/true);
  }

  const blocks::BlockPlan& plan_;
  std::vector<c10::IValue> arguments_;
};

// Returns the output of one engine for the signal `x`, [T, C], in these pushes.
Tensor streamed(Engine& engine, const Tensor& x, const std::vector<int64_t>& chunks,
                int64_t channels_out) {
  Tensors parts = {at::empty({0, channels_out})};
  int64_t at_frame = 0;
  for (size_t i = 0; i < chunks.size(); ++i) {
    const bool final = i + 1 == chunks.size();
    parts.push_back(at::empty({engine.frames_due(chunks[i], final), channels_out}));
    const void* const in = x.slice(0, at_frame).data_ptr();
    void* const out = parts.back().data_ptr();
    engine.push(&in, chunks[i], final, &out);
    at_frame += chunks[i];
  }
  return at::cat(parts, 0);
}

// Returns the largest difference relative to the peak of the finite values. A NaN equals a NaN.
double relative_error(const Tensor& y, const Tensor& expected) {
  if (y.allclose(expected, /*rtol=*/0, /*atol=*/0, /*equal_nan=*/true)) return 0;
  const Tensor is_same = y.eq(expected).logical_or_(y.isnan().logical_and_(expected.isnan()));
  const double peak =
      expected.abs().masked_fill(expected.isfinite().logical_not(), 0).max().item<double>();
  const double difference = (y - expected).abs().masked_fill(is_same, 0).max().item<double>();
  return std::isnan(difference) ? HUGE_VAL : difference / std::max(peak, 1e-30);
}

// Returns the reason for which `run` fails; none if it does not. Throws if memory is missing.
std::optional<std::string> failure_of(const std::function<void()>& run) {
  try {
    run();
    return std::nullopt;
  } catch (const std::exception& e) {
    return reason_of(e);
  }
}

// Compares all cuts of one signal.
class BlockComparison {
 public:
  BlockComparison(const blocks::BlockModel& model, int64_t rate_hz, uint32_t seed)
      : plan_(model.first_plan()),
        loop_(plan_, rate_hz),
        engine_(model.start(static_cast<int>(plan_.form().channels_in), rate_hz)),
        random_(seed) {
    certificate_.seed = seed;
    certificate_.tolerance = plan_.batches().most_rows() > 1 ? kBatchTolerance : 0;
  }

  // A signal that the loop rejects is not compared. An exception of the engine is a failure.
  void compare(int64_t frames) {
    const std::string name = c10::str("a signal of ", frames, " frames: ");
    const Tensor x = next_signal(frames);
    Tensor expected;
    if (const auto reason = failure_of([&] { expected = loop_(x); })) {
      if (++certificate_.rejected == 1) certificate_.rejection = name + *reason;
    } else if (const auto failure = failure_of([&] { compare_cuts(x, expected); })) {
      ++certificate_.cases;
      add_failure(name + *failure);
    } else {
      add_compared(frames);
    }
  }

  RandomSignals& random() { return random_; }
  const BlockCertificate& certificate() const { return certificate_; }

 private:
  // Returns noise, every second time with passages of different levels, [T, C].
  Tensor next_signal(int64_t frames) {
    const Format format{at::kFloat, at::kCPU, {plan_.form().channels_in}};
    const Tensor noise =
        has_passages_ ? random_.passages(format, frames) : random_.signal(format, frames);
    has_passages_ = !has_passages_;
    return noise.mul(0.25).clamp(-1, 1).t().contiguous();
  }

  void compare_cuts(const Tensor& x, const Tensor& expected) {
    Tensor first;
    bool is_identical = true;
    for (const auto way : RandomSignals::kCuts) {
      const Tensor y =
          streamed(*engine_, x, random_.cut(x.size(0), way), plan_.form().channels_out);
      if (!first.defined()) first = y;
      is_identical &= y.sizes() == first.sizes() &&
                      y.allclose(first, /*rtol=*/0, /*atol=*/0, /*equal_nan=*/true);
      check(y, expected, x.size(0));
    }
    certificate_.identical += is_identical;
  }

  void add_compared(int64_t frames) {
    BlockCertificate& c = certificate_;
    c.shortest_frames = c.signals == 0 ? frames : std::min(c.shortest_frames, frames);
    c.longest_frames = std::max(c.longest_frames, frames);
    ++c.signals;
  }

  void check(const Tensor& y, const Tensor& expected, int64_t frames) {
    ++certificate_.cases;
    const bool has_length = y.sizes() == expected.sizes();
    const double error = has_length ? relative_error(y, expected) : 0;
    certificate_.worst_error = std::max(certificate_.worst_error, error);
    if (has_length && error <= certificate_.tolerance) return;
    add_failure(has_length
                    ? c10::str("a signal of ", frames, " frames differs by ", error, " of the peak")
                    : c10::str("a signal of ", frames, " frames gives ", y.size(0),
                               " frames, the loop gives ", expected.size(0)));
  }

  void add_failure(const std::string& text) {
    if (++certificate_.failures == 1) certificate_.failure = text;
  }

  const blocks::BlockPlan& plan_;
  UserLoop loop_;
  std::unique_ptr<Engine> engine_;
  RandomSignals random_;
  bool has_passages_ = false;
  BlockCertificate certificate_;
};

}  // namespace

BlockCertificate verify_blocks(const blocks::BlockModel& model, int64_t rate_hz, uint32_t seed) {
  c10::InferenceMode guard;
  torch::jit::GraphOptimizerEnabledGuard no_profiling(false);
  const int64_t window = model.window_frames(), hop = model.hop_frames();
  BlockComparison comparison(model, rate_hz, seed);
  int64_t total_frames = 0;
  for (const int64_t frames :
       {window + 2 * hop, int64_t{1}, window, window - 1, 2 * window + 3 * hop,
        comparison.random().between(1, window + 8 * hop), window + 32 * hop + hop / 2}) {
    if (frames < 1 || (total_frames > 0 && total_frames + frames > kMostFrames)) continue;
    total_frames += frames;
    comparison.compare(frames);
  }
  return comparison.certificate();
}

}  // namespace torchstreamer::tools
