// Certificate of torchstreamer-inspect --verify.
#include <gtest/gtest.h>

#include "expect_says.h"
#include "lib/support/script_model.h"
#include "lib/tools/layers.h"
#include "network/network.h"
#include "streams/pad.h"
#include "streams/windowed.h"
#include "tools/verify/compare.h"
#include "tools/verify/delay.h"
#include "tools/verify/verify.h"
#include "torchstreamer/error.h"

namespace torchstreamer::tools {
namespace {

// A plan of a model that rejects signals of less than 3 frames.
TypeCertificate compare_model(const std::string& source) {
  const graph::ScriptModel model(
      testing::scripted(source, {{"taps", at::tensor({1.f, 2.f, 3.f}).view({1, 1, 3})},
                                 {"many", at::ones({1, 1, 40})}}),
      at::kCPU);
  LoadOptions options;
  return compare(model.plan(options), model.offline_rule({}), kMono, 1);
}

TEST(Certificate, HoldsForEqualStreams) {
  const TypeCertificate c =
      compare_model("def forward(self, x):\n  return torch.conv1d(x, self.taps)");
  EXPECT_TRUE(c.holds()) << c.failure;
  EXPECT_EQ(c.failures, 0);
  EXPECT_EQ(c.rejected, 2);  // 1 and 2 frames
  EXPECT_EQ(c.shortest_frames, 3);
}

TEST(Certificate, FailsForWrongValues) {
  const TypeCertificate c = compare(conv({1, 2, 3.0001f}), offline_conv({1, 2, 3}), kMono, 1);
  EXPECT_FALSE(c.holds());
  EXPECT_EQ(c.failures, c.cases);
  EXPECT_NEAR(c.worst_error, 2e-5, 2e-5);
  EXPECT_NE(c.failure.find("the error is"), std::string::npos) << c.failure;
}

// A layer that claims to be large.
class LargeLayer : public Layer {
 public:
  explicit LargeLayer(LayerPtr layer) : Layer(layer->timing()), layer_(std::move(layer)) {}

  Format accept(const std::vector<Format>& in) const override { return layer_->accept(in); }
  std::unique_ptr<State> start() const override { return layer_->start(); }
  std::string describe() const override { return layer_->describe(); }
  int64_t multiply_adds_per_frame(const std::vector<Format>&) const override { return 1 << 30; }

 private:
  LayerPtr layer_;
};

// Few signals, some of them longer than the receptive field.
TEST(Certificate, OfALargeModelComparesFewSignals) {
  const auto compare_large = [](const LayerPtr& layer) {
    return compare(Network::chain({std::make_shared<LargeLayer>(layer)}), offline_conv({3}), kMono,
                   1);
  };
  const TypeCertificate c = compare_large(conv({3}));
  EXPECT_TRUE(c.holds()) << c.failure;
  EXPECT_EQ(c.signals, 4);
  EXPECT_EQ(c.longest_frames, 16);
  EXPECT_GT(compare(conv({3}), offline_conv({3}), kMono, 1).signals, 6);
  EXPECT_FALSE(compare_large(conv({3.0001f})).holds());
}

TEST(Certificate, ReportsTheRoundingErrorOfTheModel) {
  // The rule works for both types.
  const auto model = offline_conv({0.1f, 0.2f, 0.3f});
  const TypeCertificate c = compare(conv({0.1f, 0.2f, 0.3f}), model, kMono, 1, model);
  EXPECT_EQ(c.without_exact_output, 0);
  EXPECT_GT(c.own_error, 0);
  EXPECT_LT(c.own_error, 1e-6);
  EXPECT_EQ(c.allowed_error, c.tolerance);
}

// The model in float32 has an error of 5e-6: the stream may have twice that.
TEST(Certificate, AllowsTwiceTheErrorOfTheModel) {
  const auto model = [](const Tensor& x) {
    return x.scalar_type() == at::kFloat ? x * (1 + 5e-6) : x.clone();
  };
  const auto scaled = [](double factor) {
    return pointwise([factor](const Tensors& in) { return in[0] * factor; });
  };
  const TypeCertificate near = compare(scaled(1 - 9e-6), model, kMono, 1, model);
  EXPECT_TRUE(near.holds()) << near.failure;
  EXPECT_NEAR(near.own_error, 5e-6, 5e-7);
  EXPECT_NEAR(near.worst_error, 9e-6, 5e-7);
  EXPECT_NEAR(near.allowed_error, 1e-5, 1e-6);
  EXPECT_FALSE(compare(scaled(1 - 1.2e-5), model, kMono, 1, model).holds());
}

TEST(Certificate, FailsForAShiftAndForAWrongEdge) {
  const auto identity = pointwise([](const Tensors& in) { return in[0] * 1; });
  const auto shifted = [](const Tensor& x) { return x.roll(1, 1); };
  EXPECT_FALSE(compare(identity, shifted, kMono, 1, shifted).holds());
  for (const bool is_first : {true, false}) {
    const auto with_edge = [is_first](const Tensor& x) {
      const Tensor y = x.clone();
      y.select(1, is_first ? 0 : -1).mul_(0.999);
      return y;
    };
    EXPECT_FALSE(compare(identity, with_edge, kMono, 1, with_edge).holds());
  }
}

TEST(Certificate, NeedsTheTypeOfTheModel) {
  Certificate c;
  c.types.resize(2);
  c.types[0].not_run = "it fails";
  c.types[1].dtype = at::kDouble;
  c.types[1].signals = 1;
  EXPECT_FALSE(c.holds());
  c.own_type = at::kDouble;
  EXPECT_TRUE(c.holds());
}

TEST(Certificate, FailsForNan) {
  const auto nan = pointwise([](const Tensors& in) { return in[0] * std::nan(""); });
  EXPECT_FALSE(compare(nan, as_it_is, kMono, 1).holds());
}

TEST(Certificate, FailsForADifferentLength) {
  const auto shorter = [](const Tensor& x) { return x.slice(1, 1); };
  const TypeCertificate c =
      compare(pointwise([](const Tensors& in) { return in[0] + 0; }), shorter, kMono, 1);
  EXPECT_FALSE(c.holds());
  EXPECT_NE(c.failure.find("the stream gives"), std::string::npos) << c.failure;
}

TEST(Certificate, FailsIfTheStreamEndsWithAnError) {
  const auto broken = pointwise([](const Tensors& in) -> Tensor {
    if (in[0].size(0) > 2) throw Error("too many");
    return in[0];
  });
  const TypeCertificate c = compare(broken, as_it_is, kMono, 1);
  EXPECT_FALSE(c.holds());
  EXPECT_NE(c.failure.find("too many"), std::string::npos) << c.failure;
}

// The stream does not compute the second output, for which some signals are too short.
TEST(Certificate, HoldsForAModelThatRejectsSignalsBecauseOfAnotherOutput) {
  const TypeCertificate c = compare_model(
      "def forward(self, x):\n  return torch.conv1d(x, self.taps), torch.conv1d(x, self.many)");
  EXPECT_TRUE(c.holds()) << c.failure;
  EXPECT_GE(c.shortest_frames, 40);
}

TEST(Certificate, FailsForALengthThatOnlyTheModelRejects) {
  const auto rejects = [](const Tensor& x) -> Tensor {
    if (x.size(1) == 16) throw Error("no");
    return x.clone();
  };
  const auto accepts = pointwise([](const Tensors& in) { return in[0] * 1; });
  const TypeCertificate c = compare(accepts, rejects, kMono, 1);
  EXPECT_FALSE(c.holds());
  EXPECT_EQ(c.rejected, 1);
  EXPECT_EQ(c.failures, 1);
  EXPECT_EQ(c.failure, "signal of 16 frames: the model rejects it, the stream gives [1, 16]");
}

// A check of samples is left out in a stream.
TEST(Certificate, HoldsForASignalWhoseSamplesTheModelRejects) {
  const auto rejects = [](const Tensor& x) -> Tensor {
    if (x.size(1) == 16 && x.abs().max().item<float>() > 0) throw Error("too loud");
    return x.clone();
  };
  const auto accepts = pointwise([](const Tensors& in) { return in[0] * 1; });
  const TypeCertificate c = compare(accepts, rejects, kMono, 1);
  EXPECT_TRUE(c.holds()) << c.failure;
  EXPECT_EQ(c.rejected, 1);
}

// The stream fails for the signal that the model rejects, which is known by its first sample, and
// changes the next signal. Calls for 2 frames find the format of the output.
TEST(Certificate, FailsForAStreamThatCannotBeUsedAfterAnError) {
  Tensor rejected;
  bool is_broken = false;
  const auto fails_once = pointwise([&](const Tensors& in) -> Tensor {
    if (rejected.defined() && in[0][0].equal(rejected)) {
      is_broken = true;
      throw Error("no");
    }
    const bool is_changed = in[0].size(0) > 2 && std::exchange(is_broken, false);
    return is_changed ? in[0] * 2 : in[0] * 1;
  });
  const auto rejects = [&](const Tensor& x) -> Tensor {
    if (x.size(1) != 16) return x.clone();
    if (!rejected.defined()) rejected = x.select(1, 0).clone();
    throw Error("no");
  };
  const TypeCertificate c = compare(fails_once, rejects, kMono, 1);
  EXPECT_FALSE(c.holds());
  EXPECT_EQ(c.failures, 1);
  EXPECT_EQ(c.failure,
            "signal of 16 frames: after its error, the stream fails for the next signal");
}

TEST(Certificate, TriesNoSignalsThatAreTooLong) {
  static constexpr int64_t kMostFrames = 500;
  const auto limited = [](const Tensor& x) {
    EXPECT_LE(x.size(1), kMostFrames);
    return x.clone();
  };
  const auto same = pointwise([](const Tensors& in) { return in[0] * 1; });
  const TypeCertificate c = compare(same, limited, kMono, 1, nullptr, kMostFrames);
  EXPECT_TRUE(c.holds()) << c.failure;
  EXPECT_LE(c.longest_frames, kMostFrames);
  measure_delay(same, limited, kMono, 1, kMostFrames);
}

TEST(Certificate, FailsIfNothingWasCompared) {
  const auto rejects = [](const Tensor& x) -> Tensor { throw Error("no"); };
  const TypeCertificate c = compare(conv({1}), rejects, kMono, 1);
  EXPECT_FALSE(c.holds());
  EXPECT_EQ(c.signals, 0);
  EXPECT_GT(c.rejected, 0);
}

TEST(Certificate, DetectsBitsThatDependOnTheChunking) {
  const auto depends = pointwise([](const Tensors& in) {
    return in[0] * (1 + 1e-7 * static_cast<double>(in[0].size(0) % 5));
  });
  const TypeCertificate c = compare(depends, as_it_is, kMono, 1);
  EXPECT_TRUE(c.holds()) << c.failure;
  EXPECT_LT(c.identical, c.signals);
  EXPECT_GT(c.worst_difference, 0);
  const TypeCertificate same = compare(conv({2}), offline_conv({2}), kMono, 1);
  EXPECT_EQ(same.identical, same.signals);
}

TEST(Certificate, MeasuresTheLeastInputForTheFirstOutput) {
  const Delay tight = measure_delay(conv({1, 2, 3}), offline_conv({1, 2, 3}), kMono, 1);
  EXPECT_EQ(tight.first_output_frames, 3);
  EXPECT_EQ(tight.least_frames, 3);
  // This stream waits for two frames more than it needs; the padding provides them at the end.
  PadOptions pad;
  pad.right_frames = 2;
  pad.least_right_frames = pad.most_right_frames = 2;
  pad.after = at::zeros({2, 1});
  const auto oldest = [](const Tensor& x) { return x.slice(0, 0, x.size(0) - 2).clone(); };
  const LayerPtr late = Network::chain({pad1d_layer(pad), window_layer({3, 1, oldest, "oldest"})});
  EXPECT_TRUE(compare(late, as_it_is, kMono, 1).holds());
  const Delay waits = measure_delay(late, as_it_is, kMono, 1);
  EXPECT_EQ(waits.first_output_frames, 3);
  EXPECT_EQ(waits.least_frames, 1);
  // Zero times NaN is NaN, so only noise shows that the other frames are not used.
  const auto masked = [](const Tensor& x) {
    return at::matmul(x, at::eye(x.size(1), x.options()));
  };
  const Delay noise =
      measure_delay(pointwise([](const Tensors& in) { return in[0] * 1; }), masked, kMono, 1);
  EXPECT_EQ(noise.first_output_frames, 1);
  EXPECT_EQ(noise.least_frames, 1);
  // For a stream that emits too early, which must be wrong, no least number is reported.
  const Delay early = measure_delay(
      pointwise([](const Tensors& in) { return in[0] * 1; }),
      [](const Tensor& x) { return x.flip({1}); }, kMono, 1);
  EXPECT_EQ(early.first_output_frames, 1);
  EXPECT_FALSE(early.least_frames);
}

// The comparison of the type in which the delay is measured stays as it is.
TEST(Certificate, SaysWhyTheDelayIsNotMeasured) {
  const auto fails = pointwise([](const Tensors&) -> Tensor { throw Error("no kernel"); });
  const Delay delay = measure_delay(fails, as_it_is, kMono, 1);
  EXPECT_SAYS("no kernel", delay.not_measured);
  EXPECT_FALSE(delay.first_output_frames);
}

TEST(Certificate, FailsIfOneTypeFails) {
  Certificate certificate;
  EXPECT_FALSE(certificate.holds());  // nothing was compared
  TypeCertificate good;
  good.signals = good.cases = 1;
  certificate.types = {good, good};
  certificate.types[1].dtype = at::kDouble;
  EXPECT_TRUE(certificate.holds());
  certificate.types[1].not_run = "float64 cannot be";
  EXPECT_TRUE(certificate.holds());
  certificate.types[1] = good;
  certificate.types[1].failures = 1;
  EXPECT_FALSE(certificate.holds());
  certificate.types[1] = good;
  certificate.types[1].not_identical = 1;
  EXPECT_FALSE(certificate.holds()) << "native kernels gave different bits";
}

}  // namespace
}  // namespace torchstreamer::tools
