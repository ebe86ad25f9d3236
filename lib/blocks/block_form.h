// Tensors that one call of a model takes and returns.
#pragma once

#include <ATen/core/ivalue.h>
#include <ATen/core/jit_type.h>

#include <optional>
#include <string>

#include "graph/model/layout.h"

namespace torchstreamer::blocks {

using c10::IValue;

/// The signal argument of a call, and the part of its result that is the output.
struct BlockForm {
  Layout layout = Layout::kBatchChannelsTime;
  int64_t channels_in = 1;
  /// Index of the output among all tensors and numbers that the first call returned, and its name:
  /// a key, a field or an index, for each nested value. Later calls may return other values in
  /// addition.
  int output = 0;
  std::string output_name;
  c10::TypePtr returned_type = c10::AnyType::get();
  ComplexOutput complex_output = ComplexOutput::kRefused;  ///< see LoadOptions
  /// Time axis of the output. None: the output is one frame, and all its values are channels.
  std::optional<int> time_axis;
  int64_t frames_out = 1;
  int64_t channels_out = 1;
};

/// Returns windows `[N, T, C]` as an argument: a contiguous copy, because the model may write to
/// it. N is 1 for layouts that do not begin with B.
Tensor as_argument(const Tensor& windows, Layout layout);

/// Returns the output among the returned tensors and numbers. A number becomes a tensor `[]`.
Tensor output_tensor(const IValue& returned, const BlockForm& form);

/// Returns the output of a call as frames, `[N, T', C']`. `is_batch`: its first axis is N;
/// otherwise N is 1.
Tensor output_frames(const IValue& returned, const BlockForm& form, bool is_batch);

}  // namespace torchstreamer::blocks
