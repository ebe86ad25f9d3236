// Functions of one vector of samples. Included once for each instruction set, after Highway.
#if defined(TORCHSTREAMER_NATIVE_FUNCTIONS) == defined(HWY_TARGET_TOGGLE)
#ifdef TORCHSTREAMER_NATIVE_FUNCTIONS
#undef TORCHSTREAMER_NATIVE_FUNCTIONS
#else
#define TORCHSTREAMER_NATIVE_FUNCTIONS
#endif

#include <hwy/contrib/math/math-inl.h>
#include <hwy/highway.h>

#include <cmath>

HWY_BEFORE_NAMESPACE();
namespace torchstreamer::native::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;
using D = hn::ScalableTag<float>;
using V = hn::Vec<D>;

constexpr D d;
constexpr hn::RebindToSigned<D> di;

HWY_INLINE V Constant(float x) { return hn::Set(d, x); }

// Restores NaN, for which Highway's functions return numbers.
HWY_INLINE V KeepNan(V x, V y) { return hn::IfThenElse(hn::IsNaN(x), x, y); }

HWY_INLINE V Exp(V x) {
  // exp(89) is infinite.
  const V bounded = hn::IfThenElse(hn::Gt(x, Constant(89)), Constant(89), x);
  return KeepNan(x, hn::Exp(d, bounded));
}

// Returns exp(x) - 1 for -40 < x <= 0. With x = k ln 2 + r and |r| <= ln 2 / 2, it equals
// 2^k (exp(r) - 1) + (2^k - 1). exp(r) - 1 is computed by its series.
HWY_INLINE V Expm1OfNegative(V x) {
  // All floats near this number are integers, so adding it rounds to an integer. The last bits of
  // the sum are k + 127; shifted to the exponent they are 2^k.
  const V whole = Constant(12582912 + 127);
  const V shifted = hn::MulAdd(x, Constant(1.44269504f), whole);
  const V k = hn::Sub(shifted, whole);
  V r = hn::NegMulAdd(k, Constant(0.693359375f), x);
  r = hn::NegMulAdd(k, Constant(-2.12194440e-4f), r);
  V p = Constant(1.f / 5040);
  for (const float c : {1.f / 720, 1.f / 120, 1.f / 24, 1.f / 6, 1.f / 2})
    p = hn::MulAdd(p, r, Constant(c));
  p = hn::MulAdd(hn::Mul(p, r), r, r);
  const V scale = hn::BitCast(d, hn::ShiftLeft<23>(hn::BitCast(di, shifted)));
  return hn::MulAdd(scale, p, hn::Sub(scale, Constant(1)));
}

// tanh(|x|) = -m / (m + 2) with m = exp(-2 |x|) - 1. There is no cancellation near 0.
HWY_INLINE V Tanh(V x) {
  constexpr float kIsOne = 10;  // tanh(x) rounds to 1 for larger x
  const V m = Expm1OfNegative(hn::Mul(hn::Min(hn::Abs(x), Constant(kIsOne)), Constant(-2)));
  return KeepNan(x, hn::CopySign(hn::Div(m, hn::Add(m, Constant(2))), x));
}

HWY_INLINE V Sigmoid(V x) { return hn::Div(Constant(1), hn::Add(Constant(1), Exp(hn::Neg(x)))); }

HWY_INLINE V Elu(V x, V alpha) {
  const V below = KeepNan(x, hn::Expm1(d, hn::Min(x, hn::Zero(d))));
  return hn::IfThenElse(hn::Gt(x, hn::Zero(d)), x, hn::Mul(alpha, below));
}

// Highway's functions are exact up to 39000. If a sample is larger, only this sample is computed by
// the scalar function, because its bits must not depend on its neighbours.
template <class Vector, class Scalar>
HWY_INLINE V Periodic(V x, Vector&& in_range, Scalar&& any) {
  constexpr float kRange = 39000;
  const V y = in_range(x);
  if (HWY_LIKELY(hn::AllTrue(d, hn::Lt(hn::Abs(x), Constant(kRange))))) return y;
  HWY_ALIGN float from[HWY_MAX_BYTES / sizeof(float)], to[HWY_MAX_BYTES / sizeof(float)];
  hn::Store(x, d, from);
  hn::Store(y, d, to);
  for (size_t i = 0; i < hn::Lanes(d); ++i)
    if (!(std::abs(from[i]) < kRange)) to[i] = any(from[i]);
  return hn::Load(d, to);
}

HWY_INLINE V Sin(V x) {
  return Periodic(
      x, [](V v) { return hn::Sin(d, v); }, [](float v) { return std::sin(v); });
}
HWY_INLINE V Cos(V x) {
  return Periodic(
      x, [](V v) { return hn::Cos(d, v); }, [](float v) { return std::cos(v); });
}

HWY_INLINE V Special(V x, V at_pole, V y) {
  const V inf = hn::Inf(d);
  y = hn::IfThenElse(hn::Eq(x, at_pole), hn::Neg(inf), y);
  y = hn::IfThenElse(hn::Lt(x, at_pole), hn::NaN(d), y);
  return KeepNan(x, hn::IfThenElse(hn::Eq(x, inf), inf, y));
}
HWY_INLINE V Log(V x) { return Special(x, hn::Zero(d), hn::Log(d, x)); }
HWY_INLINE V Log1p(V x) { return Special(x, Constant(-1), hn::Log1p(d, x)); }

// Returns the probability that a normally distributed variable is larger than |x|: exp(-x^2 / 2)
// times a slowly falling function, which is approximated by a polynomial in (|x| - 3) / (|x| + 3).
// Source: Shepherd and Laframboise, doi:10.1090/S0025-5718-1981-0595058-X.
HWY_INLINE V Tail(V x) {
  const V a = hn::Min(hn::Abs(x), Constant(14));
  const V t = hn::Div(hn::Sub(a, Constant(3)), hn::Add(a, Constant(3)));
  V p = Constant(5.3874903e-5f);
  for (const float c : {1.1565240e-4f, -3.3974771e-4f, -9.8384736e-4f, 2.9046776e-3f, 6.1320886e-3f,
                        -4.6213312e-2f, 1.2322503e-1f, -2.0640262e-1f, 1.2151395e-1f})
    p = hn::MulAdd(p, t, Constant(c));
  return hn::Mul(p, Exp(hn::Mul(hn::Mul(a, a), Constant(-0.5f))));
}

HWY_INLINE V Gelu(V x) {
  const V tail = Tail(x);
  const V below = hn::IfThenElse(hn::Lt(x, hn::Zero(d)), tail, hn::Sub(Constant(1), tail));
  // PyTorch computes 1 + erf(), which rounds to 0 below -14.
  const V probability = hn::IfThenElseZero(hn::Gt(x, Constant(-14)), below);
  return KeepNan(x, hn::Mul(x, probability));
}

HWY_INLINE V Softplus(V x, V beta, V threshold) {
  const V scaled = hn::Mul(x, beta);
  return hn::IfThenElse(hn::Gt(scaled, threshold), x, hn::Div(Log1p(Exp(scaled)), beta));
}

// Returns 0 for NaN.
HWY_INLINE V Sign(V x) {
  const V zero = hn::Zero(d);
  const V below = hn::IfThenElseZero(hn::Lt(x, zero), Constant(-1));
  return hn::IfThenElse(hn::Gt(x, zero), Constant(1), below);
}

// Returns NaN if either operand is NaN, as in PyTorch.
HWY_INLINE V Maximum(V a, V b) { return hn::IfThenElse(hn::Or(hn::IsNaN(a), hn::Gt(a, b)), a, b); }
HWY_INLINE V Minimum(V a, V b) { return hn::IfThenElse(hn::Or(hn::IsNaN(a), hn::Lt(a, b)), a, b); }

}  // namespace torchstreamer::native::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
