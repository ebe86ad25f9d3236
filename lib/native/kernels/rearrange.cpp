#include <cstring>

#include "native/kernels/floats.h"
#include "native/kernels/table.h"
#include "torchstreamer/timing.h"

namespace torchstreamer::native {
namespace {

// Copies groups of samples that are contiguous both in an input frame and in the output.
class Rearrange : public Kernel {
 public:
  Rearrange(const Rearrangement& r, const std::vector<Format>& in)
      : rate_(r.rate), block_(r.block) {
    for (const auto& [input, sample] : r.samples) {
      const bool is_zero = input == Rearrangement::kZero;
      const int64_t frame_samples = is_zero ? 1 : floats_of(in[input]);
      const int64_t frame = sample / frame_samples, at = sample % frame_samples;
      const bool continues = !runs_.empty() && runs_.back().input == input &&
                             (is_zero || (runs_.back().frame == frame &&
                                          runs_.back().sample + runs_.back().count == at));
      if (continues)
        ++runs_.back().count;
      else
        runs_.push_back({input, frame, at, 1});
    }
  }

  int64_t granularity_frames() const override { return rate_; }
  int64_t needs_from(int, int64_t first) const override { return first / rate_ * block_; }

  void run(const FrameReader* in, const Step& step, float* y, KernelState*) const override {
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

KernelPtr make_kernel(const Rearrangement& rearrangement, const KernelSite& site) {
  return std::make_unique<Rearrange>(rearrangement, site.in);
}

}  // namespace torchstreamer::native
