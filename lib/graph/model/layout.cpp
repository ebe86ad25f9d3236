#include "graph/model/layout.h"

#include <ATen/ops/view_as_real.h>

namespace torchstreamer::graph {

std::string axes_of(Layout layout) {
  switch (layout) {
    case Layout::kAuto:
      break;
    case Layout::kBatchChannelsTime:
      return "BCT";
    case Layout::kChannelsTime:
      return "CT";
    case Layout::kTime:
      return "T";
    case Layout::kBatchTimeChannels:
      return "BTC";
    case Layout::kTimeBatchChannels:
      return "TBC";
    case Layout::kTimeChannels:
      return "TC";
  }
  return "";
}

bool is_time_first(Layout layout) {
  const std::string axes = axes_of(layout);
  return axes.find('T') < axes.find('C') && axes != "T";
}

std::string name_of(Layout layout) {
  std::string name;
  for (const char axis : axes_of(layout))
    name += (name.empty() ? "[" : ", ") + std::string(1, axis);
  return name + "]";
}

std::vector<int64_t> shape_of(Layout layout, int64_t channels) {
  std::vector<int64_t> shape;
  for (const char axis : axes_of(layout))
    shape.push_back(axis == 'T' ? -1 : axis == 'C' ? channels : 1);
  return shape;
}

Tensor as_argument(const Tensor& x, Layout layout) {
  std::vector<int64_t> shape = shape_of(layout, x.size(0));
  for (int64_t& size : shape)
    if (size == -1) size = x.size(1);
  const Tensor ordered = is_time_first(layout) ? x.t() : x;
  return ordered.clone(at::MemoryFormat::Contiguous).view(shape);
}

Tensor as_signal(const Tensor& y, int time_axis) {
  if (y.dim() == 0) return y.reshape({1, 1});
  const Tensor frames = y.movedim(time_axis, -1);
  if (!frames.is_complex()) return y.dim() == 1 ? frames.unsqueeze(0) : frames.flatten(0, -2);
  const Tensor parts = at::view_as_real(frames.resolve_conj());  // [.., T, 2]
  return parts.movedim(-1, -2).flatten(0, -2);
}

}  // namespace torchstreamer::graph
