#include "native/simd/elementwise.h"

#include "support/simd_targets.h"

// Compiled once for each instruction set; the best one of the processor is used.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "native/simd/elementwise.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>
// Must follow Highway.
#include "native/simd/first_lanes-inl.h"
#include "native/simd/functions-inl.h"

HWY_BEFORE_NAMESPACE();
namespace torchstreamer::native::HWY_NAMESPACE {

// Returns true if all rows are contiguous and can be computed as one long row.
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

// Selects the loop of each function.
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

// Calls f(first unit, count) for each vector of hidden units; the last vector may be shorter.
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
