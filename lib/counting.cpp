#include "counting.h"

#include <algorithm>
#include <deque>

namespace torchstreamer {
namespace {

// Memory for the counts of one network, and of those within it that are counted meanwhile.
class CountMemory {
 public:
  CountMemory() {
    if (pool().size() <= depth()) pool().emplace_back();
    ++depth();
  }
  ~CountMemory() { --depth(); }
  CountMemory(const CountMemory&) = delete;
  CountMemory& operator=(const CountMemory&) = delete;
  std::vector<Count>& counts() { return pool()[depth() - 1]; }

 private:
  static std::deque<std::vector<Count>>& pool() {
    thread_local std::deque<std::vector<Count>> vectors;
    return vectors;
  }
  static size_t& depth() {
    thread_local size_t depth = 0;
    return depth;
  }
};

}  // namespace

Counting::Counting(const std::vector<Network::Node>& nodes) {
  for (const Network::Node& node : nodes) add(node);
}

void Counting::add(const Network::Node& node) {
  Node counted{node.layer, {}, 0};
  for (const int i : node.inputs) counted.inputs.push_back(place(i));
  const int first = counted.inputs[0];
  const auto is_first = [=](int input) { return input == first; };
  // A layer that joins its inputs in a way of its own is not pointwise.
  if (node.layer->timing().is_pointwise() &&
      std::all_of(counted.inputs.begin(), counted.inputs.end(), is_first)) {
    counted.place = first;
  } else {
    makers_.push_back(static_cast<int>(nodes_.size()));
    counted.place = static_cast<int>(makers_.size());
  }
  nodes_.push_back(std::move(counted));
}

void Counting::count(Count source, std::vector<Count>& counts) const {
  count_up_to(static_cast<int>(makers_.size()), source, counts);
}

void Counting::count_up_to(int place, Count source, std::vector<Count>& counts) const {
  counts.clear();
  counts.push_back(source);
  for (int p = 0; p < place; ++p) {
    const Node& maker = nodes_[makers_[p]];
    counts.push_back(maker.layer->timing().count(joined(maker, counts)));
  }
}

Count Counting::joined(int node, const std::vector<Count>& counts) const {
  return joined(nodes_[node], counts);
}

Count Counting::joined(const Node& node, const std::vector<Count>& counts) {
  if (node.inputs.size() == 1) return counts[node.inputs[0]];
  thread_local std::vector<Count> in;
  in.clear();
  for (const int i : node.inputs) in.push_back(counts[i]);
  return node.layer->join(in);
}

Count Counting::of(int node, Count source) const {
  CountMemory memory;
  count_up_to(place(node), source, memory.counts());
  return memory.counts().back();
}

}  // namespace torchstreamer
