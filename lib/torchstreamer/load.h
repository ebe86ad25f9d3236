/// @file
/// Loads model files. Does not include headers of libtorch.
///
/// A Model is the simplest way to embed a model in a program:
///
///     auto model = torchstreamer::load_model("denoiser.pt");
///     auto engine = model->start(1);  // one channel; a second start(1) is an independent stream
///     // For each chunk of audio: const float* in, int64_t frames, bool is_last.
///     std::vector<float> out(engine->frames_due(frames, is_last) * model->channels_out(1));
///     const void* in_planes[] = {in};
///     void* out_planes[] = {out.data()};
///     engine->push(in_planes, frames, is_last, out_planes);
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "torchstreamer/call.h"
#include "torchstreamer/engine.h"

namespace torchstreamer {

class BaseStream;

/// Padding of a model's convolutions and pools.
enum class Padding {
  kModel,  ///< as in the model: the stream equals `model(x)`, including its edges
  kValid,  ///< no padding, for convolutions and pools only
};

/// Implementation that computes a stream.
enum class Execution {
  kNative,     ///< the library's own kernels for float32 on the CPU, libtorch for the rest
  kReference,  ///< libtorch alone
};

/// Axes of the tensor that the method takes: batch B, channels C, time T. The batch is 1.
enum class Layout {
  kAuto,               ///< the first one of the others, in this order, in which the model streams
  kBatchChannelsTime,  ///< `[B, C, T]`
  kChannelsTime,       ///< `[C, T]`
  kTime,               ///< `[T]`, one channel
  kBatchTimeChannels,  ///< `[B, T, C]`
  kTimeBatchChannels,  ///< `[T, B, C]`
  kTimeChannels,       ///< `[T, C]`
};

/// Treatment of a complex output, such as a spectrum.
enum class ComplexOutput {
  kRefused,   ///< the model is refused
  kChannels,  ///< two channels for each one: its real part, then its imaginary part
};

/// Programs that are run.
enum class Trust {
  kProgram,    ///< any program
  kOperators,  ///< graphs of known operators, see LoadOptions::trust
};

/// Options of load_model() and load_stream().
struct LoadOptions {
  /// Padding of convolutions and pools.
  Padding padding = Padding::kModel;
  /// Number of input channels for which the model is planned or, block by block, called. 0: the
  /// smallest number that the model takes; a planned model of load_model() is then also planned for
  /// other numbers that are passed to start(), if it takes any.
  int64_t channels = 0;
  /// Runs a model of one channel independently on every channel. The stream then takes any number
  /// of channels, and `channels` is ignored. The outputs for channel 0 come first.
  bool each_channel = false;
  /// The output tensor: its index among all tensors that the method returns, counted from 0, or its
  /// name. The tensors of nested tuples are counted in order; for a model that is called block by
  /// block, numbers are counted, too. Empty: as the file says, otherwise the first one.
  std::string output;
  /// Names of the tensors that the method returns, in their order. Tensors beyond them have the
  /// names of the model: keys of dictionaries and fields of named tuples.
  std::vector<std::string> output_names = {};
  /// Treatment of that tensor if it is complex.
  ComplexOutput complex_output = ComplexOutput::kRefused;
  /// Axes of the tensor that the method takes. kAuto is wrong only for a model that streams in
  /// several layouts with different results.
  Layout layout = Layout::kAuto;
  /// Length in frames of the longest signal, for models with attention over all earlier frames,
  /// whose memory grows with the signal. A longer signal is an Error. 0: such models are refused.
  int64_t max_memory_frames = 0;
  /// Implementation that computes the stream.
  Execution execution = Execution::kNative;
  /// PyTorch's name of the device that runs the model ("cpu", "cuda:1").
  std::string device = "cpu";
  /// kOperators: throws Refusal before anything of the file runs, unless all its graphs consist of
  /// the operators of aten that compute tensors, and throws Error for a TorchScript file that runs
  /// code or constructs objects of C++ classes while it is loaded. The file may still use any
  /// amount of memory and time, and faults of libtorch, which does not examine the values in
  /// TorchScript files.
  Trust trust = Trust::kProgram;
  /// Method, arguments and, for load_model(), blocks.
  CallOptions call;
};

/// Loads a TorchScript file, scripted or traced, or a program of torch.export, for raw frames: its
/// engines take and return interleaved float32 frames without tensors. Otherwise like
/// load_stream(), and the model is called block by block
/// - if `options.call.window_frames` is set, or the settings in the file have a window,
/// - if a buffer `<method>_params` of the model describes its blocks, as nn~ does, and it cannot be
///   planned, or takes only whole blocks.
///
/// The form of the calls is found by trials: the errors of load_stream() are also thrown if the
/// model does not take the window. Thread-safe.
TORCHSTREAMER_API std::shared_ptr<const Model> load_model(const std::string& path,
                                                          const LoadOptions& options = {});

/// Loads a TorchScript file, scripted or traced, or a program of torch.export, as a stream of
/// `[C, T]`. The model takes a tensor of any Layout and returns one with at most the axes B, C and
/// T, in any order. The outputs of the stream equal `model(x)`, edges included (Padding::kModel).
///
/// A model with weights of float16 or bfloat16 is computed in float32. Tensors that the method
/// makes on another device are made on `options.device`.
///
/// The graph of the method is converted to a network of streams. Before it is used, the network
/// with the model's padding is compared with the model on random signals.
///
/// A model may compute short signals differently (reflected padding, or Python conditions on the
/// length). The network is that of long signals. If it is wrong for a signal of up to 8192 frames,
/// which are kept, the model itself computes the remaining output at the end, provided that it
/// agrees with the output already pushed. Otherwise, and if the model does not take a signal of the
/// given length, the final push throws an Error with the nearest lengths that work, see Tail.
///
/// Throws Error if the file cannot be read, OptionError if the options do not fit the model or the
/// machine, and Refusal if the model cannot be streamed. Thread-safe.
TORCHSTREAMER_API std::shared_ptr<BaseStream> load_stream(const std::string& path,
                                                          LoadOptions options = {});

/// Sets the number of threads that libtorch and OpenBLAS use for one operator, for the whole
/// process. Native kernels always run in the thread that calls push(). Throws Error for less than
/// 1.
///
/// With many streams, one thread per operator is fastest. The element `tsmodel` sets the number in
/// the environment variable OMP_NUM_THREADS, or 1, before it loads its first model. The library
/// itself does not change the number. A thread that has already run an operator keeps its number.
TORCHSTREAMER_API void set_threads(int threads);

}  // namespace torchstreamer

extern "C" {
/// Entry point for plugins that map the library at run time: load_model() with a plain symbol name.
/// The first call also sets the number of threads like the element `tsmodel`, see set_threads().
/// Throws torchstreamer::Error. The caller owns the model.
TORCHSTREAMER_API torchstreamer::Model* torchstreamer_load_model(
    const char* path, const torchstreamer::LoadOptions& options);
}
