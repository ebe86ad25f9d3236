#include "streams/attention.h"

#include <ATen/ops/cat.h>
#include <c10/util/StringUtil.h>

#include <algorithm>

#include "frames/finite.h"
#include "frames/queue.h"
#include "network/multiply_adds.h"
#include "torchstreamer/error.h"

namespace torchstreamer {
namespace {

// Returns the hull of the windows of all phases. It always contains the key at the time of the
// query, so that the rule has a key even for a query without a window.
Span widest(const AttentionReach& reach) {
  Span all;
  for (const Span& phase : reach) all = hull(all, phase);
  return all;
}

Span phase_of(const AttentionReach& reach, int64_t query) {
  return hull(reach[query % static_cast<int64_t>(reach.size())], {0, 0});
}

// Returns the number of queries whose outputs are due. Query i waits for key i + last of its phase,
// and for all earlier queries.
int64_t ready_queries(const AttentionReach& reach, int64_t frames) {
  const int64_t phases = static_cast<int64_t>(reach.size());
  int64_t i = std::max<int64_t>(0, frames - widest(reach).last);
  while (i < frames && i + std::max<int64_t>(0, reach[i % phases].last) < frames) ++i;
  return i;
}

Timing timing_of(const AttentionReach& reach) {
  const int64_t phases = static_cast<int64_t>(reach.size());
  return Timing(
      {1}, phases,
      [reach](const Count& in) {
        return Count{ready_queries(reach, in.now), in.total, in.source};
      },
      [reach, phases](Span out) {
        Span in = out;  // the queries themselves
        // The first and the last period of queries determine the span of the keys.
        const int64_t head = std::min(out.last, out.first + phases - 1);
        const int64_t tail = std::max(out.first, out.last - phases + 1);
        for (int64_t i = out.first; i <= head; ++i)
          in.first = std::min(in.first, i + reach[i - floor_div(i, phases) * phases].first);
        for (int64_t i = tail; i <= out.last; ++i)
          in.last = std::max(in.last, i + reach[i - floor_div(i, phases) * phases].last);
        return in;
      });
}

/// Keys and values are kept from `first_key` on:
///
///              first_key      query   + last             (1) append queries, keys, values
///   ┌───────────┬───────────────┬───────┬─────────┐      (2) compute tiles of due queries with
///   │  dropped  │    window     │ tile  │         │          the keys of all of their windows
///   └───────────┴───────────────┴───────┴─────────┘      (3) drop keys that no later query needs
class Attention1dState : public State {
 public:
  explicit Attention1dState(const AttentionOptions& options)
      : options_(options), reach_(widest(options.reach)) {}

  Tensor push(const Tensors& in, const Step& step) override {
    queries_.append(in[0]);  // (1)
    keys_.append(in[1]);
    values_.append(in[2]);
    const int64_t end = step.first + step.frames;
    if (options_.most_frames > 0 && end > options_.most_frames) refuse_longer();
    Tensors tiles;
    for (int64_t i = step.first; i < end; i += options_.tile_frames)
      attend(i, std::min(end, i + options_.tile_frames), tiles);  // (2)
    const int64_t needed = std::max<int64_t>(first_key_, end + reach_.first);
    keys_.drop(needed - first_key_);  // (3)
    values_.drop(needed - first_key_);
    first_key_ = needed;
    return tiles.empty() ? Tensor() : at::cat(tiles);
  }

  int64_t held_bytes() const override {
    return queries_.held_bytes() + keys_.held_bytes() + values_.held_bytes();
  }

 private:
  [[noreturn]] void refuse_longer() const {
    if (options_.is_limit_of_memory)
      throw Error(c10::str("the model's attention keeps at most ", options_.most_frames,
                           " frames; the signal is longer: increase max-memory-frames"));
    throw Error(c10::str("the model's attention has a table of ", options_.most_frames,
                         " frames; the signal is longer"));
  }

  // Adds the outputs of the queries [first, end). If keys or values are not finite, computes each
  // query separately with the keys of its own window, because a zero weight times infinity is not
  // zero.
  void attend(int64_t first, int64_t end, Tensors& tiles) {
    const Run run = keys_of(first, end, reach_);
    if (is_finite(seen(keys_, run)) && is_finite(seen(values_, run))) {
      tiles.push_back(tile(first, end, run));
      return;
    }
    for (int64_t i = first; i < end; ++i)
      tiles.push_back(tile(i, i + 1, keys_of(i, i + 1, phase_of(options_.reach, i))));
  }

  // Consecutive keys, as frames of the signal.
  struct Run {
    int64_t first, frames;
  };
  Run keys_of(int64_t first_query, int64_t end_query, const Span& reach) const {
    const int64_t present = first_key_ + std::min(keys_.frames(), values_.frames());
    const int64_t from = std::max<int64_t>(0, first_query + reach.first);
    return {from, std::min(present, end_query + reach.last) - from};
  }

  Tensor seen(const TensorQueue& queue, const Run& run) const {
    const int64_t skipped = run.first - first_key_;
    return queue.view(skipped + run.frames).narrow(0, skipped, run.frames);
  }

  Tensor tile(int64_t first, int64_t end, const Run& run) {
    return options_.rule(queries_.take(end - first), seen(keys_, run), seen(values_, run), first,
                         run.first);
  }

  const AttentionOptions& options_;
  const Span reach_;
  TensorQueue queries_, keys_, values_;
  int64_t first_key_ = 0;
};

class Attention1dLayer : public Layer {
 public:
  explicit Attention1dLayer(AttentionOptions options)
      : Layer(timing_of(options.reach)), options_(std::move(options)) {}

  Format accept(const std::vector<Format>& in) const override {
    const Tensor y = options_.rule(in[0].zeros(1), in[1].zeros(1), in[2].zeros(1), 0, 0);
    return {y.scalar_type(), y.device(), y.sizes().slice(1).vec()};
  }

  // Counts one query with its whole window. Tiles also compute keys outside of the windows.
  int64_t multiply_adds_per_frame(const std::vector<Format>& in) const override {
    constexpr int64_t kMostKeys = 1 << 13;  // a longer memory is counted in proportion
    const Span reach = widest(options_.reach);
    const int64_t all = reach.last - reach.first + 1, keys = std::min(all, kMostKeys);
    const int64_t query = std::max<int64_t>(0, -reach.first);
    const Tensor q = in[0].zeros(1), k = in[1].zeros(keys), v = in[2].zeros(keys);
    const int64_t counted =
        counted_multiply_adds([&] { options_.rule(q, k, v, query, query + reach.first); });
    return counted * ceil_div(all, keys);
  }

  // Counts those of one query, without the ones that do not depend on the number of keys.
  int64_t elements_per_pair(const std::vector<Format>& in) const override {
    constexpr int64_t kKeys = 16;
    const auto elements = [&](int64_t keys) {
      const WorkObserver observer;
      options_.rule(in[0].zeros(1), in[1].zeros(keys), in[2].zeros(keys), keys - 1, 0);
      return observer.work().elements;
    };
    return (elements(kKeys + 1) - elements(1)) / kKeys;
  }

  std::unique_ptr<State> start() const override {
    return std::make_unique<Attention1dState>(options_);
  }

  std::string describe() const override {
    const Span reach = widest(options_.reach);
    std::string text = c10::str("Attention(", -reach.first, " frames back, ", reach.last, " ahead");
    if (options_.reach.size() > 1) text += c10::str(", period ", options_.reach.size());
    return text + ")";
  }

  bool is_over_all() const {
    return options_.most_frames > 0 && options_.most_frames <= 1 - widest(options_.reach).first;
  }

 private:
  const AttentionOptions options_;
};

}  // namespace

LayerPtr attention1d_layer(AttentionOptions options) {
  return std::make_shared<Attention1dLayer>(std::move(options));
}

bool is_attention_over_all(const Layer& layer) {
  const auto* attention = dynamic_cast<const Attention1dLayer*>(&layer);
  return attention && attention->is_over_all();
}

}  // namespace torchstreamer
