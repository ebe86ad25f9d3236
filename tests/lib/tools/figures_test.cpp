// Figures that torchstreamer-inspect reports.
#include <gtest/gtest.h>
#include <torch/nn/modules/conv.h>

#include "lib/tools/inspect_rig.h"
#include "lib/tools/layers.h"
#include "streams/attention.h"
#include "streams/conv_transpose.h"
#include "streams/each_channel.h"
#include "streams/pool.h"
#include "tools/report/report.h"

namespace torchstreamer::tools {
namespace {

TEST(Figures, HeldBytesAreThoseOfTheHistory) {
  Conv1dStream stream(torch::nn::Conv1d(torch::nn::Conv1dOptions(3, 2, 5)));
  EXPECT_EQ(stream.held_bytes(), 0);
  stream.forward(at::zeros({3, 2}));
  EXPECT_EQ(stream.held_bytes(), 2 * 3 * 4);
  stream.forward(at::zeros({3, 1000}));
  EXPECT_EQ(stream.held_bytes(), 4 * 3 * 4);
  stream.reset();
  EXPECT_EQ(stream.held_bytes(), 0);
}

/// Held bytes after 100 frames of same3, a convolution with kernel 3.
int64_t held_bytes_of_same3(Execution execution) {
  LoadOptions options;
  options.execution = execution;
  const std::unique_ptr<Model> same3(torchstreamer_load_model(model("same3").c_str(), options));
  const auto engine = same3->start(1);
  std::vector<float> in(100), out(100);
  const void* from = in.data();
  void* to = out.data();
  engine->push(&from, 100, false, &to);
  return engine->held_bytes();
}

TEST(Figures, AnEngineReportsTheBytesOfItsStream) {
  // The reference holds only frames that it needs later: two frames of history and one frame for
  // the padding at the end.
  const int64_t needed_bytes = held_bytes_of_same3(Execution::kReference);
  EXPECT_GE(needed_bytes, 2 * 4);
  EXPECT_LE(needed_bytes, 4 * 4);
  const int64_t native_bytes = held_bytes_of_same3(Execution::kNative);
  EXPECT_GE(native_bytes, needed_bytes);
  EXPECT_LE(native_bytes, 9800);  // mostly working memory for blocks
}

TEST(Figures, MultiplyAddsOfNetworks) {
  const Tensor ones = at::ones({2, 4, 6});  // [out, in, kernel], transposed: [in, out, kernel]
  EXPECT_EQ(conv1d_layer({ones, {}, 2})->multiply_adds_per_frame({{at::kFloat, at::kCPU, {4}}}),
            48);
  EXPECT_EQ(conv1d_layer({ones, {}, 2})->multiply_adds_per_frame({{at::kFloat, at::kCPU, {3, 4}}}),
            3 * 48);
  EXPECT_EQ(
      conv_transpose1d_layer({ones, {}, 5})->multiply_adds_per_frame({{at::kFloat, at::kCPU, {2}}}),
      10);  // 48 / 5, rounded up
  const auto product = pointwise([](const Tensors& in) {
    return at::matmul(in[0], at::ones({3, 7})) + at::tanh(at::ones({7}));
  });
  EXPECT_EQ(product->multiply_adds_per_frame({{at::kFloat, at::kCPU, {3}}}), 21);
  // One query, 5 keys of 3 channels and 5 values.
  AttentionOptions window;
  window.reach = {{-4, 0}};
  window.rule = [](const Tensor& q, const Tensor& k, const Tensor& v, int64_t, int64_t) {
    return at::matmul(at::matmul(q, k.t()), v);
  };
  EXPECT_EQ(attention1d_layer(window)->multiply_adds_per_frame(
                std::vector<Format>(3, {at::kFloat, at::kCPU, {3}})),
            2 * 5 * 3);
  // Downsampling by 2 and upsampling by 2: each output frame needs half a frame of the first layer.
  const auto chain = Network::chain({conv1d_layer({at::ones({1, 1, 4}), {}, 2}),
                                     conv_transpose1d_layer({at::ones({1, 1, 4}), {}, 2})});
  EXPECT_EQ(chain->multiply_adds_per_frame({kMono}), 2 + 2);
}

TEST(Figures, WindowSamplesOfNetworks) {
  const LayerPtr pool = pool1d_layer({Pool1d::Kind::kMax, 6, 2});
  EXPECT_EQ(pool->window_samples({{at::kFloat, at::kCPU, {3}}}), 6 * 3);
  // An output frame of the chain needs 4 frames of the first pool.
  const LayerPtr chain = Network::chain({pool, pool1d_layer({Pool1d::Kind::kMax, 5, 4})});
  EXPECT_EQ(chain->window_samples({kMono}), 4 * 6 + 5);
  EXPECT_EQ(each_channel_layer(chain)->window_samples({{at::kFloat, at::kCPU, {2}}}),
            2 * (4 * 6 + 5));
}

TEST(Figures, FirstFramesIsTheSmallestNumber) {
  for (const int64_t least : {1, 2, 3, 4, 5, 100, 4097})
    EXPECT_EQ(first_frames([&](int64_t n) { return n >= least; }), least);
  EXPECT_FALSE(first_frames([](int64_t) { return false; }));
}

}  // namespace
}  // namespace torchstreamer::tools
