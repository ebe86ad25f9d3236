// The kernels of the native execution against slow oracles in double. What they may neither read
// nor write lies around and between what they are given.
#include <ATen/ATen.h>

#include <cfloat>
#include <cmath>
#include <cstring>
#include <utility>

#include "native/kernels/kernels.h"
#include "native/simd/convolution.h"
#include "native/simd/elementwise.h"
#include "processor.h"
#include "streaming.h"

namespace torchstreamer::testing {
namespace {

using namespace native;

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kUntouched = 12345.5f;
constexpr int64_t kMargin = 70;  // more than four of the widest vectors

std::vector<float> noise(int64_t count, float scale = 1) {
  const Tensor x = at::randn({count}) * scale;
  return {x.data_ptr<float>(), x.data_ptr<float>() + count};
}

/// Rows of `columns` samples, between others that nobody may use.
class Matrix {
 public:
  Matrix(int64_t rows, int64_t columns, int64_t pitch, float around)
      : columns_(columns), pitch_(pitch), floats_(rows * pitch + 2 * kMargin, around) {
    for (int64_t row = 0; row < rows; ++row) {
      const auto samples = noise(columns);
      std::copy(samples.begin(), samples.end(), this->row(row));
    }
  }

  float* row(int64_t row) { return floats_.data() + kMargin + row * pitch_; }
  float& at(int64_t row, int64_t column) { return this->row(row)[column]; }
  int64_t pitch() const { return pitch_; }

  void expect_untouched_around() const {
    for (int64_t i = 0; i < static_cast<int64_t>(floats_.size()); ++i) {
      const int64_t at = i - kMargin, end = static_cast<int64_t>(floats_.size()) - 2 * kMargin;
      const bool is_row = at >= 0 && at < end && at % pitch_ < columns_;
      ASSERT_TRUE(is_row || floats_[i] == kUntouched) << "float " << at << " was written";
    }
  }

  /// Also between the rows.
  friend bool operator==(const Matrix& a, const Matrix& b) {
    return a.floats_.size() == b.floats_.size() &&
           std::memcmp(a.floats_.data(), b.floats_.data(), a.floats_.size() * sizeof(float)) == 0;
  }

 private:
  int64_t columns_, pitch_;
  std::vector<float> floats_;
};

bool have_equal_bits(float a, float b) { return std::memcmp(&a, &b, sizeof a) == 0; }

/// A sum as it should be, and the sum of the magnitudes, which its rounding is measured against.
struct Sum {
  double value = 0, magnitude = 0;
  void add(double term) {
    value += term;
    magnitude += std::abs(term);
  }
};

/// Runs `work(first, frames)` over parts of `frames` frames.
template <class Work>
void in_parts(Random& random, int64_t frames, const Work& work) {
  for (int64_t at = 0, some; at < frames; at += some) {
    some = std::min(frames - at, random.between(1, 9));
    work(at, some);
  }
}

/// Runs `work` for many seeds, on processors with fewer and fewer instruction sets, and says where
/// it failed.
template <class Work>
void for_seeds(unsigned cases, const Work& work) {
  for (int64_t targets = hwy::SupportedTargets(); targets != 0; targets &= targets - 1) {
    SCOPED_TRACE(hwy::TargetName(targets & -targets));
    pretend_processor(targets);
    for (unsigned i = 0; i < cases && !::testing::Test::HasFailure(); ++i) {
      SCOPED_TRACE(::testing::Message() << "TORCHSTREAMER_SEED=" << base_seed() + i);
      Random random(base_seed() + i);
      work(random);
    }
    pretend_processor(0);
  }
}

int64_t random_groups(Random& random) {
  return random.flip() ? 1 : random.pick<int64_t>({1, 2, 3, 5, 8});
}

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

/// `[channels_out, channels_in / groups, kernel]`: dense, or such that most are zero: for outputs
/// far from their inputs, or all but those of a few distances, as convolutions over the samples of
/// a frame have them.
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

/// A convolution, with an input that is NaN between the frames.
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
    // What is not added to is not read, either.
    for (int64_t t = 0; !adds && t < frames; ++t) std::fill_n(y.row(t), shape.channels_out, kNan);
  }

  void run(Matrix& out, int64_t first, int64_t some) {
    convolution.run(x.row(first * shape.stride), out.row(first), some);
  }
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

  /// Whether the output sees this sample of the input: NaN of one whose weight is zero may be left
  /// out.
  enum class Sight { kNone, kOptional, kSeen };
  Sight sees(int64_t t, int64_t o, int64_t frame, int64_t channel) const {
    const int64_t at = frame - t * shape.stride, inputs = shape.channels_in / shape.groups;
    const bool is_seen = at >= 0 && at % shape.dilation == 0 &&
                         at / shape.dilation < shape.kernel &&
                         o / (shape.channels_out / shape.groups) == channel / inputs;
    if (!is_seen) return Sight::kNone;
    const bool is_zero =
        weight[(o * inputs + channel % inputs) * shape.kernel + at / shape.dilation] == 0;
    return is_zero ? Sight::kOptional : Sight::kSeen;
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

TEST(NativeConvolution, NanReachesOnlyWhatSeesIt) {
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
        const auto sight = c.sees(t, o, frame, channel);
        const bool is_nan = std::isnan(after.at(t, o));
        ASSERT_TRUE((is_nan && sight != ConvolutionCase::Sight::kNone) ||
                    (have_equal_bits(after.at(t, o), before.at(t, o)) &&
                     sight != ConvolutionCase::Sight::kSeen))
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

  /// `x` begins `taps - 1` frames before the first input whose stride of outputs is wanted.
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
    convolution.run(x.row(0), y.row(0), c.strides);
    y.expect_untouched_around();
    for (int64_t t = 0; t < c.strides * c.shape.stride; ++t)
      for (int64_t o = 0; o < c.shape.channels_out; ++o) {
        const Sum sum = c.expected(x, taps, t, o);
        ASSERT_NEAR(y.at(t, o), sum.value, 5e-7 * sum.magnitude) << "frame " << t << ", " << o;
      }
    in_parts(random, c.strides, [&](int64_t at, int64_t some) {
      convolution.run(x.row(at), parts.row(at * c.shape.stride), some);
    });
    EXPECT_TRUE(parts == y) << "the bits depend on the frames of a call";
  });
}

// ---- functions of samples

struct FunctionCase {
  Function function;
  const char* name;
  bool is_binary;
  double most_ulp;  ///< what elementwise.h states
  std::function<double(double a, double b, double p, double q)> exact;
  std::function<Tensor(const Tensor& a, const Tensor& b, float p, float q)> torch;
  bool is_part_of_operand = false;  ///< whose rounding its error is measured against
};

double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

const std::vector<FunctionCase>& functions() {
  using D = double;
  using T = const Tensor&;
  static const std::vector<FunctionCase> all = {
      {Function::kAdd, "add", true, 0.5, [](D a, D b, D p, D) { return a + p * b; },
       [](T a, T b, float p, float) { return at::add(a, b, p); }},
      {Function::kMultiply, "multiply", true, 0.5, [](D a, D b, D, D) { return a * b; },
       [](T a, T b, float, float) { return a * b; }},
      {Function::kDivide, "divide", true, 0.5, [](D a, D b, D, D) { return a / b; },
       [](T a, T b, float, float) { return a / b; }},
      {Function::kMaximum, "maximum", true, 0, [](D a, D b, D, D) { return std::max(a, b); },
       [](T a, T b, float, float) { return at::maximum(a, b); }},
      {Function::kMinimum, "minimum", true, 0, [](D a, D b, D, D) { return std::min(a, b); },
       [](T a, T b, float, float) { return at::minimum(a, b); }},
      {Function::kPrelu, "prelu", true, 0.5, [](D a, D b, D, D) { return a > 0 ? a : b * a; },
       [](T a, T b, float, float) { return at::where(a > 0, a, b * a); }},
      {Function::kScale, "scale", false, 0.5, [](D a, D, D p, D q) { return p * a + q; },
       [](T a, T, float p, float q) { return a * p + q; }},
      {Function::kLeakyRelu, "leaky relu", false, 0.5,
       [](D a, D, D p, D) { return a > 0 ? a : p * a; },
       [](T a, T, float p, float) { return at::leaky_relu(a, p); }},
      {Function::kClamp, "clamp", false, 0,
       [](D a, D, D p, D q) { return std::min(std::max(a, p), q); },
       [](T a, T, float p, float q) { return at::clamp(a, p, q); }},
      {Function::kElu, "elu", false, 2.2,
       [](D a, D, D p, D) { return a > 0 ? a : p * std::expm1(a); },
       [](T a, T, float p, float) { return at::elu(a, p); }},
      {Function::kFill, "fill", false, 0, [](D, D, D, D q) { return q; },
       [](T a, T, float, float q) { return at::full_like(a, q); }},
      {Function::kRelu, "relu", false, 0, [](D a, D, D, D) { return std::max(a, 0.); },
       [](T a, T, float, float) { return at::relu(a); }},
      {Function::kAbs, "abs", false, 0, [](D a, D, D, D) { return std::abs(a); },
       [](T a, T, float, float) { return at::abs(a); }},
      {Function::kSquare, "square", false, 0.5, [](D a, D, D, D) { return a * a; },
       [](T a, T, float, float) { return at::square(a); }},
      {Function::kSqrt, "sqrt", false, 0.5, [](D a, D, D, D) { return std::sqrt(a); },
       [](T a, T, float, float) { return at::sqrt(a); }},
      {Function::kReciprocal, "reciprocal", false, 0.5, [](D a, D, D, D) { return 1 / a; },
       [](T a, T, float, float) { return at::reciprocal(a); }},
      {Function::kExp, "exp", false, 1.1, [](D a, D, D, D) { return std::exp(a); },
       [](T a, T, float, float) { return at::exp(a); }},
      {Function::kLog, "log", false, 1, [](D a, D, D, D) { return std::log(a); },
       [](T a, T, float, float) { return at::log(a); }},
      {Function::kLog1p, "log1p", false, 2.6, [](D a, D, D, D) { return std::log1p(a); },
       [](T a, T, float, float) { return at::log1p(a); }},
      {Function::kSoftplus, "softplus", false, 4,
       [](D a, D, D p, D q) {
         const double product = static_cast<float>(p * a);
         return product > q ? a : std::log1p(std::exp(product)) / p;
       },
       [](T a, T, float p, float q) { return at::softplus(a, p, q); }},
      {Function::kSign, "sign", false, 0, [](D a, D, D, D) { return a > 0   ? 1
                                                                    : a < 0 ? -1
                                                                            : 0; },
       [](T a, T, float, float) { return at::sign(a); }},
      {Function::kFloor, "floor", false, 0, [](D a, D, D, D) { return std::floor(a); },
       [](T a, T, float, float) { return at::floor(a); }},
      {Function::kRound, "round", false, 0, [](D a, D, D, D) { return std::nearbyint(a); },
       [](T a, T, float, float) { return at::round(a); }},
      {Function::kSin, "sin", false, 2.6, [](D a, D, D, D) { return std::sin(a); },
       [](T a, T, float, float) { return at::sin(a); }},
      {Function::kCos, "cos", false, 2.6, [](D a, D, D, D) { return std::cos(a); },
       [](T a, T, float, float) { return at::cos(a); }},
      {Function::kTanh, "tanh", false, 2.6, [](D a, D, D, D) { return std::tanh(a); },
       [](T a, T, float, float) { return at::tanh(a); }},
      {Function::kGelu, "gelu", false, 3.5,
       [](D a, D, D, D) { return a * std::erfc(-a / std::sqrt(2)) / 2; },
       [](T a, T, float, float) { return at::gelu(a); }, /*is_part_of_operand=*/true},
      {Function::kSigmoid, "sigmoid", false, 2.6, [](D a, D, D, D) { return sigmoid(a); },
       [](T a, T, float, float) { return at::sigmoid(a); }},
      {Function::kSilu, "silu", false, 2.6, [](D a, D, D, D) { return a * sigmoid(a); },
       [](T a, T, float, float) { return at::silu(a); }},
  };
  return all;
}

/// Samples one after the other, as one row.
std::vector<float> apply(const FunctionCase& f, float p, float q, const std::vector<float>& a,
                         const std::vector<float>& b) {
  const int64_t count = static_cast<int64_t>(a.size());
  std::vector<float> y(a.size());
  elementwise({f.function,
               p,
               q,
               {a.data(), count},
               f.is_binary ? Rows{b.data(), count} : Rows{},
               y.data(),
               count,
               1,
               count});
  return y;
}

/// What is less counts as zero: the smallest normal floats, and what silu makes of samples whose
/// exp is infinite.
constexpr double kZero = 100 * FLT_MIN;

/// The distance of floats near `exact`.
double ulp(double exact) {
  return std::ldexp(1., std::ilogb(std::max(std::abs(exact), kZero)) - 23);
}

/// What a product is wrong by that is rounded before it goes into a sum.
double product_error(Function function, double a, double b, double p) {
  const bool has_fused = !HWY_ARCH_X86 || (hwy::SupportedTargets() & (HWY_AVX2 | HWY_AVX3)) != 0;
  if (has_fused) return 0;
  return function == Function::kAdd     ? ulp(p * b) / 2
         : function == Function::kScale ? ulp(p * a) / 2
                                        : 0;
}

/// Samples of all magnitudes: those that audio has, and those that it should not have.
std::vector<float> samples_of_all_magnitudes(Random& random, int64_t count) {
  std::vector<float> x(count);
  for (float& sample : x) {
    const double magnitude = std::exp2(random.between(0, 4) ? random.between(-400, 700) / 100.
                                                            : random.between(-12000, 12000) / 100.);
    sample = static_cast<float>((random.flip() ? 1 : -1) * magnitude *
                                (1 + random.between(0, 1 << 20) / 1048576.));
  }
  return x;
}

TEST(NativeElementwise, ErrorsStayWithinTheStatedBounds) {
  for (const FunctionCase& f : functions()) {
    double worst = 0;
    for_seeds(8, [&](Random& random) {
      const auto a = samples_of_all_magnitudes(random, 20000);
      const auto b = samples_of_all_magnitudes(random, 20000);
      const float p = random.pick({1.f, -1.f, 0.3f}), q = p + 1;
      const auto y = apply(f, p, q, a, b);
      for (size_t i = 0; i < a.size(); ++i) {
        const double exact = f.exact(a[i], b[i], p, q);
        if (std::abs(exact) > FLT_MAX || std::isnan(exact)) continue;  // see the next test
        if (std::abs(exact) < kZero && std::abs(y[i]) <= kZero) continue;
        const double error = (std::abs(y[i] - exact) - product_error(f.function, a[i], b[i], p)) /
                             ulp(f.is_part_of_operand ? a[i] : exact);
        worst = std::max(worst, error);
        ASSERT_LE(error, f.most_ulp) << f.name << "(" << a[i] << ", " << b[i] << ") is not " << y[i]
                                     << " but " << exact << "; p " << p << ", q " << q;
      }
    });
    std::printf("%-12s %.2f ulp\n", f.name, worst);
  }
}

bool is_near(float a, float b) {
  if (std::isnan(a) || std::isnan(b)) return std::isnan(a) && std::isnan(b);
  return a == b || std::abs(a - b) <= 4 * ulp(b);
}

TEST(NativeElementwise, SpecialValuesAreThoseOfPyTorch) {
  const std::vector<float> special = {0.f,    -0.f,  1.f,    -1.f,    kNan,   kInfinity, -kInfinity,
                                      20.f,   -20.f, -40.f,  88.7f,   -88.7f, 90.f,      -90.f,
                                      -104.f, 200.f, -200.f, -3.4e4f, 1e6f,   FLT_MAX,   -FLT_MAX};
  std::vector<float> a, b;
  for (const float x : special)
    for (const float y : special) {
      a.push_back(x);
      b.push_back(y);
    }
  for_seeds(1, [&](Random&) {
    for (const FunctionCase& f : functions())
      for (const float p : {1.f, -1.f, 0.3f}) {
        const float q = p + 1;
        const auto y = apply(f, p, q, a, b);
        const Tensor expected = f.torch(at::tensor(a), at::tensor(b), p, q).contiguous();
        for (size_t i = 0; i < a.size(); ++i) {
          // libtorch 2.6 makes inf of gelu(inf) for a sample by itself, and not a number for many.
          const bool is_alone = f.function == Function::kGelu && std::isinf(a[i]);
          const float of_torch =
              is_alone ? at::gelu(at::tensor({a[i]})).item<float>() : expected.data_ptr<float>()[i];
          EXPECT_TRUE(is_near(y[i], of_torch))
              << f.name << "(" << a[i] << ", " << b[i] << ") is " << y[i] << ", PyTorch makes "
              << of_torch << " of it; p " << p << ", q " << q;
        }
      }
  });
}

// Each sample is what it would be alone.
TEST(NativeElementwise, BitsDoNotDependOnTheLayout) {
  for_seeds(60, [](Random& random) {
    for (const FunctionCase& f : functions()) {
      const int64_t rows = random.between(1, 12), columns = random.between(1, 70);
      SCOPED_TRACE(::testing::Message() << f.name << ", " << rows << " x " << columns);
      auto operand = [&] {
        const bool is_same = random.between(0, 3) == 0;
        return Matrix(rows, columns, is_same ? 0 : columns + random.pick<int64_t>({0, 1, 13}),
                      kNan);
      };
      Matrix a = operand(), b = operand();
      Matrix y(rows, columns, columns + random.pick<int64_t>({0, 1, 13}), kUntouched);
      const float p = random.pick({1.f, -1.f, 0.3f}), q = p + 1;
      elementwise({f.function,
                   p,
                   q,
                   {a.row(0), a.pitch()},
                   f.is_binary ? Rows{b.row(0), b.pitch()} : Rows{},
                   y.row(0),
                   y.pitch(),
                   rows,
                   columns});
      y.expect_untouched_around();
      for (int64_t r = 0; r < rows; ++r)
        for (int64_t c = 0; c < columns; ++c)
          ASSERT_TRUE(have_equal_bits(y.at(r, c), apply(f, p, q, {a.at(r, c)}, {b.at(r, c)})[0]))
              << "row " << r << ", column " << c;
    }
  });
}

TEST(NativeElementwise, WorksInPlace) {
  for_seeds(20, [](Random& random) {
    for (const FunctionCase& f : functions()) {
      const int64_t rows = random.between(1, 12), columns = random.between(1, 70);
      SCOPED_TRACE(::testing::Message() << f.name << ", " << rows << " x " << columns);
      const int64_t pitch = columns + random.pick<int64_t>({0, 1, 13});
      Matrix a(rows, columns, pitch, kUntouched), b(rows, columns, pitch, kUntouched), y = a;
      auto run = [&](Matrix& to) {
        elementwise({f.function,
                     1,
                     2,
                     {a.row(0), pitch},
                     f.is_binary ? Rows{b.row(0), pitch} : Rows{},
                     to.row(0),
                     pitch,
                     rows,
                     columns});
      };
      const Matrix a_before = a;
      run(y);
      run(a);
      EXPECT_TRUE(a == y);
      a = a_before;
      if (!f.is_binary) continue;
      run(b);
      EXPECT_TRUE(b == y);
    }
  });
}

// ---- cells

/// Values between others that nobody may write.
Matrix row_of(int64_t hidden) { return {1, hidden, hidden, kUntouched}; }

TEST(NativeCells, LstmEqualsItsFormulaForEveryUnitByItself) {
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

TEST(NativeCells, GruEqualsItsFormulaForEveryUnitByItself) {
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

// ---- kernels over tracks

/// Frames of a signal, as many as there are so far.
struct Signal {
  Signal(int64_t frames, int64_t samples)
      : frames(frames), samples(samples), track(samples, 0, /*is_ring=*/false, &memory) {
    const auto values = noise(frames * samples);
    std::copy(values.begin(), values.end(), track.append(frames));
    track.commit(frames);
    view.track = 0;
    view.samples = samples;
  }
  double at(int64_t frame, int64_t sample) const { return track.at(frame)[sample]; }

  int64_t frames, samples;
  AlignedFloats memory;
  Track track;
  View view;
};

/// What the kernel makes of the signal, in pushes of random lengths: after each, `made(frames)`
/// frames are due, and at the end `total`.
std::vector<float> run_kernel(const Kernel& kernel, const Signal& x, int64_t samples_out,
                              const std::function<int64_t(int64_t)>& made, int64_t total,
                              Random& random) {
  std::vector<float> y(total * samples_out + 1, kUntouched);
  const auto memory = kernel.start();
  int64_t in = 0, out = 0;
  auto push = [&](bool final, int64_t due) {
    const Frames frames(x.track, x.view, in);
    kernel.run(&frames, {final, out, due - out, {}}, y.data() + out * samples_out, memory.get());
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

TEST(NativePad, ShowsWhatPyTorchShows) {
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
        *pad(padding, x.samples), x, x.samples,
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
    // One more may reach past the end, with a frame that is not padding.
    const int64_t next = whole(frames) * o.stride_frames;
    const int64_t total = whole(frames) + (next < frames - o.padding_frames ? 1 : 0);
    const auto y = run_kernel(
        *pool(o, x.samples), x, x.samples,
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

TEST(NativeInterpolate, MixesTheFramesAroundAPosition) {
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
    const auto y = run_kernel(*interpolate({source, is_linear, 0}, x.samples), x, x.samples, made,
                              frames * factor, random);
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
        *accumulate(x.samples), x, x.samples, [](int64_t in) { return in; }, x.frames, random);
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
        *reduce(r), x, samples_out, [](int64_t in) { return in; }, x.frames, random);
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

// Weights of half a large page and more begin with one.
TEST(NativeMemory, HoldsWeightsOfAnySize) {
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
