// Sizes of an axis for which a program was exported.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <vector>

namespace torchstreamer::exported {

/// The sizes from `least` to `most` whose remainder by `period` is one of `remainders`.
struct Sizes {
  static constexpr int64_t kAny = std::numeric_limits<int64_t>::max();

  int64_t least = 0, most = kAny;
  int64_t period = 1;
  std::vector<int64_t> remainders = {0};  ///< ascending

  bool accept(int64_t size) const;
  /// "30 or more", "2 to 4116", "multiples of 16 from 32".
  std::string describe() const;
};

/// Returns the sizes of `range`, which has one remainder, for which `accepts` returns true. They
/// are found by trials. Small sizes before the periodic part are left out, and so are large sizes
/// if the period is too long to be found. If all first sizes are rejected, returns the successive
/// sizes around `example`. Throws Error if no size is accepted.
Sizes accepted_sizes(const Sizes& range, const std::function<bool(int64_t size)>& accepts,
                     std::optional<int64_t> example = std::nullopt);

}  // namespace torchstreamer::exported
