#include "lib/support/stand_in_device.h"

#include <ATen/ATen.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <c10/core/CPUAllocator.h>
#include <c10/core/InferenceMode.h>
#include <c10/core/impl/DeviceGuardImplInterface.h>
#include <torch/library.h>

#include <utility>
#include <vector>

namespace torchstreamer::testing {
namespace {

using at::Tensor;
using c10::IValue;
using torch::jit::Stack;

const at::Device kDevice(at::kHPU, 0);

bool is_on_device(const Tensor& t) { return t.defined() && t.device().type() == kDevice.type(); }

// `t` as a tensor of a different device that shares the memory of `t`.
Tensor renamed(const Tensor& t, at::Device device) {
  if (!t.defined()) return t;
  const c10::InferenceMode same_mode(t.is_inference());
  auto release = [](void* owner) { delete static_cast<Tensor*>(owner); };
  void* bytes = const_cast<void*>(static_cast<const void*>(t.storage().data()));
  c10::Storage memory(c10::Storage::use_byte_size_t(), t.storage().nbytes(),
                      c10::DataPtr(bytes, new Tensor(t), release, device), c10::GetCPUAllocator(),
                      /*resizable=*/true);
  const auto key = device.is_cpu() ? c10::DispatchKey::CPU : c10::DispatchKey::HPU;
  Tensor same = at::detail::make_tensor<c10::TensorImpl>(std::move(memory),
                                                         c10::DispatchKeySet(key), t.dtype());
  same.unsafeGetTensorImpl()->set_sizes_and_strides(t.sizes(), t.strides(), t.storage_offset());
  same._set_conj(t.is_conj());
  same._set_neg(t.is_neg());
  return same;
}

// Runs one operator on the CPU.
class Run {
 public:
  explicit Run(std::string name) : name_(std::move(name)) {}

  IValue to_cpu(const IValue& value) {
    if (value.isTensor()) return to_cpu(value.toTensor());
    if (value.isDevice() && value.toDevice().type() == kDevice.type()) {
      uses_device_ = true;
      return at::Device(at::kCPU);
    }
    if (value.isTensorList()) {
      c10::List<Tensor> list;
      for (const Tensor& t : value.toTensorVector()) list.push_back(to_cpu(t));
      return list;
    }
    if (value.isOptionalTensorList()) {
      auto list = value.toOptionalTensorList().copy();
      for (size_t i = 0; i < list.size(); ++i) {
        const auto item = list.get(i);
        if (item.has_value()) list.set(i, to_cpu(*item));
      }
      return list;
    }
    return value;
  }

  void require_one_device() const {
    TORCH_CHECK(
        !uses_device_ || !uses_cpu_, name_,
        " expects all tensors to be on the same device, but some are on the CPU and some on ",
        kDevice);
  }

  IValue from_cpu(const IValue& value) const {
    if (!uses_device_) return value;
    if (value.isTensor()) return from_cpu(value.toTensor());
    if (!value.isTensorList()) return value;
    c10::List<Tensor> list;
    for (const Tensor& t : value.toTensorVector()) list.push_back(from_cpu(t));
    return list;
  }

  // Updates tensors of the device that the operator resized or reallocated.
  void adopt_changes() const {
    for (const auto& [given, on_cpu] : renamed_) {
      auto* impl = given.unsafeGetTensorImpl();
      if (static_cast<const void*>(given.storage().data()) !=
          static_cast<const void*>(on_cpu.storage().data()))
        impl->set_storage_keep_dtype(renamed(on_cpu, kDevice).storage());
      if (given.sizes() != on_cpu.sizes() || given.strides() != on_cpu.strides())
        impl->set_sizes_and_strides(on_cpu.sizes(), on_cpu.strides(), on_cpu.storage_offset());
    }
  }

 private:
  Tensor to_cpu(const Tensor& t) {
    if (!is_on_device(t)) {
      uses_cpu_ |= t.defined() && t.dim() > 0;
      return t;
    }
    uses_device_ = true;
    renamed_.emplace_back(t, renamed(t, at::kCPU));
    return renamed_.back().second;
  }

  Tensor from_cpu(const Tensor& t) const {
    for (const auto& [given, on_cpu] : renamed_)
      if (on_cpu.is_same(t)) return given;  // changed in place
    return renamed(t, kDevice);
  }

  std::string name_;
  std::vector<std::pair<Tensor, Tensor>> renamed_;
  bool uses_device_ = false, uses_cpu_ = false;
};

void run_on_cpu(const c10::OperatorHandle& op, Stack* stack) {
  Run run(op.schema().name());
  const size_t arguments = op.schema().arguments().size(), returns = op.schema().returns().size();
  for (size_t i = 0; i < arguments; ++i) {
    IValue& value = torch::jit::peek(*stack, i, arguments);
    value = run.to_cpu(value);
  }
  run.require_one_device();
  op.callBoxed(stack);
  run.adopt_changes();
  for (size_t i = 0; i < returns; ++i) {
    IValue& value = torch::jit::peek(*stack, i, returns);
    value = run.from_cpu(value);
  }
}

// libtorch calls convolution_overrideable on devices without their own convolutions.
void convolve(const c10::OperatorHandle& op, Stack* stack) {
  static const auto on_cpu =
      c10::Dispatcher::singleton().findSchemaOrThrow("aten::convolution", "");
  run_on_cpu(on_cpu, stack);
}

// Copies between devices: the only operator that accepts tensors of both devices.
Tensor copy_from(const Tensor& from, const Tensor& to, bool /*non_blocking*/) {
  auto on_cpu = [](const Tensor& t) { return is_on_device(t) ? renamed(t, at::kCPU) : t; };
  on_cpu(to).copy_(on_cpu(from));
  return to;
}

using StandInGuard = c10::impl::NoOpDeviceGuardImpl<at::kHPU>;
C10_REGISTER_GUARD_IMPL(HPU, StandInGuard);

TORCH_LIBRARY_IMPL(_, HPU, library) {
  library.fallback(torch::CppFunction::makeFromBoxedFunction<&run_on_cpu>());
}

TORCH_LIBRARY_IMPL(aten, HPU, library) {
  library.impl("_copy_from", copy_from);
  library.impl("convolution_overrideable", torch::CppFunction::makeFromBoxedFunction<&convolve>());
}

// libtorch resolves conjugated and negated views by copying, so these keys must fall through.
TORCH_LIBRARY_IMPL(aten, Conjugate, library) {
  library.impl("_copy_from", torch::CppFunction::makeFallthrough());
}

TORCH_LIBRARY_IMPL(aten, Negative, library) {
  library.impl("_copy_from", torch::CppFunction::makeFallthrough());
}

}  // namespace
}  // namespace torchstreamer::testing
