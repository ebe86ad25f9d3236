#include "blocks/method/method_params.h"

#include <c10/util/StringUtil.h>

#include <algorithm>
#include <numeric>

#include "torchstreamer/call.h"
#include "torchstreamer/timing.h"

namespace torchstreamer::blocks {
namespace {

constexpr char kSuffix[] = "_params";

bool ends_with(const std::string& text, const std::string& end) {
  return text.size() > end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

// Returns the four positive numbers of a buffer; none if it has other values.
std::optional<MethodParams> parsed(const at::Tensor& buffer) {
  if (buffer.dim() != 1 || buffer.size(0) != 4 || buffer.is_complex()) return std::nullopt;
  const at::Tensor numbers = buffer.to(at::kCPU, at::kLong).contiguous();
  const auto* n = numbers.data_ptr<int64_t>();
  if (std::any_of(n, n + 4, [](int64_t number) { return number < 1 || number > 1 << 20; }))
    return std::nullopt;
  return MethodParams{n[0], n[1], n[2], n[3], 0};
}

std::string output_text(int64_t channels, Rational frames) {
  return c10::str(channels, channels == 1 ? " channel" : " channels", " and ", frames.num,
                  frames.den == 1 ? "" : c10::str("/", frames.den),
                  frames == Rational(1) ? " frame" : " frames");
}

}  // namespace

std::string difference(const MethodParams& params, const std::string& method, int64_t window_frames,
                       int64_t frames_out, int64_t channels_out) {
  const Rational described_frames(window_frames * params.ratio_in, params.ratio_out);
  if (channels_out == params.channels_out && Rational(frames_out) == described_frames) return "";
  return c10::str(method, kSuffix, " describes ",
                  output_text(params.channels_out, described_frames), " of output for ",
                  window_frames, " frames, but ", method, "() returns ",
                  output_text(channels_out, frames_out), ", which are used");
}

std::optional<MethodParams> method_params(const torch::jit::Module& module,
                                          const std::string& method) {
  std::optional<MethodParams> found;
  int64_t block_frames = 1;  // largest ratio, in frames of the audio
  for (const auto& buffer : module.named_buffers(/*recurse=*/false)) {
    if (!ends_with(buffer.name, kSuffix)) continue;
    const std::string name = buffer.name.substr(0, buffer.name.size() - (sizeof(kSuffix) - 1));
    const auto params = parsed(buffer.value);
    if (!params || !module.find_method(name)) continue;
    block_frames = std::max({block_frames, params->ratio_in, params->ratio_out});
    if (name == method) found = params;
  }
  if (!found) return std::nullopt;
  const int64_t ratios = std::lcm(found->ratio_in, found->ratio_out);  // at most 2^40
  found->window_frames = std::lcm(block_frames, ratios) / found->ratio_in;
  return found->window_frames <= kMostWindowFrames ? found : std::nullopt;
}

}  // namespace torchstreamer::blocks
