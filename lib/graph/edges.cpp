#include "graph/edges.h"

#include <c10/util/StringUtil.h>

#include <mutex>

#include "error.h"

namespace torchstreamer::graph {
namespace {

// Gives the signal, `[frames, C]`, the shape that forward() takes.
class InputLayer : public Layer {
 public:
  InputLayer(Format taken, std::vector<int64_t> frame)
      : Layer(Timing::pointwise()), taken_(std::move(taken)), frame_(std::move(frame)) {}

  Format accept(const std::vector<Format>& in) const override {
    if (!(in[0] == taken_))
      throw Error(c10::str("the model takes ", taken_.channels(), " channels of ", taken_.dtype,
                           " on ", taken_.device, ", not ", in[0].channels(), " of ", in[0].dtype,
                           " on ", in[0].device));
    return {taken_.dtype, taken_.device, frame_};
  }
  std::unique_ptr<State> start() const override { return std::make_unique<Running>(frame_); }
  std::string describe() const override { return "input"; }

 private:
  class Running : public State {
   public:
    explicit Running(const std::vector<int64_t>& frame) : shape_(frame) {
      shape_.insert(shape_.begin(), -1);
    }
    Tensor push(const Tensors& in, const Step& step) override {
      if (step.frames == 0) return {};
      shape_[0] = step.frames;
      return in[0].reshape(shape_);
    }

   private:
    std::vector<int64_t> shape_;
  };

  Format taken_;
  std::vector<int64_t> frame_;
};

// An operator that fails for this length fails offline, too.
bool holds(const Guard& guard, int64_t source_frames) {
  try {
    return guard(source_frames);
  } catch (const std::exception&) {
    return false;
  }
}

// Passes the output on and checks at the end of the signal that what was decided while planning
// holds for its length.
class GuardLayer : public Layer {
 public:
  GuardLayer(std::shared_ptr<const void> owner, std::vector<Guard> guards)
      : Layer(Timing::pointwise()), owner_(std::move(owner)), guards_(std::move(guards)) {}

  Format accept(const std::vector<Format>& in) const override { return in[0]; }
  std::unique_ptr<State> start() const override { return std::make_unique<Running>(*this); }
  std::string describe() const override { return c10::str("Guard(", guards_.size(), ")"); }

 private:
  class Running : public State {
   public:
    explicit Running(const GuardLayer& layer) : layer_(layer) {}
    Tensor push(const Tensors& in, const Step& step) override {
      if (step.final) layer_.check(step.in.source);
      return in[0];
    }

   private:
    const GuardLayer& layer_;
  };

  void check(int64_t source_frames) const {
    const std::lock_guard<std::mutex> lock(mutex_);
    for (const Guard& guard : guards_)
      if (source_frames > 0 && !holds(guard, source_frames))
        throw Error(c10::str("the model treats a signal of ", source_frames,
                             " frames in another way than the longer ones it was planned for"));
  }

  std::shared_ptr<const void> owner_;
  mutable std::mutex mutex_;  // symbols remember what they computed
  std::vector<Guard> guards_;
};

}  // namespace

LayerPtr input_layer(Format taken, std::vector<int64_t> frame) {
  return std::make_shared<InputLayer>(std::move(taken), std::move(frame));
}

LayerPtr guard_layer(std::shared_ptr<const void> owner, std::vector<Guard> guards) {
  return std::make_shared<GuardLayer>(std::move(owner), std::move(guards));
}

}  // namespace torchstreamer::graph
