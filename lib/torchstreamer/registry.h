/// @file
/// Registry of streams for types of torch::nn modules.
#pragma once

#include <torch/nn/modules/container/any.h>
#include <torch/nn/modules/container/sequential.h>

#include <functional>
#include <memory>
#include <typeindex>

#include "torchstreamer/stream.h"

namespace torchstreamer {

/// Returns the module as the type that streams take. torch::nn::AnyModule cannot hold a
/// torch::nn::Sequential, whose forward() is a template; a Sequential1d of the same modules is
/// returned for it. Throws Error for a module of the Sequential that AnyModule cannot hold.
TORCHSTREAMER_API torch::nn::AnyModule any_module(const torch::nn::Sequential& module);

/// Returns any other module as the type that streams take.
template <class Impl>
torch::nn::AnyModule any_module(const torch::nn::ModuleHolder<Impl>& module) {
  return torch::nn::AnyModule(module);
}

/// Creates the stream of a module. Throws Refusal for a module that cannot be streamed.
using Streamer = std::function<std::shared_ptr<BaseStream>(const torch::nn::AnyModule& module)>;

/// Makes create_stream() use `streamer` for all modules of exactly this type (`typeid(FooImpl)`).
/// The last registration of a type is used and also replaces a built-in streamer. Throws Error for
/// an empty `streamer`. Thread-safe.
TORCHSTREAMER_API void register_streamer(std::type_index type, Streamer streamer);

/// The same by module class: `register_streamer<FooImpl>([](std::shared_ptr<FooImpl> m) {...})`.
template <class Impl, class Function>
void register_streamer(Function streamer) {
  register_streamer(typeid(Impl), [streamer](const torch::nn::AnyModule& module) {
    return std::shared_ptr<BaseStream>(streamer(std::dynamic_pointer_cast<Impl>(module.ptr())));
  });
}

/// Creates the stream of a module by its registered or built-in streamer. A module of any other
/// type is streamed as Elementwise1dStream if it is pointwise in time. Throws Refusal with the type
/// and path of the module that cannot be streamed, and the reason. Thread-safe.
TORCHSTREAMER_API std::shared_ptr<BaseStream> create_stream(const torch::nn::AnyModule& module);

/// The same for a module holder such as torch::nn::Conv1d. Throws Error for an empty holder.
template <class Holder, class Impl = typename Holder::ContainedType>
std::shared_ptr<BaseStream> create_stream(const Holder& module) {
  if (module.is_empty()) throw Error("create_stream: the module is empty");
  return create_stream(any_module(module));
}

}  // namespace torchstreamer
