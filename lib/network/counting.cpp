#include "network/counting.h"

#include <algorithm>
#include <deque>
#include <new>

namespace torchstreamer {
namespace {

// Memory for the counts of one network. Nested networks, which are counted at the same time, use
// the memory of the next depth.
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

void drop_equal(std::vector<int>& numbers) {
  std::sort(numbers.begin(), numbers.end());
  numbers.erase(std::unique(numbers.begin(), numbers.end()), numbers.end());
}

}  // namespace

Counting::Counting(const std::vector<Network::Node>& nodes) {
  for (const Network::Node& node : nodes) add(node);
}

void Counting::add(const Network::Node& node) {
  Node counted{node.layer, {}, 0};
  for (const int i : node.inputs) counted.inputs.push_back(place(i));
  if (!node.layer->join_rule()) drop_equal(counted.inputs);
  if (node.layer->timing().is_pointwise() && counted.inputs.size() == 1) {
    counted.place = counted.inputs[0];
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
  counts.resize(place + 1);
  counts[0] = source;
  for (int p = 0; p < place; ++p) {
    // Constructs the count in place, because a copy directly after the write stalls the processor.
    // Such stalls took a tenth of the time of a small model with small pushes.
    new (&counts[p + 1]) Count(made(nodes_[makers_[p]], counts));
  }
}

Count Counting::made(const Node& maker, const std::vector<Count>& counts) {
  const Timing& timing = maker.layer->timing();
  if (maker.inputs.size() == 1) return timing.count(counts[maker.inputs[0]]);
  if (timing.is_pointwise()) return joined(maker, counts);
  return timing.count(joined(maker, counts));
}

Count Counting::joined(int node, const std::vector<Count>& counts) const {
  return joined(nodes_[node], counts);
}

Count Counting::joined(const Node& node, const std::vector<Count>& counts) {
  if (!node.layer->join_rule()) {
    Count all{Timing::kEndless, Timing::kEndless, counts[node.inputs[0]].source};
    for (const int i : node.inputs) all.limit(counts[i]);
    return all;
  }
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
