#include "audio/resample_engine.h"

#include <cstring>
#include <string>
#include <vector>

#include "torchstreamer/error.h"

namespace torchstreamer::audio {
namespace {

class CopyEngine : public Engine {
 public:
  CopyEngine(size_t planes, int64_t plane_frame_bytes)
      : timing_(Timing::pointwise()), planes_(planes), plane_frame_bytes_(plane_frame_bytes) {}

  const Timing& timing() const override { return timing_; }

 private:
  void process(const void* const* in, int64_t frames, bool final, void* const* out) override {
    if (frames == 0) return;
    for (size_t p = 0; p < planes_; ++p) std::memcpy(out[p], in[p], frames * plane_frame_bytes_);
  }
  void clear() override {}

  Timing timing_;
  size_t planes_;
  int64_t plane_frame_bytes_;
};

/// Runs one stream for each plane. All streams share one filter. T: type of the computation.
template <class T>
class ResampleEngine : public Engine {
 public:
  ResampleEngine(std::shared_ptr<const ResampleFilter<T>> filter, const SampleFormat& format,
                 size_t planes, int64_t plane_channels)
      : timing_(filter->clock().timing()),
        streams_(planes, Resampler<T>(filter, plane_channels, format)) {}

  const Timing& timing() const override { return timing_; }
  int64_t held_bytes() const override { return streams_.size() * streams_.front().held_bytes(); }

 private:
  void process(const void* const* in, int64_t frames, bool final, void* const* out) override {
    for (size_t p = 0; p < streams_.size(); ++p) streams_[p].push(in[p], frames, final, out[p]);
  }

  void clear() override {
    for (auto& stream : streams_) stream.reset();
  }

  Timing timing_;
  std::vector<Resampler<T>> streams_;
};

template <class T>
std::unique_ptr<Engine> make_engine(int64_t source_hz, int64_t target_hz,
                                    const ResampleOptions& options, const SampleFormat& format,
                                    size_t planes, int64_t plane_channels) {
  auto filter = std::make_shared<const ResampleFilter<T>>(source_hz, target_hz, options);
  if (filter->passes_through())
    return std::make_unique<CopyEngine>(planes, plane_channels * format.bytes());
  return std::make_unique<ResampleEngine<T>>(std::move(filter), format, planes, plane_channels);
}

}  // namespace

std::unique_ptr<Engine> make_resample_engine(int64_t source_hz, int64_t target_hz,
                                             const ResampleOptions& options,
                                             const SampleFormat& format, int channels,
                                             bool interleaved) {
  check_format(format);
  if (channels < 1) throw Error(std::to_string(channels) + " channels: at least one is required");
  const auto make = needs_double(format) ? make_engine<double> : make_engine<float>;
  return make(source_hz, target_hz, options, format, interleaved ? 1 : channels,
              interleaved ? channels : 1);
}

}  // namespace torchstreamer::audio
