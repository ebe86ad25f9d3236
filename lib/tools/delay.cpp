#include "tools/delay.h"

#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <cmath>

#include "tools/difference.h"
#include "tools/random_signals.h"
#include "tools/report.h"
#include "torchstreamer/stream.h"

namespace torchstreamer::tools {
namespace {

// Continuations of a signal, to find the outputs that depend on later input. NaN shows every
// dependence, however small its effect, but also reaches outputs that a mask multiplies by zero.
// Noise, quiet and loud, shows dependences that are larger than rounding.
enum class Continuation { kNan, kNoise };

// Finds the outputs that no continuation of a signal changes.
class CertainOutputs {
 public:
  CertainOutputs(Continuation kind, const LayerPtr& network, graph::OfflineRule offline,
                 const Format& in, uint32_t seed)
      : kind_(kind), network_(network), offline_(std::move(offline)), in_(in), random_(seed) {}

  // Number of outputs after `frames` input frames that are the same for all continuations, and that
  // exist for all lengths of the signal. None if the model takes no such signal.
  std::optional<int64_t> count(int64_t frames) {
    const int64_t field = network_->timing().receptive_field_frames();
    for (const int64_t beyond : {field + 32, 2 * field + 200})
      for (int64_t more = 0; more < kLengths; ++more) {
        const int64_t future_frames = beyond + more;
        if (const auto same = unchanged_frames(frames, future_frames))
          return std::min(*same, min_total_frames(frames, future_frames));
      }
    return std::nullopt;
  }

 private:
  static constexpr int64_t kLengths = 32;  // models that divide the length take one of them

  // Number of first outputs that are the same for all continuations of this length.
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

  // Number of first frames that are equal within rounding.
  int64_t equal_frames(const Tensor& a, const Tensor& b) const {
    const double rounding = tolerance_of(in_) * largest_value(a);
    const Tensor same = (a - b).abs().le(rounding).logical_or(is_same(a, b)).all(0);
    const Tensor changed = same.logical_not().nonzero();
    return changed.numel() > 0 ? changed[0].item<int64_t>() : a.size(1);
  }

  // Smallest number of outputs of signals that end after `frames` and up to `future_frames` more.
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
};

}  // namespace

Delay measure_delay(const LayerPtr& network, const graph::OfflineRule& offline, const Format& in,
                    uint32_t seed) {
  c10::InferenceMode guard;
  RandomSignals random(seed);
  auto has_output = [&](int64_t frames) {
    return LayerStream(network).forward(random.signal(in, frames)).has_value();
  };
  Delay delay;
  // The timing predicts the first output; a stream confirms it.
  const auto first =
      first_frames([&](int64_t frames) { return network->timing().frames_out(frames, false) > 0; });
  if (!first || !has_output(*first)) return delay;
  delay.first_output_frames = first;
  for (const Continuation kind : {Continuation::kNan, Continuation::kNoise}) {
    CertainOutputs outputs(kind, network, offline, in, seed);
    auto is_certain = [&](int64_t frames) { return outputs.count(frames).value_or(0) > 0; };
    if (!is_certain(*first)) continue;  // this kind of continuation shows dependences that are none
    delay.least_frames =
        first_frames([&](int64_t frames) { return frames >= *first || is_certain(frames); });
    return delay;
  }
  return delay;
}

}  // namespace torchstreamer::tools
