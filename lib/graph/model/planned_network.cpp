#include "graph/model/planned_network.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/zeros.h>
#include <c10/core/InferenceMode.h>
#include <c10/util/StringUtil.h>

#include <algorithm>
#include <set>

#include "frames/queue.h"
#include "native/program/joint_push.h"
#include "support/exceptions.h"
#include "torchstreamer/error.h"

namespace torchstreamer::graph {
namespace {

// Maximum number of frames of silence after a signal for Tail::kPad.
constexpr int64_t kMostPaddedFrames = 1 << 16;

bool ends_with_model(Tail tail) { return tail == Tail::kAuto || tail == Tail::kShort; }

// Returns the total number of output frames of a signal for which the plan does not hold. None if
// the plan holds, and if the end of the signal is an error.
Timing::TotalRule total_rule(const std::vector<Network::Node>& nodes,
                             std::shared_ptr<const Guards> guards, Tail tail) {
  if (ends_with_model(tail))
    return [guards](int64_t frames) { return guards->offline_frames(frames); };
  return [guards, tail, timing = Network::timing_of(nodes)](int64_t frames) {
    std::optional<int64_t> total;
    if (!guards->violation(frames)) return total;
    total = timing.frames_out(frames, /*final=*/false);
    const auto padded = frames > 0 && tail == Tail::kPad
                            ? guards->length_that_holds(frames, kMostPaddedFrames)
                            : std::nullopt;
    if (padded)
      total = std::max(*total, timing.frames_out(*padded, /*final=*/true) -
                                   (Rational(*padded - frames) * timing.rate()).floor());
    return total;
  };
}

// Runs the network. Keeps the signal while it is short enough for an offline run.
class GuardedState : public State {
 public:
  // `timing`: that of the network.
  GuardedState(std::unique_ptr<State> network, const Timing& timing, const Guards& guards,
               Tail tail)
      : network_(std::move(network)),
        timing_(timing),
        guards_(guards),
        tail_(tail),
        is_kept_(ends_with_model(tail) && guards.kept_frames() >= 0) {}

  Tensor push(const Tensors& in, const Step& step) override {
    require_length(step);
    if (is_kept_ && step.in.total > guards_.kept_frames()) drop_signal();
    if (is_kept_) in_.append(in[0]);
    if (step.final && guards_.violation(step.in.total)) return end_of_other_length(in, step);
    const Tensor y = network_->push(in, step);
    if (is_kept_) out_.append(y);
    return y;
  }

  void push_frames(const float* in, int64_t frames, int64_t channels, const Step& step,
                   float* out) override {
    if (is_kept_ || step.final) return State::push_frames(in, frames, channels, step, out);
    require_length(step);
    network_->push_frames(in, frames, channels, step, out);
  }

  // Returns true if the network computes the push; otherwise it must run alone.
  bool is_of_network(const Step& step) const {
    return !step.final || !guards_.violation(step.in.total);
  }

  // The parts of a push before and after that of the network, which begin_push() returns.
  Push begin_push(const Push& push) {
    require_length(push.step);
    if (is_kept_ && push.step.in.total > guards_.kept_frames()) drop_signal();
    if (is_kept_) in_.append(copy_of(push.in, push.frames, push.channels));
    Push inner = push;
    inner.state = network_.get();
    return inner;
  }
  void end_push(const Push& push, int64_t channels_out) {
    if (is_kept_) out_.append(copy_of(push.out, push.step.frames, channels_out));
  }

  int64_t held_bytes() const override {
    return network_->held_bytes() + in_.held_bytes() + out_.held_bytes();
  }
  int64_t recoveries() const override { return network_->recoveries(); }

 private:
  static Tensor copy_of(const float* at, int64_t frames, int64_t channels) {
    if (frames == 0) return {};
    return at::from_blob(const_cast<float*>(at), {frames, channels}, at::kFloat).clone();
  }

  // A signal that is too long for the model fails as soon as it is, not at its end.
  void require_length(const Step& step) const {
    if (step.in.total > guards_.most_frames())
      throw Error(guards_.describe_violation("the model does not take", step.in.total));
  }

  Tensor end_of_other_length(const Tensors& in, const Step& step) {
    if (ends_with_model(tail_)) return remaining_output(in[0], step);
    if (tail_ == Tail::kPad && step.in.total > 0) return padded_output(in[0], step);
    Step certain = step;
    certain.final = false;
    return network_->push(in, certain);
  }

  Tensor padded_output(const Tensor& last, const Step& step) {
    const auto frames = guards_.length_that_holds(step.in.total, kMostPaddedFrames);
    if (!frames) throw Error(guards_.describe_violation(kNotExact, step.in.total));
    const Format& format = guards_.in();
    const auto silence = at::zeros({*frames - step.in.total, format.channels()}, format.options());
    Step padded = step;
    padded.in = {*frames, *frames, *frames};
    padded.frames = timing_.frames_out(*frames, /*final=*/true) - step.first;
    return network_->push({last.defined() ? at::cat({last, silence}) : silence}, padded)
        .slice(0, 0, step.frames);
  }

  void drop_signal() {
    is_kept_ = false;
    in_ = out_ = TensorQueue();
  }

  Tensor remaining_output(const Tensor& last, const Step& step) const {
    const int64_t frames = step.in.total;
    if (frames == 0 && step.frames == 0) return {};
    if (!is_kept_) throw Error(guards_.describe_violation(kNotExact, frames));
    Tensor y;
    try {
      y = guards_.offline()((frames ? in_.view(frames) : last).t().contiguous()).t();
    } catch (const std::exception& e) {
      throw Error(
          c10::str(guards_.describe_violation("the model fails for", frames), ": ", reason_of(e)));
    }
    if (!agrees(y))
      throw Error(
          guards_.describe_violation("output already pushed contradicts the model for", frames));
    return y.slice(0, out_.frames());
  }

  bool agrees(const Tensor& y) const {
    if (out_.frames() == 0) return true;
    const Tensor left = out_.view(out_.frames());
    return is_close(left, y.slice(0, 0, out_.frames()), y.is_cpu() ? 1e-6 : 1e-5);
  }

  static constexpr char kNotExact[] = "the stream would differ from the model for";

  std::unique_ptr<State> network_;
  const Timing& timing_;
  const Guards& guards_;
  const Tail tail_;
  bool is_kept_;
  TensorQueue in_, out_;
};

}  // namespace

PlannedNetwork::PlannedNetwork(std::vector<Node> nodes, std::shared_ptr<const Guards> guards,
                               ForwardCall call, Execution execution)
    : PlannedNetwork(std::move(nodes), std::move(guards), call, execution, Tail::kAuto) {}

PlannedNetwork::PlannedNetwork(std::vector<Node> nodes, std::shared_ptr<const Guards> guards,
                               ForwardCall call, Execution execution, Tail tail)
    : Network(nodes, total_rule(nodes, guards, tail)),
      guards_(std::move(guards)),
      call_(call),
      execution_(execution),
      tail_(tail) {}

std::shared_ptr<PlannedNetwork> PlannedNetwork::with_tail(std::shared_ptr<PlannedNetwork> network,
                                                          Tail tail) {
  if (ends_with_model(tail)) return network;
  std::shared_ptr<PlannedNetwork> other(new PlannedNetwork(
      network->nodes(), network->guards_, network->call_, network->execution_, tail));
  other->set_proof(network->proof());
  return other;
}

const native::Program* PlannedNetwork::program() const {
  const Format& in = guards_->in();
  if (execution_ == Execution::kReference || in.dtype != at::kFloat || !in.device.is_cpu())
    return nullptr;
  std::call_once(compiled_, [&] {
    c10::InferenceMode inference;
    if (accept({in}).dtype != at::kFloat) return;
    try {
      program_ = std::make_unique<native::Program>(nodes(), in);
    } catch (...) {
      rethrow_as_error("its network cannot be compiled; the reference execution may run it");
    }
  });
  return program_.get();
}

std::unique_ptr<State> PlannedNetwork::start() const { return started(native::Work::kAll); }

std::unique_ptr<State> PlannedNetwork::start_without_kernels() const {
  return started(native::Work::kFallbacks);
}

std::unique_ptr<State> PlannedNetwork::started(native::Work work) const {
  const native::Program* compiled = program();
  auto network = compiled ? compiled->start(work) : Network::start();
  if (!is_guarded()) return network;
  return std::make_unique<GuardedState>(std::move(network), timing(), *guards_, tail_);
}

bool PlannedNetwork::gains_together() const {
  const native::Program* compiled = program();
  return compiled && compiled->gains_together();
}

// Others wait at most for this number of blocks.
int64_t PlannedNetwork::most_frames_together() const {
  constexpr int64_t kMostBlocks = 4;
  const native::Program* compiled = program();
  return compiled ? kMostBlocks * compiled->block_frames() : 0;
}

namespace {

// Pushes of guarded states that run together.
class GuardedPushes {
 public:
  explicit GuardedPushes(const native::Program& program) : program_(program) {}

  void run(Push* const* pushes, int count) {
    c10::InferenceMode guard;
    for (int p = 0; p < count; ++p) begin(*pushes[p]);
    native::push_together(program_, joint_, count_);
    for (int p = 0; p < count_; ++p) end(*outer_[p], inner_[p]);
  }

 private:
  static GuardedState& state(const Push& push) { return static_cast<GuardedState&>(*push.state); }

  void begin(Push& push) try {
    if (!state(push).is_of_network(push.step))
      return state(push).push_frames(push.in, push.frames, push.channels, push.step, push.out);
    inner_[count_] = state(push).begin_push(push);
    joint_[count_] = &inner_[count_];
    outer_[count_++] = &push;
  } catch (...) {
    push.error = std::current_exception();
  }

  void end(Push& push, const Push& inner) try {
    push.error = inner.error;
    if (!push.error) state(push).end_push(push, program_.output().samples);
  } catch (...) {
    push.error = std::current_exception();
  }

  const native::Program& program_;
  Push inner_[native::kMostTogether];
  Push* joint_[native::kMostTogether];
  Push* outer_[native::kMostTogether];
  int count_ = 0;
};

}  // namespace

void PlannedNetwork::push_together(Push* const* pushes, int count) const {
  const native::Program* compiled = program();
  if (!compiled) return Network::push_together(pushes, count);
  for (int at = 0, some; at < count; at += some) {
    some = std::min(count - at, native::kMostTogether);
    if (is_guarded())
      GuardedPushes(*compiled).run(pushes + at, some);
    else
      native::push_together(*compiled, pushes + at, some);
  }
}

int64_t PlannedNetwork::packed_bytes() const {
  const native::Program* compiled = program();
  return compiled ? compiled->weights_bytes() : 0;
}

std::string PlannedNetwork::describe() const {
  std::string text = Network::describe();
  if (!proof_.empty()) text += "\nproof: " + proof_;
  std::set<std::string> listed;
  for (const Guard& guard : guards_->all())
    if (listed.insert(guard.violation).second) text += "\nguard: " + guard.violation;
  return text;
}

}  // namespace torchstreamer::graph
