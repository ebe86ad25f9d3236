#include "resamplers.h"

#include <ATen/ops/constant_pad_nd.h>
#include <ATen/ops/conv1d.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/zeros.h>
#include <c10/core/InferenceMode.h>
#include <gst/check/gstharness.h>
#include <samplerate.h>
#include <soxr.h>

#include <algorithm>
#include <memory>
#include <stdexcept>

#include "audio/resample_engine.h"
#include "noise.h"

namespace torchstreamer::bench {
namespace {

std::vector<float> chunk_of(const Conversion& c) { return noise(c.chunk_frames() * c.channels); }
std::vector<float> room_of(const Conversion& c) {
  return std::vector<float>(c.most_frames_out() * c.channels);
}

void set_property(GstElement* element, const std::string& name, const std::string& value) {
  gst_util_set_object_arg(G_OBJECT(element), name.c_str(), value.c_str());
}

std::string caps_of(int rate_hz, int channels) {
  const std::string mask = channels == 2 ? ",channel-mask=(bitmask)0x3" : "";
  return "audio/x-raw,format=F32LE,layout=interleaved,rate=" + std::to_string(rate_hz) +
         ",channels=" + std::to_string(channels) + mask;
}

// The kernel of torchaudio: zeros widen all phases to the widest.
at::Tensor dense_kernel(const audio::ResampleFilter<float>& filter) {
  const auto& clock = filter.clock();
  int64_t width = 0;
  for (int64_t p = 0; p < clock.phases(); ++p) width = std::max(width, -clock.first(p));
  at::Tensor kernel = at::zeros({clock.phases(), 1, 2 * width + clock.orig()});
  for (int64_t p = 0; p < clock.phases(); ++p)
    filter.coefficients(p, kernel[p][0].data_ptr<float>() + width + clock.first(p));
  return kernel;
}

}  // namespace

Push engine(const Conversion& c, int lowpass_filter_width) {
  audio::ResampleOptions options;
  options.lowpass_filter_width = lowpass_filter_width;
  std::shared_ptr<Engine> engine = audio::make_resample_engine(
      c.source_hz, c.target_hz, options, audio::SampleFormat{}, c.channels, /*interleaved=*/true);
  return [=, in = chunk_of(c), out = room_of(c)]() mutable {
    const int64_t frames_out = engine->frames_due(c.chunk_frames(), /*final=*/false);
    const void* from = in.data();
    void* to = out.data();
    engine->push(&from, c.chunk_frames(), /*final=*/false, &to);
    return frames_out;
  };
}

Push element(const Conversion& c, const std::string& factory,
             const std::map<std::string, std::string>& properties) {
  GstElement* element = gst_element_factory_make(factory.c_str(), nullptr);
  if (!element) throw std::runtime_error("there is no element " + factory);
  for (const auto& [name, value] : properties) set_property(element, name, value);
  const std::shared_ptr<GstHarness> harness(gst_harness_new_with_element(element, "sink", "src"),
                                            gst_harness_teardown);
  gst_object_unref(element);  // the harness holds a reference
  gst_harness_set_caps_str(harness.get(), caps_of(c.source_hz, c.channels).c_str(),
                           caps_of(c.target_hz, c.channels).c_str());
  const auto samples = chunk_of(c);
  const std::shared_ptr<GstBuffer> chunk(
      gst_buffer_new_memdup(samples.data(), samples.size() * sizeof(float)), gst_buffer_unref);
  GST_BUFFER_DURATION(chunk.get()) = GST_SECOND / 100;
  return [=, pts = GstClockTime{0}]() mutable {
    GstBuffer* buffer = gst_buffer_copy(chunk.get());  // shares the samples
    GST_BUFFER_PTS(buffer) = pts;
    pts += GST_BUFFER_DURATION(buffer);
    gst_harness_push(harness.get(), buffer);
    int64_t bytes = 0;
    while (GstBuffer* out = gst_harness_try_pull(harness.get())) {
      bytes += static_cast<int64_t>(gst_buffer_get_size(out));
      gst_buffer_unref(out);
    }
    return bytes / static_cast<int64_t>(sizeof(float)) / c.channels;
  };
}

Push soxr(const Conversion& c) {
  const std::shared_ptr<struct soxr> soxr(
      soxr_create(c.source_hz, c.target_hz, c.channels, nullptr, nullptr, nullptr, nullptr),
      soxr_delete);
  return [=, in = chunk_of(c), out = room_of(c)]() mutable {
    size_t frames_out = 0;
    soxr_process(soxr.get(), in.data(), c.chunk_frames(), nullptr, out.data(), c.most_frames_out(),
                 &frames_out);
    return static_cast<int64_t>(frames_out);
  };
}

Push libsamplerate(const Conversion& c, int converter) {
  int error = 0;
  const std::shared_ptr<SRC_STATE> state(src_new(converter, c.channels, &error), src_delete);
  return [=, in = chunk_of(c), out = room_of(c)]() mutable {
    SRC_DATA data = {};
    data.data_in = in.data();
    data.input_frames = c.chunk_frames();
    data.data_out = out.data();
    data.output_frames = c.most_frames_out();
    data.src_ratio = static_cast<double>(c.target_hz) / c.source_hz;
    src_process(state.get(), &data);
    return static_cast<int64_t>(data.output_frames_gen);
  };
}

Measure ns_per_sample(const Conversion& c, Push push, double seconds) {
  const int64_t chunks = std::max<int64_t>(1, static_cast<int64_t>(seconds * 100));
  return [=] {
    int64_t frames_out = 0;
    const Stopwatch watch;
    for (int64_t i = 0; i < chunks; ++i) frames_out += push();
    return watch.seconds() * 1e9 / static_cast<double>(frames_out * c.channels);
  };
}

Measure torchaudio(const Conversion& c, int lowpass_filter_width, double seconds) {
  audio::ResampleOptions options;
  options.lowpass_filter_width = lowpass_filter_width;
  const audio::ResampleFilter<float> filter(c.source_hz, c.target_hz, options);
  const at::Tensor kernel = dense_kernel(filter);
  const int64_t orig = filter.clock().orig(), width = (kernel.size(2) - orig) / 2;
  const int64_t frames = static_cast<int64_t>(seconds * c.source_hz);
  return [=, signal = noise(frames * c.channels)]() mutable {
    const c10::InferenceMode guard;
    const at::Tensor x = at::from_blob(signal.data(), {c.channels, 1, frames}, at::kFloat);
    const Stopwatch watch;
    const at::Tensor padded = at::constant_pad_nd(x, {width, width + orig});
    const at::Tensor y = at::conv1d(padded, kernel, {}, orig).transpose(1, 2).reshape({-1});
    return watch.seconds() * 1e9 / static_cast<double>(y.numel());
  };
}

}  // namespace torchstreamer::bench
