#include "peak.h"

#include <algorithm>
#include <oneapi/dnnl/dnnl.hpp>
#include <unordered_map>
#include <vector>

#include "measure.h"

namespace torchstreamer::bench {
namespace {

using dnnl::memory;
constexpr auto kFloat = memory::data_type::f32;
constexpr int64_t kKernel = 3;

memory filled(const memory::desc& desc, const dnnl::engine& cpu) {
  memory filled(desc, cpu);
  auto* values = static_cast<float*>(filled.get_data_handle());
  for (size_t i = 0; i < desc.get_size() / sizeof(float); ++i)
    values[i] = 0.01f * static_cast<float>(i % 97);
  return filled;
}

// Time-major frames; oneDNN chooses the layout of the weights.
dnnl::convolution_forward::primitive_desc describe(const dnnl::engine& cpu, int64_t channels,
                                                   int64_t frames) {
  const memory::desc in({1, channels, frames + kKernel - 1}, kFloat, memory::format_tag::nwc);
  const memory::desc out({1, channels, frames}, kFloat, memory::format_tag::nwc);
  const memory::desc bias({channels}, kFloat, memory::format_tag::x);
  const memory::desc weights({channels, channels, kKernel}, kFloat, memory::format_tag::any);
  const memory::dims once = {1}, none = {0};  // stride; dilation and padding
  constexpr auto kind = dnnl::prop_kind::forward_inference;
  constexpr auto algorithm = dnnl::algorithm::convolution_direct;
#if DNNL_VERSION_MAJOR < 3
  return {{kind, algorithm, in, weights, bias, out, once, none, none, none}, cpu};
#else
  return {cpu, kind, algorithm, in, weights, bias, out, once, none, none, none};
#endif
}

}  // namespace

struct Peak::Convolution {
  Convolution(int64_t channels, int64_t frames)
      : description(describe(cpu, channels, frames)),
        primitive(description),
        arguments{{DNNL_ARG_SRC, filled(description.src_desc(), cpu)},
                  {DNNL_ARG_WEIGHTS, filled(description.weights_desc(), cpu)},
                  {DNNL_ARG_BIAS, filled(description.bias_desc(), cpu)},
                  {DNNL_ARG_DST, memory(description.dst_desc(), cpu)}},
        flop(2.0 * static_cast<double>(channels * channels * kKernel * frames)) {}

  double gflop_per_s() {
    constexpr double kFlop = 2e8;  // 2 ms at 100 GFLOP/s
    const int runs = static_cast<int>(kFlop / flop) + 1;
    const Stopwatch watch;
    for (int i = 0; i < runs; ++i) primitive.execute(stream, arguments);
    return runs * flop * 1e-9 / watch.seconds();
  }

  dnnl::engine cpu{dnnl::engine::kind::cpu, 0};
  dnnl::stream stream{cpu};
  dnnl::convolution_forward::primitive_desc description;
  dnnl::convolution_forward primitive;
  std::unordered_map<int, memory> arguments;
  double flop;
};

Peak::Peak()
    : wide_(std::make_unique<Convolution>(64, 160)),
      narrow_(std::make_unique<Convolution>(64, 16)),
      large_(std::make_unique<Convolution>(256, 16)) {}

Peak::~Peak() = default;

double Peak::gflop_per_s() {
  constexpr int kTries = 3;  // the machine may be interrupted
  double best = 0;
  for (int i = 0; i < kTries; ++i)
    for (auto* convolution : {wide_.get(), narrow_.get(), large_.get()})
      best = std::max(best, convolution->gflop_per_s());
  return best;
}

}  // namespace torchstreamer::bench
