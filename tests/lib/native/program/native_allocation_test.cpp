// A model that runs natively does not allocate memory, take locks or make system calls, and reports
// the memory that it holds.
#include "lib/support/allocations.h"

#include <ATen/Parallel.h>
#include <gtest/gtest.h>
#include <malloc.h>

#include <thread>

#include "lib/support/large_model.h"
#include "lib/support/model_files.h"

namespace torchstreamer::testing {
namespace {

/// Pushes an endless signal through an engine; owns the memory of input and output.
class EndlessSignal {
 public:
  EndlessSignal(const Model& model, int64_t most_frames,
                const std::shared_ptr<Group>& group = nullptr)
      : channels_(std::max(1, model.channels_in())),
        engine_(model.start(channels_, 0, group)),
        in_(channels_ * most_frames),
        out_((engine_->frames_due(most_frames, true) + 4096) * model.channels_out(channels_)) {
    std::mt19937 random(base_seed());
    for (float& sample : in_) sample = std::normal_distribution<float>()(random);
  }

  void operator()(int count, int64_t frames) {
    const void* in[] = {in_.data()};
    void* out[] = {out_.data()};
    for (int i = 0; i < count; ++i) {
      frames_out_ += engine_->frames_due(frames, false);
      engine_->push(in, frames, false, out);
    }
  }

  int64_t frames_out() const { return frames_out_; }
  int64_t held_bytes() const { return engine_->held_bytes(); }
  /// Memory of input and output.
  int64_t own_bytes() const { return (in_.capacity() + out_.capacity()) * sizeof(float); }

 private:
  int channels_;
  std::unique_ptr<Engine> engine_;
  std::vector<float> in_, out_;
  int64_t frames_out_ = 0;
};

/// Expects no allocations, locks and system calls for pushes of these sizes.
void expect_quiet(EndlessSignal& pushes, std::initializer_list<int64_t> sizes_frames) {
  for (const int64_t frames : sizes_frames) {
    SCOPED_TRACE(::testing::Message() << "pushes of " << frames << " frames");
    const Calls calls = count_calls([&] { pushes(20, frames); });
    EXPECT_EQ(calls.allocations, 0);
    EXPECT_EQ(calls.frees, 0);
    EXPECT_EQ(calls.locks, 0);
    // The check runs in a child process, which has only this thread; the kernels need no other.
    EXPECT_FALSE(calls_the_system([&] { pushes(20, frames); }));
  }
}

// Pushes of 480 frames until no more input is kept for an offline run and all buffers have their
// size.
constexpr int kFirstPushes = 1 + graph::Guards::kKeptFrames / 480;

class NativeModels : public ::testing::TestWithParam<const char*> {};

TEST_P(NativeModels, MakeNoneWhileStreaming) {
  const std::unique_ptr<Model> model(
      torchstreamer_load_model((models() / GetParam()).c_str(), LoadOptions()));
  EndlessSignal pushes(*model, 1000);
  // The first pushes do allocate: the beginning of the signal is kept for an offline run.
  const Calls first = count_calls([&] { pushes(kFirstPushes, 480); });
  EXPECT_GT(first.allocations, 0);
  const int64_t before = pushes.frames_out();
  expect_quiet(pushes, {1, 64, 480, 1000});
  EXPECT_GT(pushes.frames_out(), before);
}

int64_t allocated_bytes() {
  const struct mallinfo2 info = mallinfo2();
  return info.uordblks + info.hblkhd;
}

// The allocator adds headers and whole pages. The other objects of a stream are small.
TEST_P(NativeModels, ReportTheMemoryThatTheyHold) {
  const std::unique_ptr<Model> model(
      torchstreamer_load_model((models() / GetParam()).c_str(), LoadOptions()));
  EndlessSignal first(*model, 480);
  first(kFirstPushes, 480);
  const int64_t before_bytes = allocated_bytes();
  EndlessSignal pushes(*model, 480);
  pushes(kFirstPushes, 480);
  const int64_t stream_bytes = allocated_bytes() - before_bytes - pushes.own_bytes();
  EXPECT_GT(pushes.held_bytes(), 0);
  EXPECT_NEAR(stream_bytes, pushes.held_bytes(), 32 * 1024 + pushes.held_bytes() / 20);
}

TEST(NativeAllocations, NoModelWithoutLibtorchMakesAny) {
  int models_seen = 0;
  for (const ModelFile& file : float_files()) {
    SCOPED_TRACE(file.name);
    const LoadedModel loaded(file);
    const native::Program* program = program_of(loaded);
    if (!program || has_fallback(*program)) continue;
    ++models_seen;
    LoadOptions options;
    options.channels = file.channels;
    const std::unique_ptr<Model> model(
        torchstreamer_load_model((models() / file.name).c_str(), options));
    EndlessSignal pushes(*model, 480);
    pushes(kFirstPushes, 480);
    const int64_t before = pushes.frames_out();
    expect_quiet(pushes, {7, 480});
    EXPECT_GT(pushes.frames_out(), before);
  }
  EXPECT_GE(models_seen, 280);
}

TEST(NativeAllocations, AGroupMakesNone) {
  const auto model = large_model();
  const auto group = model->make_group({/*wait_ns=*/1'000'000, /*runs=*/1});
  EndlessSignal one(*model, 480, group), other(*model, 480, group);
  const auto run = [](EndlessSignal& pushes) {
    pushes(kFirstPushes, 480);
    const Calls calls = count_calls([&] {
      pushes(100, 160);
      pushes(100, 480);
    });
    EXPECT_EQ(calls.allocations, 0);
    EXPECT_EQ(calls.frees, 0);
  };
  std::thread thread([&] { run(other); });
  run(one);
  thread.join();
  EXPECT_LT(group->counts().runs, group->counts().pushes) << "no pushes have run together";
}

std::string name_of_path(const ::testing::TestParamInfo<const char*>& info) {
  return std::filesystem::path(info.param).stem().stem().string();
}

INSTANTIATE_TEST_SUITE_P(
    NativeAllocations, NativeModels,
    ::testing::Values("families/tcn_chomp.script.pt", "families/wavenet_sum.script.pt",
                      "families/seanet_encoder_causal.script.pt",
                      "families/seanet_encoder_lstm.script.pt", "families/recurrent_amp.script.pt",
                      "families/hifigan_v1.script.pt", "families/demucs_plain.script.pt",
                      "families/demucs_add.script.pt", "families/stack_reflect.script.pt",
                      "families/demucs_wave_u_net.script.pt", "families/pool_max.script.pt",
                      "families/tasnet_layer_norm.script.pt", "recurrent.script.pt",
                      "families/spectral_mask.script.pt"),
    name_of_path);

}  // namespace
}  // namespace torchstreamer::testing
