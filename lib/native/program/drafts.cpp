#include "native/program/drafts.h"

#include <algorithm>

#include "native/kernels/floats.h"

namespace torchstreamer::native {

constexpr int kSource = Network::kSource;

Drafts::Drafts(const std::vector<Network::Node>& nodes, const Format& in)
    : nodes_(nodes), visits_(Network(nodes).walk(in)) {
  source_ = new_buffer(floats_of(in));
  views_.resize(nodes.size());
  drafts_.resize(nodes.size());
  copies_.resize(nodes.size());
  fills_.resize(nodes.size());
  result_.is_fallback.assign(nodes.size(), false);
  readers_.assign(nodes.size(), 0);
  for (const auto& node : nodes)
    for (const int i : node.inputs)
      if (i != kSource) ++readers_[i];
  ++readers_.back();  // the output
}

int64_t Drafts::samples_out(int n) const { return floats_of(format_out(n)); }

const BufferView& Drafts::view(int node) const { return node == kSource ? source_ : views_[node]; }

BufferView Drafts::new_buffer(int64_t pitch) {
  BufferPlan buffer;
  buffer.pitch = pitch;
  result_.buffers.push_back(buffer);
  BufferView view;
  view.buffer = static_cast<int>(result_.buffers.size()) - 1;
  view.samples = pitch;
  return view;
}

bool Drafts::reserve_zeros(const BufferView& view, int64_t lead, int64_t trail) {
  if ((lead && !view.begins_with_buffer) || (trail && !view.ends_with_buffer) || view.step != 1)
    return false;
  BufferPlan& buffer = result_.buffers[view.buffer];
  buffer.lead = std::max(buffer.lead, lead - view.offset);
  buffer.trail = std::max(buffer.trail, trail + view.trail);
  return true;
}

void Drafts::add(int n, Draft draft) {
  views_[n] = new_buffer(draft.samples);
  draft.buffer = views_[n].buffer;
  drafts_[n] = std::make_unique<Draft>(std::move(draft));
}

void Drafts::add_head(int n, Draft::Head head, int64_t samples) {
  for (const int i : inputs(n)) {
    head.in.push_back(view(i));
    head.in_nodes.push_back(i);
  }
  Draft draft;
  draft.heads.push_back(std::move(head));
  draft.samples = samples;
  add(n, std::move(draft));
}

void Drafts::add_kernel(int n, KernelPtr kernel, int64_t samples) {
  Draft::Head head;
  head.kernel = std::move(kernel);
  add_head(n, std::move(head), samples);
}

void Drafts::set_fallback(int n) {
  result_.is_fallback[n] = true;
  drafts_[n]->is_fallback = true;
}

BufferView Drafts::add_copy(int n, int node, KernelPtr kernel, int64_t samples) {
  Draft draft;
  draft.heads.push_back({std::move(kernel), {}, {view(node)}, {node}});
  draft.samples = samples;
  const BufferView view = new_buffer(samples);
  draft.buffer = view.buffer;
  copies_[n].emplace_back(node, std::move(draft));
  return view;
}

const Draft* Drafts::absorbable(int node) const {
  if (node == kSource || readers_[node] != 1 || result_.is_fallback[node]) return nullptr;
  return drafts_[node].get();
}

void Drafts::move_draft(int node, int n) {
  views_[n] = views_[node];
  drafts_[n] = std::move(drafts_[node]);
}

CompiledNetwork Drafts::finish() && {
  for (int n = 0; n < static_cast<int>(nodes_.size()); ++n) {
    for (auto& [node, draft] : copies_[n]) finish_draft(std::move(draft), node);
    if (drafts_[n]) finish_draft(std::move(*drafts_[n]), n);
  }
  result_.output = views_.back();
  drop_unread_constants();
  return std::move(result_);
}

void Drafts::drop_unread_constants() {
  std::vector<bool> is_read(result_.buffers.size(), false);
  is_read[result_.output.buffer] = true;
  for (const KernelCall& call : result_.calls)
    for (const BufferView& view : call.in) is_read[view.buffer] = true;
  const auto is_unread = [&](const KernelCall& call) {
    return fill(call.node) && !is_read[call.buffer];
  };
  auto& calls = result_.calls;
  calls.erase(std::remove_if(calls.begin(), calls.end(), is_unread), calls.end());
}

void Drafts::finish_draft(Draft draft, int node) {
  result_.buffers[draft.buffer].rate = node == kSource ? Rational(1) : visits_[node].rate;
  result_.calls.push_back(std::move(draft).finished(node, result_.buffers));
}

}  // namespace torchstreamer::native
