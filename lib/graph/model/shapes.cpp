#include "graph/model/shapes.h"

#include <algorithm>
#include <deque>
#include <set>
#include <string>
#include <utility>

#include "graph/plan/refusal.h"
#include "support/exceptions.h"
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

std::string text_of(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const std::exception& e) {
    return message_of(e);
  }
}

// The attempts with all layouts.
class Search {
 public:
  // `is_open`: channels that attempts ask for are tried, too.
  Search(const Planning& plan, bool is_open) : plan_(plan), is_open_(is_open) {}

  // Tries numbers of channels for signals of one layout. Returns the first attempt with a network,
  // else the first of those that came furthest. `channels`: of that attempt.
  Attempt plan_for_layout(Layout layout, std::deque<int64_t> candidates, int64_t& channels) {
    Attempt furthest;
    std::set<int64_t> tried;
    std::deque<int64_t> wanted;  // by attempts; tried first
    last_failure_.clear();
    while (evaluated_nodes_ <= most_nodes() || !furthest.error) {
      std::deque<int64_t>& next = wanted.empty() ? candidates : wanted;
      if (next.empty()) break;
      const int64_t c = next.front();
      next.pop_front();
      if (!tried.insert(c).second || (layout == Layout::kTime && c != 1)) continue;
      Attempt now = plan_(c, layout);
      channels = c;
      if (now.network) return now;
      if (is_same_failure(now)) candidates.clear();
      if (is_open_)
        wanted.insert(wanted.begin(), now.wanted_channels.begin(), now.wanted_channels.end());
      if (!furthest.error || now.progress > furthest.progress) furthest = std::move(now);
    }
    return furthest;
  }

 private:
  // Limit of the nodes of all attempts together: several whole graphs, or many short starts.
  size_t most_nodes() const { return 4 * furthest_nodes_ + 2000; }

  // Records a failure. Returns true if the attempt before failed at the same node for the same
  // reason: then only numbers of channels that are asked for may matter. Exceptions of the model
  // itself, such as assertions about the number of channels, may have the same text for all wrong
  // numbers.
  bool is_same_failure(const Attempt& attempt) {
    evaluated_nodes_ += attempt.progress;
    furthest_nodes_ = std::max(furthest_nodes_, attempt.progress);
    const std::string before = std::exchange(last_failure_, text_of(attempt.error));
    return last_failure_ == before && last_failure_.find(kModelRaises) == std::string::npos;
  }

  const Planning& plan_;
  const bool is_open_;
  size_t furthest_nodes_ = 0, evaluated_nodes_ = 0;
  std::string last_failure_;
};

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
  Search search(plan, /*is_open=*/!channels);
  Attempt furthest;
  std::set<size_t> progress;  // of the layouts
  std::string hint;
  for (const Layout tried : kLayouts) {
    if (layout != Layout::kAuto && layout != tried) continue;
    int64_t found = 0;
    Attempt best = search.plan_for_layout(tried, candidates, found);
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
