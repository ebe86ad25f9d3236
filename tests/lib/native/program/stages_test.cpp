// Stages of programs: the bits of the output do not depend on them.
#include "native/program/stages.h"

#include "lib/support/native_program.h"
#include "native/program/joint_push.h"

namespace torchstreamer::testing {
namespace {

/// Sizes for which even small models have several stages.
native::BlockSizes random_sizes(Random& random) {
  native::BlockSizes sizes;
  sizes.step_bytes = int64_t{1} << random.between(5, 13);
  sizes.most_step_frames = random.between(1, 40);
  sizes.most_block_bytes = int64_t{1} << 24;
  sizes.weights_per_block = 1;
  return sizes;
}

/// Two copies of one signal, pushed together.
std::vector<float> run_twins(const native::Program& program, const Timing& timing, const Tensor& x,
                             int64_t chunk_frames) {
  const int64_t channels = program.channels_in(), samples = program.output().samples;
  const int64_t frames = x.size(0);
  std::vector<float> y[2];
  std::unique_ptr<State> states[2];
  for (int i = 0; i < 2; ++i) {
    y[i].resize(timing.frames_out(frames, true) * samples + 1);
    states[i] = program.start();
  }
  for (int64_t in = 0, out = 0; in < frames; in += chunk_frames) {
    const int64_t some = std::min(chunk_frames, frames - in), total = in + some;
    const bool final = total == frames;
    const int64_t due = timing.frames_out(total, final) - out;
    Push pushes[2];
    Push* both[] = {&pushes[0], &pushes[1]};
    for (int i = 0; i < 2; ++i)
      pushes[i] = {
          states[i].get(), x.data_ptr<float>() + in * channels,      some,
          channels,        {final, out, due, {total, total, total}}, y[i].data() + out * samples,
          nullptr};
    native::push_together(program, both, 2);
    out += due;
  }
  EXPECT_TRUE(have_equal_bits(y[0], y[1]));
  return y[0];
}

TEST(Stages, DoNotChangeTheOutput) {
  SCOPED_TRACE(::testing::Message() << "TORCHSTREAMER_SEED=" << base_seed());
  Random random(base_seed());
  int divided = 0;
  for (const ModelFile& file : float_files()) {
    SCOPED_TRACE(file.name);
    const LoadedModel model(file);
    c10::InferenceMode inference;
    const native::Program* usual = program_of(model);
    if (!usual || has_fallback(*usual)) continue;
    const native::Program program(usual->nodes(), {at::kFloat, at::kCPU, {usual->channels_in()}},
                                  random_sizes(random));
    divided += program.stages().size() > 1;
    const Timing& timing = model.network->timing();
    const Tensor x =
        model.signal(held_length(model, timing.receptive_field_frames() + random.between(1, 400)));
    const Tensor frames = x.t().contiguous();
    const auto expected = run_program(*usual, timing, frames, {frames.size(0)});
    for (int i = 0; i < 4; ++i)
      ASSERT_TRUE(have_equal_bits(
          run_program(program, timing, frames, random_chunks(random, frames.size(0))), expected));
    ASSERT_TRUE(
        have_equal_bits(run_twins(program, timing, frames, random.between(1, 100)), expected));
  }
  EXPECT_GE(divided, 50);
}

/// A kernel that reads all its weights for each 24 frames.
class Weights : public native::Kernel {
 public:
  explicit Weights(int64_t bytes) : bytes_(bytes) {}
  void run(const native::FrameReader*, const Step&, float*, native::KernelState*) const override {}
  int64_t frames_at_once() const override { return bytes_ ? 24 : 1; }
  int64_t weights_bytes() const override { return bytes_; }

 private:
  int64_t bytes_;
};

/// A chain of calls. `rate`: output frames per frame of the source.
struct Link {
  Rational rate;
  int64_t channels, weights_bytes;
};
native::Stages stages_of(const std::vector<Link>& links, std::vector<native::BufferPlan>& buffers) {
  std::vector<native::KernelCall> calls;
  buffers = {{1}};
  for (int c = 0; c < static_cast<int>(links.size()); ++c) {
    buffers.push_back({links[c].channels, links[c].rate});
    native::KernelCall call;
    call.kernel = std::make_unique<Weights>(links[c].weights_bytes);
    call.in = {{c}};
    call.buffer = c + 1;
    calls.push_back(std::move(call));
  }
  return native::divide(calls, buffers, {static_cast<int>(links.size())}, {});
}

TEST(Stages, SeparateLowRatesFromHighOnes) {
  std::vector<native::BufferPlan> buffers;
  const auto [stages, step_frames, block_frames] = stages_of({{1, 128, 1 << 20},
                                                              {5, 64, 1 << 20},
                                                              {5, 64, 0},
                                                              {300, 32, 1 << 14},
                                                              {300, 32, 0},
                                                              {300, 32, 1 << 14}},
                                                             buffers);
  ASSERT_EQ(stages.size(), 2u);
  EXPECT_EQ(stages[0].first, 0);
  EXPECT_EQ(stages[0].end, 3);
  EXPECT_FALSE(stages[0].has_steps);
  EXPECT_EQ(stages[1].end, 6);
  EXPECT_TRUE(stages[1].has_steps);
  EXPECT_EQ(step_frames, 2);   // 256 KiB of frames
  EXPECT_EQ(block_frames, 4);  // the output takes most of the memory
  // Only the frames between calls of the second stage leave after each step.
  std::vector<int> stage_of_buffers;
  for (const native::BufferPlan& buffer : buffers) stage_of_buffers.push_back(buffer.stage);
  EXPECT_EQ(stage_of_buffers, (std::vector<int>{-1, -1, -1, -1, 1, 1, -1}));
}

TEST(Stages, AreOneIfAllCallsNeedTheSame) {
  std::vector<native::BufferPlan> buffers;
  const auto one_rate = stages_of({{1, 32, 1 << 14}, {1, 32, 1 << 14}}, buffers);
  EXPECT_EQ(one_rate.stages.size(), 1u);
  EXPECT_EQ(one_rate.block_frames, one_rate.step_frames);
  EXPECT_EQ(one_rate.block_frames, 1008);  // 256 KiB of frames
  const auto low_rate = stages_of({{{1, 160}, 256, 1 << 22}, {{1, 160}, 256, 1 << 22}}, buffers);
  EXPECT_EQ(low_rate.stages.size(), 1u);
  EXPECT_EQ(low_rate.block_frames, 2048);
}

}  // namespace
}  // namespace torchstreamer::testing
