// Operators over the samples of one frame.
#include <ATen/TensorOperators.h>

#include "graph/lowering/linear.h"
#include "graph/lowering/rows.h"
#include "support/axes.h"

namespace torchstreamer::graph {
namespace {

// (input, weight, bias, running_mean, running_var, training, momentum, eps, ...).
Computation batch_norm(const Operands& o) {
  const Tensor mean = o.call().tensor(3).to(at::kDouble), weight = o.call().tensor(1);
  Tensor scale = (o.call().tensor(4).to(at::kDouble) + o.number(7).value()).rsqrt();
  if (weight.defined()) scale = scale * weight;
  Tensor shift = -mean * scale;
  if (o.call().tensor(2).defined()) shift = shift + o.call().tensor(2);
  const auto a = o.over_channels(scale), b = o.over_channels(shift);
  if (!a || !b) return {};
  return Affine{a->constant, b->constant};
}

// (input, weight, bias), over the last axis.
Computation linear(const Operands& o) {
  const Stream x = o.call().stream(0);
  const bool is_features = x.axis + 1 < static_cast<int>(x.shape.size());
  if (o.call().tensor(1).dim() != 2) return {};
  if (!is_features || o.is_stream(1)) return {};
  return Convolution1d{o.call().tensor(1).unsqueeze(-1), o.call().tensor(2)};
}

// (x, dim), over the channels, or features, of one signal.
Computation glu(const Operands& o) {
  const Stream x = o.call().stream(0);
  const int rank = static_cast<int>(x.shape.size());
  const int64_t dim = wrapped_index(o.call().integer(1), rank);
  const bool is_only_axis = x.shape[dim] == o.call().plan.format(x).samples();
  if (dim == x.axis || !is_only_axis) return {};
  return Glu{};
}

// Returns a reduction over the axes `dims` of the model's tensor, if they are adjacent in a frame.
std::optional<Reduction> over_axes(const Operands& o, std::vector<int64_t> dims) {
  const Stream x = o.call().stream(0);
  const int64_t rank = static_cast<int64_t>(x.shape.size());
  std::vector<bool> is_reduced(rank, false);
  for (const int64_t dim : dims) is_reduced.at(wrapped_index(dim, rank)) = true;
  Reduction r;
  enum { kBefore, kWithin, kBehind } place = kBefore;
  for (int64_t dim = 0; dim < rank; ++dim) {
    if (dim == x.axis) {
      if (is_reduced[dim]) return std::nullopt;
      continue;
    }
    if (is_reduced[dim] && place == kBehind) return std::nullopt;
    if (is_reduced[dim]) place = kWithin;
    if (!is_reduced[dim] && place == kWithin) place = kBehind;
    (place == kBefore ? r.outer : place == kWithin ? r.size : r.inner) *= x.shape[dim];
  }
  if (place == kBefore) return std::nullopt;
  return r;
}

std::vector<int64_t> dimensions(const Operands& o, size_t i) {
  const IValue dims = o.call().constant(i);
  return dims.isInt() ? std::vector<int64_t>{dims.toInt()} : dims.toIntVector();
}

// (x, dims, ...).
Computation reduction(const Operands& o, Reduction::Kind kind, bool is_mean = false) {
  auto r = over_axes(o, dimensions(o, 1));
  if (!r) return {};
  r->kind = kind;
  if (is_mean) r->factor = 1. / static_cast<double>(r->size);
  return *r;
}

// (x, dims, unbiased or correction, keepdim).
Computation variance(const Operands& o, Reduction::Kind kind) {
  auto r = over_axes(o, dimensions(o, 1));
  const IValue correction = o.call().constant(2);
  if (!r || o.call().args.size() != 4) return {};
  r->kind = kind;
  r->p = correction.isBool() ? correction.toBool() : correction.isNone() ? 1 : o.number(2).value();
  return *r;
}

// (x, shape, weight, bias, eps, ...), over the last axes.
Computation layer_norm(const Operands& o) {
  std::vector<int64_t> dims;
  for (size_t i = 0; i < o.call().constant(1).toIntVector().size(); ++i)
    dims.push_back(-1 - static_cast<int64_t>(i));
  auto r = over_axes(o, dims);
  if (!r || r->inner != 1) return {};
  r->kind = Reduction::kNormalised;
  r->p = o.number(4).value();
  const Tensor weight = o.call().tensor(2), bias = o.call().tensor(3);
  auto in_all_frames = [&](const Tensor& x) {
    return x.defined() ? x.flatten().repeat({r->outer}) : x;
  };
  r->scale = in_all_frames(weight);
  r->shift = in_all_frames(bias);
  return *r;
}

}  // namespace

Computation linear_map(const Operands& o) {
  const PointwiseProcess& process = o.process();
  if (process.formats.size() != 1) return {};
  WindowOptions window;
  window.rule = [&](const Tensor& frames) { return process.rule({frames}); };
  return linear_window(window, process.formats[0]);
}

const Lowerings& frame_lowerings() {
  static const Lowerings rows = {
      {"amax", [](const Operands& o) { return reduction(o, Reduction::kMaximum); }},
      {"batch_norm", batch_norm},
      {"einsum", linear_map},
      {"glu", glu},
      {"layer_norm", layer_norm},
      {"linear", linear},
      {"log_softmax", [](const Operands& o) { return reduction(o, Reduction::kLogSoftmax); }},
      {"matmul", linear_map},
      {"mean", [](const Operands& o) { return reduction(o, Reduction::kSum, /*is_mean=*/true); }},
      {"softmax", [](const Operands& o) { return reduction(o, Reduction::kSoftmax); }},
      {"std", [](const Operands& o) { return variance(o, Reduction::kDeviation); }},
      {"sum", [](const Operands& o) { return reduction(o, Reduction::kSum); }},
      {"var", [](const Operands& o) { return variance(o, Reduction::kVariance); }},
  };
  return rows;
}

}  // namespace torchstreamer::graph
