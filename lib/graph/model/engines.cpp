#include "graph/model/engines.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>

#include "engine/engine_group.h"
#include "graph/model/planned_network.h"
#include "torchstreamer/stream.h"

namespace torchstreamer::graph {
namespace {

// Passes interleaved frames to the network without conversion.
class DirectEngine : public Engine {
 public:
  DirectEngine(LayerPtr network, int64_t channels)
      : network_(std::move(network)), channels_(channels), state_(network_->start()) {}

  const Timing& timing() const override { return network_->timing(); }
  int64_t held_bytes() const override { return state_ ? state_->held_bytes() : 0; }
  int64_t recoveries() const override {
    return recoveries_before_ + (state_ ? state_->recoveries() : 0);
  }

 protected:
  virtual void run(const Push& push) {
    push.state->push_frames(push.in, push.frames, push.channels, push.step, push.out);
  }
  // The first push of the next signal creates its state, so that the end of a signal cannot fail.
  void clear() override {
    recoveries_before_ = recoveries();
    state_.reset();
  }

  LayerPtr network_;

 private:
  void process(const void* const* in, int64_t frames, bool final, void* const* out) override {
    if (!state_) state_ = network_->start();
    const int64_t total = frames_in() + frames;
    run({state_.get(),
         static_cast<const float*>(in ? in[0] : nullptr),
         frames,
         channels_,
         {final, frames_out(), frames_due(frames, final), {total, total, total}},
         static_cast<float*>(out ? out[0] : nullptr),
         nullptr});
  }

  int64_t channels_;
  std::unique_ptr<State> state_;   // created in advance for the first signal
  int64_t recoveries_before_ = 0;  // recoveries in earlier signals
};

// Runs pushes together with those of other engines of the network. Long pushes and the last one of
// a signal, which may need a run of the offline model, run alone: others would wait for them.
class GroupedEngine : public DirectEngine {
 public:
  GroupedEngine(std::shared_ptr<const PlannedNetwork> network, int64_t channels,
                std::shared_ptr<EngineGroup> group)
      : DirectEngine(network, channels),
        most_frames_(network->most_frames_together()),
        group_(std::move(group)),
        ticket_(*group_) {}

  int64_t wait_ns() const override { return group_->wait_ns(); }

 private:
  struct Ticket : EngineGroup::Ticket {
    using EngineGroup::Ticket::Ticket;
    Push push;
  };

  static void run_together(const void* network, EngineGroup::Ticket* const* tickets,
                           int count) noexcept {
    Push* pushes[EngineGroup::kMostTogether];
    for (int t = 0; t < count; ++t) pushes[t] = &static_cast<Ticket*>(tickets[t])->push;
    static_cast<const Layer*>(network)->push_together(pushes, count);
  }

  void run(const Push& push) override {
    if (push.step.final || push.frames > most_frames_) return DirectEngine::run(push);
    ticket_.push = push;
    group_->push(ticket_, network_.get(), run_together);
    if (ticket_.push.error) std::rethrow_exception(std::exchange(ticket_.push.error, nullptr));
  }

  void clear() override {
    ticket_.leave();
    DirectEngine::clear();
  }

  const int64_t most_frames_;
  std::shared_ptr<EngineGroup> group_;
  Ticket ticket_;
};

// Converts frames for a network of a different type or on a different device.
class ConvertingEngine : public Engine {
 public:
  ConvertingEngine(LayerPtr network, int64_t channels, at::TensorOptions runs_in)
      : stream_(std::move(network)), channels_(channels), runs_in_(runs_in) {}

  const Timing& timing() const override { return stream_.timing(); }
  int64_t held_bytes() const override { return stream_.held_bytes(); }
  int64_t recoveries() const override { return stream_.recoveries(); }

 private:
  void process(const void* const* in, int64_t frames, bool final, void* const* out) override {
    // Read only: the stream copies its input.
    auto* samples = static_cast<float*>(const_cast<void*>(in ? in[0] : nullptr));
    const Tensor x = frames > 0 ? at::from_blob(samples, {frames, channels_}, at::kFloat)
                                : at::empty({0, channels_}, at::kFloat);
    const auto y = stream_.forward(x.t().to(runs_in_), final);
    if (y) at::from_blob(out[0], {y->size(1), y->size(0)}, at::kFloat).copy_(y->t());
  }
  void clear() override { stream_.reset(); }

  LayerStream stream_;
  int64_t channels_;
  at::TensorOptions runs_in_;
};

}  // namespace

std::unique_ptr<Engine> make_engine(LayerPtr network, const Format& in,
                                    const std::shared_ptr<Group>& group) {
  const auto own_group = std::dynamic_pointer_cast<EngineGroup>(group);
  const auto planned = std::dynamic_pointer_cast<const PlannedNetwork>(network);
  if (own_group && planned && planned->gains_together())
    return std::make_unique<GroupedEngine>(planned, in.channels(), own_group);
  if (in.dtype == at::kFloat && in.device.is_cpu())
    return std::make_unique<DirectEngine>(std::move(network), in.channels());
  const auto runs_in = at::TensorOptions(in.dtype).device(in.device);
  return std::make_unique<ConvertingEngine>(std::move(network), in.channels(), runs_in);
}

}  // namespace torchstreamer::graph
