#include "streams/windowed.h"

#include <c10/util/StringUtil.h>

#include "frames/overlap_add.h"
#include "frames/window.h"
#include "network/floats.h"
#include "network/multiply_adds.h"
#include "support/exceptions.h"
#include "torchstreamer/error.h"

namespace torchstreamer {
namespace {

// A layer that finds its output format by running its rule on `tried_frames` frames of silence.
template <class Options>
class RuleLayer : public Layer {
 public:
  RuleLayer(Timing timing, Options options, int64_t tried_frames)
      : Layer(std::move(timing)), options_(std::move(options)), tried_frames_(tried_frames) {}

  Format accept(const std::vector<Format>& in) const override {
    if (in[0].channels() == kUnknownChannels) return in[0];
    try {
      const Tensor y = options_.rule(in[0].zeros(tried_frames_));
      return {y.scalar_type(), y.device(), y.sizes().slice(1).vec()};
    } catch (const std::exception& e) {
      throw Error(c10::str(describe(), " does not take frames of shape ", in[0].frame, ", ",
                           in[0].dtype, ": ", reason_of(e)));
    }
  }

  // Runs the rule over silence that gives one output frame (window) or `stride` output frames
  // (overlap-add), and divides the count by their number.
  int64_t multiply_adds_per_frame(const std::vector<Format>& in) const override {
    const Tensor x = in[0].zeros(tried_frames_);
    return ceil_div(counted_multiply_adds([&] { options_.rule(x); }), timing().rate().ceil());
  }

  Computation computation() const override { return options_.computation; }
  std::string describe() const override { return options_.description; }

 protected:
  const Options options_;

 private:
  const int64_t tried_frames_;
};

class WindowLayer : public RuleLayer<WindowOptions> {
 public:
  explicit WindowLayer(const WindowOptions& o)
      : RuleLayer(Timing::window(o.kernel_frames, o.stride_frames), o, o.kernel_frames) {}

  std::unique_ptr<State> start() const override {
    return std::make_unique<Window>(
        options_.kernel_frames, options_.stride_frames,
        [this](const Tensor& frames, const Step&) { return options_.rule(frames); });
  }
  bool may_be_empty() const override { return options_.may_be_empty; }
  int64_t window_samples(const std::vector<Format>& in) const override {
    return options_.kernel_frames * floats_of(in[0]);
  }
};

class OverlapAddLayer : public RuleLayer<OverlapAddOptions> {
 public:
  explicit OverlapAddLayer(const OverlapAddOptions& o)
      : RuleLayer(Timing::overlap_add(o.kernel_frames, o.stride_frames, o.extra_frames), o,
                  /*tried_frames=*/1) {}

  std::unique_ptr<State> start() const override {
    return std::make_unique<OverlapAdd>(options_.kernel_frames, options_.stride_frames,
                                        options_.rule);
  }
};

}  // namespace

LayerPtr window_layer(WindowOptions options) {
  return std::make_shared<WindowLayer>(std::move(options));
}

LayerPtr overlap_add_layer(OverlapAddOptions options) {
  return std::make_shared<OverlapAddLayer>(std::move(options));
}

}  // namespace torchstreamer
