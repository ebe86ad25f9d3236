// Which stream runs which module.
#pragma once

#include <torch/nn/modules/container/any.h>
#include <torch/nn/modules/container/sequential.h>

#include <functional>
#include <memory>
#include <typeindex>

#include "torchstreamer/stream.h"

namespace torchstreamer {

/// A module of any type, as streams take it. torch::nn::AnyModule itself cannot hold a
/// torch::nn::Sequential, whose forward() is a template; a Sequential1d of the same modules stands
/// in for it.
TORCHSTREAMER_API torch::nn::AnyModule any_module(const torch::nn::Sequential& module);
template <class Impl>
torch::nn::AnyModule any_module(const torch::nn::ModuleHolder<Impl>& module) {
  return torch::nn::AnyModule(module);
}

/// Makes the stream of a module. Throws Refusal where there is none.
using Streamer = std::function<std::shared_ptr<BaseStream>(const torch::nn::AnyModule& module)>;

/// Streams modules of exactly this type (`typeid(FooImpl)`) with `streamer` from now on; the last
/// registration wins, over the built-in ones, too. Thread-safe.
TORCHSTREAMER_API void register_streamer(std::type_index type, Streamer streamer);

/// The same for a module class: `register_streamer<FooImpl>([](std::shared_ptr<FooImpl> m) {...})`.
template <class Impl, class Function>
void register_streamer(Function streamer) {
  register_streamer(typeid(Impl), [streamer](const torch::nn::AnyModule& module) {
    return std::shared_ptr<BaseStream>(streamer(std::dynamic_pointer_cast<Impl>(module.ptr())));
  });
}

/// The stream of a module, built-in or registered; a module of any other type must prove to be
/// pointwise in time (see Elementwise1dStream). Throws Refusal with the type and path of the module
/// that cannot be streamed, and the reason. Thread-safe.
TORCHSTREAMER_API std::shared_ptr<BaseStream> create_stream(const torch::nn::AnyModule& module);

template <class Holder, class Impl = typename Holder::ContainedType>
std::shared_ptr<BaseStream> create_stream(const Holder& module) {
  if (module.is_empty()) throw Error("create_stream: the module is empty");
  return create_stream(any_module(module));
}

}  // namespace torchstreamer
