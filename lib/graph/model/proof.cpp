#include "graph/model/proof.h"

#include <ATen/ops/cat.h>
#include <c10/util/StringUtil.h>

#include <algorithm>
#include <optional>

#include "support/exceptions.h"
#include "support/noise.h"
#include "torchstreamer/stream.h"

namespace torchstreamer::graph {
namespace {

// A signal of at most this many frames may be too short for the model.
constexpr int64_t kShortFrames = 17;
// Maximum number of frames that are added to a signal until the plan holds for it.
constexpr int64_t kMostAddedFrames = 4096;

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

// Compares the output of the stream with that of the model, `[C, T]` both.
bool is_same(const Tensor& streamed, const Tensor& offline) {
  if (offline.numel() == 0) return !streamed.defined();
  // The floor allows for rounding errors in silence.
  return streamed.defined() && is_close(streamed, offline, 1e-4, /*floor=*/1e-6);
}

// Returns the next length for which the plan holds; none if it is too far away.
std::optional<int64_t> length_that_holds(const Guards& guards, int64_t frames) {
  const int64_t end = frames + kMostAddedFrames;
  while (frames < end && guards.violation(frames)) ++frames;
  return guards.violation(frames) ? std::nullopt : std::optional<int64_t>(frames);
}

[[noreturn]] void refuse(const std::string& reason) { throw Refusal("forward()", "", "", reason); }

}  // namespace

void prove(const std::shared_ptr<const PlannedNetwork>& network, const OfflineRule& offline,
           const Format& in) {
  const int64_t field = network->timing().receptive_field_frames();
  for (int64_t frames :
       {field + 67, 2 * field + 240, field, kShortFrames, int64_t{2}, int64_t{1}}) {
    const bool is_short = frames <= field || frames <= kShortFrames;
    if (!is_short) {
      const auto length = length_that_holds(network->guards(), frames);
      if (!length) continue;
      frames = *length;
    }
    const Tensor x = random_signal(frames, in);
    Tensor expected, y;
    try {
      expected = offline(x);
      y = streamed(network, x);
    } catch (const std::exception& e) {
      if (is_short) continue;
      refuse(c10::str("it fails for a signal of ", frames, " frames: ", reason_of(e)));
    }
    if (!is_same(y, expected))
      refuse(c10::str("for a signal of ", frames,
                      " frames its plan does not give what the model gives; a traced model may "
                      "have kept the length it was traced with: script it instead"));
  }
}

}  // namespace torchstreamer::graph
