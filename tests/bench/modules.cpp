#include <ATen/ops/randn.h>
#include <c10/core/InferenceMode.h>
#include <torch/nn.h>

#include <algorithm>
#include <memory>

#include "measure.h"
#include "sections.h"
#include "torchstreamer/modules.h"

namespace torchstreamer::bench {
namespace {

namespace nn = torch::nn;
constexpr int kRateHz = 48000;
constexpr int64_t kChannels = 32;

// Seconds that a stream takes for all of `x`: [C, T].
double streamed_seconds(BaseStream& stream, const at::Tensor& x) {
  constexpr int64_t kChunkFrames = kRateHz / 100;
  const Stopwatch watch;
  for (int64_t start = 0; start < x.size(1); start += kChunkFrames) {
    const int64_t end = std::min(x.size(1), start + kChunkFrames);
    stream.forward(x.slice(1, start, end), end == x.size(1));
  }
  return watch.seconds();
}

void bench_module(const std::string& name, nn::AnyModule module, Report& report) {
  const c10::InferenceMode guard;
  const double seconds = report.options().seconds;
  const at::Tensor x = at::randn({kChannels, static_cast<int64_t>(kRateHz * seconds)});
  const auto stream = create_stream(module);
  const auto x_real_time = interleaved({[&] { return seconds / streamed_seconds(*stream, x); },
                                        [&] {
                                          const Stopwatch watch;
                                          module.forward<at::Tensor>(x.unsqueeze(0));
                                          return seconds / watch.seconds();
                                        }},
                                       report.options().repeats);
  report.add("modules", {{"module", name},
                         {"x_real_time", median(x_real_time[0])},
                         {"offline_x_real_time", median(x_real_time[1])},
                         {"x_offline", median_ratio(x_real_time[0], x_real_time[1])}});
}

nn::Conv1d conv(int64_t kernel, int64_t dilation) {
  return nn::Conv1d(nn::Conv1dOptions(kChannels, kChannels, kernel).dilation(dilation));
}

nn::ConvTranspose1d transposed() {
  return nn::ConvTranspose1d(nn::ConvTranspose1dOptions(kChannels, kChannels, 8).stride(4));
}

}  // namespace

void bench_modules(Report& report) {
  if (!report.options().wants("modules", "")) return;
  bench_module("conv k3", any_module(conv(3, 1)), report);
  bench_module("conv k7 d4", any_module(conv(7, 4)), report);
  bench_module("transposed k8", any_module(transposed()), report);
  bench_module("avg pool 4", any_module(nn::AvgPool1d(4)), report);
  bench_module("max pool 4", any_module(nn::MaxPool1d(4)), report);
  bench_module("tanh", any_module(nn::Tanh()), report);
  const Sequential1d block(conv(3, 1), nn::PReLU(), conv(1, 1));
  bench_module("residual", any_module(Residual1d(block)), report);
}

}  // namespace torchstreamer::bench
