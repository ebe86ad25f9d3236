#include "streams/trim.h"

#include <algorithm>

#include "frames/queue.h"
#include "frames/window.h"

namespace torchstreamer {
namespace {

class Trim1dLayer : public Layer {
 public:
  explicit Trim1dLayer(TrimOptions options)
      : Layer(Timing::trim(options.start_frames, options.end_frames, options.limit_frames)),
        options_(std::move(options)) {}

  Format accept(const std::vector<Format>& in) const override { return in[0]; }
  bool may_be_empty() const override { return true; }
  std::unique_ptr<State> start() const override {
    return std::make_unique<TrimState>(options_.start_frames, options_.limit_frames);
  }
  // With a limit, the State does not keep frames after it. Trim cannot express that.
  Computation computation() const override {
    return options_.limit_frames == Timing::kEndless ? Computation(Trim{options_.start_frames})
                                                     : Computation();
  }
  std::string describe() const override { return "Trim(" + options_.description + ")"; }

 private:
  class TrimState : public State {
   public:
    TrimState(int64_t start, int64_t limit) : wanted_(limit) { queue_.drop(start); }

    Tensor push(const Tensors& in, const Step& step) override {
      if (wanted_ == 0) return {};
      queue_.append(in[0]);
      const Tensor y = queue_.take(step.frames);
      wanted_ -= step.frames;
      if (wanted_ == 0) queue_ = {};  // later frames are not kept
      return y;
    }

    int64_t held_bytes() const override { return queue_.held_bytes(); }

   private:
    TensorQueue queue_;
    int64_t wanted_;
  };

  const TrimOptions options_;
};

class Tail1dLayer : public Layer {
 public:
  Tail1dLayer(int64_t from_end, int64_t to_end)
      : Layer(Timing(
            {1}, 1,
            [=](const Count& in) {
              const int64_t total = std::min(in.total, from_end) - std::min(in.total, to_end);
              return Count{0, std::max<int64_t>(0, total), in.source};
            },
            // A frame is in the tail only if fewer than `from_end` frames follow, so it depends on
            // those frames.
            [=](Span out) {
              return Span{out.first, out.last + from_end};
            })),
        from_end_(from_end),
        to_end_(to_end) {}

  Format accept(const std::vector<Format>& in) const override { return in[0]; }
  bool may_be_empty() const override { return true; }
  std::unique_ptr<State> start() const override { return std::make_unique<TailState>(from_end_); }
  std::string describe() const override {
    return "Tail(" + std::to_string(from_end_) + ", " + std::to_string(to_end_) + ")";
  }

 private:
  class TailState : public State {
   public:
    explicit TailState(int64_t frames) : kept_frames_(frames) {}

    Tensor push(const Tensors& in, const Step& step) override {
      queue_.append(in[0]);
      if (queue_.frames() > kept_frames_) queue_.drop(queue_.frames() - kept_frames_);
      return queue_.take(step.frames);
    }
    int64_t held_bytes() const override { return queue_.held_bytes(); }

   private:
    TensorQueue queue_;
    int64_t kept_frames_;
  };

  int64_t from_end_, to_end_;
};

class Stride1dLayer : public Layer {
 public:
  explicit Stride1dLayer(int64_t step) : Layer(Timing::window(1, step)), step_(step) {}

  Format accept(const std::vector<Format>& in) const override { return in[0]; }
  bool may_be_empty() const override { return true; }
  std::unique_ptr<State> start() const override {
    return std::make_unique<Window>(1, step_, [this](const Tensor& frames, const Step&) {
      return frames.slice(0, 0, {}, step_);
    });
  }
  Computation computation() const override { return Decimation{step_}; }
  std::string describe() const override { return "Stride(" + std::to_string(step_) + ")"; }

 private:
  int64_t step_;
};

}  // namespace

LayerPtr stride1d_layer(int64_t step) { return std::make_shared<Stride1dLayer>(step); }

LayerPtr trim1d_layer(TrimOptions options) {
  return std::make_shared<Trim1dLayer>(std::move(options));
}

LayerPtr tail1d_layer(int64_t from_end, int64_t to_end) {
  return std::make_shared<Tail1dLayer>(from_end, to_end);
}

}  // namespace torchstreamer
