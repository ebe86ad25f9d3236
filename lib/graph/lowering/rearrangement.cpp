#include "graph/lowering/rearrangement.h"

#include <ATen/ops/arange.h>

#include <optional>
#include <set>

#include "network/floats.h"

namespace torchstreamer::graph {

bool moves_samples(const std::string& name) {
  static const std::set<std::string> names = {"_unsafe_view",
                                              "cat",
                                              "chunk",
                                              "clone",
                                              "complex",
                                              "contiguous",
                                              "expand",
                                              "expand_as",
                                              "flatten",
                                              "flip",
                                              "imag",
                                              "narrow",
                                              "permute",
                                              "pixel_shuffle",
                                              "real",
                                              "repeat",
                                              "reshape",
                                              "select",
                                              "slice",
                                              "split",
                                              "split_with_sizes",
                                              "squeeze",
                                              "stack",
                                              "swapaxes",
                                              "t",
                                              "to",
                                              "unbind",
                                              "transpose",
                                              "unflatten",
                                              "unsqueeze",
                                              "view",
                                              "view_as_complex",
                                              "view_as_real",
                                              "repeat_interleave"};
  return names.count(name) > 0;
}

namespace {

// Returns two blocks of every input, with samples numbered from 1. `ends`: set to the last number
// of each input plus one.
Tensors numbered(const PointwiseProcess& process, std::vector<int64_t>& ends) {
  Tensors frames;
  int64_t next = 1;
  for (const Format& f : process.formats) {
    const int64_t count = 2 * process.block * floats_of(f);
    const Tensor numbers = at::arange(next, next + count, at::kFloat);
    frames.push_back(frames_of(numbers.view({2 * process.block, -1}), f));
    ends.push_back(next += count);
  }
  return frames;
}

// Returns the frame if all frames are equal. The output is then a constant of the model, expanded
// over time.
std::optional<Elementwise> constant(const PointwiseProcess& process, const Tensor& made) {
  if (process.rate != 1 || process.block != 1 || !made[0].equal(made[1])) return std::nullopt;
  const Operand frame = Operand::of_constant(made[0].clone());
  return Elementwise{Function::kScale, {frame}, 1, 0};
}

// Returns the origin of each output sample for two blocks; none if a sample has no origin.
std::optional<Rearrangement> traced(const PointwiseProcess& process, const Tensor& made,
                                    const std::vector<int64_t>& ends) {
  Rearrangement r;
  r.rate = process.rate;
  r.block = process.block;
  const Tensor moved = made.flatten().to(at::kLong);
  if (!moved.to(at::kFloat).equal(made.flatten())) return std::nullopt;
  const int64_t half = moved.numel() / 2;
  const int64_t* at = moved.data_ptr<int64_t>();
  for (int64_t i = 0; i < half; ++i) {
    if (at[i] == 0 && at[half + i] == 0) {
      r.samples.push_back({Rearrangement::kZero, 0});
      continue;
    }
    size_t input = 0;
    while (input < ends.size() && at[i] >= ends[input]) ++input;
    if (at[i] < 1 || input == ends.size()) return std::nullopt;
    const int64_t sample = at[i] - (input ? ends[input - 1] : 1);
    const int64_t samples = r.block * floats_of(process.formats[input]);
    if (sample >= samples || at[half + i] != at[i] + samples) return std::nullopt;
    r.samples.push_back({static_cast<int>(input), sample});
  }
  return r;
}

bool is_identity(const Rearrangement& r, const std::vector<Format>& formats) {
  if (formats.size() != 1 || r.rate != 1 || r.block != 1) return false;
  if (static_cast<int64_t>(r.samples.size()) != floats_of(formats[0])) return false;
  for (size_t i = 0; i < r.samples.size(); ++i)
    if (r.samples[i].sample != static_cast<int64_t>(i)) return false;
  return true;
}

}  // namespace

Computation rearrangement(const PointwiseProcess& process) {
  constexpr int64_t kExact = 1 << 24;  // float32 represents all integers up to this one
  std::vector<int64_t> ends;
  const Tensors frames = numbered(process, ends);
  if (ends.back() > kExact) return {};
  const Tensor made = floats_in(process.rule(frames));
  if (made.scalar_type() != at::kFloat) return {};
  if (const auto frame = constant(process, made)) return *frame;
  const auto moved = traced(process, made, ends);
  if (!moved) return {};
  if (is_identity(*moved, process.formats)) return Identity{};
  return *moved;
}

}  // namespace torchstreamer::graph
