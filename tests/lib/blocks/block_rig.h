// Models that are called block by block, compared with the loop of their user.
#pragma once

#include <torch/csrc/jit/api/module.h>
#include <torch/csrc/jit/serialization/import.h>

#include <functional>

#include "blocks/block_model.h"
#include "lib/support/error_of.h"
#include "lib/support/model_files.h"
#include "torchstreamer/load.h"

namespace torchstreamer::testing {

using c10::IValue;

inline std::string block_file(const std::string& name) {
  return (models() / "blocks" / (name + ".pt")).string();
}

inline CallOptions calls_of(int64_t window_frames, int64_t hop_frames = 0, NamedValues inputs = {},
                            std::string method = "") {
  CallOptions call;
  call.window_frames = window_frames;
  call.hop_frames = hop_frames;
  call.inputs = std::move(inputs);
  call.method = std::move(method);
  return call;
}

inline LoadOptions options_of(const CallOptions& call) {
  LoadOptions options;
  options.call = call;
  return options;
}

inline std::unique_ptr<blocks::BlockModel> block_model(const torch::jit::Module& module,
                                                       const LoadOptions& options) {
  return std::make_unique<blocks::BlockModel>(
      std::make_shared<graph::ScriptModel>(module, at::kCPU, options.call), options);
}

/// One call in a user's loop: a window `[C, T]` in, frames `[T', C']` out.
using UserCall = std::function<Tensor(const Tensor& window)>;

/// The loop that a user writes around a model: a call for each window, and one for the remaining
/// frames, which are padded with zeros or not.
struct UserLoop {
  int64_t window_frames, hop_frames;
  Tail tail = Tail::kPad;

  /// `x`: `[C, T]`. Returns `[T', C']`; undefined if there is no output.
  Tensor operator()(const Tensor& x, const UserCall& call) const {
    // The fuser of libtorch 2 rounds h * 0.9 + x once.
    const torch::jit::GraphOptimizerEnabledGuard no_fuser(false);
    Tensors parts;
    const int64_t frames = x.size(1);
    int64_t start = 0, covered_frames = 0;
    for (; start + window_frames <= frames; start += hop_frames) {
      parts.push_back(call(x.narrow(1, start, window_frames).clone()));
      covered_frames = start + window_frames;
    }
    if (tail != Tail::kDrop && covered_frames < frames) {
      const Tensor rest = x.slice(1, start).clone();
      if (tail == Tail::kShort) {
        parts.push_back(call(rest));
      } else {
        const Tensor y = call(torch::constant_pad_nd(rest, {0, window_frames - rest.size(1)}));
        const auto fresh = static_cast<double>(std::min(frames - covered_frames, hop_frames));
        const double kept =
            fresh * static_cast<double>(y.size(0)) / static_cast<double>(hop_frames);
        parts.push_back(y.slice(0, 0, static_cast<int64_t>(std::ceil(kept))));
      }
    }
    return parts.empty() ? Tensor() : torch::cat(parts, 0);
  }
};

/// Pushes `x`, `[C, T]`, to an engine. Expects the output frames that the timing states.
class EngineRun {
 public:
  EngineRun(const Model& model, int channels, int64_t rate_hz)
      : engine_(model.start(channels, rate_hz)), channels_out_(model.channels_out(channels)) {}

  void push(const Tensor& x, bool final) {
    const Tensor in = x.t().to(torch::kFloat).contiguous();
    const int64_t due_frames = engine_->frames_due(x.size(1), final);
    Tensor out = torch::full({due_frames, channels_out_}, std::nan(""));
    const void* const in_plane = in.data_ptr();
    void* const out_plane = out.data_ptr();
    engine_->push(&in_plane, x.size(1), final, &out_plane);
    if (due_frames > 0) parts_.push_back(out);
  }

  /// Pushes a whole signal. Returns its output, `[T', C']`; undefined if there is none.
  Tensor operator()(const Tensor& x, const std::vector<int64_t>& chunks) {
    int64_t at = 0;
    for (size_t i = 0; i < chunks.size(); ++i) {
      push(x.narrow(1, at, chunks[i]), i + 1 == chunks.size());
      at += chunks[i];
    }
    return take();
  }

  /// Returns the output since the last call.
  Tensor take() {
    const Tensor all = parts_.empty() ? Tensor() : torch::cat(parts_, 0);
    parts_.clear();
    return all;
  }

  Engine& engine() { return *engine_; }

 private:
  std::unique_ptr<Engine> engine_;
  int64_t channels_out_;
  Tensors parts_;
};

/// Expects the same bits.
inline void expect_same(const Tensor& y, const Tensor& expected) {
  ASSERT_EQ(y.defined(), expected.defined());
  if (!y.defined()) return;
  ASSERT_EQ(y.sizes(), expected.sizes());
  EXPECT_TRUE(y.equal(expected)) << "the largest difference is "
                                 << (y - expected).abs().max().item<double>();
}

/// Expects the same values except for the rounding of a product with a different number of rows.
inline void expect_near(const Tensor& y, const Tensor& expected) {
  ASSERT_EQ(y.defined(), expected.defined());
  if (!y.defined()) return;
  ASSERT_EQ(y.sizes(), expected.sizes());
  EXPECT_LE((y - expected).abs().max().item<double>(), 1e-6 * expected.abs().max().item<double>());
}

}  // namespace torchstreamer::testing
