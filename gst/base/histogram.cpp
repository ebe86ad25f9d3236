#include "base/histogram.h"

#include <algorithm>
#include <cmath>

namespace torchstreamer {
namespace {

constexpr int kBits = 4;

/// Every duration below 32 ns has its own bin. The bin of a longer duration is selected by its five
/// leading bits.
size_t bin_of(uint64_t ns) {
  int shift = 0;
  while (ns >> shift >= 2 << kBits) ++shift;
  return (static_cast<size_t>(shift) << kBits) + (ns >> shift);
}

/// Returns the longest duration in a bin.
uint64_t end_of(size_t bin) {
  if (bin < 2 << kBits) return bin;
  const size_t shift = (bin >> kBits) - 1;
  const uint64_t leading = bin - (shift << kBits);
  return ((leading + 1) << shift) - 1;
}

}  // namespace

void DurationHistogram::add(uint64_t ns) {
  ++bins_[std::min(bin_of(ns), bins_.size() - 1)];
  ++count_;
  max_ns_ = std::max(max_ns_, ns);
}

uint64_t DurationHistogram::quantile_ns(double quantile) const {
  const auto rank = static_cast<uint64_t>(std::ceil(quantile * count_));
  uint64_t below = 0;
  for (size_t bin = 0; bin + 1 < bins_.size(); ++bin) {
    below += bins_[bin];
    if (below > 0 && below >= rank) return std::min(end_of(bin), max_ns_);
  }
  return max_ns_;
}

}  // namespace torchstreamer
