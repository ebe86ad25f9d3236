// Compares convolutions with sums in double.
#include "native/simd/convolution.h"
#include "lib/native/kernels/kernel_cases.h"

namespace torchstreamer::testing {
namespace {

std::ostream& operator<<(std::ostream& out, const ConvolutionShape& s) {
  return out << s.channels_in << " -> " << s.channels_out << ", kernel " << s.kernel << ", stride "
             << s.stride << ", dilation " << s.dilation << ", groups " << s.groups;
}

// ---- convolution

ConvolutionShape random_shape(Random& random) {
  ConvolutionShape s;
  s.groups = random_groups(random);
  const bool is_depthwise = random.between(0, 5) == 0;
  if (is_depthwise) s.groups = random.between(1, 70);
  const int64_t most = is_depthwise ? 1 : 70 / s.groups;
  s.channels_in = s.groups * random.between(1, most);
  s.channels_out = s.groups * random.between(1, random.flip() ? std::min<int64_t>(most, 3) : most);
  s.kernel = random.flip() ? random.between(1, 4) : random.between(1, 17);
  s.stride = random.flip() ? 1 : random.between(1, 9);
  s.dilation = random.flip() ? 1 : random.between(1, 9);
  return s;
}

/// Weights `[channels_out, channels_in / groups, kernel]`, dense or mostly zero: nonzero only in a
/// band around the diagonal or on some diagonals, as for convolutions over the samples of a frame.
std::vector<float> random_weight(Random& random, const ConvolutionShape& s) {
  const int64_t inputs = s.channels_in / s.groups, outputs = s.channels_out / s.groups;
  auto weight = noise(s.channels_out * inputs * s.kernel);
  const bool is_banded = random.between(0, 2) == 0, is_diagonal = random.between(0, 2) == 0;
  const int64_t width = random.between(0, 3), apart = random.between(1, 20);
  for (int64_t i = 0; i < static_cast<int64_t>(weight.size()); ++i) {
    const int64_t distance = i / s.kernel % inputs - i / (s.kernel * inputs) % outputs;
    if (is_banded && std::abs(distance) > width) weight[i] = 0;
    if (is_diagonal && distance % apart != 0) weight[i] = 0;
  }
  return weight;
}

/// A convolution, whose input has NaN between the frames.
struct ConvolutionCase {
  explicit ConvolutionCase(Random& random)
      : shape(random_shape(random)),
        frames(random.between(1, 40)),
        adds(random.flip()),
        weight(random_weight(random, shape)),
        bias(random.flip() ? noise(shape.channels_out) : std::vector<float>()),
        x((frames - 1) * shape.stride + (shape.kernel - 1) * shape.dilation + 1, shape.channels_in,
          shape.channels_in + random.pick<int64_t>({0, 0, 1, 13}), kNan),
        y(frames, shape.channels_out, shape.channels_out + random.pick<int64_t>({0, 0, 1, 13}),
          kUntouched),
        convolution(shape, weight.data(), bias.empty() ? nullptr : bias.data(), x.pitch(),
                    y.pitch(), adds) {
    // A convolution that does not add must not read its output.
    for (int64_t t = 0; !adds && t < frames; ++t) std::fill_n(y.row(t), shape.channels_out, kNan);
  }

  Segment segment(Matrix& out, int64_t first, int64_t some) {
    return {x.row(first * shape.stride), out.row(first), some};
  }
  void run(Matrix& out, int64_t first, int64_t some) { convolution.run(segment(out, first, some)); }
  Matrix result() {
    Matrix out = y;
    run(out, 0, frames);
    return out;
  }

  Sum expected(int64_t t, int64_t o) {
    const int64_t inputs = shape.channels_in / shape.groups;
    const int64_t group = o / (shape.channels_out / shape.groups);
    Sum sum;
    if (adds) sum.add(y.at(t, o));
    if (!bias.empty()) sum.add(bias[o]);
    for (int64_t k = 0; k < shape.kernel; ++k)
      for (int64_t i = 0; i < inputs; ++i)
        sum.add(double{weight[(o * inputs + i) * shape.kernel + k]} *
                x.at(t * shape.stride + k * shape.dilation, group * inputs + i));
    return sum;
  }

  /// Dependency of output channel `o` of frame `t` on an input sample. kOptional: the weight is
  /// zero, so that NaN in the sample may be ignored.
  enum class Dependency { kNone, kOptional, kFull };
  Dependency dependency(int64_t t, int64_t o, int64_t frame, int64_t channel) const {
    const int64_t at = frame - t * shape.stride, inputs = shape.channels_in / shape.groups;
    const bool is_used = at >= 0 && at % shape.dilation == 0 &&
                         at / shape.dilation < shape.kernel &&
                         o / (shape.channels_out / shape.groups) == channel / inputs;
    if (!is_used) return Dependency::kNone;
    const bool is_zero =
        weight[(o * inputs + channel % inputs) * shape.kernel + at / shape.dilation] == 0;
    return is_zero ? Dependency::kOptional : Dependency::kFull;
  }
  int64_t frames_in() const {
    return (frames - 1) * shape.stride + (shape.kernel - 1) * shape.dilation + 1;
  }

  ConvolutionShape shape;
  int64_t frames;
  bool adds;
  std::vector<float> weight, bias;
  Matrix x, y;
  Convolution convolution;
};

std::ostream& operator<<(std::ostream& out, const ConvolutionCase& c) {
  return out << c.shape << ", " << c.frames << " frames, pitches " << c.x.pitch() << " and "
             << c.y.pitch() << (c.adds ? ", adds" : "") << (c.bias.empty() ? "" : ", bias");
}

TEST(NativeConvolution, EqualsTheSumInDouble) {
  for_seeds(600, [](Random& random) {
    ConvolutionCase c(random);
    SCOPED_TRACE(::testing::Message() << c);
    Matrix y = c.result();
    y.expect_untouched_around();
    for (int64_t t = 0; t < c.frames; ++t)
      for (int64_t o = 0; o < c.shape.channels_out; ++o) {
        const Sum sum = c.expected(t, o);
        ASSERT_NEAR(y.at(t, o), sum.value, 5e-7 * sum.magnitude) << "frame " << t << ", " << o;
      }
  });
}

TEST(NativeConvolution, BitsDoNotDependOnTheFramesOfACall) {
  for_seeds(600, [](Random& random) {
    ConvolutionCase c(random);
    SCOPED_TRACE(::testing::Message() << c);
    Matrix parts = c.y;
    in_parts(random, c.frames, [&](int64_t at, int64_t some) { c.run(parts, at, some); });
    EXPECT_TRUE(parts == c.result());
  });
}

/// The segments of a signal in any order; some are empty.
template <class SegmentAt>
std::vector<Segment> shuffled_segments(Random& random, int64_t frames, const SegmentAt& segment) {
  std::vector<Segment> segments;
  in_parts(random, frames, [&](int64_t at, int64_t some) {
    segments.push_back(segment(at, some));
    if (random.between(0, 4) == 0) segments.push_back(segment(at, 0));
  });
  for (size_t i = segments.size(); i > 1; --i)
    std::swap(segments[i - 1], segments[random.between(0, static_cast<int64_t>(i) - 1)]);
  return segments;
}

TEST(NativeConvolution, BitsOfSegmentsAreThoseOfEachAlone) {
  for_seeds(600, [](Random& random) {
    ConvolutionCase c(random);
    SCOPED_TRACE(::testing::Message() << c);
    Matrix together = c.y;
    const auto segments = shuffled_segments(
        random, c.frames, [&](int64_t at, int64_t some) { return c.segment(together, at, some); });
    c.convolution.run(segments.data(), static_cast<int>(segments.size()));
    EXPECT_TRUE(together == c.result());
  });
}

TEST(NativeConvolution, NanAffectsOnlyDependentOutputs) {
  for_seeds(200, [](Random& random) {
    ConvolutionCase c(random);
    SCOPED_TRACE(::testing::Message() << c);
    Matrix before = c.result();
    const int64_t frame = random.between(0, c.frames_in() - 1);
    const int64_t channel = random.between(0, c.shape.channels_in - 1);
    c.x.at(frame, channel) = kNan;
    Matrix after = c.result();
    for (int64_t t = 0; t < c.frames; ++t)
      for (int64_t o = 0; o < c.shape.channels_out; ++o) {
        const auto dependency = c.dependency(t, o, frame, channel);
        const bool is_nan = std::isnan(after.at(t, o));
        ASSERT_TRUE((is_nan && dependency != ConvolutionCase::Dependency::kNone) ||
                    (have_equal_bits(after.at(t, o), before.at(t, o)) &&
                     dependency != ConvolutionCase::Dependency::kFull))
            << "frame " << t << ", " << o;
      }
  });
}

// ---- transposed convolution

struct TransposedCase {
  explicit TransposedCase(Random& random)
      : shape(random_shape(random)), strides(random.between(1, 20)) {
    ConvolutionShape backwards = shape;
    std::swap(backwards.channels_in, backwards.channels_out);
    weight = random_weight(random, backwards);
    if (random.flip()) bias = noise(shape.channels_out);
    x_pitch = shape.channels_in + random.pick<int64_t>({0, 0, 1, 13});
    y_pitch = shape.channels_out + random.pick<int64_t>({0, 0, 1, 13});
  }
  TransposedConvolution make() const {
    return {shape, weight.data(), bias.empty() ? nullptr : bias.data(), x_pitch, y_pitch};
  }
  Matrix output() const {
    Matrix y(strides * shape.stride, shape.channels_out, y_pitch, kUntouched);
    for (int64_t t = 0; t < strides * shape.stride; ++t)
      std::fill_n(y.row(t), shape.channels_out, kNan);
    return y;
  }

  /// `x` begins `taps - 1` frames before the input frame of the first output stride.
  Sum expected(Matrix& x, int64_t taps, int64_t t, int64_t o) const {
    const int64_t inputs = shape.channels_in / shape.groups;
    const int64_t outputs = shape.channels_out / shape.groups;
    Sum sum;
    if (!bias.empty()) sum.add(bias[o]);
    for (int64_t from = 0; from < strides + taps - 1; ++from) {
      const int64_t at = t - (from - (taps - 1)) * shape.stride, k = at / shape.dilation;
      if (at < 0 || at % shape.dilation != 0 || k >= shape.kernel) continue;
      for (int64_t i = 0; i < inputs; ++i) {
        const int64_t row = o / outputs * inputs + i;
        sum.add(double{weight[(row * outputs + o % outputs) * shape.kernel + k]} * x.at(from, row));
      }
    }
    return sum;
  }

  ConvolutionShape shape;
  int64_t strides, x_pitch, y_pitch;
  std::vector<float> weight, bias;
};

std::ostream& operator<<(std::ostream& out, const TransposedCase& c) {
  return out << c.shape << ", " << c.strides << " strides, pitches " << c.x_pitch << " and "
             << c.y_pitch << (c.bias.empty() ? "" : ", bias");
}

TEST(NativeTransposedConvolution, EqualsTheSumInDouble) {
  for_seeds(400, [](Random& random) {
    TransposedCase c(random);
    SCOPED_TRACE(::testing::Message() << c);
    const TransposedConvolution convolution = c.make();
    const int64_t taps = convolution.taps();
    Matrix x(c.strides + taps - 1, c.shape.channels_in, c.x_pitch, kNan);
    Matrix y = c.output(), parts = y;
    convolution.run({x.row(0), y.row(0), c.strides});
    y.expect_untouched_around();
    for (int64_t t = 0; t < c.strides * c.shape.stride; ++t)
      for (int64_t o = 0; o < c.shape.channels_out; ++o) {
        const Sum sum = c.expected(x, taps, t, o);
        ASSERT_NEAR(y.at(t, o), sum.value, 5e-7 * sum.magnitude) << "frame " << t << ", " << o;
      }
    in_parts(random, c.strides, [&](int64_t at, int64_t some) {
      convolution.run({x.row(at), parts.row(at * c.shape.stride), some});
    });
    EXPECT_TRUE(parts == y) << "the bits depend on the frames of a call";
    Matrix together = c.output();
    auto segments = shuffled_segments(random, c.strides, [&](int64_t at, int64_t some) {
      return Segment{x.row(at), together.row(at * c.shape.stride), some};
    });
    convolution.run(segments.data(), static_cast<int>(segments.size()));
    EXPECT_TRUE(together == y) << "the bits depend on the other segments";
  });
}

}  // namespace
}  // namespace torchstreamer::testing
