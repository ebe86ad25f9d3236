// Compares functions of samples with the same functions in double and with PyTorch.
#include <cfloat>
#include <cmath>

#include "lib/native/kernels/kernel_cases.h"
#include "native/simd/elementwise.h"

namespace torchstreamer::testing {
namespace {

// ---- functions of samples

struct FunctionCase {
  Function function;
  const char* name;
  bool is_binary;
  double most_ulp;  ///< the bound that elementwise.h states
  std::function<double(double a, double b, double p, double q)> exact;
  std::function<Tensor(const Tensor& a, const Tensor& b, float p, float q)> torch;
  bool is_part_of_operand = false;  ///< the error is relative to the operand, not to the result
};

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

/// The function of contiguous samples, as one row.
std::vector<float> apply(const FunctionCase& f, float p, float q, const std::vector<float>& a,
                         const std::vector<float>& b) {
  const int64_t count = static_cast<int64_t>(a.size());
  std::vector<float> y(a.size());
  elementwise({f.function,
               p,
               q,
               {a.data(), count},
               f.is_binary ? SampleRows{b.data(), count} : SampleRows{},
               y.data(),
               count,
               1,
               count});
  return y;
}

/// Smaller results count as zero: the smallest normal floats, and silu of samples whose exp is
/// infinite.
constexpr double kZero = 100 * FLT_MIN;

/// Distance between neighbouring floats near `exact`.
double ulp(double exact) {
  return std::ldexp(1., std::ilogb(std::max(std::abs(exact), kZero)) - 23);
}

/// Error of a product that is rounded before it is added; 0 with fused multiply-add.
double product_error(Function function, double a, double b, double p) {
  const bool has_fused = !HWY_ARCH_X86 || (hwy::SupportedTargets() & (HWY_AVX2 | HWY_AVX3)) != 0;
  if (has_fused) return 0;
  return function == Function::kAdd     ? ulp(p * b) / 2
         : function == Function::kScale ? ulp(p * a) / 2
                                        : 0;
}

/// Samples of all magnitudes: mostly those of audio, some much smaller or larger.
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
        ASSERT_LE(error, f.most_ulp) << f.name << "(" << a[i] << ", " << b[i] << ") gives " << y[i]
                                     << " instead of " << exact << "; p " << p << ", q " << q;
      }
    });
    std::printf("%-12s %.2f ulp\n", f.name, worst);
  }
}

bool is_near(float a, float b) {
  if (std::isnan(a) || std::isnan(b)) return std::isnan(a) && std::isnan(b);
  return a == b || std::abs(a - b) <= 4 * ulp(b);
}

TEST(NativeElementwise, SpecialValuesEqualPyTorch) {
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
          // In libtorch 2.6 gelu(inf) is inf for a single sample and NaN for many samples.
          const bool is_alone = f.function == Function::kGelu && std::isinf(a[i]);
          const float of_torch =
              is_alone ? at::gelu(at::tensor({a[i]})).item<float>() : expected.data_ptr<float>()[i];
          EXPECT_TRUE(is_near(y[i], of_torch))
              << f.name << "(" << a[i] << ", " << b[i] << ") gives " << y[i] << " instead of "
              << of_torch << " as in PyTorch; p " << p << ", q " << q;
        }
      }
  });
}

// Compares each sample with the result for this sample alone.
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
                   f.is_binary ? SampleRows{b.row(0), b.pitch()} : SampleRows{},
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
                     f.is_binary ? SampleRows{b.row(0), pitch} : SampleRows{},
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

}  // namespace
}  // namespace torchstreamer::testing
