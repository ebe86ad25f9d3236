// Kernels that read edge buffers, cells of recurrent layers, and the memory of weights.
#include <cmath>

#include "lib/native/kernels/kernel_cases.h"
#include "native/simd/elementwise.h"

namespace torchstreamer::testing {
namespace {

// ---- cells

/// A row between guard samples.
Matrix row_of(int64_t hidden) { return {1, hidden, hidden, kUntouched}; }

TEST(NativeCells, LstmEqualsItsFormulaForEveryUnit) {
  for_seeds(200, [](Random& random) {
    const int64_t n = random.between(1, 70);
    const auto gates = noise(4 * n, 3);
    Matrix h = row_of(n), c = row_of(n), before = c;
    lstm_cell(gates.data(), n, h.row(0), c.row(0));
    h.expect_untouched_around();
    c.expect_untouched_around();
    for (int64_t u = 0; u < n; ++u) {
      const float own[] = {gates[u], gates[n + u], gates[2 * n + u], gates[3 * n + u]};
      const double state =
          sigmoid(own[1]) * before.at(0, u) + sigmoid(own[0]) * std::tanh(double{own[2]});
      EXPECT_NEAR(c.at(0, u), state, 1e-6);
      EXPECT_NEAR(h.at(0, u), sigmoid(own[3]) * std::tanh(state), 1e-6);
      float one_h = 0, one_c = before.at(0, u);
      lstm_cell(own, 1, &one_h, &one_c);
      EXPECT_TRUE(have_equal_bits(one_h, h.at(0, u)) && have_equal_bits(one_c, c.at(0, u)));
    }
  });
}

TEST(NativeCells, GruEqualsItsFormulaForEveryUnit) {
  for_seeds(200, [](Random& random) {
    const int64_t n = random.between(1, 70);
    const auto x = noise(3 * n, 3), y = noise(3 * n, 3);
    Matrix h = row_of(n), before = h;
    gru_cell(x.data(), y.data(), n, h.row(0));
    h.expect_untouched_around();
    for (int64_t u = 0; u < n; ++u) {
      const float from_x[] = {x[u], x[n + u], x[2 * n + u]};
      const float from_h[] = {y[u], y[n + u], y[2 * n + u]};
      const double reset = sigmoid(double{from_x[0]} + from_h[0]);
      const double keep = sigmoid(double{from_x[1]} + from_h[1]);
      const double fresh = std::tanh(from_x[2] + reset * from_h[2]);
      EXPECT_NEAR(h.at(0, u), (1 - keep) * fresh + keep * before.at(0, u), 2e-6);
      float one = before.at(0, u);
      gru_cell(from_x, from_h, 1, &one);
      EXPECT_TRUE(have_equal_bits(one, h.at(0, u)));
    }
  });
}

// ---- kernels that read edge buffers

/// A signal in an edge buffer.
struct Signal {
  Signal(int64_t frames, int64_t samples)
      : frames(frames), samples(samples), buffer(samples, 0, /*is_ring=*/false, &memory) {
    const auto values = noise(frames * samples);
    std::copy(values.begin(), values.end(), buffer.append(frames));
    buffer.commit(frames);
    view.buffer = 0;
    view.samples = samples;
  }
  double at(int64_t frame, int64_t sample) const { return buffer.at(frame)[sample]; }

  int64_t frames, samples;
  AlignedFloats memory;
  EdgeBuffer buffer;
  BufferView view;
};

/// A process with `samples` samples in each input and output frame.
KernelSite site(int64_t samples) {
  const Format format{at::kFloat, at::kCPU, {samples}};
  return {nullptr, {format}, format, samples};
}

/// Output of the kernel for the signal in pushes of random lengths: after a push, `made(frames)`
/// frames are due, at the end `total`.
std::vector<float> run_kernel(const Kernel& kernel, const Signal& x, int64_t samples_out,
                              const std::function<int64_t(int64_t)>& made, int64_t total,
                              Random& random) {
  std::vector<float> y(total * samples_out + 1, kUntouched);
  const auto state = kernel.start();
  int64_t in = 0, out = 0;
  auto push = [&](bool final, int64_t due) {
    const FrameReader frames(x.buffer, x.view, in);
    kernel.run(&frames, {final, out, due - out, {}}, y.data() + out * samples_out, state.get());
    out = due;
  };
  in_parts(random, x.frames, [&](int64_t, int64_t some) {
    in += some;
    push(false, std::min(made(in), total));
  });
  push(true, total);
  EXPECT_EQ(y.back(), kUntouched);
  y.pop_back();
  return y;
}

TEST(NativePad, EqualsThePaddingOfPyTorch) {
  for_seeds(100, [](Random& random) {
    const int64_t left = random.between(0, 9), right = random.between(0, 9);
    const int64_t frames = std::max(left, right) + random.between(1, 30);
    const Signal x(frames, random.between(1, 20));
    Padding1d padding{random.pick({PadMode::kConstant, PadMode::kReflect, PadMode::kReplicate}),
                      left,
                      right,
                      {},
                      {}};
    if (padding.mode == PadMode::kConstant && random.flip()) {
      padding.before = at::full({left, x.samples}, 0.25);
      padding.after = at::full({right, x.samples}, 0.25);
    }
    const auto y = run_kernel(
        *make_kernel(padding, site(x.samples)), x, x.samples,
        [&](int64_t in) { return in > std::max(left, right) ? left + in : 0; },
        left + frames + right, random);
    for (int64_t t = 0; t < left + frames + right; ++t)
      for (int64_t s = 0; s < x.samples; ++s) {
        int64_t from = t - left;
        const bool is_outside = from < 0 || from >= frames;
        if (padding.mode == PadMode::kReplicate) from = std::clamp<int64_t>(from, 0, frames - 1);
        if (padding.mode == PadMode::kReflect)
          from = frames - 1 - std::abs(frames - 1 - std::abs(from));
        const double expected = !is_outside || padding.mode != PadMode::kConstant ? x.at(from, s)
                                : padding.before.defined()                        ? 0.25
                                                                                  : 0;
        ASSERT_EQ(y[t * x.samples + s], expected) << "frame " << t << ", sample " << s;
      }
  });
}

TEST(NativePool, EqualsItsFormula) {
  for_seeds(150, [](Random& random) {
    Pool1d o;
    o.kind = random.pick({Pool1d::Kind::kMax, Pool1d::Kind::kAverage});
    o.kernel_frames = random.between(1, 9);
    o.stride_frames = random.between(1, 5);
    if (o.kind == Pool1d::Kind::kMax) o.dilation_frames = random.between(1, 3);
    o.padding_frames = random.between(0, o.kernel_frames / 2);
    o.count_include_pad = random.flip();
    const int64_t reach = span_frames(o.kernel_frames, o.dilation_frames);
    const int64_t frames = reach + 2 * o.padding_frames + random.between(0, 40);
    const Signal x(frames, random.between(1, 20));
    auto whole = [&](int64_t in) { return in < reach ? 0 : (in - reach) / o.stride_frames + 1; };
    // With ceil_mode one more window exists if it begins before the padding at the end.
    const int64_t next = whole(frames) * o.stride_frames;
    const int64_t total = whole(frames) + (next < frames - o.padding_frames ? 1 : 0);
    const auto y = run_kernel(
        *make_kernel(o, site(x.samples)), x, x.samples,
        [&](int64_t in) { return whole(std::min(in, frames - o.padding_frames)); }, total, random);
    for (int64_t w = 0; w < total; ++w)
      for (int64_t s = 0; s < x.samples; ++s) {
        double most = -kInfinity, sum = 0;
        int64_t counted = 0;
        for (int64_t k = 0; k < o.kernel_frames; ++k) {
          const int64_t at = w * o.stride_frames + k * o.dilation_frames;
          if (at >= frames) break;
          most = std::max(most, x.at(at, s));
          sum += x.at(at, s);
          const bool is_pad = at < o.padding_frames || at >= frames - o.padding_frames;
          counted += o.count_include_pad || !is_pad;
        }
        const double expected =
            o.kind == Pool1d::Kind::kMax ? most : sum / static_cast<double>(counted);
        ASSERT_NEAR(y[w * x.samples + s], expected, 2e-6) << "window " << w << ", sample " << s;
      }
  });
}

TEST(NativeInterpolate, InterpolatesBetweenTheFramesAroundAPosition) {
  for_seeds(100, [](Random& random) {
    const int64_t factor = random.between(2, 5), frames = random.between(1, 30);
    const Signal x(frames, random.between(1, 20));
    auto source = [&](int64_t out) {
      const double position = std::max(0., (out + 0.5) / static_cast<double>(factor) - 0.5);
      return Interpolation::Source{static_cast<int64_t>(position), position - std::floor(position)};
    };
    const bool is_linear = random.flip();
    auto made = [&](int64_t in) {
      int64_t out = 0;
      while (source(out).first + 2 <= in) ++out;
      return out;
    };
    const auto y = run_kernel(*make_kernel(Interpolation{source, is_linear, 0}, site(x.samples)), x,
                              x.samples, made, frames * factor, random);
    for (int64_t t = 0; t < frames * factor; ++t)
      for (int64_t s = 0; s < x.samples; ++s) {
        const auto [first, weight] = source(t);
        const double a = x.at(first, s), b = x.at(std::min(first + 1, frames - 1), s);
        ASSERT_NEAR(y[t * x.samples + s], is_linear ? a + weight * (b - a) : a, 1e-6);
      }
  });
}

TEST(NativeAccumulate, EqualsTheSumInDouble) {
  for_seeds(50, [](Random& random) {
    const Signal x(random.between(1, 200), random.between(1, 20));
    const auto y = run_kernel(
        *make_kernel(CumulativeSum(), site(x.samples)), x, x.samples, [](int64_t in) { return in; },
        x.frames, random);
    for (int64_t s = 0; s < x.samples; ++s) {
      double sum = 0;
      for (int64_t t = 0; t < x.frames; ++t)
        ASSERT_EQ(y[t * x.samples + s], static_cast<float>(sum += x.at(t, s)));
    }
  });
}

TEST(NativeReduce, EqualsItsFormula) {
  for_seeds(150, [](Random& random) {
    Reduction r;
    r.kind = random.pick({Reduction::kSum, Reduction::kMaximum, Reduction::kVariance,
                          Reduction::kSoftmax, Reduction::kNormalised});
    r.outer = random.between(1, 4);
    r.size = random.between(2, 40);
    r.inner = random.between(1, 4);
    r.p = r.kind == Reduction::kNormalised ? 1e-5 : 1;
    r.factor = 0.5;
    const bool keeps = r.kind == Reduction::kSoftmax || r.kind == Reduction::kNormalised;
    const int64_t made = keeps ? r.size : 1, samples_out = r.outer * made * r.inner;
    const Signal x(random.between(1, 20), r.outer * r.size * r.inner);
    const auto y = run_kernel(
        *make_kernel(r, site(x.samples)), x, samples_out, [](int64_t in) { return in; }, x.frames,
        random);
    for (int64_t t = 0; t < x.frames; ++t)
      for (int64_t o = 0; o < r.outer; ++o)
        for (int64_t i = 0; i < r.inner; ++i) {
          std::vector<double> line;
          for (int64_t n = 0; n < r.size; ++n)
            line.push_back(x.at(t, (o * r.size + n) * r.inner + i));
          double sum = 0, squares = 0, exponentials = 0;
          for (const double v : line) sum += v, exponentials += std::exp(v);
          const double size = static_cast<double>(r.size), mean = sum / size;
          for (const double v : line) squares += (v - mean) * (v - mean);
          for (int64_t n = 0; n < made; ++n) {
            const double expected = r.kind == Reduction::kSum ? sum / 2
                                    : r.kind == Reduction::kMaximum
                                        ? *std::max_element(line.begin(), line.end())
                                    : r.kind == Reduction::kVariance ? squares / (size - 1)
                                    : r.kind == Reduction::kSoftmax
                                        ? std::exp(line[n]) / exponentials
                                        : (line[n] - mean) / std::sqrt(squares / size + r.p);
            const int64_t at = t * samples_out + (o * made + n) * r.inner + i;
            ASSERT_NEAR(y[at], expected, 1e-6 * (1 + std::abs(expected)));
          }
        }
  });
}

// Weights of at least half a large page are aligned to large pages.
TEST(NativeMemory, AlignsWeightsOfAnySize) {
  constexpr int64_t kPageFloats = (1 << 21) / sizeof(float);
  for (const int64_t floats :
       {int64_t{1}, kPageFloats / 2 - 1, kPageFloats / 2, kPageFloats, 2 * kPageFloats + 1}) {
    SCOPED_TRACE(floats);
    Weights weights;
    for (int64_t i = 0; i < floats; ++i) weights.push_back(static_cast<float>(i));
    weights.shrink_to_fit();
    const Weights copy = weights;
    for (const Weights* w : {&std::as_const(weights), &copy}) {
      const size_t page_bytes = floats < kPageFloats / 2 ? kAlignmentBytes : size_t{1} << 21;
      EXPECT_EQ(reinterpret_cast<uintptr_t>(w->data()) % page_bytes, 0);
      EXPECT_EQ(w->back(), static_cast<float>(floats - 1));
    }
    EXPECT_EQ(copy, weights);
  }
}

}  // namespace
}  // namespace torchstreamer::testing
