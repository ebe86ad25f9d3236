#include "graph/model/shapes.h"

#include <algorithm>
#include <deque>
#include <set>
#include <string>

#include "torchstreamer/error.h"

namespace torchstreamer::graph {
namespace {

// Adds the shapes that were tried to the error.
[[noreturn]] void rethrow_with_shapes(std::exception_ptr error) {
  const std::string tried = "; its input was tried as [B, C, T], [C, T] and [T]";
  try {
    std::rethrow_exception(error);
  } catch (const Refusal& e) {
    throw Refusal(e.subject(), e.path(), e.source(), e.reason() + tried);
  } catch (const Error& e) {
    throw Error(e.what() + tried);
  }
}

// Tries numbers of channels for signals of one rank. Returns the first attempt with a network,
// otherwise the first one with the most progress. `channels`: set to that of the network.
Attempt plan_for_rank(const Planning& plan, int rank, std::deque<int64_t> candidates, bool is_open,
                      int64_t& channels) {
  Attempt furthest;
  std::set<int64_t> tried;
  while (!candidates.empty()) {
    const int64_t c = candidates.front();
    candidates.pop_front();
    if (!tried.insert(c).second || (rank == 1 && c != 1)) continue;
    Attempt now = plan(c, rank);
    channels = c;
    if (now.network) return now;
    if (now.wanted_channels && is_open) candidates.push_front(now.wanted_channels);
    if (!furthest.error || now.progress > furthest.progress) furthest = std::move(now);
  }
  return furthest;
}

}  // namespace

LayerPtr plan_for_any_shape(const Planning& plan, int64_t& channels,
                            const std::vector<int64_t>& likely_channels) {
  std::deque<int64_t> candidates = {channels};
  if (!channels) {
    candidates = {1, 2};
    candidates.insert(candidates.end(), likely_channels.begin(), likely_channels.end());
  }
  Attempt furthest;
  std::set<size_t> progress;  // progress of each rank
  for (const int rank : {3, 2, 1}) {
    int64_t found = 0;
    Attempt best = plan_for_rank(plan, rank, candidates, !channels, found);
    if (best.network) {
      channels = found;
      return best.network;
    }
    progress.insert(best.progress);
    if (!furthest.error || best.progress > furthest.progress) furthest = std::move(best);
  }
  if (progress.size() > 1) std::rethrow_exception(furthest.error);
  rethrow_with_shapes(furthest.error);
}

}  // namespace torchstreamer::graph
