#include "graph/plan/planned_network.h"

#include <ATen/ops/zeros.h>
#include <c10/core/InferenceMode.h>
#include <c10/util/StringUtil.h>

#include <set>

#include "frames/queue.h"
#include "support/exceptions.h"
#include "torchstreamer/error.h"

namespace torchstreamer::graph {
namespace {

// How far from a length that does not work others are looked for.
constexpr int64_t kNearFrames = 4096;

// An operator that fails for this length fails offline, too.
bool holds(const Guard& guard, int64_t source_frames) {
  try {
    return guard.holds(source_frames);
  } catch (const std::exception&) {
    return false;
  }
}

}  // namespace

Guards::Guards(std::shared_ptr<const void> owner, std::vector<Guard> guards, OfflineRule offline,
               Format in, int64_t least_frames)
    : owner_(std::move(owner)),
      guards_(std::move(guards)),
      offline_(std::move(offline)),
      in_(std::move(in)),
      least_frames_(least_frames) {}

int64_t Guards::kept_frames() const {
  if (!offline_) return -1;
  return guards_.empty() ? least_frames_ - 1 : kKeptFrames;
}

const std::string* Guards::violation(int64_t source_frames) const {
  static const std::string too_short = "it is too short for a frame of output";
  if (offline_ && source_frames < least_frames_) return &too_short;
  if (source_frames == 0) return nullptr;
  c10::InferenceMode inference;  // as the values that the guards compute with were made
  const std::lock_guard<std::mutex> lock(mutex_);
  for (const Guard& guard : guards_)
    if (!holds(guard, source_frames)) return &guard.violation;
  return nullptr;
}

std::optional<int64_t> Guards::offline_frames(int64_t source_frames) const {
  if (source_frames > kept_frames() || !violation(source_frames)) return std::nullopt;
  c10::InferenceMode guard;
  const std::lock_guard<std::mutex> lock(offline_mutex_);
  if (offline_length_ == source_frames) return offline_total_;
  offline_length_ = source_frames;
  offline_total_ = source_frames == 0 ? std::optional<int64_t>(0) : std::nullopt;
  try {
    const auto silence =
        at::zeros({in_.channels(), source_frames}, at::TensorOptions(in_.dtype).device(in_.device));
    offline_total_ = offline_(silence).size(-1);
  } catch (const std::exception&) {  // the model refuses the signal, too
  }
  return offline_total_;
}

std::string Guards::describe_violation(int64_t source_frames) const {
  const std::string* what = violation(source_frames);
  std::string text = c10::str("a signal of ", source_frames, " frames: ", what ? *what : "");
  auto nearest = [&](int64_t direction) -> int64_t {
    for (int64_t n = source_frames + direction; n > 0 && std::abs(n - source_frames) <= kNearFrames;
         n += direction)
      if (!violation(n)) return n;
    return 0;
  };
  const int64_t shorter = nearest(-1), longer = nearest(1);
  if (shorter || longer)
    text += c10::str("; ", shorter ? std::to_string(shorter) : "", shorter && longer ? " or " : "",
                     longer ? std::to_string(longer) : "", " frames would work");
  return text;
}

namespace {

// Runs the network, and keeps the signal as long as it is short enough for the model to be run on
// it.
class Running : public State {
 public:
  Running(std::unique_ptr<State> network, const Guards& guards)
      : network_(std::move(network)), guards_(guards), is_kept_(guards.kept_frames() >= 0) {}

  Tensor push(const Tensors& in, const Step& step) override {
    if (is_kept_ && step.in.total > guards_.kept_frames()) forget();
    if (is_kept_) in_.append(in[0]);
    if (step.final && guards_.violation(step.in.total)) return owed(in[0], step);
    const Tensor y = network_->push(in, step);
    if (is_kept_) out_.append(y);
    return y;
  }

  void push_frames(const float* in, int64_t frames, int64_t channels, const Step& step,
                   float* out) override {
    if (is_kept_ || step.final) return State::push_frames(in, frames, channels, step, out);
    network_->push_frames(in, frames, channels, step, out);
  }

  int64_t held_bytes() const override {
    return network_->held_bytes() + in_.held_bytes() + out_.held_bytes();
  }
  int64_t recoveries() const override { return network_->recoveries(); }

 private:
  void forget() {
    is_kept_ = false;
    in_ = out_ = TensorQueue();
  }

  Tensor owed(const Tensor& last, const Step& step) const {
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
      throw Error(c10::str("what has left is not what the model makes of ",
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
                               Execution execution)
    : Network(std::move(nodes), [guards](int64_t n) { return guards->offline_frames(n); }),
      guards_(std::move(guards)),
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
  return std::make_unique<Running>(std::move(network), *guards_);
}

int64_t PlannedNetwork::packed_bytes() const {
  const native::Program* compiled = program();
  return compiled ? compiled->weights_bytes() : 0;
}

std::string PlannedNetwork::describe() const {
  std::string text = Network::describe();
  std::set<std::string> told;
  for (const Guard& guard : guards_->all())
    if (told.insert(guard.violation).second) text += "\nguard: " + guard.violation;
  return text;
}

}  // namespace torchstreamer::graph
