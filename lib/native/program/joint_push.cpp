#include "native/program/joint_push.h"

#include <algorithm>

#include "native/program/program_state.h"

namespace torchstreamer::native {
namespace {

// Runs block after block of all streams. Streams leave when their push is complete or has failed.
//
//     calls      0   1   2   3   4   5
//     stream 0   ------> |   |   ----->
//     stream 1   ------> |   |   ----->
//     stream 2   ------> v   v   ----->
//
// Calls of many weights, here 2 and 3, run for all streams at once. The calls between them run for
// one stream after the other, so that the frames of a stream stay in the cache.
class JointPush {
 public:
  JointPush(const Program& program, Push* const* pushes, int count)
      : program_(program), calls_(program.calls()), count_(count) {
    std::copy_n(pushes, count, pushes_);
  }

  void run() {
    for (int p = 0; p < count_; ++p) state(p).begin_push(*pushes_[p]);
    while (count_ > 0) {
      for_each([](ProgramState& state) { state.begin_block(); });
      for (int s = 0; s < static_cast<int>(program_.stages().size()); ++s) run_stage(s);
      for_each([](ProgramState& state) { state.end_block(); });
      for (int p = count_ - 1; p >= 0; --p)
        if (!state(p).has_block()) remove(p);
    }
  }

 private:
  ProgramState& state(int p) const { return *static_cast<ProgramState*>(pushes_[p]->state); }
  void remove(int p) { pushes_[p] = pushes_[--count_]; }

  // Calls work(state) for each stream. The streams for which it throws leave with the exception.
  template <class Work>
  void for_each(const Work& work) {
    for (int p = count_ - 1; p >= 0; --p) try {
        work(state(p));
      } catch (...) {
        pushes_[p]->error = std::current_exception();
        remove(p);
      }
  }

  // Number of source frames of a block, on average.
  int64_t mean_frames() const {
    int64_t frames = 0;
    for (int p = 0; p < count_; ++p) frames += state(p).block_frames();
    return frames / std::max(1, count_);
  }

  int64_t most_frames() const {
    int64_t frames = 0;
    for (int p = 0; p < count_; ++p) frames = std::max(frames, state(p).block_frames());
    return frames;
  }

  // Runs steps that are whole blocks together.
  void run_stage(int s) {
    const Stage& stage = program_.stages()[s];
    if (stage.has_steps && most_frames() > program_.step_frames()) {
      for_each([&](ProgramState& state) { state.run_stage(s); });
      return;
    }
    for_each([&](ProgramState& state) { state.begin_step(0); });
    const int64_t frames = mean_frames();
    const auto is_joint = [&](int c) {
      return count_ > 1 && frames <= calls_[c].most_frames_together;
    };
    for (int c = stage.first, end; c < stage.end; c = end) {
      end = c + 1;
      if (is_joint(c)) {
        run_together(c);
        continue;
      }
      while (end < stage.end && !is_joint(end)) ++end;
      for_each([&](ProgramState& state) {
        for (int one = c; one < end; ++one) state.run_call(one);
      });
    }
    for_each([&](ProgramState& state) { state.end_step(s); });
  }

  void run_together(int c) {
    KernelRun runs[kMostTogether];
    int count = 0;
    for_each([&](ProgramState& state) {
      const KernelRun run = state.begin_call(c);
      if (run.frames > 0) runs[count++] = run;
    });
    if (count > 0) calls_[c].kernel->run_together(runs, count);
    for_each([&](ProgramState& state) { state.end_call(c); });
  }

  const Program& program_;
  const std::vector<KernelCall>& calls_;
  Push* pushes_[kMostTogether];
  int count_;
};

}  // namespace

void push_together(const Program& program, Push* const* pushes, int count) {
  JointPush(program, pushes, count).run();
}

}  // namespace torchstreamer::native
