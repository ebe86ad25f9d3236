#include "graph/model/planned_network.h"

#include <c10/core/InferenceMode.h>
#include <c10/util/StringUtil.h>

#include <set>

#include "frames/queue.h"
#include "support/exceptions.h"
#include "torchstreamer/error.h"

namespace torchstreamer::graph {
namespace {

// Runs the network and keeps the signal while it is short enough for an offline run.
class GuardedState : public State {
 public:
  GuardedState(std::unique_ptr<State> network, const Guards& guards)
      : network_(std::move(network)), guards_(guards), is_kept_(guards.kept_frames() >= 0) {}

  Tensor push(const Tensors& in, const Step& step) override {
    require_length(step);
    if (is_kept_ && step.in.total > guards_.kept_frames()) drop_signal();
    if (is_kept_) in_.append(in[0]);
    if (step.final && guards_.violation(step.in.total)) return remaining_output(in[0], step);
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

  int64_t held_bytes() const override {
    return network_->held_bytes() + in_.held_bytes() + out_.held_bytes();
  }
  int64_t recoveries() const override { return network_->recoveries(); }

 private:
  // A signal that is too long for the model fails as soon as it is, not at its end.
  void require_length(const Step& step) const {
    if (step.in.total > guards_.most_frames())
      throw Error(guards_.describe_violation(step.in.total));
  }

  void drop_signal() {
    is_kept_ = false;
    in_ = out_ = TensorQueue();
  }

  Tensor remaining_output(const Tensor& last, const Step& step) const {
    const int64_t frames = step.in.total;
    if (frames == 0 && step.frames == 0) return {};
    if (!is_kept_) throw Error(guards_.describe_violation(frames));
    Tensor y;
    try {
      y = guards_.offline()((frames ? in_.view(frames) : last).t().contiguous()).t();
    } catch (const std::exception& e) {
      throw Error(
          c10::str("the model fails for ", guards_.describe_violation(frames), ": ", reason_of(e)));
    }
    if (!agrees(y))
      throw Error(c10::str("output already pushed contradicts the model for ",
                           guards_.describe_violation(frames)));
    return y.slice(0, out_.frames());
  }

  bool agrees(const Tensor& y) const {
    if (out_.frames() == 0) return true;
    const Tensor left = out_.view(out_.frames());
    return is_close(left, y.slice(0, 0, out_.frames()), y.is_cpu() ? 1e-6 : 1e-5);
  }

  std::unique_ptr<State> network_;
  const Guards& guards_;
  bool is_kept_;
  TensorQueue in_, out_;
};

}  // namespace

PlannedNetwork::PlannedNetwork(std::vector<Node> nodes, std::shared_ptr<const Guards> guards,
                               ForwardCall call, Execution execution)
    : Network(std::move(nodes), [guards](int64_t n) { return guards->offline_frames(n); }),
      guards_(std::move(guards)),
      call_(call),
      execution_(execution) {}

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

std::unique_ptr<State> PlannedNetwork::start_network() const {
  const native::Program* compiled = program();
  return compiled ? compiled->start() : Network::start();
}

std::unique_ptr<State> PlannedNetwork::start() const {
  auto network = start_network();
  if (guards_->all().empty() && !guards_->offline()) return network;
  return std::make_unique<GuardedState>(std::move(network), *guards_);
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
