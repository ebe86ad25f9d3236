#include "graph/rearrangement.h"

#include <ATen/ops/arange.h>

#include <optional>
#include <set>

namespace torchstreamer::graph {

bool moves_samples(const std::string& name) {
  // clang-format off
  static const std::set<std::string> names = {
      "_unsafe_view", "cat", "chunk", "clone", "contiguous", "expand", "expand_as", "flatten", "flip",
      "narrow", "permute", "pixel_shuffle", "repeat", "repeat_interleave", "reshape", "select",
      "slice", "split", "split_with_sizes", "squeeze", "stack", "swapaxes", "t", "to", "transpose",
      "unbind", "unflatten", "unsqueeze", "view"};
  // clang-format on
  return names.count(name) > 0;
}

namespace {

// Where each sample of two blocks came from, read from samples that are numbered; none where there
// are others among them.
std::optional<Rearrangement> traced(const PointwiseProcess& process) {
  Rearrangement r;
  r.rate = process.rate;
  r.block = process.block;
  Tensors numbered;
  std::vector<int64_t> starts = {1};
  for (const Format& f : process.formats) {
    auto shape = f.frame;
    shape.insert(shape.begin(), 2 * r.block);
    const int64_t count = 2 * r.block * f.samples();
    numbered.push_back(at::arange(starts.back(), starts.back() + count, at::kFloat).view(shape));
    starts.push_back(starts.back() + count);
  }
  constexpr int64_t kExact = 1 << 24;  // float32 counts no further
  if (starts.back() > kExact) return std::nullopt;
  const Tensor made = process.rule(numbered).contiguous().flatten();
  const Tensor moved = made.to(at::kLong);
  if (!moved.to(made.scalar_type()).equal(made)) return std::nullopt;
  const int64_t half = moved.numel() / 2;
  const int64_t* at = moved.data_ptr<int64_t>();
  for (int64_t i = 0; i < half; ++i) {
    if (at[i] == 0 && at[half + i] == 0) {
      r.samples.push_back({Rearrangement::kZero, 0});
      continue;
    }
    size_t input = 0;
    while (input + 1 < starts.size() && at[i] >= starts[input + 1]) ++input;
    if (at[i] < 1 || input == process.formats.size()) return std::nullopt;
    const int64_t sample = at[i] - starts[input];
    const int64_t samples = r.block * process.formats[input].samples();
    if (sample >= samples || at[half + i] != at[i] + samples) return std::nullopt;
    r.samples.push_back({static_cast<int>(input), sample});
  }
  return r;
}

// A tensor of the model, spread over time: the same frame again and again.
std::optional<Elementwise> constant(const PointwiseProcess& process) {
  if (process.rate != 1 || process.block != 1) return std::nullopt;
  Tensors any;
  for (const Format& f : process.formats) {
    auto shape = f.frame;
    shape.insert(shape.begin(), 2);
    any.push_back(at::arange(1, 1 + 2 * f.samples(), at::kFloat).view(shape));
  }
  const Tensor made = process.rule(any);
  if (!made[0].equal(made[1])) return std::nullopt;
  const Operand frame{-1, made[0].contiguous().flatten(), {}};
  return Elementwise{Function::kScale, {frame}, 1, 0};
}

bool is_identity(const Rearrangement& r, const std::vector<Format>& formats) {
  if (formats.size() != 1 || r.rate != 1 || r.block != 1) return false;
  if (static_cast<int64_t>(r.samples.size()) != formats[0].samples()) return false;
  for (size_t i = 0; i < r.samples.size(); ++i)
    if (r.samples[i].sample != static_cast<int64_t>(i)) return false;
  return true;
}

}  // namespace

Arithmetic rearrangement(const PointwiseProcess& process) {
  if (const auto frame = constant(process)) return *frame;
  const auto moved = traced(process);
  if (!moved) return {};
  if (is_identity(*moved, process.formats)) return Identity{};
  return *moved;
}

}  // namespace torchstreamer::graph
