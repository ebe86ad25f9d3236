#include <ATen/ops/empty.h>
#include <c10/util/StringUtil.h>

#include <mutex>

#include "audio/resampler.h"
#include "network/layer.h"
#include "torchstreamer/error.h"
#include "torchstreamer/resample.h"

namespace torchstreamer::audio {
namespace {

// A filter that is created for the first signal of its type.
template <class T>
class LazyFilter {
 public:
  template <class... Args>
  std::shared_ptr<const ResampleFilter<T>> get(const Args&... args) {
    std::call_once(once_, [&] { filter_ = std::make_shared<ResampleFilter<T>>(args...); });
    return filter_;
  }

 private:
  std::once_flag once_;
  std::shared_ptr<const ResampleFilter<T>> filter_;
};

class ResampleLayer : public Layer {
 public:
  ResampleLayer(int64_t source_fs, int64_t target_fs, const ResampleOptions& options)
      : ResampleLayer(source_fs, target_fs, options,
                      std::make_shared<ResampleFilter<float>>(source_fs, target_fs, options)) {}

  Format accept(const std::vector<Format>& in) const override {
    if (in[0].device != at::kCPU)
      throw Error(c10::str(describe(), " runs on the CPU, but the input is on ", in[0].device));
    return in[0];
  }

  std::unique_ptr<State> start() const override { return std::make_unique<ResampleState>(*this); }

  std::string describe() const override {
    return c10::str("Resample(", source_fs_, " -> ", target_fs_, " Hz)");
  }

 private:
  ResampleLayer(int64_t source_fs, int64_t target_fs, const ResampleOptions& options,
                std::shared_ptr<const ResampleFilter<float>> filter)
      : Layer(filter->clock().timing()),
        source_fs_(source_fs),
        target_fs_(target_fs),
        options_(options),
        filter_f32_(std::move(filter)) {}

  template <class T>
  class TypedState : public State {
   public:
    TypedState(std::shared_ptr<const ResampleFilter<T>> filter, int64_t channels)
        : resampler_(std::move(filter), channels) {}

    Tensor push(const Tensors& in, const Step& step) override {
      const Tensor x = in[0].contiguous();
      const Tensor y = at::empty({step.frames, x.size(1)}, x.options());
      resampler_.push(x.data_ptr<T>(), x.size(0), step.final, y.data_ptr<T>());
      return y;
    }
    int64_t held_bytes() const override { return resampler_.held_bytes(); }

   private:
    Resampler<T> resampler_;
  };

  // Starts the resampler with the first frames, which determine type and channels.
  class ResampleState : public State {
   public:
    explicit ResampleState(const ResampleLayer& layer) : layer_(layer) {}

    Tensor push(const Tensors& in, const Step& step) override {
      if (!in[0].defined()) return finish(step);
      if (!running_) running_ = layer_.run(in[0].scalar_type(), in[0].size(1));
      like_ = in[0].narrow(0, 0, 0);
      return running_->push(in, step);
    }
    int64_t held_bytes() const override { return running_ ? running_->held_bytes() : 0; }

   private:
    // In a network a push may have no frames.
    Tensor finish(const Step& step) { return running_ ? running_->push({like_}, step) : Tensor(); }

    const ResampleLayer& layer_;
    std::unique_ptr<State> running_;
    Tensor like_;
  };

  std::unique_ptr<State> run(at::ScalarType dtype, int64_t channels) const {
    if (dtype == at::kFloat) return std::make_unique<TypedState<float>>(filter_f32_, channels);
    // The timing of the layer is the same for both types.
    return std::make_unique<TypedState<double>>(filter_f64_.get(source_fs_, target_fs_, options_),
                                                channels);
  }

  int64_t source_fs_, target_fs_;
  ResampleOptions options_;
  std::shared_ptr<const ResampleFilter<float>> filter_f32_;
  mutable LazyFilter<double> filter_f64_;
};

}  // namespace

ResampleStream::ResampleStream(int64_t source_fs, int64_t target_fs,
                               const std::string& resampling_method, int lowpass_filter_width,
                               double rolloff, double beta)
    : LayerStream(std::make_shared<ResampleLayer>(
          source_fs, target_fs,
          ResampleOptions{resampling_method, lowpass_filter_width, rolloff, beta})) {}

}  // namespace torchstreamer::audio
