#include "streams/pad.h"

#include <ATen/ops/any.h>
#include <ATen/ops/cat.h>
#include <c10/util/StringUtil.h>

#include <algorithm>

#include "torchstreamer/error.h"

namespace torchstreamer {
namespace {

// Returns the length of the shortest signal that can be padded: a reflection starts with frame
// `left`, and torch refuses shorter signals.
int64_t needed_frames(const PadOptions& o) {
  return o.mode == PadMode::kReflect ? std::max(o.left_frames, o.least_right_frames) + 1 : 1;
}

class Pad1dLayer : public Layer {
 public:
  explicit Pad1dLayer(const PadOptions& o)
      : Layer(
            Timing::pad(o.left_frames, o.right_frames, needed_frames(o), o.pads_empty_from_frames)),
        options_(o),
        is_zero_(is_zero(o.before) && is_zero(o.after)) {}

  Format accept(const std::vector<Format>& in) const override { return in[0]; }
  std::unique_ptr<State> start() const override { return std::make_unique<PadState>(options_); }

  Computation computation() const override {
    Padding1d padding{options_.mode, options_.left_frames, options_.most_right_frames, {}, {}};
    if (is_zero_) return padding;
    padding.before = options_.before;
    padding.after = options_.after;
    return padding;
  }

  std::string describe() const override {
    const char* modes[] = {"zeros", "reflect", "replicate"};
    const std::string what = options_.mode == PadMode::kConstant && options_.value != 0
                                 ? c10::str("value ", options_.value)
                                 : modes[static_cast<int>(options_.mode)];
    return c10::str("Pad(", options_.left_frames, ", ", options_.most_right_frames, ", ", what,
                    ")");
  }

 private:
  class PadState : public State {
   public:
    explicit PadState(const PadOptions& options) : options_(options) {}

    Tensor push(const Tensors& in, const Step& step) override {
      append(in[0]);
      if (step.frames == 0) return {};
      Tensors parts;
      const bool is_first = step.first == 0;
      if (is_first) parts.push_back(left());
      parts.push_back(is_first ? seen_ : in[0]);
      if (step.final) parts.push_back(right(options_.right_frames(step.in.source)));
      drop();
      parts.erase(
          std::remove_if(parts.begin(), parts.end(), [](const Tensor& t) { return !t.defined(); }),
          parts.end());
      return at::cat(parts);
    }
    int64_t held_bytes() const override { return bytes_of(seen_); }

   private:
    void append(const Tensor& x) {
      if (x.defined()) seen_ = seen_.defined() ? at::cat({seen_, x}) : x;
    }

    // Keeps only the last frames, which the padding after the signal repeats.
    void drop() {
      if (options_.mode == PadMode::kConstant) seen_ = Tensor();
      if (!seen_.defined()) return;
      const int64_t kept = std::min(seen_.size(0), options_.most_right_frames + 1);
      seen_ = seen_.narrow(0, seen_.size(0) - kept, kept).clone();
    }

    Tensor left() const {
      const int64_t n = options_.left_frames;
      if (options_.mode == PadMode::kConstant) return options_.before;
      if (options_.mode == PadMode::kReflect) return seen_.narrow(0, 1, n).flip({0});
      return repeated(seen_.narrow(0, 0, 1), n);
    }

    Tensor right(int64_t n) const {
      if (options_.mode == PadMode::kConstant)
        return options_.after.defined() ? options_.after.narrow(0, 0, n) : Tensor();
      const int64_t last = seen_.size(0) - 1;
      if (options_.mode == PadMode::kReplicate) return repeated(seen_.narrow(0, last, 1), n);
      if (n > last)
        throw Error(
            c10::str("the signal is too short to be reflected by ", n, " frames at its end"));
      return seen_.narrow(0, last - n, n).flip({0});
    }

    static Tensor repeated(const Tensor& frame, int64_t n) {
      auto shape = frame.sizes().vec();
      shape[0] = n;
      return frame.expand(shape);
    }

    const PadOptions& options_;
    Tensor seen_;  // all frames before the first output; later only the last ones
  };

  // Returns true for zeros; the frames may also be constants of the model.
  static bool is_zero(const Tensor& x) { return !x.defined() || !x.any().item<bool>(); }

  PadOptions options_;
  bool is_zero_;
};

}  // namespace

LayerPtr pad1d_layer(const PadOptions& options) { return std::make_shared<Pad1dLayer>(options); }

}  // namespace torchstreamer
