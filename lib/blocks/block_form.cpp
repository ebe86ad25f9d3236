#include "blocks/block_form.h"

#include <ATen/ops/view_as_real.h>
#include <c10/util/StringUtil.h>

#include "graph/model/outputs.h"
#include "torchstreamer/error.h"

namespace torchstreamer::blocks {
namespace {

// Returns [N, T, 2C] for complex frames [N, T, C].
Tensor as_real_channels(const Tensor& frames) {
  return at::view_as_real(frames.resolve_conj()).flatten(2);
}

}  // namespace

Tensor as_argument(const Tensor& windows, Layout layout) {
  const auto ordered = [&]() -> Tensor {
    switch (layout) {
      case Layout::kAuto:
      case Layout::kBatchChannelsTime:
        return windows.transpose(1, 2);
      case Layout::kChannelsTime:
        return windows[0].t();
      case Layout::kTime:
        return windows[0].select(1, 0);
      case Layout::kBatchTimeChannels:
        return windows;
      case Layout::kTimeBatchChannels:
        return windows.transpose(0, 1);
      case Layout::kTimeChannels:
        return windows[0];
    }
    return windows;
  };
  return ordered().clone(at::MemoryFormat::Contiguous);
}

Tensor output_tensor(const IValue& returned, const BlockForm& form) {
  if (form.output_name.empty() && returned.isTensor())
    return returned.toTensor();  // the usual case
  const auto values = graph::named_values(returned, form.returned_type);
  const auto index = static_cast<size_t>(form.output);
  if (index < values.size() && values[index].first == form.output_name) return values[index].second;
  std::string names;
  for (const auto& [name, value] : values) {
    if (name == form.output_name) return value;
    names += (names.empty() ? "" : ", ") + (name.empty() ? "a tensor or number" : name);
  }
  throw Error("it does not return its output '" + form.output_name + "' this time, but " +
              (names.empty() ? "no tensor or number" : names));
}

Tensor output_frames(const IValue& returned, const BlockForm& form, bool is_batch) {
  const Tensor y = output_tensor(returned, form);
  // [N, ...] with the axes of the output for one window.
  const Tensor rows = is_batch ? y.unsqueeze(1) : y.unsqueeze(0);
  if (y.is_complex() && form.complex_output == ComplexOutput::kRefused)
    throw OptionError(
        "the output is complex: set complex-output=channels for its real and imaginary parts");
  const int64_t windows = rows.size(0);
  const Tensor frames = form.time_axis ? rows.movedim(*form.time_axis + 1, 1)
                                             .reshape({windows, rows.size(*form.time_axis + 1), -1})
                                       : rows.reshape({windows, 1, -1});
  return frames.is_complex() ? as_real_channels(frames) : frames;
}

}  // namespace torchstreamer::blocks
