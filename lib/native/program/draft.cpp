#include "native/program/draft.h"

#include <algorithm>
#include <utility>

#include "native/kernels/convolve.h"

namespace torchstreamer::native {

bool Draft::is_sum_of_convolutions() const {
  const auto is_convolution = [](const Head& head) { return head.convolution.has_value(); };
  return !heads.empty() && instructions.empty() &&
         std::all_of(heads.begin(), heads.end(), is_convolution);
}

bool Draft::has_single_frames() const {
  return heads.empty() || !heads[0].kernel || heads[0].kernel->granularity_frames() == 1;
}

Chain::Source Draft::add_constant(AlignedFloats frame) {
  constants.push_back(std::move(frame));
  return {Chain::Source::kConstant, static_cast<int>(constants.size()) - 1};
}

Chain::Source Draft::add_input(const BufferView& view, int node) {
  in.push_back(view);
  in_nodes.push_back(node);
  return {Chain::Source::kInput, static_cast<int>(in.size()) - 1};
}

Chain::Source Draft::absorb(Draft draft) {
  const int results = static_cast<int>(instructions.size());
  const int constants_before = static_cast<int>(constants.size());
  const int inputs = static_cast<int>(in.size());
  for (auto& instruction : draft.instructions)
    for (Chain::Source& s : instruction.operands)
      s.index += s.kind == Chain::Source::kResult     ? results
                 : s.kind == Chain::Source::kConstant ? constants_before
                 : s.kind == Chain::Source::kInput    ? inputs
                                                      : 0;
  const bool is_head = draft.instructions.empty();
  append(heads, draft.heads);
  append(instructions, draft.instructions);
  append(constants, draft.constants);
  append(in, draft.in);
  append(in_nodes, draft.in_nodes);
  return is_head ? Chain::Source{Chain::Source::kHead, 0} : result();
}

Chain::Source Draft::result() const {
  if (instructions.empty()) return {Chain::Source::kHead, 0};
  return {Chain::Source::kResult, static_cast<int>(instructions.size()) - 1};
}

KernelCall Draft::finished(int node, const std::vector<BufferPlan>& buffers) && {
  KernelCall call;
  call.node = node;
  call.buffer = buffer;
  call.is_fallback = is_fallback;
  Chain chain;
  for (Head& head : heads) {
    if (head.convolution)
      head.kernel = make_convolution(*head.convolution, pitch_of(head.in[0], buffers),
                                     /*adds=*/!chain.heads.empty());
    chain.heads.push_back({std::move(head.kernel), static_cast<int>(head.in.size())});
    append(call.in, head.in);
    append(call.in_nodes, head.in_nodes);
  }
  const int head_inputs = static_cast<int>(call.in.size());
  append(call.in, in);
  append(call.in_nodes, in_nodes);
  if (chain.heads.size() == 1 && instructions.empty()) {
    call.kernel = std::move(chain.heads[0].kernel);
    return call;
  }
  for (auto& instruction : instructions)
    for (Chain::Source& s : instruction.operands)
      if (s.kind == Chain::Source::kInput) s.index += head_inputs;
  chain.instructions = std::move(instructions);
  chain.constants = std::move(constants);
  chain.samples = samples;
  call.kernel = make_chain(std::move(chain));
  return call;
}

}  // namespace torchstreamer::native
