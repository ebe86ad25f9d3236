#include "tools/verify/delay.h"

#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <cmath>

#include "support/exceptions.h"
#include "support/rounding.h"
#include "tools/report/report.h"
#include "torchstreamer/stream.h"

namespace torchstreamer::tools {
namespace {

// Continuations of a signal that show which outputs depend on later input. NaN shows every
// dependence, even the smallest, but also affects outputs that are multiplied by the zeros of a
// mask. Noise, quiet and loud, shows only dependences that are larger than rounding.
enum class Continuation { kNan, kNoise };

// Finds the output frames that no continuation of a signal changes.
class CertainOutputs {
 public:
  CertainOutputs(Continuation kind, const LayerPtr& network, graph::OfflineRule offline,
                 const Format& in, uint32_t seed, int64_t most_frames)
      : kind_(kind),
        network_(network),
        offline_(std::move(offline)),
        in_(in),
        random_(seed),
        most_frames_(most_frames) {}

  // Returns the number of output frames after `frames` input frames that are the same for all
  // continuations and that exist for all lengths of the signal. None if the model does not take
  // such a signal.
  std::optional<int64_t> count(int64_t frames) {
    const int64_t field = tried_field_frames(*network_, most_frames_);
    for (const int64_t beyond : {field + 32, 2 * field + 200})
      for (int64_t more = 0; more < kLengths; ++more) {
        const int64_t future_frames = beyond + more;
        if (frames + future_frames > most_frames_) break;
        if (const auto same = unchanged_frames(frames, future_frames))
          return std::min(*same, min_total_frames(frames, future_frames));
      }
    return std::nullopt;
  }

 private:
  // Number of consecutive lengths that are tried, for models that take only multiples of a number.
  static constexpr int64_t kLengths = 32;

  // Returns the number of first output frames that are the same for all continuations of this
  // length.
  std::optional<int64_t> unchanged_frames(int64_t frames, int64_t future_frames) {
    const std::vector<double> levels = kind_ == Continuation::kNoise
                                           ? std::vector<double>{0.1, 1, 10}
                                           : std::vector<double>{std::nan("")};
    const Tensor x = random_.signal(in_, frames + future_frames);
    try {
      const Tensor first = offline_(x);
      int64_t same = first.size(1);
      for (const double level : levels) {
        const Tensor other = x.clone();
        other.narrow(1, frames, future_frames).copy_(random_.signal(in_, future_frames) * level);
        same = std::min(same, equal_frames(first, offline_(other)));
      }
      return same;
    } catch (const std::exception&) {
      return std::nullopt;
    }
  }

  // Returns the number of first frames that are equal within rounding.
  int64_t equal_frames(const Tensor& a, const Tensor& b) const {
    const double rounding = tolerance_of(in_.dtype, in_.device) * peak_of(a);
    const Tensor same = (a - b).abs().le(rounding).logical_or(is_same(a, b)).all(0);
    const Tensor changed = same.logical_not().nonzero();
    return changed.numel() > 0 ? changed[0].item<int64_t>() : a.size(1);
  }

  // Returns the smallest number of output frames of signals that end between `frames` and
  // `frames + future_frames`.
  int64_t min_total_frames(int64_t frames, int64_t future_frames) const {
    int64_t total = network_->timing().frames_out(frames, true);
    for (int64_t more = 1; more <= future_frames;
         more += more < 2 * kLengths ? 1 : future_frames / 16 + 1)
      total = std::min(total, network_->timing().frames_out(frames + more, true));
    return total;
  }

  Continuation kind_;
  LayerPtr network_;
  graph::OfflineRule offline_;
  Format in_;
  RandomSignals random_;
  int64_t most_frames_;
};

Delay delay_of(const LayerPtr& network, const graph::OfflineRule& offline, const Format& in,
               uint32_t seed, int64_t most_frames) {
  c10::InferenceMode guard;
  RandomSignals random(seed);
  auto has_output = [&](int64_t frames) {
    return LayerStream(network).forward(random.signal(in, frames)).has_value();
  };
  Delay delay;
  // A stream confirms the first output frame that the timing predicts.
  const auto first =
      first_frames([&](int64_t frames) { return network->timing().frames_out(frames, false) > 0; });
  if (!first || !has_output(*first)) return delay;
  delay.first_output_frames = first;
  for (const Continuation kind : {Continuation::kNan, Continuation::kNoise}) {
    CertainOutputs outputs(kind, network, offline, in, seed, most_frames);
    auto is_certain = [&](int64_t frames) { return outputs.count(frames).value_or(0) > 0; };
    // This kind of continuation shows dependences that do not exist.
    if (!is_certain(*first)) continue;
    delay.least_frames =
        first_frames([&](int64_t frames) { return frames >= *first || is_certain(frames); });
    return delay;
  }
  return delay;
}

}  // namespace

Delay measure_delay(const LayerPtr& network, const graph::OfflineRule& offline, const Format& in,
                    uint32_t seed, int64_t most_frames) {
  try {
    return delay_of(network, offline, in, seed, most_frames);
  } catch (const std::exception& e) {
    return {std::nullopt, std::nullopt, message_of(e)};
  }
}

}  // namespace torchstreamer::tools
