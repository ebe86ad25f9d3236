#include <cstring>

#include "native/kernels/kernels.h"
#include "torchstreamer/timing.h"

namespace torchstreamer::native {
namespace {

class Rearrange : public Kernel {
 public:
  Rearrange(const Rearrangement& r, const std::vector<int64_t>& frame_samples)
      : rate_(r.rate), block_(r.block) {
    for (const auto& [input, sample] : r.samples) {
      const int64_t of_frame = input == Rearrangement::kZero ? 1 : frame_samples[input];
      const int64_t frame = sample / of_frame, at = sample % of_frame;
      const bool is_zero = input == Rearrangement::kZero;
      const bool goes_on = !runs_.empty() && runs_.back().input == input &&
                           (is_zero || (runs_.back().frame == frame &&
                                        runs_.back().sample + runs_.back().count == at));
      if (goes_on)
        ++runs_.back().count;
      else
        runs_.push_back({input, frame, at, 1});
    }
  }

  int64_t granularity_frames() const override { return rate_; }
  int64_t needs_from(int, int64_t first) const override { return first / rate_ * block_; }

  void run(const Frames* in, const Step& step, float* y, Memory*) const override {
    const int64_t first = step.first / rate_ * block_;
    for (int64_t b = 0; b < ceil_div(step.frames, rate_); ++b)
      for (const Run& run : runs_) {
        if (run.input == Rearrangement::kZero)
          std::memset(y, 0, run.count * sizeof(float));
        else
          std::memcpy(y, in[run.input].at(first + b * block_ + run.frame) + run.sample,
                      run.count * sizeof(float));
        y += run.count;
      }
  }

 private:
  struct Run {
    int input;
    int64_t frame, sample, count;
  };

  int64_t rate_, block_;
  std::vector<Run> runs_;
};

}  // namespace

KernelPtr rearrange(const Rearrangement& rearrangement, std::vector<int64_t> frame_samples) {
  return std::make_unique<Rearrange>(rearrangement, frame_samples);
}

}  // namespace torchstreamer::native
