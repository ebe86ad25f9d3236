#include "blocks/block_plan.h"

#include "blocks/batch_trials.h"

namespace torchstreamer::blocks {
namespace {

/// Numbers of output frames of calls with fewer frames than a window, found by trials when the
/// first signal ends so. Thread-safe.
class ShortCalls {
 public:
  ShortCalls(Trials trials, const BlockForm& form) : trials_(std::move(trials)), form_(form) {}

  int64_t frames_out(int64_t frames) {
    const std::lock_guard<std::mutex> lock(mutex_);
    const auto known = known_.find(frames);
    if (known != known_.end()) return known->second;
    return known_[frames] = trials_.frames_out(form_, frames);
  }

 private:
  Trials trials_;
  BlockForm form_;
  std::mutex mutex_;
  std::map<int64_t, int64_t> known_;  // by number of frames, which is less than a window
};

Windows with_frames_out(Windows windows, int64_t frames_out) {
  windows.frames_out = frames_out;
  return windows;
}

}  // namespace

BlockPlan::BlockPlan(std::shared_ptr<const BlockMethod> method, const Windows& windows,
                     BlockForm form, int64_t rate_hz)
    : method_(std::move(method)),
      rate_hz_(rate_hz),
      form_(std::move(form)),
      windows_(with_frames_out(windows, form_.frames_out)),
      batches_(find_batches(Trials(method_, rate_hz), windows_, form_)),
      timing_(timing_of(windows_,
                        [calls = std::make_shared<ShortCalls>(Trials(method_, rate_hz), form_)](
                            int64_t frames) { return calls->frames_out(frames); })) {}

}  // namespace torchstreamer::blocks
