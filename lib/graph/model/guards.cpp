#include "graph/model/guards.h"

#include <ATen/ops/zeros.h>
#include <c10/core/InferenceMode.h>
#include <c10/util/StringUtil.h>

#include <algorithm>

namespace torchstreamer::graph {
namespace {

// Maximum distance, in frames, in the search for the nearest length that works.
constexpr int64_t kNearFrames = 1 << 15;

// Returns the length of the longest signal that violates a guard or has no output.
int64_t longest_violation(const std::vector<Guard>& guards, int64_t least_frames) {
  int64_t frames = least_frames - 1;
  for (const Guard& guard : guards) frames = std::max(frames, guard.longest_frames);
  return frames;
}

}  // namespace

Guards::Guards(std::shared_ptr<const void> owner, std::vector<Guard> guards, OfflineRule offline,
               Format in, int64_t least_frames)
    : owner_(std::move(owner)),
      guards_(std::move(guards)),
      offline_(std::move(offline)),
      in_(std::move(in)),
      least_frames_(least_frames),
      kept_frames_(offline_ ? std::min(kKeptFrames, longest_violation(guards_, least_frames))
                            : -1) {
  for (const Guard& guard : guards_) most_frames_ = std::min(most_frames_, guard.most_frames);
}

const std::string* Guards::violation(int64_t source_frames) const {
  static const std::string too_short = "it is too short for a frame of output";
  if (offline_ && source_frames < least_frames_) return &too_short;
  if (source_frames == 0) return nullptr;
  c10::InferenceMode inference;  // the same mode as for the values of the guards
  const std::lock_guard<std::mutex> lock(mutex_);
  for (const Guard& guard : guards_)
    if (source_frames <= guard.longest_frames && !holds(guard, source_frames))
      return &guard.violation;
  return nullptr;
}

std::optional<int64_t> Guards::offline_frames(int64_t source_frames) const {
  if (source_frames > kept_frames() || !violation(source_frames)) return std::nullopt;
  c10::InferenceMode guard;
  const std::lock_guard<std::mutex> lock(offline_mutex_);
  if (offline_length_ == source_frames) return offline_total_;
  offline_length_ = source_frames;
  offline_total_ = source_frames == 0 ? std::optional<int64_t>(0) : std::nullopt;
  try {
    const auto silence = at::zeros({in_.channels(), source_frames}, in_.options());
    offline_total_ = offline_(silence).size(-1);
  } catch (const std::exception&) {  // the model refuses the signal, too
  }
  return offline_total_;
}

std::optional<int64_t> Guards::length_that_holds(int64_t source_frames,
                                                 int64_t most_added_frames) const {
  for (int64_t n = source_frames; n <= source_frames + most_added_frames; ++n)
    if (!violation(n)) return n;
  return std::nullopt;
}

std::string Guards::describe_violation(const std::string& what, int64_t source_frames) const {
  const std::string* reason = violation(source_frames);
  std::string text =
      c10::str(what, " a signal of ", source_frames, " frames: ", reason ? *reason : "");
  auto nearest = [&](int64_t direction) -> int64_t {
    for (int64_t n = source_frames + direction; n > 0 && std::abs(n - source_frames) <= kNearFrames;
         n += direction)
      if (!violation(n)) return n;
    return 0;
  };
  const int64_t shorter = nearest(-1), longer = nearest(1);
  if (shorter || longer)
    text += c10::str("; ", shorter ? std::to_string(shorter) : "", shorter && longer ? " or " : "",
                     longer ? std::to_string(longer) : "", " frames would work");
  if (longer) text += ", and tail=pad adds silence up to such a length";
  return text;
}

}  // namespace torchstreamer::graph
