#include "graph/model/proof.h"

#include <ATen/ops/cat.h>
#include <c10/util/StringUtil.h>

#include <algorithm>
#include <optional>

#include "graph/model/cost.h"
#include "streams/attention.h"
#include "support/exceptions.h"
#include "support/noise.h"
#include "support/rounding.h"
#include "torchstreamer/stream.h"

namespace torchstreamer::graph {
namespace {

// A signal of at most this many frames may be too short for the model.
constexpr int64_t kShortFrames = 17;
// Maximum number of frames that are added to a signal until the plan holds for it.
constexpr int64_t kMostAddedFrames = 1 << 17;
// Limits of the cost of one offline run.
constexpr double kMostMultiplyAdds = 1 << 29, kMostBytes = 40 << 20;
// Limit of the memory of a stream that is tried; one that takes more than an eighth of it is not
// tried with short signals.
constexpr double kMostStreamBytes = 96 << 20;
// Number of frames after the shortest signal with output, and the factor by which a signal may
// exceed the limits to have output: without output nothing is proven.
constexpr int64_t kFramesOfOutput = 16, kForOutput = 4;

// Returns the streamed output of a signal, cut into uneven pushes.
Tensor streamed(const LayerPtr& network, const Tensor& x) {
  LayerStream stream(network);
  Tensors parts;
  int64_t start = 0, step = 1;
  while (start < x.size(1)) {
    const int64_t end = std::min(x.size(1), start + step);
    if (auto y = stream.forward(x.slice(1, start, end), end == x.size(1))) parts.push_back(*y);
    start = end;
    step = step * 3 + 1;
  }
  return parts.empty() ? Tensor() : at::cat(parts, 1);
}

Tensor random_signal(int64_t frames, const Format& in) {
  return Noise(/*seed=*/frames).next({in.channels(), frames}, in.dtype).to(in.device);
}

[[noreturn]] void refuse(const std::string& reason) { throw Refusal("forward()", "", "", reason); }

// Runs the model and its network on random signals.
class Trials {
 public:
  Trials(std::shared_ptr<const PlannedNetwork> network, const OfflineRule& offline,
         const OfflineRule& exact, const Format& in, bool is_traced)
      : network_(std::move(network)),
        offline_(offline),
        exact_(exact),
        in_(in),
        is_traced_(is_traced) {}

  // Compares the outputs for a signal of this many frames. Returns false if the model or the
  // network fails for it.
  bool compare(int64_t frames) {
    const Tensor x = random_signal(frames, in_);
    Tensor expected, y;
    try {
      expected = offline_(x);
      y = streamed(network_, x);
    } catch (const std::exception& e) {
      failure_ = c10::str("it fails for a signal of ", frames, " frames: ", reason_of(e));
      return false;
    }
    if (!is_same(y, expected, x))
      refuse(c10::str("for a signal of ", frames,
                      " frames the outputs of its plan and of the model differ",
                      is_traced_ ? "; a traced model may contain the length of its example "
                                   "signal: script it instead"
                                 : ""));
    return true;
  }

  // The same for the next length for which the plan holds, if that costs at most `most_frames`.
  // Returns the length, 0 if nothing was compared.
  int64_t compare_next(int64_t frames, int64_t most_frames) {
    if (frames > most_frames) return 0;
    const auto length = network_->guards().length_that_holds(
        frames, std::min(kMostAddedFrames, most_frames - frames));
    return length && compare(*length) ? *length : 0;
  }

  const std::string& failure() const { return failure_; }

 private:
  // Compares the output of the stream with that of the model for the signal `x`, `[C, T]` all.
  bool is_same(const Tensor& streamed, const Tensor& offline, const Tensor& x) const {
    if (offline.numel() == 0) return !streamed.defined();
    if (!streamed.defined()) return false;
    const double usual = tolerance_of(in_.dtype, in_.device);
    if (is_close(streamed, offline, usual, kFloor)) return true;
    const Expected expected = expected_of(offline_, exact_, x);
    if (expected.y.scalar_type() != at::kDouble)
      return is_close(streamed, offline, kLargestError, kFloor);
    return streamed.sizes() == expected.y.sizes() &&
           largest_difference(streamed, expected.y) <= kMargin * expected.allowed + kFloor;
  }

  // Allows for rounding errors in silence.
  static constexpr double kFloor = 1e-6;
  // Error relative to the peak of a model that does not run in float64.
  static constexpr double kLargestError = 1e-4;
  // Factor by which the error may exceed that of a verification. A plan is refused for a wrong
  // frame, not for the rounding of a different order of operations.
  static constexpr double kMargin = 8;

  std::shared_ptr<const PlannedNetwork> network_;
  const OfflineRule& offline_;
  const OfflineRule& exact_;
  const Format& in_;
  bool is_traced_;
  std::string failure_;  // the last one
};

// Returns the length of the longest signal within the limits.
int64_t affordable_frames(const ModelCost& cost) {
  if (cost.stream_bytes > kMostStreamBytes) return 0;
  return static_cast<int64_t>(
      std::min(cost.frames_for(kMostMultiplyAdds), kMostBytes / std::max(1.0, cost.bytes)));
}

bool has_attention_over_all(const Network& network) {
  const auto& nodes = network.nodes();
  return std::any_of(nodes.begin(), nodes.end(),
                     [](const Network::Node& node) { return is_attention_over_all(*node.layer); });
}

// Two long signals, the second one longer than all memories together. Returns the length of the
// longest signal that was compared, 0 if there is none.
int64_t prove_whole(Trials& trials, int64_t field, int64_t most_frames) {
  int64_t proven_frames = 0;
  for (const int64_t frames : {field + 67, 2 * field + 240}) {
    const int64_t compared = trials.compare_next(frames, most_frames);
    if (!compared && !trials.failure().empty()) refuse(trials.failure());
    proven_frames = std::max(proven_frames, compared);
  }
  trials.compare(field);
  return proven_frames;
}

// Two signals of different length within the limits. Returns the length of the longer one.
int64_t prove_part(Trials& trials, int64_t least_frames, int64_t frames) {
  const int64_t most_frames = std::max(kForOutput * frames, least_frames + kFramesOfOutput);
  const int64_t longer = std::max(frames, least_frames + kFramesOfOutput);
  const int64_t shorter = std::max(longer * 2 / 3, least_frames + kFramesOfOutput / 2);
  const int64_t first = trials.compare_next(shorter, most_frames);
  const int64_t second = trials.compare_next(longer, most_frames);
  if (!first && !second && !trials.failure().empty()) refuse(trials.failure());
  return std::max(first, second);
}

}  // namespace

std::string prove(const std::shared_ptr<const PlannedNetwork>& network, const OfflineRule& offline,
                  const OfflineRule& exact, const Format& in, int64_t max_frames, bool is_traced) {
  const int64_t field = network->timing().receptive_field_frames();
  const ModelCost cost = cost_of(*network, in);
  int64_t frames = affordable_frames(cost);
  if (max_frames > 0 && has_attention_over_all(*network))
    frames = std::min(frames, max_frames / kForOutput);
  const int64_t least_frames = network->guards().least_frames();
  Trials trials(network, offline, exact, in, is_traced);
  int64_t proven_frames = 0;
  if (2 * field + 240 <= frames)
    proven_frames = prove_whole(trials, field, kForOutput * frames);
  else if (least_frames + kFramesOfOutput <= kForOutput * frames)
    proven_frames = prove_part(trials, least_frames, frames);
  if (cost.stream_bytes < kMostStreamBytes / 8)
    for (const int64_t few : {kShortFrames, int64_t{2}, int64_t{1}})
      if (few <= frames) trials.compare(few);
  if (proven_frames >= field) return "";
  if (proven_frames == 0)
    return "by its graph alone: signals that could be compared with the model are too long";
  return c10::str("by its graph, and on random signals of up to ", proven_frames,
                  " frames: signals as long as the receptive field take too much time or memory");
}

}  // namespace torchstreamer::graph
