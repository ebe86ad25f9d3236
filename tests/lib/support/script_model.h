// Small TorchScript models from source in a test.
#pragma once

#include <torch/csrc/jit/api/module.h>

#include <map>

#include "graph/model/script_model.h"
#include "lib/support/streaming.h"

namespace torchstreamer::testing {

/// A module whose methods are the TorchScript `source` ("def forward(self, x):\n  return x *
/// self.gain") and whose buffers are `weights`.
inline torch::jit::Module scripted(const std::string& source,
                                   const std::map<std::string, Tensor>& weights = {},
                                   at::ScalarType dtype = at::kFloat) {
  torch::jit::Module module("m");
  for (const auto& [name, weight] : weights) module.register_buffer(name, weight);
  // The stream has the type of the weights, so a model without weights gets one.
  if (weights.empty()) module.register_buffer("weight", torch::zeros({1}));
  module.define(source + "\n");
  module.to(dtype);
  module.eval();
  return module;
}

/// Lines of forward(), as a parameter of tests.
struct Body {
  const char* name;
  const char* lines;
};

inline void PrintTo(const Body& body, std::ostream* out) { *out << body.lines; }

/// A module and its stream.
struct ScriptedStream {
  /// `rank`: rank of the signal for forward(), 3 for `[1, C, T]`. Throws Refusal.
  ScriptedStream(torch::jit::Module module, int64_t channels = 1, int rank = 3,
                 Padding padding = Padding::kModel)
      : module(module), channels(channels), rank(rank) {
    LoadOptions options;
    options.channels = channels;
    options.padding = padding;
    stream = std::make_shared<LayerStream>(graph::ScriptModel(module, at::kCPU).plan(options));
  }

  /// The module over `[C, T]`. Each call starts with the saved attributes.
  Offline offline() const {
    const auto run_of = [rank = rank](torch::jit::Module m) {
      return [m, rank](const Tensor& x) {
        const Tensor signal = rank == 3 ? x.unsqueeze(0) : rank == 1 ? x.squeeze(0) : x;
        const Tensor y = m.deepcopy()({signal}).toTensor();
        return y.reshape({-1, y.size(-1)});
      };
    };
    if ((*module.buffers().begin()).scalar_type() != at::kFloat) return run_of(module);
    torch::jit::Module exact = module.deepcopy();
    exact.to(at::kDouble);
    return {run_of(module), run_of(exact)};
  }

  /// A random signal, `[C, frames]`.
  Tensor signal(int64_t frames) const {
    return torch::randn({channels, frames}, (*module.buffers().begin()).scalar_type());
  }

  torch::jit::Module module;
  int64_t channels;
  int rank;
  std::shared_ptr<LayerStream> stream;
};

/// Expects that the stream equals the model, or ends with an Error if the model fails for the
/// signal.
inline void expect_equal_or_error(ScriptedStream& model, const Tensor& x,
                                  const std::vector<int64_t>& chunks) {
  try {
    expect_equal(*model.stream, model.offline(), x, chunks);
  } catch (const Error& e) {
    EXPECT_ANY_THROW(model.offline()(x)) << "the stream fails, the model does not: " << e.what();
  }
}

/// Expects that the stream equals the module for random lengths from 1 frame to a few receptive
/// fields and random pushes, and that every frame is emitted with the last frame that it depends
/// on.
inline void expect_streams(ScriptedStream& model, Random& random, int signals = 8) {
  const int64_t reach = model.stream->timing().receptive_field_frames();
  for (int i = 0; i < signals; ++i) {
    const int64_t frames =
        i % 2 ? random.between(1, reach + 8) : reach + random.between(0, 2 * reach + 60);
    SCOPED_TRACE(::testing::Message() << frames << " frames");
    expect_equal_or_error(model, model.signal(frames), random_chunks(random, frames));
  }
  expect_causal(*model.stream, model.offline(), model.signal(reach + 40), random);
  if (::testing::Test::HasFailure()) ADD_FAILURE() << model.stream->describe();
}

}  // namespace torchstreamer::testing
