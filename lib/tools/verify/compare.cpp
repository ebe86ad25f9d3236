#include "tools/verify/compare.h"

#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>
#include <c10/util/StringUtil.h>

#include <algorithm>
#include <set>

#include "graph/model/cost.h"
#include "support/exceptions.h"
#include "support/rounding.h"
#include "torchstreamer/stream.h"

namespace torchstreamer::tools {
namespace {

// Returns lengths from 1 frame to more than twice the receptive field, and multiples of frame sizes
// that are common in models, the most important ones first.
std::vector<int64_t> lengths_to_try(int64_t field, int64_t most_frames, RandomSignals& random) {
  std::vector<int64_t> lengths = {2 * field + 1, field + 1, 16, 1,         field, 2,
                                  2 * field,     field - 1, 5,  field / 2, 3};
  for (int i = 0; i < 4; ++i) {
    lengths.push_back(random.between(1, 2 * field));
    lengths.push_back(2 * field + random.between(2, 600));
  }
  for (const int64_t unit : {16, 320, 4096})
    lengths.push_back(ceil_div(2 * field + 1, unit) * unit);
  lengths.erase(std::remove_if(lengths.begin(), lengths.end(),
                               [&](int64_t n) { return n < 1 || n > most_frames; }),
                lengths.end());
  return lengths;
}

// Returns the first lengths, at least a few, whose comparisons together take a few tens of seconds.
std::set<int64_t> affordable(const std::vector<int64_t>& lengths, const LayerPtr& network,
                             const Format& in) {
  constexpr double kMostMultiplyAdds = int64_t{1} << 35;
  constexpr size_t kFewest = 4;
  constexpr double kRuns = 7;  // of a signal: by the model in two types, and in four cuts
  const auto* nodes = dynamic_cast<const Network*>(network.get());
  const double each = nodes ? kRuns * graph::cost_of(*nodes, in).multiply_adds : 0;
  std::set<int64_t> kept;
  double multiply_adds = 0;
  for (const int64_t frames : lengths) {
    if (kept.count(frames) > 0) continue;  // lengths are equal for a short receptive field
    multiply_adds += each * static_cast<double>(frames);
    if (kept.size() >= kFewest && multiply_adds > kMostMultiplyAdds) break;
    kept.insert(frames);
  }
  return kept;
}

// Returns the output of a stream for a whole signal, `[C_out, T_out]`, also for T_out = 0.
Tensor whole_output(LayerStream& stream, const LayerPtr& network, const Tensor& x,
                    const std::vector<int64_t>& pushes) {
  Tensors parts = {at::empty(
      {network->accept({{x.scalar_type(), x.device(), {x.size(0)}}}).channels(), 0}, x.options())};
  int64_t start = 0;
  for (size_t i = 0; i < pushes.size(); start += pushes[i++])
    if (auto y = stream.forward(x.narrow(1, start, pushes[i]), i + 1 == pushes.size()))
      parts.push_back(*y);
  return at::cat(parts, 1);
}

void record_failure(TypeCertificate& certificate, int64_t frames, const std::string& failure) {
  if (certificate.failures++ == 0)
    certificate.failure = c10::str("signal of ", frames, " frames: ", failure);
}

// Compares streams of one signal, cut in several ways, with the model's output.
class Comparison {
 public:
  Comparison(const LayerPtr& network, const Tensor& x, Expected expected,
             TypeCertificate& certificate)
      : network_(network), x_(x), expected_(std::move(expected)), certificate_(certificate) {}

  void run(const std::vector<int64_t>& pushes) {
    ++certificate_.cases;
    try {
      LayerStream stream(network_);
      const Tensor y = whole_output(stream, network_, x_, pushes);
      const Tensor& model = expected_.y;
      if (model.numel() > 0 && y.sizes() != model.sizes())
        return fail(c10::str("the stream gives ", y.sizes(), ", the model ", model.sizes()));
      if (model.numel() == 0 && y.numel() > 0)
        return fail(c10::str("the stream gives ", y.sizes(), ", the model nothing"));
      if (y.numel() > 0) compare_values(y);
    } catch (const std::exception& e) {
      fail("the stream fails: " + message_of(e));
    }
  }

  bool are_all_identical() const { return are_identical_; }

 private:
  void compare_values(const Tensor& y) {
    const double error = largest_difference(y, expected_.y);
    record(relative(error), relative(expected_.allowed));
    if (!(error <= expected_.allowed))
      record_failure(certificate_, x_.size(1),
                     c10::str("the error is ", relative(error), " of the peak, ",
                              relative(expected_.allowed), " is allowed"));
    if (!first_.defined()) first_ = y;
    are_identical_ = are_identical_ && is_identical(y, first_);
    certificate_.worst_difference =
        std::max(certificate_.worst_difference, relative(largest_difference(y, first_)));
  }

  double relative(double error) const { return error == 0 ? 0 : error / expected_.peak; }

  // Keeps the errors of the signal whose error is closest to the allowed one.
  void record(double error, double allowed) {
    if (certificate_.allowed_error > 0 &&
        error * certificate_.allowed_error <= certificate_.worst_error * allowed)
      return;
    certificate_.worst_error = error;
    certificate_.allowed_error = allowed;
    certificate_.own_error = relative(expected_.own_error);
  }

  // Records that an output cannot be compared.
  void fail(const std::string& failure) {
    are_identical_ = false;
    record_failure(certificate_, x_.size(1), failure);
  }

  LayerPtr network_;
  Tensor x_, first_;
  Expected expected_;
  TypeCertificate& certificate_;
  bool are_identical_ = true;
};

// Returns true if the model rejects the length of the signal, not its samples.
bool is_length_rejected(const graph::OfflineRule& offline, const Tensor& x) {
  try {
    offline(at::zeros_like(x));
    return false;
  } catch (const std::exception&) {
    return true;
  }
}

// Checks that a stream ends with an error for a signal `x` whose length the model rejects, and that
// its next signal, `accepted` unless undefined, has the same output as that of a new stream.
void compare_rejected(const LayerPtr& network, const Tensor& x, const Tensor& accepted,
                      TypeCertificate& certificate) {
  ++certificate.cases;
  LayerStream stream(network);
  try {
    const Tensor y = whole_output(stream, network, x, {x.size(1)});
    return record_failure(certificate, x.size(1),
                          c10::str("the model rejects it, the stream gives ", y.sizes()));
  } catch (const std::exception&) {
  }
  if (!accepted.defined()) return;
  LayerStream fresh(network);
  const std::vector<int64_t> whole = {accepted.size(1)};
  const Tensor expected = whole_output(fresh, network, accepted, whole);
  try {
    if (is_identical(whole_output(stream, network, accepted, whole), expected)) return;
  } catch (const std::exception&) {
  }
  record_failure(certificate, x.size(1), "after its error, the stream fails for the next signal");
}

// Returns true if native kernels alone compute the output for a signal of this length: its bits are
// then the same for all cuts.
bool is_all_native(const LayerPtr& network, int64_t frames) {
  const auto* planned = dynamic_cast<const graph::PlannedNetwork*>(network.get());
  const native::Program* program = planned ? planned->program() : nullptr;
  if (!program || planned->guards().violation(frames)) return false;
  for (size_t n = 0; n < program->nodes().size(); ++n)
    if (program->is_fallback(static_cast<int>(n))) return false;
  return true;
}

}  // namespace

TypeCertificate compare(const LayerPtr& network, const graph::OfflineRule& offline,
                        const Format& in, uint32_t seed, const graph::OfflineRule& exact,
                        int64_t most_frames) {
  c10::InferenceMode guard;
  RandomSignals random(seed);
  TypeCertificate certificate;
  certificate.dtype = in.dtype;
  certificate.tolerance = tolerance_of(in.dtype, in.device);
  Tensors rejected;
  Tensor accepted;
  const int64_t field = tried_field_frames(*network, most_frames);
  for (const int64_t frames : affordable(lengths_to_try(field, most_frames, random), network, in)) {
    const Tensor x = random.signal(in, frames);
    Expected expected;
    try {
      expected = expected_of(offline, exact, x);
    } catch (const std::exception&) {
      ++certificate.rejected;
      if (is_length_rejected(offline, x)) rejected.push_back(x);
      continue;
    }
    accepted = x;
    if (certificate.signals++ == 0) certificate.shortest_frames = frames;
    certificate.longest_frames = frames;
    certificate.without_exact_output += expected.y.scalar_type() != at::kDouble;
    Comparison comparison(network, x, std::move(expected), certificate);
    for (const auto way : RandomSignals::kCuts) comparison.run(random.cut(frames, way));
    if (comparison.are_all_identical())
      ++certificate.identical;
    else
      certificate.not_identical += is_all_native(network, frames);
  }
  for (const Tensor& x : rejected) compare_rejected(network, x, accepted, certificate);
  return certificate;
}

}  // namespace torchstreamer::tools
