#include "native/program/draft.h"

#include <algorithm>
#include <utility>

namespace torchstreamer::native {

bool Draft::is_sum_of_convolutions() const {
  const auto is_convolution = [](const Head& head) { return head.convolution.has_value(); };
  return !heads.empty() && instructions.empty() &&
         std::all_of(heads.begin(), heads.end(), is_convolution);
}

bool Draft::is_whole_frames() const {
  return heads.empty() || !heads[0].kernel || heads[0].kernel->granularity_frames() == 1;
}

Chain::Source Draft::constant(AlignedFloats frame) {
  constants.push_back(std::move(frame));
  return {Chain::Source::kConstant, static_cast<int>(constants.size()) - 1};
}

Chain::Source Draft::input(const View& view, int node) {
  in.push_back(view);
  in_nodes.push_back(node);
  return {Chain::Source::kInput, static_cast<int>(in.size()) - 1};
}

Chain::Source Draft::absorb(Draft before) {
  const int results = static_cast<int>(instructions.size());
  const int constants_before = static_cast<int>(constants.size());
  const int inputs = static_cast<int>(in.size());
  for (auto& instruction : before.instructions)
    for (Chain::Source& s : instruction.operands)
      s.index += s.kind == Chain::Source::kResult     ? results
                 : s.kind == Chain::Source::kConstant ? constants_before
                 : s.kind == Chain::Source::kInput    ? inputs
                                                      : 0;
  const bool is_head = before.instructions.empty();
  append(heads, before.heads);
  append(instructions, before.instructions);
  append(constants, before.constants);
  append(in, before.in);
  append(in_nodes, before.in_nodes);
  return is_head ? Chain::Source{Chain::Source::kHead, 0} : made();
}

Chain::Source Draft::made() const {
  if (instructions.empty()) return {Chain::Source::kHead, 0};
  return {Chain::Source::kResult, static_cast<int>(instructions.size()) - 1};
}

Program::Step Draft::finished(int node, const std::vector<Program::Track>& tracks) && {
  Program::Step step;
  step.node = node;
  step.track = track;
  step.is_state = is_state;
  Chain c;
  for (Head& head : heads) {
    if (head.convolution)
      head.kernel =
          convolve(*head.convolution, pitch_of(head.in[0], tracks), /*adds=*/!c.heads.empty());
    c.heads.push_back({std::move(head.kernel), static_cast<int>(head.in.size())});
    append(step.in, head.in);
    append(step.in_nodes, head.in_nodes);
  }
  const int head_inputs = static_cast<int>(step.in.size());
  append(step.in, in);
  append(step.in_nodes, in_nodes);
  if (c.heads.size() == 1 && instructions.empty()) {
    step.kernel = std::move(c.heads[0].kernel);
    return step;
  }
  for (auto& instruction : instructions)
    for (Chain::Source& s : instruction.operands)
      if (s.kind == Chain::Source::kInput) s.index += head_inputs;
  c.instructions = std::move(instructions);
  c.constants = std::move(constants);
  c.samples = samples;
  step.kernel = chain(std::move(c));
  return step;
}

}  // namespace torchstreamer::native
