#include "native/simd/elementwise.h"

#include <cmath>

#include "native/simd/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "native/simd/elementwise.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>
// Behind Highway itself.
#include <hwy/contrib/math/math-inl.h>
#include "native/simd/first_lanes-inl.h"

HWY_BEFORE_NAMESPACE();
namespace torchstreamer::native::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;
using D = hn::ScalableTag<float>;
using V = hn::Vec<D>;

constexpr D d;
constexpr hn::RebindToSigned<D> di;

HWY_INLINE V Constant(float x) { return hn::Set(d, x); }

// What Highway makes of something that is not a number is a number.
HWY_INLINE V KeepNan(V x, V y) { return hn::IfThenElse(hn::IsNaN(x), x, y); }

HWY_INLINE V Exp(V x) {
  // exp(89) is infinite already.
  const V bounded = hn::IfThenElse(hn::Gt(x, Constant(89)), Constant(89), x);
  return KeepNan(x, hn::Exp(d, bounded));
}

// exp(x) - 1 for -40 < x <= 0: x = k ln 2 + r, and 2^k (exp(r) - 1) + (2^k - 1) with the series of
// exp(r) - 1, |r| <= ln 2 / 2.
HWY_INLINE V Expm1OfNegative(V x) {
  // Near this number all floats are whole, so that adding it rounds. The last bits of the sum are
  // k + 127: 2^k, once they are where the exponent lies.
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

// tanh(|x|) = -m / (m + 2) with m = exp(-2 |x|) - 1, which does not cancel near 0.
HWY_INLINE V Tanh(V x) {
  constexpr float kIsOne = 10;  // from here on
  const V m = Expm1OfNegative(hn::Mul(hn::Min(hn::Abs(x), Constant(kIsOne)), Constant(-2)));
  return KeepNan(x, hn::CopySign(hn::Div(m, hn::Add(m, Constant(2))), x));
}

HWY_INLINE V Sigmoid(V x) { return hn::Div(Constant(1), hn::Add(Constant(1), Exp(hn::Neg(x)))); }

HWY_INLINE V Elu(V x, V alpha) {
  const V below = KeepNan(x, hn::Expm1(d, hn::Min(x, hn::Zero(d))));
  return hn::IfThenElse(hn::Gt(x, hn::Zero(d)), x, hn::Mul(alpha, below));
}

// Highway's own reach ends at 39000. Each sample by itself: its bits must not depend on those
// beside it.
template <class Vector, class Scalar>
HWY_INLINE V Periodic(V x, Vector&& in_reach, Scalar&& anywhere) {
  constexpr float kReach = 39000;
  const V y = in_reach(x);
  if (HWY_LIKELY(hn::AllTrue(d, hn::Lt(hn::Abs(x), Constant(kReach))))) return y;
  HWY_ALIGN float from[HWY_MAX_BYTES / sizeof(float)], to[HWY_MAX_BYTES / sizeof(float)];
  hn::Store(x, d, from);
  hn::Store(y, d, to);
  for (size_t i = 0; i < hn::Lanes(d); ++i)
    if (!(std::abs(from[i]) < kReach)) to[i] = anywhere(from[i]);
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

// How much of the normal distribution lies beyond |x|: exp(-x^2 / 2) times a function that falls
// slowly, as a polynomial of (|x| - 3) / (|x| + 3), which bends it least: Shepherd and Laframboise,
// doi:10.1090/S0025-5718-1981-0595058-X.
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
  // What lies beyond is lost in the rounding of 1 + erf(), which PyTorch computes.
  const V seen = hn::IfThenElseZero(hn::Gt(x, Constant(-14)), below);
  return KeepNan(x, hn::Mul(x, seen));
}

HWY_INLINE V Softplus(V x, V beta, V threshold) {
  const V scaled = hn::Mul(x, beta);
  return hn::IfThenElse(hn::Gt(scaled, threshold), x, hn::Div(Log1p(Exp(scaled)), beta));
}

// 0 of what is not a number.
HWY_INLINE V Sign(V x) {
  const V zero = hn::Zero(d);
  const V below = hn::IfThenElseZero(hn::Lt(x, zero), Constant(-1));
  return hn::IfThenElse(hn::Gt(x, zero), Constant(1), below);
}

// NaN in either operand is the result, as in PyTorch.
HWY_INLINE V Maximum(V a, V b) { return hn::IfThenElse(hn::Or(hn::IsNaN(a), hn::Gt(a, b)), a, b); }
HWY_INLINE V Minimum(V a, V b) { return hn::IfThenElse(hn::Or(hn::IsNaN(a), hn::Lt(a, b)), a, b); }

// One long row, where there are no gaps.
HWY_INLINE bool IsOneRow(const SampleMap& job) {
  return job.a.pitch == job.columns && (!job.b.data || job.b.pitch == job.columns) &&
         job.y_pitch == job.columns;
}

template <class F>
HWY_INLINE void EachRow(const SampleMap& job, const F& f) {
  const int64_t n = static_cast<int64_t>(hn::Lanes(d));
  const bool is_one_row = IsOneRow(job);
  const int64_t rows = is_one_row ? 1 : job.rows;
  const int64_t columns = is_one_row ? job.rows * job.columns : job.columns;
  for (int64_t row = 0; row < rows; ++row) {
    const float* a = job.a.data + row * job.a.pitch;
    const float* b = job.b.data + row * job.b.pitch;
    float* y = job.y + row * job.y_pitch;
    int64_t i = 0;
    for (; i + n <= columns; i += n) hn::StoreU(f(a, b, i), d, y + i);
    if (i == columns) continue;
    const size_t left = static_cast<size_t>(columns - i);
    StoreFirst(f.first(a, b, i, left), d, y + i, left);
  }
}

template <class F>
struct UnaryRows {
  F f;
  V operator()(const float* a, const float*, int64_t i) const { return f(hn::LoadU(d, a + i)); }
  V first(const float* a, const float*, int64_t i, size_t count) const {
    return f(LoadFirst(d, a + i, count));
  }
};

template <class F>
struct BinaryRows {
  F f;
  V operator()(const float* a, const float* b, int64_t i) const {
    return f(hn::LoadU(d, a + i), hn::LoadU(d, b + i));
  }
  V first(const float* a, const float* b, int64_t i, size_t count) const {
    return f(LoadFirst(d, a + i, count), LoadFirst(d, b + i, count));
  }
};

template <class F>
HWY_NOINLINE void Unary(const SampleMap& job, F f) {
  EachRow(job, UnaryRows<F>{f});
}
template <class F>
HWY_NOINLINE void Binary(const SampleMap& job, F f) {
  EachRow(job, BinaryRows<F>{f});
}

void RunElementwise(const SampleMap& job) {
  const V p = Constant(job.p), q = Constant(job.q), zero = hn::Zero(d);
  switch (job.function) {
    case Function::kAdd:
      if (job.p == 1) return Binary(job, [](V a, V b) { return hn::Add(a, b); });
      if (job.p == -1) return Binary(job, [](V a, V b) { return hn::Sub(a, b); });
      return Binary(job, [=](V a, V b) { return hn::MulAdd(p, b, a); });
    case Function::kMultiply:
      return Binary(job, [](V a, V b) { return hn::Mul(a, b); });
    case Function::kDivide:
      return Binary(job, [](V a, V b) { return hn::Div(a, b); });
    case Function::kMaximum:
      return Binary(job, [](V a, V b) { return Maximum(a, b); });
    case Function::kMinimum:
      return Binary(job, [](V a, V b) { return Minimum(a, b); });
    case Function::kPrelu:
      return Binary(job,
                    [=](V a, V b) { return hn::IfThenElse(hn::Gt(a, zero), a, hn::Mul(a, b)); });
    case Function::kScale:
      return Unary(job, [=](V a) { return hn::MulAdd(p, a, q); });
    case Function::kFill:
      return Unary(job, [=](V) { return q; });
    case Function::kLeakyRelu:
      return Unary(job, [=](V a) { return hn::IfThenElse(hn::Gt(a, zero), a, hn::Mul(a, p)); });
    case Function::kClamp:
      return Unary(job, [=](V a) { return KeepNan(a, hn::Min(hn::Max(a, p), q)); });
    case Function::kElu:
      return Unary(job, [=](V a) { return Elu(a, p); });
    case Function::kRelu:
      return Unary(job, [=](V a) { return KeepNan(a, hn::Max(a, zero)); });
    case Function::kAbs:
      return Unary(job, [](V a) { return hn::Abs(a); });
    case Function::kSquare:
      return Unary(job, [](V a) { return hn::Mul(a, a); });
    case Function::kSqrt:
      return Unary(job, [](V a) { return hn::Sqrt(a); });
    case Function::kReciprocal:
      return Unary(job, [](V a) { return hn::Div(Constant(1), a); });
    case Function::kExp:
      return Unary(job, [](V a) { return Exp(a); });
    case Function::kLog:
      return Unary(job, [](V a) { return Log(a); });
    case Function::kLog1p:
      return Unary(job, [](V a) { return Log1p(a); });
    case Function::kGelu:
      return Unary(job, [](V a) { return Gelu(a); });
    case Function::kSoftplus:
      return Unary(job, [=](V a) { return Softplus(a, p, q); });
    case Function::kSign:
      return Unary(job, [](V a) { return Sign(a); });
    case Function::kFloor:
      return Unary(job, [](V a) { return hn::Floor(a); });
    case Function::kRound:
      return Unary(job, [](V a) { return hn::Round(a); });
    case Function::kSin:
      return Unary(job, [](V a) { return Sin(a); });
    case Function::kCos:
      return Unary(job, [](V a) { return Cos(a); });
    case Function::kTanh:
      return Unary(job, [](V a) { return Tanh(a); });
    case Function::kSigmoid:
      return Unary(job, [](V a) { return Sigmoid(a); });
    case Function::kSilu:
      return Unary(job, [](V a) { return hn::Div(a, hn::Add(Constant(1), Exp(hn::Neg(a)))); });
  }
}

// Hidden units in vectors, as many as are left in the last one.
template <class F>
HWY_INLINE void EachUnit(int64_t hidden, const F& f) {
  const int64_t n = static_cast<int64_t>(hn::Lanes(d));
  for (int64_t i = 0; i < hidden; i += n)
    f(i, static_cast<size_t>(hidden - i < n ? hidden - i : n));
}

void LstmCell(const float* gates, int64_t hidden, float* h, float* c) {
  EachUnit(hidden, [=](int64_t i, size_t count) {
    auto gate = [&](int64_t g) { return LoadFirst(d, gates + g * hidden + i, count); };
    const V in = Sigmoid(gate(0)), keep = Sigmoid(gate(1)), cell = Tanh(gate(2));
    const V out = Sigmoid(gate(3));
    const V state = hn::MulAdd(keep, LoadFirst(d, c + i, count), hn::Mul(in, cell));
    StoreFirst(state, d, c + i, count);
    StoreFirst(hn::Mul(out, Tanh(state)), d, h + i, count);
  });
}

void GruCell(const float* x, const float* y, int64_t hidden, float* h) {
  EachUnit(hidden, [=](int64_t i, size_t count) {
    auto from = [&](const float* p, int64_t g) { return LoadFirst(d, p + g * hidden + i, count); };
    const V reset = Sigmoid(hn::Add(from(x, 0), from(y, 0)));
    const V keep = Sigmoid(hn::Add(from(x, 1), from(y, 1)));
    const V fresh = Tanh(hn::MulAdd(reset, from(y, 2), from(x, 2)));
    const V before = LoadFirst(d, h + i, count);
    StoreFirst(hn::MulAdd(keep, hn::Sub(before, fresh), fresh), d, h + i, count);
  });
}

}  // namespace torchstreamer::native::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace torchstreamer::native {

HWY_EXPORT(RunElementwise);
HWY_EXPORT(LstmCell);
HWY_EXPORT(GruCell);

void elementwise(const SampleMap& map) { HWY_DYNAMIC_DISPATCH(RunElementwise)(map); }

void lstm_cell(const float* gates, int64_t hidden, float* h, float* c) {
  HWY_DYNAMIC_DISPATCH(LstmCell)(gates, hidden, h, c);
}

void gru_cell(const float* from_input, const float* from_hidden, int64_t hidden, float* h) {
  HWY_DYNAMIC_DISPATCH(GruCell)(from_input, from_hidden, hidden, h);
}

}  // namespace torchstreamer::native
#endif
