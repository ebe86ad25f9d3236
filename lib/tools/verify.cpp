#include "tools/verify.h"

#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>
#include <c10/util/StringUtil.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <set>

#include "support/exceptions.h"
#include "support/noise.h"
#include "tools/report.h"
#include "torchstreamer/stream.h"

namespace torchstreamer::tools {
namespace {

/// Random signals and cuts, all from one seed.
class Random {
 public:
  explicit Random(uint32_t seed) : engine_(seed), noise_(seed) {}

  int64_t between(int64_t low, int64_t high) {
    return std::uniform_int_distribution<int64_t>(low, high)(engine_);
  }

  /// `[C, frames]`.
  Tensor signal(const Format& in, int64_t frames) {
    return noise_.next({in.channels(), frames}, in.dtype).to(in.device);
  }

  /// Sizes of pushes, few enough for long signals: `way` 0 all at once, 1 ones to begin with, 2
  /// small primes to begin with, from 3 on anything, empty pushes included.
  std::vector<int64_t> cut(int64_t frames, int way) {
    constexpr int64_t kPrimes[] = {2, 3, 5, 7, 11, 13};
    constexpr size_t kSmallPushes = 400;
    std::vector<int64_t> chunks;
    for (int64_t left = frames; left > 0; left -= chunks.back()) {
      int64_t n = between(0, 1 + frames / 4);
      if (way == 0) n = frames;
      if (chunks.size() < kSmallPushes) {
        if (way == 1) n = 1;
        if (way == 2) n = kPrimes[chunks.size() % 6];
      }
      chunks.push_back(std::min(n, left));
    }
    if (between(0, 1)) chunks.push_back(0);  // an empty final push
    return chunks;
  }

 private:
  std::mt19937 engine_;
  Noise noise_;
};

constexpr int kWays = 4;

// From 1 frame to beyond twice the receptive field, and multiples of what models like to divide by.
std::set<int64_t> lengths_to_try(int64_t field, Random& random) {
  std::set<int64_t> lengths = {1,         2,     3,         5,         16,           field / 2,
                               field - 1, field, field + 1, 2 * field, 2 * field + 1};
  for (int i = 0; i < 4; ++i) {
    lengths.insert(random.between(1, 2 * field));
    lengths.insert(2 * field + random.between(2, 600));
  }
  for (const int64_t unit : {16, 320, 4096}) lengths.insert(ceil_div(2 * field + 1, unit) * unit);
  lengths.erase(lengths.begin(), lengths.lower_bound(1));
  return lengths;
}

// Element by element; not a number equals itself here.
Tensor is_same(const Tensor& a, const Tensor& b) {
  return a.eq(b).logical_or(a.isnan().logical_and(b.isnan()));
}

bool is_identical(const Tensor& a, const Tensor& b) {
  return a.sizes() == b.sizes() && is_same(a, b).all().item<bool>();
}

double largest_value(const Tensor& x) {
  return x.numel() ? x.abs().nan_to_num(0, 0, 0).max().item<double>() : 0;
}

// The largest difference, relative to the largest value of `expected`.
double relative_error(const Tensor& y, const Tensor& expected) {
  if (is_identical(y, expected)) return 0;
  const Tensor differences = (y - expected).abs().masked_fill(is_same(y, expected), 0);
  const double error = differences.max().item<double>() / largest_value(expected);
  return std::isnan(error) ? std::numeric_limits<double>::infinity() : error;
}

// float32 on devices other than the CPU rounds in another order.
double tolerance_of(const Format& in) {
  if (in.dtype == at::kDouble) return 1e-12;
  return in.device.is_cpu() ? 1e-6 : 1e-5;
}

/// `[C', T']`, with T' = 0 where nothing comes out.
Tensor streamed(const LayerPtr& network, const Tensor& x, const std::vector<int64_t>& chunks) {
  LayerStream stream(network);
  Tensors parts = {at::empty(
      {network->accept({{x.scalar_type(), x.device(), {x.size(0)}}}).channels(), 0}, x.options())};
  int64_t start = 0;
  for (size_t i = 0; i < chunks.size(); start += chunks[i++])
    if (auto y = stream.forward(x.narrow(1, start, chunks[i]), i + 1 == chunks.size()))
      parts.push_back(*y);
  return at::cat(parts, 1);
}

// One signal, cut in several ways, against the model's output for it.
class Comparison {
 public:
  Comparison(const LayerPtr& network, const Tensor& x, Tensor expected,
             TypeCertificate& certificate)
      : network_(network), x_(x), expected_(std::move(expected)), certificate_(certificate) {}

  void run(const std::vector<int64_t>& chunks) {
    ++certificate_.cases;
    try {
      const Tensor y = streamed(network_, x_, chunks);
      if (expected_.numel() > 0 && y.sizes() != expected_.sizes())
        return fail(c10::str("the stream gives ", y.sizes(), ", the model ", expected_.sizes()));
      if (expected_.numel() == 0 && y.numel() > 0)
        return fail(c10::str("the stream gives ", y.sizes(), ", the model nothing"));
      if (y.numel() > 0) compare(y);
    } catch (const std::exception& e) {
      fail("the stream ends with: " + message_of(e));
    }
  }

  bool are_all_identical() const { return are_identical_; }

 private:
  void compare(const Tensor& y) {
    const double error = relative_error(y, expected_);
    certificate_.worst_error = std::max(certificate_.worst_error, error);
    if (error > certificate_.tolerance) fail(c10::str("the outputs differ by ", error));
    if (!first_.defined()) first_ = y;
    are_identical_ = are_identical_ && is_identical(y, first_);
    certificate_.worst_difference =
        std::max(certificate_.worst_difference, relative_error(y, first_));
  }

  void fail(const std::string& what) {
    are_identical_ = false;
    if (certificate_.failures++ == 0)
      certificate_.failure = c10::str("signal of ", x_.size(1), " frames: ", what);
  }

  LayerPtr network_;
  Tensor x_, expected_, first_;
  TypeCertificate& certificate_;
  bool are_identical_ = true;
};

}  // namespace

bool Certificate::holds() const {
  return !types.empty() && std::all_of(types.begin(), types.end(), [&](const TypeCertificate& t) {
    return t.holds() || (!t.not_run.empty() && t.dtype != own_type);
  });
}

TypeCertificate compare(const LayerPtr& network, const graph::OfflineRule& offline,
                        const Format& in, uint32_t seed, const graph::OfflineRule& exact) {
  c10::InferenceMode guard;
  Random random(seed);
  TypeCertificate certificate;
  certificate.dtype = in.dtype;
  certificate.tolerance = tolerance_of(in);
  for (const int64_t frames : lengths_to_try(network->timing().receptive_field_frames(), random)) {
    const Tensor x = random.signal(in, frames);
    Tensor expected;
    try {
      expected = offline(x);
    } catch (const std::exception&) {
      ++certificate.rejected;
      continue;
    }
    if (certificate.signals++ == 0) certificate.shortest_frames = frames;
    certificate.longest_frames = frames;
    if (exact && expected.numel() > 0) try {
        const double error = relative_error(expected.to(at::kDouble), exact(x.to(at::kDouble)));
        certificate.own_error = std::max(certificate.own_error.value_or(0), error);
      } catch (const std::exception&) {  // it runs in float32 only
      }
    Comparison comparison(network, x, expected, certificate);
    for (int way = 0; way < kWays; ++way) comparison.run(random.cut(frames, way));
    certificate.identical += comparison.are_all_identical();
  }
  return certificate;
}

namespace {

/// What the signal goes on with, to see which outputs depend on it. Not a number shows every
/// dependence, be its effect ever so small, but also spoils what a mask multiplies by zero. Noise,
/// quiet and loud, shows those that are larger than rounding.
enum class Future { kNotANumber, kNoise };

/// Which outputs no future can change any more.
class Futures {
 public:
  Futures(Future kind, const LayerPtr& network, graph::OfflineRule offline, const Format& in,
          uint32_t seed)
      : kind_(kind), network_(network), offline_(std::move(offline)), in_(in), random_(seed) {}

  /// Outputs that are certain after `frames` input frames: the same for all futures, and there
  /// however long the signal is. None where the model takes no such signal.
  std::optional<int64_t> certain_frames(int64_t frames) {
    const int64_t field = network_->timing().receptive_field_frames();
    for (const int64_t beyond : {field + 32, 2 * field + 200})
      for (int64_t more = 0; more < kLengths; ++more) {
        const int64_t future = beyond + more;
        if (const auto same = frames_in_common(frames, future))
          return std::min(*same, least_frames(frames, future));
      }
    return std::nullopt;
  }

 private:
  static constexpr int64_t kLengths = 32;  // a model that divides takes one of them

  // How many outputs begin in the same way, whatever the last `future` frames are.
  std::optional<int64_t> frames_in_common(int64_t frames, int64_t future) {
    const std::vector<double> levels = kind_ == Future::kNoise ? std::vector<double>{0.1, 1, 10}
                                                               : std::vector<double>{std::nan("")};
    const Tensor x = random_.signal(in_, frames + future);
    try {
      const Tensor first = offline_(x);
      int64_t same = first.size(1);
      for (const double level : levels) {
        const Tensor other = x.clone();
        other.narrow(1, frames, future).copy_(random_.signal(in_, future) * level);
        same = std::min(same, frames_in_common(first, offline_(other)));
      }
      return same;
    } catch (const std::exception&) {
      return std::nullopt;
    }
  }

  int64_t frames_in_common(const Tensor& a, const Tensor& b) const {
    const double rounding = tolerance_of(in_) * largest_value(a);
    const Tensor same = (a - b).abs().le(rounding).logical_or(is_same(a, b)).all(0);
    const Tensor changed = same.logical_not().nonzero();
    return changed.numel() > 0 ? changed[0].item<int64_t>() : a.size(1);
  }

  // Outputs that there are whether the signal ends here, soon or later.
  int64_t least_frames(int64_t frames, int64_t future) const {
    int64_t least = network_->timing().frames_out(frames, true);
    for (int64_t more = 1; more <= future; more += more < 2 * kLengths ? 1 : future / 16 + 1)
      least = std::min(least, network_->timing().frames_out(frames + more, true));
    return least;
  }

  Future kind_;
  LayerPtr network_;
  graph::OfflineRule offline_;
  Format in_;
  Random random_;
};

}  // namespace

Delay measure_delay(const LayerPtr& network, const graph::OfflineRule& offline, const Format& in,
                    uint32_t seed) {
  c10::InferenceMode guard;
  Random random(seed);
  auto has_output = [&](int64_t frames) {
    return LayerStream(network).forward(random.signal(in, frames)).has_value();
  };
  Delay delay;
  // The timing says where; the stream shows whether it is so.
  const auto first =
      first_frames([&](int64_t frames) { return network->timing().frames_out(frames, false) > 0; });
  if (!first || !has_output(*first)) return delay;
  delay.first_output_frames = first;
  for (const Future kind : {Future::kNotANumber, Future::kNoise}) {
    Futures futures(kind, network, offline, in, seed);
    auto is_certain = [&](int64_t frames) {
      return futures.certain_frames(frames).value_or(0) > 0;
    };
    if (!is_certain(*first)) continue;  // the stream knows better than this kind can tell
    delay.least_frames =
        first_frames([&](int64_t frames) { return frames >= *first || is_certain(frames); });
    return delay;
  }
  return delay;
}

namespace {

// The rank of the signal that forward() takes: the first process shapes it.
int rank_of(const Network& network, const Format& in) {
  return 1 + static_cast<int>(network.nodes().front().layer->accept({in}).frame.size());
}

// The model in float64; null where float64 it is already, or where it cannot be.
graph::OfflineRule exact_rule(const graph::ScriptModel& model, int rank, int output) {
  if (model.dtype() == at::kDouble) return nullptr;
  try {
    return model.in_type(at::kDouble).offline_rule(rank, output);
  } catch (const std::exception&) {
    return nullptr;
  }
}

TypeCertificate verify_in(const graph::ScriptModel& model, LoadOptions options, uint32_t seed,
                          Delay& delay) {
  const Format in{model.dtype(), model.device(), {options.channels}};
  const LayerPtr network = model.plan(options);
  const int rank = rank_of(dynamic_cast<const Network&>(*network), in);
  const auto offline = model.offline_rule(rank, options.output);
  delay = measure_delay(network, offline, in, seed);
  return compare(network, offline, in, seed, exact_rule(model, rank, options.output));
}

}  // namespace

Certificate verify(const graph::ScriptModel& model, LoadOptions options, uint32_t seed) {
  Certificate certificate;
  certificate.seed = seed;
  certificate.own_type = model.dtype();
  for (const at::ScalarType dtype : {at::kFloat, at::kDouble}) {
    TypeCertificate type;
    try {
      // What float64 tells of the delay stands: it sees smaller effects.
      type = verify_in(dtype == model.dtype() ? model : model.in_type(dtype), options, seed,
                       certificate.delay);
    } catch (const std::exception& e) {
      type.dtype = dtype;
      type.not_run = message_of(e);
    }
    certificate.types.push_back(std::move(type));
  }
  return certificate;
}

}  // namespace torchstreamer::tools
