#include "graph/model/shapes.h"

#include <algorithm>
#include <deque>
#include <set>
#include <string>
#include <utility>

#include "support/exceptions.h"
#include "support/wrong_option.h"

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

// Returns true if the error of `a` is more informative than that of `b`. Both attempts have the
// same layout.
bool is_closer(const Attempt& a, const Attempt& b) {
  if (!b.error) return true;
  if ((a.cause == Cause::kShape) != (b.cause == Cause::kShape)) return b.cause == Cause::kShape;
  return a.progress > b.progress;
}

// The same for an attempt `a` with a later layout. `a` has no error if no number of channels was
// tried.
bool is_closer_layout(const Attempt& a, const Attempt& b) {
  return a.error && is_closer(a, b) && !(b.error && b.cause == Cause::kModel);
}

// The attempts with all layouts.
class Search {
 public:
  // `is_open`: also tries numbers of channels that attempts request.
  Search(const Planning& plan, bool is_open) : plan_(plan), is_open_(is_open) {}

  // Tries numbers of channels for signals of one layout. Returns the first attempt with a network,
  // else the closest one; it has no error if none was tried. Sets `channels` to the number tried
  // last.
  Attempt plan_for_layout(Layout layout, std::deque<int64_t> candidates, int64_t& channels) {
    Attempt closest;
    std::set<int64_t> tried;
    std::deque<int64_t> wanted;  // requested by attempts; tried first
    last_failure_.clear();
    while (evaluated_nodes_ <= most_nodes() || !closest.error) {
      std::deque<int64_t>& next = wanted.empty() ? candidates : wanted;
      if (next.empty()) break;
      const int64_t c = next.front();
      next.pop_front();
      if (!tried.insert(c).second || (layout == Layout::kTime && c != 1) ||
          (is_open_ && is_costly(layout, c)))
        continue;
      Attempt now = plan_(c, layout);
      channels = c;
      if (now.network) return now;
      if (is_same_failure(now)) candidates.clear();
      if (is_open_)
        wanted.insert(wanted.begin(), now.wanted_channels.begin(), now.wanted_channels.end());
      if (is_closer(now, closest)) closest = std::move(now);
    }
    return closest;
  }

 private:
  // Limit of the nodes of all attempts together: several whole graphs, or many short starts.
  size_t most_nodes() const { return 4 * furthest_nodes_ + 2000; }

  // Returns true if as many nodes as before would exceed the limit. The channels of [C, T] may be a
  // batch, for which each node costs as often. Not asked if the number of channels is given.
  bool is_costly(Layout layout, int64_t channels) const {
    return layout == Layout::kChannelsTime &&
           evaluated_nodes_ + furthest_nodes_ * static_cast<size_t>(channels) > most_nodes();
  }

  // Records a failure. Returns true if the previous attempt failed at the same node for the same
  // reason: then only requested numbers of channels may have a different result. Exceptions of the
  // model itself, such as assertions about the number of channels, may have the same text for all
  // wrong numbers.
  bool is_same_failure(const Attempt& attempt) {
    evaluated_nodes_ += attempt.progress;
    furthest_nodes_ = std::max(furthest_nodes_, attempt.progress);
    const std::string before = std::exchange(last_failure_, text_of(attempt.error));
    return last_failure_ == before && attempt.cause != Cause::kRaise;
  }

  const Planning& plan_;
  const bool is_open_;
  size_t furthest_nodes_ = 0, evaluated_nodes_ = 0;
  std::string last_failure_;
};

// Returns true if a model takes twice as many channels as were found: it may compute frames of a
// signal that are shaped as channels.
bool folds_channels(const Planning& plan, const Attempt& found, int64_t channels, Layout layout) {
  return found.network && channels > 1 && plan(2 * channels, layout).network;
}

// Returns true if a model that refuses the lengths of signals checks its channels instead, in a
// layout in which it takes `channels` of them.
bool may_check_channels(const Planning& plan, Cause cause, int64_t channels, Layout layout) {
  return cause != Cause::kLength || !plan(2 * channels, layout).network;
}

}  // namespace

LayerPtr plan_for_any_shape(const Planning& plan, int64_t& channels, Layout& layout,
                            const std::vector<int64_t>& likely_channels) {
  if (layout == Layout::kTime && channels > 1)
    throw WrongOption("layout",
                      "a model that takes [T] has one channel, not " + std::to_string(channels));
  std::deque<int64_t> candidates = {channels};
  if (!channels) {
    candidates = {1, 2};
    candidates.insert(candidates.end(), likely_channels.begin(), likely_channels.end());
  }
  Search search(plan, /*is_open=*/!channels);
  Attempt closest;
  std::set<Cause> causes;  // of the layouts
  std::string hint;
  for (const Layout tried : kLayouts) {
    if (layout != Layout::kAuto && layout != tried) continue;
    int64_t found = 0;
    Attempt best = search.plan_for_layout(tried, candidates, found);
    const bool is_ambiguous = layout == Layout::kAuto && is_time_first(tried) &&
                              (!best.is_over_time || folds_channels(plan, best, found, tried));
    if (best.network && !is_ambiguous) {
      channels = found;
      layout = tried;
      return best.network;
    }
    if (is_ambiguous) {
      if (best.network && tried == Layout::kBatchTimeChannels &&
          may_check_channels(plan, closest.cause, found, tried))
        hint = "; as " + name_of(tried) +
               " it computes every frame independently: choose this layout if that is meant";
      continue;
    }
    if (best.error) causes.insert(best.cause);
    if (is_closer_layout(best, closest)) closest = std::move(best);
  }
  // An exception of the model for one layout may be about its length, one for all about the shape.
  const bool is_about_shape =
      closest.cause != Cause::kModel && closest.cause != Cause::kLength && causes.size() == 1;
  const bool fits_none = layout == Layout::kAuto && is_about_shape;
  rethrow_with(closest.error, (fits_none ? tried_layouts() : "") + hint);
}

}  // namespace torchstreamer::graph
