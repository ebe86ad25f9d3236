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
// one stream after the other, so that the frames of a stream stay in the cache. So do all calls of
// a stage for streams with several steps.
class JointPush {
 public:
  JointPush(const Program& program, Push* const* pushes, int count)
      : program_(program), calls_(program.calls()), count_(count) {
    std::copy_n(pushes, count, pushes_);
  }

  void run() {
    for (int p = 0; p < count_; ++p) state(p).begin_push(*pushes_[p]);
    while (count_ > 0) {
      for_each(0, count_, [](ProgramState& state) { state.begin_block(); });
      for (int s = 0; s < static_cast<int>(program_.stages().size()); ++s) run_stage(s);
      for_each(0, count_, [](ProgramState& state) { state.end_block(); });
      const auto has_block = [](const Push* push) {
        return !push->error && state_of(*push).has_block();
      };
      count_ = static_cast<int>(std::partition(pushes_, pushes_ + count_, has_block) - pushes_);
    }
  }

 private:
  static ProgramState& state_of(const Push& push) {
    return *static_cast<ProgramState*>(push.state);
  }
  ProgramState& state(int p) const { return state_of(*pushes_[p]); }

  // Calls work(state) for the streams [first, end). A stream for which it throws takes part in
  // nothing that follows.
  template <class Work>
  void for_each(int first, int end, const Work& work) {
    for (int p = first; p < end; ++p) try {
        if (!pushes_[p]->error) work(state(p));
      } catch (...) {
        pushes_[p]->error = std::current_exception();
      }
  }

  void run_stage(int s) {
    const bool has_steps = program_.stages()[s].has_steps;
    const auto has_one_step = [&](const Push* push) {
      return !has_steps || state_of(*push).block_frames() <= program_.step_frames();
    };
    const int count =
        static_cast<int>(std::partition(pushes_, pushes_ + count_, has_one_step) - pushes_);
    for_each(count, count_, [&](ProgramState& state) { state.run_stage(s); });
    run_step(s, count);
  }

  // Runs a stage for the first `count` streams, each of which has one step.
  void run_step(int s, int count) {
    const Stage& stage = program_.stages()[s];
    for_each(0, count, [](ProgramState& state) { state.begin_step(state.block_frames()); });
    const int64_t frames = mean_frames(count);
    const auto is_joint = [&](int c) {
      return count > 1 && frames <= calls_[c].most_frames_together;
    };
    for (int c = stage.first, end; c < stage.end; c = end) {
      end = c + 1;
      if (is_joint(c)) {
        run_together(c, count);
        continue;
      }
      while (end < stage.end && !is_joint(end)) ++end;
      for_each(0, count, [&](ProgramState& state) {
        for (int one = c; one < end; ++one) state.run_call(one);
      });
    }
    for_each(0, count, [&](ProgramState& state) { state.end_step(s); });
  }

  // Number of source frames of a block, on average.
  int64_t mean_frames(int count) const {
    int64_t frames = 0;
    for (int p = 0; p < count; ++p) frames += state(p).block_frames();
    return frames / std::max(1, count);
  }

  void run_together(int c, int count) {
    KernelRun runs[kMostTogether];
    int running = 0;
    for_each(0, count, [&](ProgramState& state) {
      const KernelRun run = state.begin_call(c);
      if (run.frames > 0) runs[running++] = run;
    });
    if (running > 0) calls_[c].kernel->run_together(runs, running);
    for_each(0, count, [&](ProgramState& state) { state.end_call(c); });
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
