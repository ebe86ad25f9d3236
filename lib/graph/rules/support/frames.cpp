#include "graph/rules/support/frames.h"

#include <algorithm>

#include "graph/plan/formula.h"

namespace torchstreamer::graph {

Frames positive(const Frames& frames) {
  return frames.mapped([](int64_t n) { return std::max<int64_t>(0, n); });
}

Frames negated(const Frames& frames) {
  return frames.mapped([](int64_t n) { return -n; });
}

std::pair<int64_t, int64_t> range_of(const Call& call, const Frames& frames) {
  int64_t least = frames(call.lengths.shortest_frames()), most = least;
  for (const int64_t n : call.lengths.sampled()) {
    least = std::min(least, frames(n));
    most = std::max(most, frames(n));
  }
  return {least, most};
}

bool grows(const Call& call, const Frames& frames) {
  const auto& lengths = call.lengths.sampled();
  int64_t near = 0;
  for (const int64_t n : lengths)
    if (n < 2 * lengths[0]) near = std::max(near, frames(n));
  return range_of(call, frames).second > near;
}

Frames frames_of(const Call& call, const Stream& stream) {
  return [plan = &call.plan, stream](int64_t n) { return plan->frames(stream, n); };
}

int64_t reached_from_frames(const Call& call, const Stream& stream,
                            const std::function<bool(int64_t n)>& accepts) {
  const auto& nodes = call.plan.nodes();
  const Counting& counting = call.plan.counting();
  std::vector<Count> counts;
  auto is_reached = [&](int64_t n) {
    std::vector<int> path = {stream.node};
    std::vector<bool> is_seen(nodes.size(), false);
    counting.count({n, n, n}, counts);
    while (!path.empty()) {
      const int node = path.back();
      path.pop_back();
      if (node == Network::kSource || is_seen[node]) continue;
      is_seen[node] = true;
      if (counts[counting.place(node)].total == 0 && !nodes[node].layer->may_be_empty())
        return false;
      path.insert(path.end(), nodes[node].inputs.begin(), nodes[node].inputs.end());
    }
    return accepts(n);
  };
  return least_length(is_reached);
}

void guard_against_none(const Call& call, const Stream& stream) {
  if (call.plan.frames(stream, 1) > 0) return;
  call.lengths.guard([frames = frames_of(call, stream)](int64_t n) { return frames(n) > 0; },
                     call.node, {}, "its input is too short for a frame of output");
}

}  // namespace torchstreamer::graph
