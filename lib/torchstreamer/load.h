// Model files as streams. Includes no header of libtorch.
#pragma once

#include <memory>
#include <string>

#include "torchstreamer/engine.h"

namespace torchstreamer {

class BaseStream;

/// What becomes of the padding of a model's convolutions and pools.
enum class Padding {
  kModel,  ///< as the model says: the stream equals model(x), edges included
  kValid,  ///< convolutions and pools without their padding
};

/// What runs a stream's arithmetic.
enum class Execution {
  kNative,     ///< float32 on the CPU: the library's own kernels; libtorch for what has none
  kReference,  ///< libtorch alone
};

/// How a TorchScript file is made a stream.
struct LoadOptions {
  Padding padding = Padding::kModel;
  int64_t channels = 0;  ///< C, for models that take any number; 0: the least that the model takes
  /// Runs the model, which must take one channel, over each channel by itself. The stream takes any
  /// number of them, whatever `channels` says; what the model makes of channel 0 comes out first.
  bool each_channel = false;
  int output = 0;  ///< which of the tensors that forward() returns, counted through its tuples
  Execution execution = Execution::kNative;
  std::string device = "cpu";  ///< where the model runs, as PyTorch names it
};

/// A TorchScript file, scripted or traced, over `[B, C, T]`, `[C, T]` or `[T]`, as a stream over
/// `[C, T]`: its outputs equal `model(x)` with Padding::kModel, edges included. The graph of
/// forward() is planned, and the plan with the model's padding is proven on random signals. Throws
/// Error for a file that cannot be read, Refusal (operator, module path, source line, reason) for a
/// model that cannot be streamed. Where the model treats signals of some lengths in another way,
/// the plan holds for the long ones: what is owed at the end of a short one (up to 8192 frames,
/// which are kept until then) comes from the model itself, if that agrees with what has left.
/// Otherwise, and at the end of a longer signal that the model does not take, the final push throws
/// an Error that names lengths near by that would work.
TORCHSTREAMER_API std::shared_ptr<BaseStream> load_stream(const std::string& path,
                                                          LoadOptions options = {});

/// Loads the same file for raw frames: engines of the model take and return interleaved float32
/// frames, without tensors. This is the best way to embed a model. Throws like load_stream().
TORCHSTREAMER_API std::shared_ptr<const Model> load_model(const std::string& path,
                                                          const LoadOptions& options = {});

/// Process-wide: how many threads libtorch and OpenBLAS may take for one of their operators, so
/// where a stream runs through libtorch; native kernels compute in the thread that pushes. Many
/// streams scale over the cores by themselves: one thread serves them best, and is what `tsmodel`
/// sets before its first model where the environment variable OMP_NUM_THREADS does not say
/// otherwise. Elsewhere it is as the program left it. A thread that has run an operator before
/// keeps the number that it had. Throws Error for less than 1.
TORCHSTREAMER_API void set_threads(int threads);

}  // namespace torchstreamer

extern "C" {
/// Loads a TorchScript file and plans its stream; the entry of the library for a plugin that maps
/// it at run time. Throws torchstreamer::Error. The caller owns what it returns.
TORCHSTREAMER_API torchstreamer::Model* torchstreamer_load_model(
    const char* path, const torchstreamer::LoadOptions& options);
}
