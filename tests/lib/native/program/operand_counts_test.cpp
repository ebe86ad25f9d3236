// Programs of layers whose computation does not agree with the layer.
#include "lib/support/streaming.h"
#include "native/program/program.h"
#include "streams/pointwise.h"

namespace torchstreamer::testing {
namespace {

constexpr int64_t kSamples = 4;

struct ClaimedComputation {
  const char* name;
  Computation computation;
};

Recurrence recurrence(int64_t inputs, int64_t hidden, int64_t states) {
  const Recurrence::Layer layer{at::zeros({4 * hidden, inputs}), at::zeros({4 * hidden, hidden}),
                                at::zeros({4 * hidden}), at::zeros({4 * hidden})};
  return {true, {layer}, at::zeros({1, states}), at::zeros({1, states})};
}

Rearrangement rearrangement(std::vector<Rearrangement::From> samples, int64_t rate = 1,
                            int64_t block = 1) {
  return {std::move(samples), rate, block};
}

Padding1d padding(int64_t constants) {
  return {PadMode::kConstant, 1, 0, at::zeros({constants, kSamples}), {}};
}

Reduction reduction(Reduction::Kind kind, int64_t size, int64_t inner) {
  Reduction r;
  r.kind = kind;
  r.size = size;
  r.inner = inner;
  return r;
}

Convolution1d convolution(std::vector<int64_t> weight, int64_t bias, int64_t stride = 1,
                          int64_t dilation = 1, int64_t groups = 1) {
  return {at::zeros(weight), at::zeros({bias}), stride, dilation, groups};
}

TransposedConvolution1d transposed(std::vector<int64_t> weight, int64_t bias,
                                   Tensor envelope = {}) {
  return {at::zeros(weight), at::zeros({bias}), 1, 1, 1, std::move(envelope)};
}

Elementwise nested(Tensor constant) {
  const Elementwise inner{
      Function::kAdd, {Operand::of_input(0), Operand::of_constant(std::move(constant))}, 1};
  return {Function::kRelu, {Operand::of_result(inner)}};
}

// Each reads or writes samples or frames that do not exist, for frames of 4 samples.
std::vector<ClaimedComputation> wrong_computations() {
  return {
      {"constant", Elementwise{Function::kScale, {Operand::of_constant(at::zeros({3}))}}},
      {"undefined constant", Elementwise{Function::kScale, {Operand{}}}},
      {"nested constant", nested(at::zeros({3}))},
      {"input", Elementwise{Function::kScale, {Operand::of_input(1)}}},
      {"spread to fewer", Elementwise{Function::kScale, {Operand::of_input(0, {0, 1, 2})}}},
      {"spread of another", Elementwise{Function::kScale, {Operand::of_input(0, {0, 1, 2, 4})}}},
      {"spread of negative", Elementwise{Function::kScale, {Operand::of_input(0, {0, -1, 2, 3})}}},
      {"one operand", Elementwise{Function::kAdd, {Operand::of_input(0)}, 1}},
      {"scale", Affine{at::zeros({3}), at::zeros({4})}},
      {"shift", Affine{at::zeros({4}), at::zeros({5})}},
      {"halves", Glu{}},
      {"divisor", DividedByLast{}},
      {"few samples", rearrangement({{0, 0}, {0, 1}, {0, 2}})},
      {"sample", rearrangement({{0, 0}, {0, 1}, {0, 2}, {0, 4}})},
      {"input of sample", rearrangement({{0, 0}, {0, 1}, {0, 2}, {1, 0}})},
      {"block", rearrangement({{0, 0}, {0, 1}, {0, 2}, {0, 7}}, 1, 2)},
      {"rate", rearrangement({{0, 0}, {0, 1}, {0, 2}, {0, 3}}, 2)},
      {"reduced", reduction(Reduction::kSum, 4, 1)},
      {"size", reduction(Reduction::kSoftmax, 5, 1)},
      {"inner", reduction(Reduction::kSoftmax, 2, 3)},
      {"padding", padding(2)},
      {"ramp", Ramp{{0, 0, 0}, {1, 1, 1}}},
      {"steps of a ramp", Ramp{{0, 0, 0, 0}, {1, 1, 1}}},
      {"inputs of a recurrence", recurrence(3, 4, 4)},
      {"hidden values", recurrence(4, 5, 5)},
      {"states", recurrence(4, 4, 3)},
      {"decimation", Decimation{2}},
      {"pool", Pool1d{Pool1d::Kind::kMax, 2, 2, 1}},
      {"channels of a kernel", convolution({4, 3, 1}, 4)},
      {"outputs of a kernel", convolution({3, 4, 1}, 3)},
      {"frames of a kernel", convolution({4, 4, 2}, 4)},
      {"dilation", convolution({4, 1, 2}, 4, 1, 7, 4)},
      {"stride", convolution({4, 4, 1}, 4, 2)},
      {"bias", convolution({4, 4, 1}, 3)},
      {"groups", convolution({4, 2, 1}, 4, 1, 1, 3)},
      {"transposed channels", transposed({3, 4, 1}, 4)},
      {"transposed outputs", transposed({4, 5, 1}, 5)},
      {"spectra", ShortTimeFourier{at::ones({4}, at::kDouble)}},
      {"type of a window", ShortTimeFourier{at::ones({1})}},
      {"signals of spectra",
       InverseShortTimeFourier{at::ones({2}, at::kDouble), at::ones({2}, at::kDouble)}},
      {"envelope", transposed({4, 3, 1}, 3, at::zeros({2}))},
  };
}

/// A program of one layer that doubles frames of 4 samples, and claims to compute something else.
native::Program doubling_program(const Computation& claimed) {
  PointwiseOptions options{[](const Tensors& in) { return in[0] * 2; }, "double"};
  options.computation = claimed;
  return native::Program({{pointwise_layer(options), {Network::kSource}, {}}},
                         {at::kFloat, at::kCPU, {kSamples}});
}

Tensor run_program(const native::Program& program, const Tensor& x) {
  Tensor y = at::empty_like(x);
  const int64_t frames = x.size(0);
  program.start()->push_frames(x.data_ptr<float>(), frames, kSamples,
                               {true, 0, frames, {frames, frames, frames}}, y.data_ptr<float>());
  return y;
}

TEST(OperandCounts, ComputationsThatDisagreeAreExecutedByTheirLayer) {
  const Tensor x = at::randn({50, kSamples});
  for (const auto& [name, computation] : wrong_computations()) {
    SCOPED_TRACE(name);
    const native::Program program = doubling_program(computation);
    EXPECT_TRUE(program.is_fallback(0));
    EXPECT_TRUE(run_program(program, x).equal(x * 2));
  }
}

TEST(OperandCounts, ComputationsThatAgreeAreNative) {
  const Tensor x = at::randn({50, kSamples}), two = at::full({kSamples}, 2.f);
  const std::vector<ClaimedComputation> right = {
      {"function", Elementwise{Function::kScale, {Operand::of_input(0)}, 2}},
      {"spread", Elementwise{Function::kScale, {Operand::of_input(0, {0, 1, 2, 3})}, 2}},
      {"constant",
       Elementwise{Function::kMultiply, {Operand::of_input(0), Operand::of_constant(two)}}},
      {"affine", Affine{two, at::zeros({kSamples})}},
      {"groups", Convolution1d{two.view({4, 1, 1}), {}, 1, 1, 4}},
      {"two signals", Convolution1d{at::eye(2).unsqueeze(-1) * 2, {}, 1, 1, 1}},
      {"transposed", TransposedConvolution1d{at::eye(4).unsqueeze(-1) * 2, {}, 1, 1, 1}},
  };
  for (const auto& [name, computation] : right) {
    SCOPED_TRACE(name);
    const native::Program program = doubling_program(computation);
    EXPECT_FALSE(program.is_fallback(0));
    EXPECT_TRUE(run_program(program, x).equal(x * 2));
  }
}

}  // namespace
}  // namespace torchstreamer::testing
