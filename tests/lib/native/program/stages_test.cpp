// Stages of programs: the bits of the output do not depend on them.
#include "native/program/stages.h"

#include "lib/native/program/run_program.h"
#include "native/program/joint_push.h"

namespace torchstreamer::testing {
namespace {

/// Sizes for which even small models have several stages.
native::BlockSizes random_sizes(Random& random) {
  native::BlockSizes sizes;
  sizes.step_bytes = int64_t{1} << random.between(10, 16);
  sizes.most_step_frames = random.between(1, 12);
  sizes.most_block_bytes = int64_t{1} << 24;
  sizes.weights_per_block = 1;
  return sizes;
}

/// A running stream of a signal, in random pushes.
struct Running {
  Running(const native::Program& program, const Timing& timing, const Tensor& x, Random& random)
      : program(program), timing(timing), x(x), chunks(random_chunks(random, x.size(0))) {
    y.resize(timing.frames_out(x.size(0), true) * program.output().samples + 1);
  }

  bool is_last() const { return next + 1 == chunks.size(); }
  bool is_done() const { return next == chunks.size(); }

  Push* begin() {
    const int64_t channels = program.channels_in(), frames = chunks[next], total = in + frames;
    const int64_t due = timing.frames_out(total, is_last()) - out;
    push = {state.get(),
            x.data_ptr<float>() + in * channels,
            frames,
            channels,
            {is_last(), out, due, {total, total, total}},
            y.data() + out * program.output().samples,
            nullptr};
    return &push;
  }

  void end() {
    if (push.error) std::rethrow_exception(push.error);
    in += push.frames;
    out += push.step.frames;
    ++next;
  }

  const native::Program& program;
  const Timing& timing;
  const Tensor x;
  const std::vector<int64_t> chunks;
  std::vector<float> y;
  std::unique_ptr<State> state = program.start();
  size_t next = 0;
  int64_t in = 0, out = 0;
  Push push;
};

/// Expects the same bits from three streams of one signal, whose different pushes run together.
void expect_bits_together(const native::Program& program, const Timing& timing, const Tensor& x,
                          const std::vector<float>& expected, Random& random) {
  std::vector<Running> streams;
  for (int i = 0; i < 3; ++i) streams.emplace_back(program, timing, x, random);
  for (;;) {
    std::vector<Push*> pushes;
    std::vector<Running*> pushing;
    for (Running& stream : streams)
      if (!stream.is_done()) {
        pushes.push_back(stream.begin());
        pushing.push_back(&stream);
      }
    if (pushes.empty()) break;
    native::push_together(program, pushes.data(), static_cast<int>(pushes.size()));
    for (Running* stream : pushing) stream->end();
  }
  for (const Running& stream : streams) ASSERT_TRUE(have_equal_bits(stream.y, expected));
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
    expect_bits_together(program, timing, frames, expected, random);
  }
  std::printf("%d models are divided\n", divided);
  EXPECT_GE(divided, 10);
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
  return native::divide_into_stages(calls, buffers, {static_cast<int>(links.size())}, {});
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

TEST(Stages, PassSmallFramesOn) {
  // Calls without weights: one at the start, upsampling, one at the end.
  std::vector<native::BufferPlan> buffers;
  const auto [stages, step_frames, block_frames] = stages_of(
      {{1, 128, 0}, {1, 128, 1 << 20}, {300, 64, 0}, {300, 64, 1 << 14}, {300, 1, 0}}, buffers);
  ASSERT_EQ(stages.size(), 2u);
  EXPECT_EQ(stages[0].first, 0);
  EXPECT_EQ(stages[0].end, 2);
  EXPECT_FALSE(stages[0].has_steps);
  EXPECT_EQ(stages[1].end, 5);
}

TEST(Stages, AreOneIfAllCallsNeedTheSame) {
  std::vector<native::BufferPlan> buffers;
  EXPECT_EQ(stages_of({}, buffers).stages.size(), 1u);
  const auto one_rate = stages_of({{1, 32, 1 << 14}, {1, 32, 1 << 14}}, buffers);
  EXPECT_EQ(one_rate.stages.size(), 1u);
  EXPECT_EQ(one_rate.block_frames, one_rate.step_frames);
  EXPECT_EQ(one_rate.block_frames, 1008);  // 256 KiB of frames
  // A step of 21 frames is enough, although 42 would be a little faster.
  const auto large = stages_of(std::vector<Link>(48, {1, 64, 1 << 16}), buffers);
  EXPECT_EQ(large.stages.size(), 1u);
  EXPECT_EQ(large.block_frames, 21);
  const auto low_rate = stages_of({{{1, 160}, 256, 1 << 22}, {{1, 160}, 256, 1 << 22}}, buffers);
  EXPECT_EQ(low_rate.stages.size(), 1u);
  EXPECT_EQ(low_rate.block_frames, 2048);
}

}  // namespace
}  // namespace torchstreamer::testing
