// Compares a random net with its stream.
#pragma once

#include <map>

#include "graph/model/script_model.h"
#include "lib/graph/random/random_graphs.h"

namespace torchstreamer::testing {

// Counts over all nets.
struct Tally {
  int nets = 0, refused = 0, signals = 0, compared = 0, compared_with_reference = 0,
      ended_with_error = 0, ill_conditioned = 0, causal = 0, memory = 0;
  double worst = 0;  // largest error, relative to the allowed error
  std::map<std::string, int> made;
  std::map<std::string, std::vector<std::string>> refusals;  // by production and reason
};

inline std::string environment(const char* name) {
  const char* given = std::getenv(name);
  return given ? given : "";
}

inline std::shared_ptr<LayerStream> planned(const graph::ScriptModel& model, const RandomGraph& net,
                                            Execution execution) {
  LoadOptions options;
  options.execution = execution;
  options.channels = static_cast<int>(net.channels);
  return std::make_shared<LayerStream>(model.plan(options));
}

inline Tensor offline_or_nothing(const Offline& offline, const Tensor& x) {
  try {
    return offline(x);
  } catch (const std::exception&) {  // the signal is too short for the module
    return {};
  }
}

// Largest difference; infinities (from a pool over padding only) and NaN must be at the same
// places.
inline double difference(const Tensor& a, const Tensor& b) {
  const Tensor same = (a == b).logical_or(a.isnan().logical_and(b.isnan()));
  return (a - b).abs().masked_fill(same, 0).nan_to_num(INFINITY).max().item<double>();
}

// Rounding error of the model itself: the largest error of its float32 output for signals that are
// equal up to rounding. A stream sums in a different order and cannot be more exact than that.
inline double rounding_error(const RandomGraph& net, const Tensor& x) {
  if (net.dtype != at::kFloat) return 0;
  RandomGraph exact = net;
  exact.module = net.module.deepcopy();
  exact.module.to(at::kDouble);
  const Tensor expected = exact.offline()(x.to(at::kDouble));
  double worst = 0;
  for (int i = 0; i < 8; ++i) {
    const Tensor rounded = x * (1 + 6e-8 * (2 * torch::rand_like(x) - 1));
    worst = std::max(worst, difference(net.offline()(rounded).to(at::kDouble), expected));
  }
  return worst;
}

inline void expect_close(const RandomGraph& net, const Tensor& x, const Tensor& y,
                         const Tensor& expected, Tally& tally) {
  ASSERT_EQ(y.sizes(), expected.sizes());
  const double error = difference(y, expected);
  const double scale = expected.abs().nan_to_num(0, 0, 0).max().item<double>();
  double allowed = tolerance(x) * scale;
  if (!(error <= allowed)) {
    ++tally.ill_conditioned;
    allowed = std::max(allowed, 4 * rounding_error(net, x));
  }
  EXPECT_LE(error, allowed) << "of " << scale;
  if (allowed > 0) tally.worst = std::max(tally.worst, error / allowed);
}

// Output of the stream; undefined if it ends with an error, whose text is then in `error`.
inline Tensor run_or_error(BaseStream& stream, const Tensor& x, const std::vector<int64_t>& chunks,
                           std::string& error) {
  error.clear();
  try {
    return run(stream, x, chunks);
  } catch (const Error& e) {
    error = e.what();
    return {};
  }
}

// Compares with the reference execution of the same plan by libtorch: equal lengths, errors,
// values.
inline void compare_with_reference(const RandomGraph& net, BaseStream& reference, const Tensor& x,
                                   const std::vector<int64_t>& chunks, const Tensor& y,
                                   const std::string& error, Tally& tally) {
  std::string reference_error;
  const Tensor expected = run_or_error(reference, x, chunks, reference_error);
  EXPECT_EQ(error.empty(), reference_error.empty()) << error << reference_error;
  ASSERT_EQ(y.defined(), expected.defined()) << "the reference execution differs";
  if (!y.defined()) return;
  ++tally.compared_with_reference;
  SCOPED_TRACE("compared with the reference execution");
  expect_close(net, x, y, expected, tally);
}

// Compares the stream with the model. If the model gives no output, the stream must give none, or
// end with an error.
inline void compare(const RandomGraph& net, BaseStream& stream, BaseStream* reference,
                    int64_t frames, Random& random, Tally& tally) {
  const Tensor x = torch::randn({net.channels, frames}, net.dtype);
  const Tensor expected = offline_or_nothing(net.offline(), x);
  const bool is_empty = !expected.defined() || expected.numel() == 0;
  const auto chunks = random_chunks(random, frames);
  SCOPED_TRACE(::testing::Message()
               << frames << " frames in pushes of " << ::testing::PrintToString(chunks));
  ++tally.signals;
  Tensor y;
  try {
    std::string error;
    y = run_or_error(stream, x, chunks, error);
    if (reference) compare_with_reference(net, *reference, x, chunks, y, error, tally);
    if (!error.empty()) {
      const bool is_long = frames > 2 * stream.timing().receptive_field_frames() + 40;
      EXPECT_TRUE(is_empty || !is_long) << "the stream ends with an error: " << error;
      if (!is_empty) ++tally.ended_with_error;
      return;
    }
  } catch (const std::exception& e) {
    ADD_FAILURE() << "no Error: " << e.what();
    return;
  }
  if (is_empty) {
    EXPECT_FALSE(y.defined()) << "the stream has output, the model has none";
    return;
  }
  ++tally.compared;
  ASSERT_TRUE(y.defined()) << "no output; expected " << expected.sizes();
  expect_close(net, x, y, expected, tally);
}

// Number of leading frames of a and b `[C, T]` that are equal up to rounding.
inline int64_t common_frames(const Tensor& a, const Tensor& b) {
  if (!a.defined() || !b.defined() || a.numel() == 0 || b.numel() == 0) return 0;
  const int64_t frames = std::min(a.size(-1), b.size(-1));
  const double rounding = 10 * tolerance(a) * std::max(a.abs().max().item<double>(), 1e-3);
  const Tensor same =
      ((a.narrow(-1, 0, frames) - b.narrow(-1, 0, frames)).abs() <= rounding).all(0);
  return same.cumprod(0).sum().item<int64_t>();
}

// Bounds of the number of certain output frames after n input frames, for every n.
struct Certain {
  std::vector<int64_t> least, most;
};

// Output frames are certain after n input frames if they depend neither on later samples (`poison`
// replaces them) nor on the length of the signal. If the module fails for some lengths, the bounds
// differ.
inline void find_certain(const Offline& offline, const Tensor& x, const Tensor& poison,
                         Certain& certain) {
  const int64_t frames = x.size(1), last = static_cast<int64_t>(certain.least.size()) - 1;
  const Tensor whole = offline(x);
  int64_t least = whole.size(-1), most = least;
  Tensor longer = whole;
  for (int64_t n = frames - 1; n > 0; --n) {
    const Tensor y = offline_or_nothing(offline, x.narrow(1, 0, n));
    if (y.defined()) {
      most = std::min(most, common_frames(y, longer));
      longer = y;
    }
    least = y.defined() ? std::min(least, most) : 0;
    if (n > last) continue;
    const Tensor poisoned = torch::cat({x.narrow(1, 0, n), poison.narrow(1, n, frames - n)}, 1);
    const int64_t clean = common_frames(whole, offline(poisoned));
    certain.least[n] = std::min({certain.least[n], least, clean});
    certain.most[n] = std::min({certain.most[n], most, clean});
  }
}

// False if the model treats a signal as short as `x` differently: the plan may then emit frames
// late.
inline bool is_planned_for(LayerStream& stream, const Tensor& x) {
  try {
    stream.forward(x, /*final=*/true);
    return true;
  } catch (const Error&) {
    return false;
  }
}

// Describes the first n after which the number of emitted frames is outside the bounds; empty if
// none.
inline std::string violation(const RandomGraph& net, LayerStream& stream, const Certain& certain,
                             const Tensor& needs_input) {
  for (int64_t n = 1; n < static_cast<int64_t>(certain.least.size()); ++n) {
    int64_t due = net.may_wait ? 0 : certain.least[n];
    while (due > 0 && !needs_input[due - 1].item<bool>()) --due;  // constant padding may wait
    const int64_t emitted = stream.timing().frames_out(n, false);
    const Tensor x = torch::randn({net.channels, n}, net.dtype);
    if (emitted > certain.most[n] || (emitted < due && is_planned_for(stream, x)))
      return c10::str(emitted, " frames are emitted after ", n, " frames; certain are ",
                      certain.least[n], " to ", certain.most[n]);
  }
  return "";
}

// Checks that every output frame is emitted with the last input frame it depends on. Frames may be
// equal by chance, for example if an activation makes them zero; many signals exclude that.
inline void check_causality(const RandomGraph& net, LayerStream& stream, Tally& tally) {
  constexpr int kSignals = 100;  // only if the first signals show a violation
  const Timing& timing = stream.timing();
  const int64_t period = (Rational(timing.period_frames()) / timing.rate()).ceil();
  const int64_t margin = timing.receptive_field_frames() + 3 * period, last = margin + 20;
  if (margin > 60) return;
  ++tally.causal;
  auto random_signal = [&] { return torch::randn({net.channels, last + margin}, net.dtype); };
  const Tensor nothing = torch::full_like(random_signal(), std::nan(""));
  const Tensor needs_input = net.offline()(nothing).isnan().any(0);
  const std::vector<int64_t> all(last + 1, std::numeric_limits<int64_t>::max());
  Certain certain{all, all};
  std::string found;
  for (int i = 0; i < kSignals && (i == 0 || !found.empty()); ++i) {
    const Tensor poison = net.spreads_nan ? 3 * random_signal() : nothing;
    find_certain(net.offline(), random_signal(), poison, certain);
    found = violation(net, stream, certain, needs_input);
  }
  EXPECT_EQ(found, "");
}

// Checks that the memory of a stream does not grow with the length of the signal.
inline void check_memory(const RandomGraph& net, LayerStream& stream, Tally& tally) {
  constexpr int kPushes = 150;
  if (stream.timing().receptive_field_frames() > 300) return;
  ++tally.memory;
  // The beginning of a signal may be kept for an offline run.
  stream.forward(torch::randn({net.channels, graph::Guards::kKeptFrames + 1}, net.dtype));
  for (int i = 0; i < 20; ++i) stream.forward(torch::randn({net.channels, 7}, net.dtype));
  int64_t most_bytes[2] = {};  // maximum in the first and in the second half of the signal
  for (int64_t& most : most_bytes)
    for (int i = 0; i < kPushes; ++i) {
      stream.forward(torch::randn({net.channels, 7}, net.dtype));
      most = std::max(most, stream.held_bytes());
    }
  stream.reset();
  EXPECT_LE(most_bytes[1], most_bytes[0]) << "bytes held";
}

// Checks signals from one frame to more than twice the receptive field.
inline void check_stream(const RandomGraph& net, LayerStream& stream, LayerStream* reference,
                         unsigned seed, Tally& tally) {
  torch::NoGradGuard guard;
  Random random(seed);
  const int64_t field = stream.timing().receptive_field_frames();
  const int64_t beyond = 2 * field + 41 + random.between(0, 60);
  const Tensor longest = net.offline()(torch::randn({net.channels, beyond + 40}, net.dtype));
  ASSERT_EQ(longest.size(-1), net.frames_out(beyond + 40))
      << "the generator expects a wrong length";
  for (const int64_t frames :
       {random.between(1, 7), random.between(1, 16), random.between(1, field + 20), beyond})
    compare(net, stream, reference, frames, random, tally);
  const int64_t extra_check = random.between(0, 9);
  if (extra_check < 2) check_causality(net, stream, tally);
  if (extra_check == 2) check_memory(net, stream, tally);
}

}  // namespace torchstreamer::testing
