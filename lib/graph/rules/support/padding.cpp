#include "graph/rules/support/padding.h"

#include <ATen/ops/full.h>
#include <c10/util/StringUtil.h>

#include <algorithm>

#include "graph/rules/support/layers.h"
#include "streams/trim.h"

namespace torchstreamer::graph {
namespace {

// Sets the frames of constants that are not given.
void fill_constants(const Format& format, PadOptions& options) {
  auto frames = [&](int64_t count) {
    return at::full({}, options.value, format.options()).expand(format.shape(count));
  };
  if (!options.before.defined()) options.before = frames(options.left_frames);
  if (!options.after.defined()) options.after = frames(options.most_right_frames);
}

}  // namespace

std::optional<PadMode> pad_mode_named(const std::string& name) {
  if (name == "constant") return PadMode::kConstant;
  if (name == "reflect") return PadMode::kReflect;
  if (name == "replicate") return PadMode::kReplicate;
  return std::nullopt;
}

Stream add_padding(const Call& call, Stream x, int64_t left, const Frames& right,
                   PadOptions options) {
  if (grows(call, right)) call.refuse("the right padding grows with the length of the signal");
  const auto [least, most] = range_of(call, right);
  if (least < 0 && most > 0)
    call.refuse("the right padding pads signals of some lengths and crops others");
  if (std::max(left, most) > kLongestMemoryFrames)
    call.refuse(c10::str("it pads the signal with ", std::max(left, most), " frames; at most ",
                         kLongestMemoryFrames, " are supported"));
  options.left_frames = std::max<int64_t>(0, left);
  options.right_frames = positive(right);
  options.least_right_frames = std::max<int64_t>(0, least);
  options.most_right_frames = std::max<int64_t>(0, most);
  const auto cropped = [&](const Stream& stream) {
    return add_trim(call, stream, std::max<int64_t>(0, -left), positive(negated(right)));
  };
  // As in torch, constants are added after cropping, but reflections contain frames that are
  // cropped.
  const bool is_constant = options.mode == PadMode::kConstant;
  if (is_constant) {
    x = cropped(x);
    fill_constants(call.plan.format(x), options);
  }
  if (options.left_frames > 0 || options.most_right_frames > 0)
    x = add_layer(call, pad1d_layer(options), x);
  return is_constant ? x : cropped(x);
}

Stream add_trim(const Call& call, const Stream& x, int64_t start, const Frames& end) {
  if (grows(call, end))
    call.refuse(
        "the distance from the end of the slice to the end of the signal grows with the signal: "
        "the "
        "memory of a stream would grow without bound");
  const int64_t most = range_of(call, end).second;
  if (start == 0 && most <= 0) return x;
  TrimOptions trim;
  trim.start_frames = start;
  trim.end_frames = end;
  trim.description = c10::str("first ", start, ", last ", most);
  return add_layer(call, trim1d_layer(trim), x);
}

}  // namespace torchstreamer::graph
