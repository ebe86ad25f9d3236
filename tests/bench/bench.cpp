// One table: every stream beside the same module offline, and tsresample beside audioresample.
//
// Times are medians of interleaved repeats on one thread: each repeat runs the stream at every
// chunk length and its peer in turn, so that a machine that slows down slows all of them. "x real
// time" is audio time over compute time; ns are per output sample (frames x channels).

#include <ATen/Parallel.h>
#include <gst/check/gstharness.h>
#include <torch/nn.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <functional>
#include <map>

#include "audio/resampler.h"
#include "torchstreamer.h"

namespace {

using torchstreamer::any_module;
using torchstreamer::BaseStream;
using torchstreamer::create_stream;
namespace nn = torch::nn;

constexpr int kRepeats = 7;
constexpr int kChunksMs[] = {1, 10, 100};

/// What is timed: does its work on the whole signal and returns the output samples it made.
using Work = std::function<int64_t()>;

struct Row {
  std::string name;
  double audio_s;
  std::vector<Work> chunked;  // one for each of kChunksMs
  std::string peer_name;
  std::vector<Work> peer;  // one for each chunk, or one for the whole signal
};

double ns_per_sample(const Work& work, double& seconds) {
  const auto start = std::chrono::steady_clock::now();
  const int64_t samples = work();
  seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return seconds * 1e9 / static_cast<double>(samples);
}

double median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + values.size() / 2, values.end());
  return values[values.size() / 2];
}

struct Timed {
  std::vector<double> ns, seconds;
  void run(const Work& work) {
    double s = 0;
    ns.push_back(ns_per_sample(work, s));
    seconds.push_back(s);
  }
};

void print(const Row& row) {
  std::vector<Timed> ours(row.chunked.size()), peers(row.peer.size());
  for (int repeat = 0; repeat <= kRepeats; ++repeat) {
    for (size_t i = 0; i < row.chunked.size(); ++i) {
      ours[i].run(row.chunked[i]);
      if (row.peer.size() > 1) peers[i].run(row.peer[i]);
    }
    if (row.peer.size() == 1) peers[0].run(row.peer[0]);
    if (repeat == 0) {  // a warm-up
      ours.assign(ours.size(), {});
      peers.assign(peers.size(), {});
    }
  }
  for (size_t i = 0; i < ours.size(); ++i) {
    const Timed& peer = peers[peers.size() > 1 ? i : 0];
    const double ours_s = median(ours[i].seconds), peer_s = median(peer.seconds);
    std::printf("%-34s %4d ms %10.1f %9.2f   %-22s %10.1f %9.2f %7.2f\n", row.name.c_str(),
                kChunksMs[i], row.audio_s / ours_s, median(ours[i].ns), row.peer_name.c_str(),
                row.audio_s / peer_s, median(peer.ns), peer_s / ours_s);
  }
  std::fflush(stdout);
}

// ---- streams beside offline libtorch

int64_t stream_through(BaseStream& stream, const at::Tensor& x, int64_t chunk_frames) {
  int64_t samples = 0;
  for (int64_t at = 0; at < x.size(1); at += chunk_frames) {
    const int64_t end = std::min(x.size(1), at + chunk_frames);
    if (const auto y = stream.forward(x.slice(1, at, end), end == x.size(1))) samples += y->numel();
  }
  return samples;
}

Row stream_row(const std::string& name, std::shared_ptr<BaseStream> stream, Work offline,
               int64_t channels, int rate_hz, double audio_s) {
  const at::Tensor x = torch::randn({channels, static_cast<int64_t>(rate_hz * audio_s)});
  Row row{name, audio_s, {}, "libtorch, whole file", {std::move(offline)}};
  for (const int ms : kChunksMs)
    row.chunked.push_back([=] { return stream_through(*stream, x, rate_hz * ms / 1000); });
  return row;
}

void bench_module(const std::string& name, nn::AnyModule module, int64_t channels) {
  constexpr int kRateHz = 48000;
  constexpr double kAudioSeconds = 1;
  const at::Tensor x = torch::randn({1, channels, static_cast<int64_t>(kRateHz * kAudioSeconds)});
  auto offline = [module, x]() mutable { return module.forward<at::Tensor>(x).numel(); };
  print(stream_row(name, create_stream(module), offline, channels, kRateHz, kAudioSeconds));
}

// torchaudio's way in libtorch: one convolution with the dense kernel, `stride` frames at a time.
Work dense_resample(int source_hz, int target_hz, double audio_s) {
  const torchstreamer::audio::ResampleFilter<float> filter(source_hz, target_hz, {});
  const auto& clock = filter.clock();
  const int64_t orig = clock.orig(), phases = clock.phases();
  int64_t width = 0;
  for (int64_t p = 0; p < phases; ++p) width = std::max<int64_t>(width, -clock.first(p));
  at::Tensor kernel = torch::zeros({phases, 1, 2 * width + orig});
  for (int64_t p = 0; p < phases; ++p)
    filter.coefficients(p, kernel.data_ptr<float>() + p * kernel.size(2) + width + clock.first(p));
  const int64_t frames = static_cast<int64_t>(source_hz * audio_s);
  const at::Tensor x = torch::randn({1, 1, frames});
  return [=] {
    const at::Tensor padded = at::constant_pad_nd(x, {width, width + orig});
    const at::Tensor y = at::conv1d(padded, kernel, {}, orig).transpose(1, 2).reshape({1, -1});
    return y.slice(1, 0, clock.total(frames)).numel();
  };
}

void bench_streams() {
  const int64_t c = 32;
  auto conv = [&](int64_t kernel, int64_t dilation) {
    return nn::Conv1d(nn::Conv1dOptions(c, c, kernel).dilation(dilation));
  };
  bench_module("Conv1d 32->32 k3", any_module(conv(3, 1)), c);
  bench_module("Conv1d 32->32 k7 d4", any_module(conv(7, 4)), c);
  bench_module("ConvTranspose1d 32->32 k8 s4",
               any_module(nn::ConvTranspose1d(nn::ConvTranspose1dOptions(c, c, 8).stride(4))), c);
  bench_module("AvgPool1d 32 k4", any_module(nn::AvgPool1d(4)), c);
  bench_module("MaxPool1d 32 k4", any_module(nn::MaxPool1d(4)), c);
  bench_module("Elementwise1d 32 tanh", any_module(nn::Tanh()), c);
  torchstreamer::Sequential1d chain;
  for (const int64_t dilation : {1, 2, 4}) {
    torchstreamer::Sequential1d block(conv(3, dilation), nn::PReLU(), conv(1, 1));
    chain->push_back(torchstreamer::Residual1d(block));
  }
  bench_module("Residual1d 32 k3, one block", *chain->begin(), c);
  bench_module("Sequential1d of 3 residuals", any_module(chain), c);
  for (const auto& [from, to] : {std::pair{44100, 48000}, {48000, 16000}})
    print(stream_row("ResampleStream " + std::to_string(from) + "->" + std::to_string(to),
                     std::make_shared<torchstreamer::audio::ResampleStream>(from, to),
                     dense_resample(from, to, 2), 1, from, 2));
}

// ---- tsresample beside audioresample, as elements

Work element_work(const char* element, int from, int to, int channels, int chunk_ms,
                  double audio_s) {
  std::shared_ptr<GstHarness> harness(gst_harness_new(element), gst_harness_teardown);
  auto caps = [&](int rate) {
    const auto mask = channels == 2 ? ",channel-mask=(bitmask)0x3" : "";
    return "audio/x-raw,format=F32LE,layout=interleaved,rate=" + std::to_string(rate) +
           ",channels=" + std::to_string(channels) + mask;
  };
  gst_harness_set_caps_str(harness.get(), caps(from).c_str(), caps(to).c_str());
  const int64_t chunk_frames = static_cast<int64_t>(from) * chunk_ms / 1000;
  const int64_t chunks = static_cast<int64_t>(audio_s * 1000 / chunk_ms);
  auto pts = std::make_shared<GstClockTime>(0);
  return [=] {
    int64_t bytes = 0;
    for (int64_t i = 0; i < chunks; ++i) {
      GstBuffer* buffer = gst_buffer_new_and_alloc(chunk_frames * channels * sizeof(float));
      gst_buffer_memset(buffer, 0, 0, -1);
      GST_BUFFER_PTS(buffer) = *pts;
      GST_BUFFER_DURATION(buffer) = gst_util_uint64_scale(chunk_frames, GST_SECOND, from);
      *pts += GST_BUFFER_DURATION(buffer);
      gst_harness_push(harness.get(), buffer);
      while (GstBuffer* out = gst_harness_try_pull(harness.get())) {
        bytes += static_cast<int64_t>(gst_buffer_get_size(out));
        gst_buffer_unref(out);
      }
    }
    return std::max<int64_t>(1, bytes / static_cast<int64_t>(sizeof(float)));
  };
}

void bench_elements() {
  const int rates_hz[][2] = {{44100, 48000}, {48000, 44100}, {48000, 16000}, {16000, 48000}};
  constexpr double kAudioSeconds = 5;
  for (const auto& [from, to] : rates_hz)
    for (const int channels : {1, 2}) {
      Row row{"tsresample " + std::to_string(from) + "->" + std::to_string(to) +
                  (channels == 2 ? " stereo" : " mono"),
              kAudioSeconds,
              {},
              "audioresample, default",
              {}};
      for (const int ms : kChunksMs) {
        row.chunked.push_back(element_work("tsresample", from, to, channels, ms, kAudioSeconds));
        row.peer.push_back(element_work("audioresample", from, to, channels, ms, kAudioSeconds));
      }
      print(row);
    }
}

}  // namespace

int main(int argc, char** argv) {
  gst_init(&argc, &argv);
  at::set_num_threads(1);
  c10::InferenceMode guard;
  std::printf("%-34s %7s %10s %9s   %-22s %10s %9s %7s\n", "stream", "chunk", "x real t.",
              "ns/sample", "beside", "x real t.", "ns/sample", "ratio");
  bench_elements();
  bench_streams();
}
