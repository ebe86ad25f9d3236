#include "graph/model/cost.h"

#include <algorithm>
#include <cmath>

#include "network/floats.h"

namespace torchstreamer::graph {
namespace {

// Time of reading, computing and writing a value of a function, and one of the scores of attention,
// most of which are sums and products, in terms of multiply-adds.
constexpr double kMultiplyAddsOfValue = 32, kMultiplyAddsOfScore = 8;

double real(Rational r) { return static_cast<double>(r.num) / static_cast<double>(r.den); }

// Returns the index of the last node that reads the output of each node.
std::vector<size_t> last_readers(const std::vector<Network::Node>& nodes) {
  std::vector<size_t> last(nodes.size(), nodes.size());
  for (size_t n = 0; n < nodes.size(); ++n)
    for (const int i : nodes[n].inputs)
      if (i != Network::kSource) last[i] = n;
  return last;
}

// Returns the memory of the input frames that a process keeps for later ones.
double kept_bytes(const Timing& timing, const std::vector<Format>& in) {
  const auto frames = static_cast<double>(timing.receptive_field_frames() - 1);
  double bytes = 0;
  for (const Format& f : in)
    bytes += frames * static_cast<double>(floats_of(f) * c10::elementSize(f.dtype));
  return bytes;
}

}  // namespace

double ModelCost::frames_for(double most_multiply_adds) const {
  const double a = std::max(1.0, multiply_adds), b = of_pairs;
  return 2 * most_multiply_adds / (a + std::sqrt(a * a + 4 * b * most_multiply_adds));
}

ModelCost cost_of(const Network& network, const Format& in) {
  const auto& nodes = network.nodes();
  const auto visits = network.walk(in);
  const auto last = last_readers(nodes);
  std::vector<double> bytes;  // of the output of each node
  ModelCost cost;
  double existing_bytes = 0;
  for (size_t n = 0; n < nodes.size(); ++n) {
    const auto& [formats, out, rate] = visits[n];
    const double multiply_adds =
        real(rate) * static_cast<double>(nodes[n].layer->multiply_adds_per_frame(formats));
    const double read = real(rate) * static_cast<double>(nodes[n].layer->window_samples(formats));
    const double values = real(rate) * static_cast<double>(floats_of(out));
    // libtorch copies the windows of some convolutions.
    const double windows =
        multiply_adds / static_cast<double>(std::max<int64_t>(1, out.channels()));
    cost.multiply_adds += std::max(multiply_adds, read) + kMultiplyAddsOfValue * values;
    cost.of_pairs += real(rate) * real(rate) * kMultiplyAddsOfScore *
                     static_cast<double>(nodes[n].layer->elements_per_pair(formats));
    bytes.push_back(values * static_cast<double>(c10::elementSize(out.dtype)));
    existing_bytes += bytes.back();
    cost.bytes = std::max(cost.bytes, existing_bytes + windows * sizeof(float));
    for (size_t i = 0; i <= n; ++i)
      if (last[i] == n) existing_bytes -= bytes[i];
    cost.stream_bytes += kept_bytes(nodes[n].layer->timing(), formats);
  }
  return cost;
}

}  // namespace torchstreamer::graph
