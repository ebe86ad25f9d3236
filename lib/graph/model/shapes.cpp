#include "graph/model/shapes.h"

#include <algorithm>
#include <deque>
#include <set>
#include <string>

#include "torchstreamer/error.h"

namespace torchstreamer::graph {
namespace {

[[noreturn]] void rethrow_with(const std::exception_ptr& error, const std::string& addition) {
  try {
    std::rethrow_exception(error);
  } catch (const Refusal& e) {
    throw Refusal(e.subject(), e.path(), e.source(), e.reason() + addition);
  } catch (const Error& e) {
    throw Error(e.what() + addition);
  }
}

std::string tried_layouts() {
  std::string tried;
  for (const Layout layout : kLayouts)
    tried += (tried.empty() ? "; its input was tried as " : ", ") + name_of(layout);
  return tried;
}

// Tries numbers of channels for signals of one layout. Returns the first attempt with a network,
// else the first of those that came furthest. `channels`: of that attempt.
Attempt plan_for_layout(const Planning& plan, Layout layout, std::deque<int64_t> candidates,
                        bool is_open, int64_t& channels) {
  Attempt furthest;
  std::set<int64_t> tried;
  while (!candidates.empty()) {
    const int64_t c = candidates.front();
    candidates.pop_front();
    if (!tried.insert(c).second || (layout == Layout::kTime && c != 1)) continue;
    Attempt now = plan(c, layout);
    channels = c;
    if (now.network) return now;
    if (now.wanted_channels && is_open) candidates.push_front(now.wanted_channels);
    if (!furthest.error || now.progress > furthest.progress) furthest = std::move(now);
  }
  return furthest;
}

}  // namespace

LayerPtr plan_for_any_shape(const Planning& plan, int64_t& channels, Layout& layout,
                            const std::vector<int64_t>& likely_channels) {
  if (layout == Layout::kTime && channels > 1)
    throw OptionError("a model that takes [T] has one channel, not " + std::to_string(channels));
  std::deque<int64_t> candidates = {channels};
  if (!channels) {
    candidates = {1, 2};
    candidates.insert(candidates.end(), likely_channels.begin(), likely_channels.end());
  }
  Attempt furthest;
  std::set<size_t> progress;  // of the layouts
  std::string hint;
  for (const Layout tried : kLayouts) {
    if (layout != Layout::kAuto && layout != tried) continue;
    int64_t found = 0;
    Attempt best = plan_for_layout(plan, tried, candidates, !channels, found);
    const bool is_ambiguous = layout == Layout::kAuto && is_time_first(tried) && !best.is_over_time;
    if (best.network && !is_ambiguous) {
      channels = found;
      layout = tried;
      return best.network;
    }
    if (is_ambiguous) {
      if (best.network && tried == Layout::kBatchTimeChannels)
        hint = "; as " + name_of(tried) +
               " it computes every frame independently: choose this layout if that is meant";
      continue;
    }
    progress.insert(best.progress);
    if (!furthest.error || best.progress > furthest.progress) furthest = std::move(best);
  }
  const bool is_any = layout == Layout::kAuto && progress.size() == 1;
  rethrow_with(furthest.error, (is_any ? tried_layouts() : "") + hint);
}

}  // namespace torchstreamer::graph
