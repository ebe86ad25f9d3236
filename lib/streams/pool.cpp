#include "streams/pool.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/tensor.h>
#include <c10/util/StringUtil.h>

#include <algorithm>

#include "frames/window.h"
#include "network/floats.h"

namespace torchstreamer {
namespace {

int64_t reach_frames(const Pool1d& o) { return span_frames(o.kernel_frames, o.dilation_frames); }

// Returns PyTorch's pooling_output_shape (aten/src/ATen/native/Pool.h) for `padded` frames.
int64_t pooled_frames(const Pool1d& o, int64_t padded) {
  const int64_t room = padded - reach_frames(o);
  if (padded == 0) return 0;
  if (!o.ceil_mode) return room < 0 ? 0 : room / o.stride_frames + 1;
  const int64_t windows = ceil_div(room, o.stride_frames) + 1;
  // A window that starts in the padding after the signal is omitted.
  const bool starts_after = (windows - 1) * o.stride_frames >= padded - o.padding_frames;
  return std::max<int64_t>(0, windows - (starts_after ? 1 : 0));
}

Timing pool_timing(const Pool1d& o) {
  const Timing window = Timing::window(reach_frames(o), o.stride_frames);
  return Timing(
      window.rate(), window.period_frames(),
      [=](const Count& in) {
        return Count{window.count(in).now, pooled_frames(o, in.total), in.source};
      },
      [=](Span out) { return window.depends(out); });
}

class Pool1dLayer : public Layer {
 public:
  explicit Pool1dLayer(const Pool1d& options) : Layer(pool_timing(options)), options_(options) {}

  Format accept(const std::vector<Format>& in) const override { return in[0]; }

  std::unique_ptr<State> start() const override {
    return std::make_unique<Window>(
        reach_frames(options_), options_.stride_frames,
        [this](const Tensor& frames, const Step& step) { return pool(frames, step); });
  }

  Computation computation() const override { return options_; }

  int64_t window_samples(const std::vector<Format>& in) const override {
    return options_.kernel_frames * floats_of(in[0]);
  }

  std::string describe() const override {
    return c10::str(options_.kind == Pool1d::Kind::kMax ? "MaxPool1d" : "AvgPool1d", "(kernel ",
                    options_.kernel_frames, ", stride ", options_.stride_frames, ", dilation ",
                    options_.dilation_frames, ")");
  }

 private:
  // Computes all complete windows in one call, then those that extend past the end (ceil_mode) one
  // by one.
  Tensor pool(const Tensor& frames, const Step& step) const {
    const int64_t reach = reach_frames(options_), stride = options_.stride_frames;
    const int64_t whole = frames.size(0) < reach ? 0 : (frames.size(0) - reach) / stride + 1;
    Tensors parts;
    if (whole > 0) parts.push_back(reduce(frames.unfold(0, reach, stride)));
    for (int64_t w = whole; w < step.frames; ++w)
      parts.push_back(reduce(frames.slice(0, w * stride).movedim(0, -1).unsqueeze(0)));
    const Tensor y = parts.size() == 1 ? parts[0] : at::cat(parts);
    return options_.kind == Pool1d::Kind::kMax ? y : y / divisors(step, y);
  }

  // `windows`: `[n, ..., frames of a window]`.
  Tensor reduce(const Tensor& windows) const {
    const Tensor taps = windows.slice(-1, 0, {}, options_.dilation_frames);
    return options_.kind == Pool1d::Kind::kMax ? taps.amax(-1) : taps.sum(-1);
  }

  // Returns the number of frames that each window of `step` averages: `[n, 1, ...]`, in the type of
  // `y`.
  Tensor divisors(const Step& step, const Tensor& y) const {
    const int64_t pad = options_.padding_frames, signal = step.in.total - 2 * pad;
    std::vector<double> counts;
    for (int64_t w = step.first; w < step.first + step.frames; ++w) {
      const int64_t start = w * options_.stride_frames - pad;
      const int64_t end = std::min(start + options_.kernel_frames, signal + pad);
      counts.push_back(options_.count_include_pad
                           ? end - start
                           : std::min(end, signal) - std::max<int64_t>(start, 0));
    }
    std::vector<int64_t> shape(y.dim(), 1);
    shape[0] = step.frames;
    return at::tensor(counts, y.options()).view(shape);
  }

  Pool1d options_;
};

}  // namespace

LayerPtr pool1d_layer(const Pool1d& options) { return std::make_shared<Pool1dLayer>(options); }

}  // namespace torchstreamer
