#include "streams/probe.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/ops/randn.h>

#include <set>

#include "error.h"

namespace torchstreamer {
namespace {

// The weights have the channel count as one of their sizes.
std::vector<int64_t> likely_channels(const torch::nn::Module& module) {
  std::set<int64_t> sizes;
  for (const auto& list : {module.parameters(), module.buffers()})
    for (const Tensor& t : list) sizes.insert(t.sizes().begin(), t.sizes().end());
  std::vector<int64_t> channels(sizes.rbegin(), sizes.rend());
  for (int64_t c : {2, 1, 3, 4, 6, 8}) channels.push_back(c);
  return channels;
}

}  // namespace

Format probed_format(const torch::nn::Module& module,
                     const std::function<void(const Format&)>& works) {
  Format format;
  for (const Tensor& t : module.parameters()) {
    format.dtype = t.scalar_type();
    format.device = t.device();
    break;
  }
  std::string error;
  for (int64_t channels : likely_channels(module)) {
    format.frame = {channels};
    try {
      works(format);
      return format;
    } catch (const std::exception& e) {
      error = message_of(e);
    }
  }
  throw Error(error);
}

Tensor probe_signal(const Format& format, int64_t frames) {
  return at::randn({1, format.channels(), frames}, at::detail::createCPUGenerator(/*seed=*/20),
                   at::TensorOptions(format.dtype))
      .to(format.device);
}

std::string message_of(const std::exception& e) {
  const auto* torch_error = dynamic_cast<const c10::Error*>(&e);
  return torch_error ? torch_error->what_without_backtrace() : e.what();
}

}  // namespace torchstreamer
