#include "modules/probe.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Context.h>
#include <ATen/core/grad_mode.h>

#include <mutex>
#include <set>

#include "support/exceptions.h"
#include "support/noise.h"
#include "torchstreamer/error.h"

namespace torchstreamer {
std::vector<int64_t> likely_channels(const Tensors& weights) {
  std::set<int64_t> sizes;
  for (const Tensor& t : weights) sizes.insert(t.sizes().begin(), t.sizes().end());
  std::vector<int64_t> channels(sizes.rbegin(), sizes.rend());
  for (const int64_t c : {2, 1, 3, 4, 6, 8}) channels.push_back(c);
  return channels;
}

Format probed_format(const torch::nn::Module& module,
                     const std::function<void(const Format&)>& works) {
  Tensors weights = module.parameters();
  for (const Tensor& t : module.buffers())
    if (at::isFloatingType(t.scalar_type())) weights.push_back(t);
  Format format;
  if (!weights.empty()) format = {weights[0].scalar_type(), weights[0].device(), {}};
  std::string error;
  for (const int64_t channels : likely_channels(weights)) {
    format.frame = {channels};
    try {
      works(format);
      return format;
    } catch (const std::exception& e) {
      error = reason_of(e);
    }
  }
  throw Error(error);
}

Tensor probe_signal(const Format& format, int64_t frames) {
  return Noise(/*seed=*/20).next({1, format.channels(), frames}, format.dtype).to(format.device);
}

NoTrace::NoTrace(const torch::nn::Module& module) : buffers_(module.buffers()) {
  for (const Tensor& t : buffers_) values_.push_back(t.detach().clone());
  generator_state_ = at::detail::getDefaultCPUGenerator().get_state();
}

NoTrace::~NoTrace() {
  at::NoGradGuard guard;
  for (size_t i = 0; i < buffers_.size(); ++i) buffers_[i].copy_(values_[i]);
  auto generator = at::detail::getDefaultCPUGenerator();
  generator.set_state(generator_state_);
}

namespace {

// Settings of TF32 before the first FullPrecision was created.
struct Tf32 {
  std::mutex mutex;
  int users = 0;
  bool in_blas = false, in_dnn = false;
};

Tf32& tf32() {
  static Tf32 shared;
  return shared;
}

}  // namespace

FullPrecision::FullPrecision(at::Device device) : counts_(device.is_cuda()) {
  if (!counts_) return;
  const std::lock_guard<std::mutex> lock(tf32().mutex);
  if (tf32().users++ > 0) return;
  at::Context& context = at::globalContext();
  tf32().in_blas = context.allowTF32CuBLAS();
  tf32().in_dnn = context.allowTF32CuDNN();
  context.setAllowTF32CuBLAS(false);
  context.setAllowTF32CuDNN(false);
}

FullPrecision::~FullPrecision() {
  if (!counts_) return;
  const std::lock_guard<std::mutex> lock(tf32().mutex);
  if (--tf32().users > 0) return;
  at::globalContext().setAllowTF32CuBLAS(tf32().in_blas);
  at::globalContext().setAllowTF32CuDNN(tf32().in_dnn);
}

}  // namespace torchstreamer
