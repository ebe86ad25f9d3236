// The cost of calls of operators, compared with their multiply-adds by hand.
#include "blocks/call_cost.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <torch/utils.h>

namespace torchstreamer::blocks {
namespace {

struct Work {
  const char* name;
  std::function<void()> call;
  int64_t multiply_adds;
};

const Work kWorks[] = {
    {"product",
     [] {
       at::matmul(at::ones({2, 30, 400}), at::ones({400, 50}));
     },
     2 * 30 * 400 * 50},
    {"convolution",
     [] {
       at::conv1d(at::ones({2, 4, 2047}), at::ones({8, 4, 1024}));
     },
     2 * 8 * 1024 * 4 * 1024},
    {"transposed convolution",
     [] {
       at::conv_transpose1d(at::ones({2, 4, 300}), at::ones({4, 8, 64}));
     },
     2 * 4 * 300 * 8 * 64},
    {"convolution of a traced model",
     [] {
       at::_convolution(at::ones({2, 4, 2047}), at::ones({8, 4, 1024}), {}, {1}, {0}, {1}, false,
                        {0}, 1, false, false, false, false);
     },
     2 * 8 * 1024 * 4 * 1024},
    {"convolution over the first axis",
     [] {
       at::conv_tbc(at::ones({2047, 2, 4}), at::ones({1024, 4, 8}), at::zeros({8}));
     },
     2 * 8 * 1024 * 4 * 1024},
    {"recurrence",
     [] {
       const auto state = at::zeros({1, 2, 64});
       at::lstm(at::ones({2, 100, 3}), {state, state}, {at::ones({256, 3}), at::ones({256, 64})},
                /*has_biases=*/false,
                /*num_layers=*/1, /*dropout=*/0, /*train=*/false, /*bidirectional=*/false,
                /*batch_first=*/true);
     },
     2 * 100 * 256 * (3 + 64)},
    {"recurrence over packed signals",
     [] {
       const auto state = at::zeros({1, 2, 64});
       const auto [x, sizes] = at::_pack_padded_sequence(
           at::ones({100, 2, 3}), at::tensor({100, 60}, at::kLong), /*batch_first=*/false);
       at::lstm(x, sizes, {state, state}, {at::ones({256, 3}), at::ones({256, 64})},
                /*has_biases=*/false, /*num_layers=*/1,
                /*dropout=*/0, /*train=*/false, /*bidirectional=*/false);
       at::gru(x, sizes, state, {at::ones({192, 3}), at::ones({192, 64})}, /*has_biases=*/false,
               /*num_layers=*/1, /*dropout=*/0, /*train=*/false, /*bidirectional=*/false);
     },
     160 * (256 + 192) * (3 + 64)},
    {"cell of a recurrence",
     [] {
       const auto state = at::zeros({2, 64});
       at::lstm_cell(at::ones({2, 64}), {state, state}, at::ones({256, 64}), at::ones({256, 64}),
                     at::zeros({256}), at::zeros({256}));
     },
     2 * 256 * (64 + 64)},
    {"bilinear product",
     [] {
       at::bilinear(at::ones({9, 20}), at::ones({9, 30}), at::ones({40, 20, 30}), {});
     },
     9 * 40 * 20 * 30},
};

TEST(CallCost, HasTheMultiplyAddsOfProducts) {
  const torch::NoGradGuard no_gradients;
  for (const Work& work : kWorks) {
    const WorkObserver observer;
    work.call();
    EXPECT_EQ(observer.work().multiply_adds, work.multiply_adds) << work.name;
  }
}

TEST(CallCost, CountsElementsAndOperators) {
  const at::Tensor x = at::ones({100, 10});
  const CostObserver outer;
  x.relu();
  const CostObserver inner;
  x.relu();
  EXPECT_EQ(inner.cost().multiply_adds, 1000);
  EXPECT_EQ(outer.cost().multiply_adds, 2000);
  EXPECT_EQ(outer.cost().overhead, 2 * inner.cost().overhead);
  EXPECT_GT(inner.cost().overhead, 1000);
}

}  // namespace
}  // namespace torchstreamer::blocks
