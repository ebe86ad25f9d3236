// Methods of small TorchScript models, streamed and called by libtorch.
#pragma once

#include "lib/support/error_of.h"
#include "lib/support/script_model.h"

namespace torchstreamer::testing {

/// A call of a method by libtorch for a signal `[1, C, T]`: the values of all its arguments.
using CallValues = std::function<std::vector<c10::IValue>(const Tensor& signal)>;

/// Returns the tensor that a method returns, found by `part` in its result, as `[C, T]`.
using ResultPart = std::function<Tensor(const c10::IValue& result)>;

inline Tensor only_tensor(const c10::IValue& result) { return result.toTensor(); }

/// The module over `[C, T]`, called by libtorch. Each call starts with the saved attributes.
inline Offline called(const torch::jit::Module& module, const std::string& method,
                      const CallValues& values, const ResultPart& part = only_tensor) {
  const auto run_of = [=](torch::jit::Module m) {
    return [=](const Tensor& x) {
      const Tensor y = part(m.deepcopy().get_method(method)(values(x.unsqueeze(0))));
      return y.reshape({-1, y.size(-1)});
    };
  };
  torch::jit::Module exact = module.deepcopy();
  exact.to(at::kDouble);
  return {run_of(module), run_of(exact)};
}

/// The stream of a module for the options and a sample rate. `channels`: number of channels of the
/// signal.
inline std::shared_ptr<LayerStream> planned(const torch::jit::Module& module, LoadOptions options,
                                            int64_t rate_hz = 0, int64_t channels = 1) {
  options.channels = channels;
  const auto model = graph::ScriptModel(module, at::kCPU, options.call).at_rate(rate_hz);
  return std::make_shared<LayerStream>(model->plan(options));
}

/// Expects that the stream equals the method for random lengths and pushes.
inline void expect_called(LayerStream& stream, const Offline& offline, Random& random,
                          int64_t channels = 1) {
  for (int i = 0; i < 4; ++i) {
    const int64_t frames = random.between(20, 400);
    SCOPED_TRACE(::testing::Message() << frames << " frames");
    expect_equal(stream, offline, torch::randn({channels, frames}), random_chunks(random, frames));
  }
}

/// Text of the Error that planning throws.
inline std::string planning_error(const torch::jit::Module& module, const LoadOptions& options,
                                  int64_t rate_hz = 0) {
  return error_of([&] { planned(module, options, rate_hz); });
}

}  // namespace torchstreamer::testing
