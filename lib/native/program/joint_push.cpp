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
      : calls_(program.calls()), count_(count) {
    std::copy_n(pushes, count, pushes_);
  }

  void run() {
    for (int p = 0; p < count_; ++p) state(p).begin_push(*pushes_[p]);
    while (count_ > 0) {
      for_each([](ProgramState& state) { state.begin_block(); });
      run_calls();
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

  void run_calls() {
    const int64_t frames = mean_frames();
    const auto is_joint = [&](size_t c) {
      return count_ > 1 && frames <= calls_[c].most_frames_together;
    };
    for (size_t c = 0, end; c < calls_.size(); c = end) {
      end = c + 1;
      if (is_joint(c)) {
        run_together(c);
        continue;
      }
      while (end < calls_.size() && !is_joint(end)) ++end;
      for_each([&](ProgramState& state) {
        for (size_t one = c; one < end; ++one) state.run_call(one);
      });
    }
  }

  void run_together(size_t c) {
    KernelRun runs[kMostTogether];
    int count = 0;
    for_each([&](ProgramState& state) {
      const KernelRun run = state.begin_call(c);
      if (run.frames > 0) runs[count++] = run;
    });
    if (count > 0) calls_[c].kernel->run_together(runs, count);
    for_each([&](ProgramState& state) { state.end_call(c); });
  }

  const std::vector<KernelCall>& calls_;
  Push* pushes_[kMostTogether];
  int count_;
};

}  // namespace

void push_together(const Program& program, Push* const* pushes, int count) {
  JointPush(program, pushes, count).run();
}

}  // namespace torchstreamer::native
