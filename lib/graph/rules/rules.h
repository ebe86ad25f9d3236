#pragma once

#include <algorithm>

#include "graph/plan/call.h"
#include "streams/pad.h"

namespace torchstreamer::graph {

/// The rule of an operator ("aten::conv1d"), or null.
Rule find_rule(const std::string& operator_name);

// The rules, by family; each in the file of that name.
std::vector<Value> convolution(const Call& call);            // aten::_convolution
std::vector<Value> convolution_nd(const Call& call);         // aten::conv1d, conv2d
std::vector<Value> convolution_mode(const Call& call);       // aten::_convolution_mode
std::vector<Value> convolution_transpose(const Call& call);  // aten::conv_transpose1d, 2d
std::vector<Value> stft(const Call& call);
std::vector<Value> istft(const Call& call);
std::vector<Value> unfold(const Call& call);
std::vector<Value> difference(const Call& call);         // aten::diff
std::vector<Value> attention_product(const Call& call);  // aten::matmul, bmm, baddbmm
std::vector<Value> attention_einsum(const Call& call);   // aten::einsum
std::vector<Value> attention_whole(const Call& call);    // aten::scaled_dot_product_attention
std::vector<Value> attention_fused(const Call& call);    // refuses
std::vector<Value> max_pool(const Call& call);
std::vector<Value> max_pool_2d(const Call& call);
std::vector<Value> average_pool(const Call& call);
std::vector<Value> average_pool_2d(const Call& call);
std::vector<Value> pad(const Call& call);
std::vector<Value> constant_pad(const Call& call);
std::vector<Value> reflection_pad(const Call& call);
std::vector<Value> replication_pad(const Call& call);
std::vector<Value> slice(const Call& call);
std::vector<Value> select(const Call& call);
std::vector<Value> pointwise(const Call& call);
std::vector<Value> concatenate(const Call& call);
std::vector<Value> upsample_nearest(const Call& call);
std::vector<Value> upsample_nearest_exact(const Call& call);
std::vector<Value> upsample_linear(const Call& call);
std::vector<Value> recurrent_net(const Call& call);
std::vector<Value> cumulative(const Call& call);
std::vector<Value> batch_norm(const Call& call);
std::vector<Value> dropout(const Call& call);
std::vector<Value> randomised_relu(const Call& call);
std::vector<Value> identity(const Call& call);
std::vector<Value> narrow(const Call& call);

/// An operator with scores of attention among its arguments: more scores, or the values that they
/// weigh, a stream.
std::vector<Value> attention_scores(const Call& call);
/// An operator that needs no more of scores than their shape and type.
std::vector<Value> shape_of_scores(const Call& call);

/// An operator without a rule: accepted if it proves to be pointwise in time.
std::vector<Value> unknown(const Call& call);

/// Pieces of time, at least one of them a stream, one after the other.
std::vector<Value> concatenated(const Call& call, const std::vector<Value>& items);

/// What is left to do before the operands of an operator can meet: sizes and tensors that depend on
/// the length of the signal become constants and streams, views get their sizes, and with
/// Padding::kValid streams are aligned. `inputs`: the streams among the arguments. `block`: how
/// many frames of the input an output frame of a view needs.
struct ResolvedOperands {
  std::vector<Stream> inputs;
  int64_t block = 1;
};
ResolvedOperands resolve_operands(Call& call);

/// A number of frames, for every length of the signal, that a rule has worked out.
using Frames = LengthRule;
/// As many, but none where they are fewer than none.
inline Frames positive(const Frames& frames) {
  return frames.mapped([](int64_t n) { return std::max<int64_t>(0, n); });
}
inline Frames negated(const Frames& frames) {
  return frames.mapped([](int64_t n) { return -n; });
}

/// The list argument `i` of an operator over `axes` axes, one entry for each; empty if the list is.
std::vector<int64_t> entries(const Call& call, size_t i, int64_t axes);

/// The output of a layer over `x`, with its time axis at `axis`. Refuses what the layer does not
/// take.
Stream applied(const Call& call, LayerPtr layer, const Stream& x, int axis);

/// Frames before and after `stream`; negative ones are cut off.
Stream padded(const Call& call, Stream stream, int64_t left, const Frames& right,
              PadOptions options = {});
/// Whether the frames grow with the length of the signal, so that no memory would do for them.
bool grows(const Frames& frames);
/// From which length of the signal on the module comes as far as `stream`, if only with no frames.
int64_t reached_from_frames(const Call& call, const Stream& stream);
/// Signals for which the operator makes no frames of `stream` end offline: the module may raise
/// then or go on, also as no process of the plan does.
void guard_against_none(const Call& call, const Stream& stream);
/// `stream` without its first `start` and its last `cut` frames.
Stream trimmed(const Call& call, Stream stream, int64_t start, const Frames& cut);

}  // namespace torchstreamer::graph
