#include "graph/lowering/linear.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <numeric>
#include <utility>

#include "native/simd/convolution.h"
#include "network/floats.h"
#include "network/multiply_adds.h"

namespace torchstreamer::graph {
namespace {

// Maximum number of weights: reading more would take longer than the operator itself.
constexpr int64_t kMostWeights = 1 << 21;
constexpr int64_t kMostImpulses = 4096;
// Maximum number of multiply-adds of the kernel: a multiple of that of the operator. For operators
// without multiply-adds, such as Fourier transforms: the cost of a transform of 512 points with
// pushes of 10 ms.
constexpr int64_t kMostTimes = 4;
constexpr int64_t kMostWithoutOwn = 1 << 19;
// Number of windows in one trial.
constexpr int64_t kWindows = 256;

// Converts weights `[a, b, kernel]` that are zero outside of blocks along the diagonal to
// `[a, b / groups, kernel]`. Also returns the number of groups.
std::pair<Tensor, int64_t> grouped(const Tensor& weight) {
  const int64_t a = weight.size(0), b = weight.size(1), kernel = weight.size(2);
  const int64_t not_zero = weight.count_nonzero().item<int64_t>();
  for (int64_t groups = std::gcd(a, b); groups > 1; --groups) {
    if (a % groups != 0 || b % groups != 0) continue;
    const Tensor blocks =
        weight.view({groups, a / groups, groups, b / groups, kernel}).diagonal(0, 0, 2);
    if (blocks.count_nonzero().item<int64_t>() == not_zero)
      return {blocks.movedim(-1, 0).reshape({a, b / groups, kernel}).contiguous(), groups};
  }
  return {weight, 1};
}

// Returns the multiply-adds for one output frame above which a kernel needs more time than the
// operator in `rule`. `frames`: input of one output frame.
int64_t most_multiply_adds(const FramesRule& rule, const Tensor& frames) {
  const int64_t own = counted_multiply_adds([&] { rule(frames); });
  return own ? kMostTimes * own : kMostWithoutOwn;
}

// Returns an estimate of the number of weights that are not zero, each of which is a multiply-add.
// `responds(i)`: outputs for an impulse at position i, minus those for silence. Impulses at a few
// of all positions are tried.
int64_t estimated_weights(int64_t positions, const std::function<Tensor(int64_t)>& responds) {
  constexpr int64_t kTried = 5;
  int64_t weights = 0;
  for (int64_t i = 0; i < kTried; ++i)
    weights += responds((2 * i + 1) * positions / (2 * kTried)).count_nonzero().item<int64_t>();
  return weights * positions / kTried;
}

// Returns one impulse at a position of `[frames, samples]` zeros.
Tensor impulse(int64_t frames, int64_t samples, int64_t position) {
  Tensor x = at::zeros({frames, samples});
  x.view({-1})[position] = 1;
  return x;
}

// Calls `respond(impulses, first)` with impulses `[n, positions]`. The first impulse is at position
// `first`.
template <class Respond>
void for_impulses(int64_t positions, int64_t at_once, const Respond& respond) {
  for (int64_t first = 0; first < positions; first += at_once) {
    const int64_t n = std::min(at_once, positions - first);
    Tensor impulses = at::zeros({n, positions}, at::kFloat);
    impulses.narrow(1, first, n).diagonal().fill_(1);
    respond(impulses, first);
  }
}

}  // namespace

Computation linear_window(const WindowOptions& window, const Format& in) {
  const int64_t kernel = window.kernel_frames, stride = window.stride_frames;
  const FramesRule& rule = window.rule;
  if (!lies_in_floats(in)) return {};
  const int64_t samples = floats_of(in), positions = kernel * samples;
  if (positions > kMostImpulses) return {};
  const Tensor silence = frames_of(at::zeros({kernel, samples}), in);
  const Tensor bias = floats_in(rule(silence))[0].clone();
  const int64_t out = bias.numel();
  if (positions * out > kMostWeights) return {};
  const int64_t most = most_multiply_adds(rule, silence);
  const auto responds = [&](int64_t i) {
    return floats_in(rule(frames_of(impulse(kernel, samples, i), in))) - bias;
  };
  if (estimated_weights(positions, responds) > most) return {};
  // Distance of the impulses in windows, so that no window contains two of them.
  const int64_t apart = ceil_div(kernel, stride);
  Tensor weight = at::zeros({out, positions});
  for_impulses(positions, std::max<int64_t>(1, kWindows / apart),
               [&](const Tensor& impulses, int64_t first) {
                 const int64_t n = impulses.size(0);
                 Tensor x = at::zeros({n, apart * stride, samples});
                 x.narrow(1, 0, kernel).copy_(impulses.view({n, kernel, samples}));
                 const Tensor y = floats_in(rule(frames_of(
                     x.view({-1, samples}).narrow(0, 0, (n - 1) * apart * stride + kernel), in)));
                 weight.narrow(1, first, n).copy_((y.slice(0, 0, {}, apart) - bias).t());
               });
  const auto [blocks, groups] =
      grouped(weight.view({out, kernel, samples}).transpose(1, 2).contiguous());
  const native::Convolution kernels({samples, out, kernel, stride, 1, groups},
                                    blocks.data_ptr<float>(), nullptr, samples, out);
  if (kernels.multiply_adds() > most) return {};
  return Convolution1d{blocks, bias, stride, 1, groups};
}

Computation linear_overlap(const OverlapAddOptions& overlap, const Format& in) {
  const int64_t kernel = overlap.kernel_frames, stride = overlap.stride_frames;
  const FramesRule& rule = overlap.rule;
  if (!lies_in_floats(in)) return {};
  const int64_t samples = floats_of(in);
  if (samples > kMostImpulses) return {};
  const Tensor silence = frames_of(at::zeros({1, samples}), in);
  const int64_t out = floats_in(rule(silence)).size(1);
  if (samples * out * kernel > kMostWeights) return {};
  const int64_t most = most_multiply_adds(rule, silence);
  const auto responds = [&](int64_t i) {
    return floats_in(rule(frames_of(impulse(1, samples, i), in)));
  };
  if (estimated_weights(samples, responds) > most) return {};
  // Distance of the impulses in frames, so that their outputs do not overlap.
  const int64_t apart = ceil_div(kernel, stride);
  Tensor weight = at::zeros({samples, out, kernel});
  for_impulses(
      samples, std::max<int64_t>(1, kWindows / apart), [&](const Tensor& impulses, int64_t first) {
        const int64_t n = impulses.size(0);
        Tensor x = at::zeros({n, apart, samples});
        x.select(1, 0).copy_(impulses);
        const Tensor y =
            floats_in(rule(frames_of(x.view({-1, samples}).narrow(0, 0, (n - 1) * apart + 1), in)));
        for (int64_t i = 0; i < n; ++i)
          weight[first + i].copy_(y.narrow(0, i * apart * stride, kernel).t());
      });
  const auto [blocks, groups] = grouped(weight);
  const native::TransposedConvolution kernels({samples, out, kernel, stride, 1, groups},
                                              blocks.data_ptr<float>(), nullptr, samples, out);
  if (kernels.multiply_adds() > most) return {};
  TransposedConvolution1d convolution;
  convolution.weight = blocks;
  convolution.stride = stride;
  convolution.groups = groups;
  return convolution;
}

}  // namespace torchstreamer::graph
