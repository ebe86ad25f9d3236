#include "exported/sizes.h"

#include <c10/util/StringUtil.h>

#include <algorithm>
#include <optional>

#include "torchstreamer/error.h"

namespace torchstreamer::exported {
namespace {

// Number of successive sizes that are tried, and largest period that is found in them.
constexpr int64_t kTried = 1 << 14, kLongestPeriod = 1 << 12;
// Larger sizes are not tried: longer than any signal.
constexpr int64_t kFarthest = int64_t{1} << 40;

// Returns the least period of all values: their number minus that of the longest prefix that is
// also a suffix (Knuth, Morris and Pratt, 1977, doi:10.1137/0206024).
int64_t least_period(const std::vector<bool>& values) {
  std::vector<int64_t> prefix(values.size(), 0);
  for (size_t at = 1; at < values.size(); ++at) {
    int64_t same = prefix[at - 1];
    while (same > 0 && values[at] != values[same]) same = prefix[same - 1];
    prefix[at] = same + (values[at] == values[same] ? 1 : 0);
  }
  return static_cast<int64_t>(values.size()) - prefix.back();
}

// Returns the least period of the values at the end; none if it is too long to be found.
std::optional<int64_t> period_of(const std::vector<bool>& accepted) {
  const auto count = static_cast<int64_t>(accepted.size());
  const int64_t longest = std::min(kLongestPeriod, count / 4);
  if (longest == 0) return 1;
  // Also shows longer periods, up to 3 * longest.
  const int64_t period = least_period({accepted.end() - 3 * longest, accepted.end()});
  return period <= longest ? std::optional<int64_t>(period) : std::nullopt;
}

// Returns the largest accepted size, by bisection between an accepted and a refused size of the
// same remainder.
int64_t bisected(const std::function<bool(int64_t)>& accepts, int64_t period, int64_t accepted,
                 int64_t refused) {
  while (refused - accepted > period) {
    const int64_t middle = accepted + (refused - accepted) / (2 * period) * period;
    (accepts(middle) ? accepted : refused) = middle;
  }
  return accepted;
}

// Returns the largest accepted size, at most `most`, with the remainder of `accepted`.
int64_t most_of(const std::function<bool(int64_t)>& accepts, int64_t period, int64_t accepted,
                int64_t most) {
  int64_t n = accepted;
  for (; n < std::min(most, kFarthest); n += std::max<int64_t>(1, n / period) * period)
    if (!accepts(n)) return bisected(accepts, period, accepted, n);
  return most;
}

bool has_remainder(const Sizes& sizes, int64_t size) {
  return std::binary_search(sizes.remainders.begin(), sizes.remainders.end(), size % sizes.period);
}

// Returns the successive accepted sizes around `example`, which is accepted.
Sizes around(int64_t example, int64_t most, const std::function<bool(int64_t)>& accepts) {
  Sizes sizes{example, example, 1, {0}};
  while (sizes.least > std::max<int64_t>(0, example - kTried) && accepts(sizes.least - 1))
    --sizes.least;
  while (sizes.most < std::min(most, example + kTried) && accepts(sizes.most + 1)) ++sizes.most;
  return sizes;
}

// The same as accepted_sizes() for sizes from 0.
Sizes fitted(int64_t most, const std::function<bool(int64_t)>& accepts,
             std::optional<int64_t> example) {
  std::vector<bool> accepted;
  for (int64_t n = 0; n <= most && n < kTried; ++n) accepted.push_back(accepts(n));
  const auto last = std::find(accepted.rbegin(), accepted.rend(), true);
  if (last == accepted.rend()) {
    if (example && *example >= 0 && *example <= std::min(most, kFarthest) && accepts(*example))
      return around(*example, most, accepts);
    throw Error("its guards accept no size of an input");
  }
  const int64_t refused = last - accepted.rbegin();
  accepted.resize(accepted.size() - refused);
  const auto count = static_cast<int64_t>(accepted.size());
  const std::optional<int64_t> period = period_of(accepted);
  Sizes sizes{0, most, period.value_or(1), {}};
  for (int64_t n = std::max<int64_t>(0, count - sizes.period); n < count; ++n)
    if (accepted[n]) sizes.remainders.push_back(n % sizes.period);
  std::sort(sizes.remainders.begin(), sizes.remainders.end());
  // Keeps the periodic part at the end; sizes before it are left out.
  int64_t first = count;
  while (first > 0 && accepted[first - 1] == has_remainder(sizes, first - 1)) --first;
  while (!accepted[first]) ++first;
  sizes.least = first;
  const bool ends = !period || refused > kLongestPeriod;
  sizes.most = ends ? count - 1 : most_of(accepts, sizes.period, count - 1, most);
  return sizes;
}

}  // namespace

bool Sizes::accept(int64_t size) const {
  return size >= least && size <= most && has_remainder(*this, size);
}

std::string Sizes::describe() const {
  const std::string range = most == kAny    ? c10::str(least, " or more")
                            : least == most ? c10::str("exactly ", least)
                                            : c10::str(least, " to ", most);
  if (period == 1) return range;
  if (remainders == std::vector<int64_t>{0}) return c10::str("multiples of ", period, ", ", range);
  std::string list;
  for (const int64_t remainder : remainders) list += c10::str(list.empty() ? "" : ", ", remainder);
  return c10::str(range, ", with the remainder ", list.substr(0, 100), " by ", period);
}

// Sizes are counted in steps of the period from the least one.
Sizes accepted_sizes(const Sizes& range, const std::function<bool(int64_t)>& accepts,
                     std::optional<int64_t> example) {
  const int64_t step = range.period;
  const int64_t first = range.least + ((range.remainders.at(0) - range.least) % step + step) % step;
  const int64_t most = range.most == Sizes::kAny ? Sizes::kAny : (range.most - first) / step;
  if (example) example = (*example - first) / step;
  Sizes sizes = fitted(
      most, [&](int64_t n) { return accepts(first + n * step); }, example);
  sizes.least = first + sizes.least * step;
  if (sizes.most != Sizes::kAny) sizes.most = first + sizes.most * step;
  sizes.period *= step;
  for (int64_t& remainder : sizes.remainders) remainder = (first + remainder * step) % sizes.period;
  std::sort(sizes.remainders.begin(), sizes.remainders.end());
  return sizes;
}

}  // namespace torchstreamer::exported
