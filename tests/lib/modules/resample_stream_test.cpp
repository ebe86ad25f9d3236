// The resampler as a stream of tensors.
#include "expect_says.h"
#include "lib/modules/custom_modules.h"
#include "lib/support/random_nets.h"
#include "lib/support/torchaudio_cases.h"
#include "torchstreamer/resample.h"

namespace torchstreamer::testing {
namespace {

TEST(Api, ResampleStreamKeepsTheRank) {
  for (const auto dtype : {at::kFloat, at::kDouble}) {
    audio::ResampleStream stream(44100, 48000);
    const Tensor x = torch::randn({3, 1000}, dtype);
    const Tensor y = run(stream, x, {100, 0, 899, 1});
    ASSERT_EQ(y.sizes(), (std::vector<int64_t>{3, 1089}));
    const Tensor mono = run(stream, x[1], {1, 999, 0});
    ASSERT_EQ(mono.dim(), 1);
    EXPECT_TRUE(mono.equal(y[1]));
  }
}

TEST(Api, ResampleStreamEqualsTorchaudio) {
  torch::NoGradGuard guard;
  int i = 0;
  audio::for_each_torchaudio_case([&](const audio::TorchaudioCase& c) {
    const unsigned seed = base_seed() + i++;
    SCOPED_TRACE(::testing::Message()
                 << c.source_hz << " -> " << c.target_hz << " width "
                 << c.options.lowpass_filter_width << " TORCHSTREAMER_SEED=" << seed);
    Random random(seed);
    auto tensor = [&](const auto& f32, const auto& f64) {
      return c.is_double ? torch::tensor(f64, torch::kDouble) : torch::tensor(f32);
    };
    const Tensor x = tensor(c.x_f32, c.x_f64), expected = tensor(c.y_f32, c.y_f64);
    audio::ResampleStream stream(c.source_hz, c.target_hz, c.options.resampling_method,
                                 c.options.lowpass_filter_width, c.options.rolloff, c.options.beta);
    const Tensor y = run(stream, x, random_chunks(random, x.size(0)));
    ASSERT_EQ(y.sizes(), expected.sizes());
    const double scale = std::max(1.0, expected.abs().max().item<double>());
    EXPECT_LE((y - expected).abs().max().item<double>(), tolerance(x) * scale);
  });
}

TEST(Api, ResampleStreamOfShortSignals) {
  for (const int64_t frames : {0, 1, 2, 7}) {
    audio::ResampleStream up(16000, 48000), down(48000, 16000), same(8000, 8000);
    const Tensor x = torch::randn({frames});
    const Tensor y = run(up, x, {frames, 0}), z = run(down, x, {0, frames});
    EXPECT_EQ(y.defined() ? y.size(0) : 0, 3 * frames);
    EXPECT_EQ(z.defined() ? z.size(0) : 0, (frames + 2) / 3);
    const Tensor passed = run(same, x, {frames});
    if (frames > 0) {
      EXPECT_TRUE(passed.equal(x));
    }
  }
}

TEST(Api, ResampleStreamErrors) {
  using audio::ResampleStream;
  EXPECT_SAYS("sinc_interp_kaiser", error_of([] { ResampleStream(8000, 16000, "linear"); }));
  EXPECT_NE(error_of([] { ResampleStream(0, 16000); }), "");
  EXPECT_NE(error_of([] { ResampleStream(8000, -1); }), "");
  EXPECT_NE(error_of([] { ResampleStream(8000, 16000, "sinc_interp_hann", 0); }), "");
  EXPECT_NE(error_of([] { ResampleStream(8000, 16000, "sinc_interp_hann", 6, 1.5); }), "");
  ResampleStream stream(8000, 16000);
  EXPECT_NE(error_of([&] { stream.forward(torch::ones({4}, torch::kShort)); }), "");
  EXPECT_NE(error_of([&] { stream.forward(torch::ones({1, 1, 4})); }), "");
  EXPECT_TRUE(stream.forward(torch::ones({40}), true));
}

TEST(Api, ResampleStreamInsideANet) {
  torch::NoGradGuard guard;
  nn::Conv1d conv(nn::Conv1dOptions(1, 2, 3));
  register_streamer<ThirdImpl>(
      [](std::shared_ptr<ThirdImpl>) { return std::make_shared<audio::ResampleStream>(3, 2); });
  const auto net = create_stream(nn::Sequential(conv, Third()));
  const Tensor x = torch::randn({1, 50});
  audio::ResampleStream alone(3, 2);
  expect_equal(*net,
               [&](const Tensor& s) {
                 return *alone.forward(conv->forward(s.unsqueeze(0)).squeeze(0), true);
               },
               x, {1, 1, 0, 20, 28, 0});
}

}  // namespace
}  // namespace torchstreamer::testing
