/// @file
/// The base of all streams of tensors. The documentation of namespace torchstreamer contains the
/// conventions of the library.
#pragma once

#include <memory>
#include <string>

#include "torchstreamer/error.h"
#include "torchstreamer/export.h"
#include "torchstreamer/tensor.h"
#include "torchstreamer/timing.h"

/// Exact streams of offline PyTorch audio models, and calls of other models block by block.
///
/// Shapes. A signal is `[C, T]`: channels, frames. A frame has one sample of each channel. A push
/// may have any number of frames, including 0.
///
/// Streams. BaseStream::forward(x, final) returns the new output frames: those that no later input
/// can change. The concatenated outputs of all pushes equal the output of the offline module for
/// the whole signal, for every split of the signal into pushes: the lengths are equal, and the
/// values are equal within float rounding. Every output frame is returned by the push that contains
/// the last input frame it depends on.
///
/// End of stream. `final` marks the last push of a signal, which may be empty. The push returns all
/// remaining output and resets the stream; the next push starts a new signal.
///
/// Padding. Streams of modules ignore the padding of the module (`padding`, `padding_mode`): they
/// equal the same module with padding 0. Only load_model() and load_stream() keep the padding of a
/// model.
///
/// Types. float32 and float64. A stream computes in the type and on the device of its weights.
///
/// Weights. A stream keeps a copy of the weights of its module, which may be changed or destroyed
/// afterwards. Streams of the same module share the copy.
///
/// Memory. Input is copied. Output is contiguous and belongs to the caller.
///
/// Errors. The message of torchstreamer::Error contains the failure, the wrong value and the
/// accepted values. Input with a wrong shape, type or number of channels does not change the
/// stream; an error during the computation resets it.
///
/// Threads. A stream must be used by one thread at a time. Different streams, also of the same
/// module, may run at the same time. Free functions are thread-safe.
namespace torchstreamer {

class Layer;

/// Base of all streams.
///
/// A custom stream passes its exact timing to the constructor and overrides process() and clear().
/// register_streamer() makes create_stream() use it for a type of module.
class TORCHSTREAMER_API BaseStream {
 public:
  virtual ~BaseStream() = default;
  BaseStream(const BaseStream&) = delete;
  BaseStream& operator=(const BaseStream&) = delete;

  /// Processes the next input frames `x` `[C, T]`, T >= 0, and returns the new output frames
  /// `[C_out, T_out]`, or nothing if there are none. `final` marks the end of the signal. See
  /// "Streams", "End of stream" and "Errors" in torchstreamer.
  Optional<Tensor> forward(const Tensor& x, bool final = false);

  /// Drops the current signal; the next forward() starts a new one.
  void reset();

  /// The exact map from input to output frames.
  const Timing& timing() const { return timing_; }

  /// Memory of the frames and states kept between pushes in bytes, without the weights, which
  /// streams share. Bounded for signals of any length.
  virtual int64_t held_bytes() const { return 0; }

  /// Number of times that a recurrent state was reset because it was no longer finite. Counted over
  /// all signals of this stream.
  virtual int64_t recoveries() const { return 0; }

  /// Returns a description: one line, or one line for each process of a network.
  virtual std::string describe() const { return "custom stream"; }

 protected:
  /// Creates a stream of the given timing, which must hold for every signal.
  explicit BaseStream(Timing timing) : timing_(std::move(timing)) {}

  /// Name of the stream in errors: describe() if it has one line.
  std::string name() const;

  /// Number of input frames of the current signal before this push.
  int64_t frames_in() const { return frames_in_; }

 private:
  /// Computes the output of one push. `x`: `[C, T]`. Returns `[C_out, T_out]`; timing() gives the
  /// exact number T_out for this push. The result may be undefined for T_out = 0. After a `final`
  /// push, clear() is called. Runs in inference mode.
  virtual Tensor process(const Tensor& x, bool final) = 0;
  /// Restores the state of a new stream.
  virtual void clear() = 0;
  /// Throws Error if the stream does not take `x` `[C, T]`. Must not change the stream.
  virtual void check(const Tensor& x) const {}
  /// Returns true if the stream also takes `[T]`, for which it returns `[T_out]`.
  virtual bool takes_rank_1() const { return false; }

  Timing timing_;
  int64_t frames_in_ = 0;
};

/// Base of the streams that the library provides. A LayerStream runs a layer, the library's
/// immutable description of a process.
class TORCHSTREAMER_API LayerStream : public BaseStream {
 public:
  /// Creates a stream of `layer`, which several streams may share. The type of the layer is
  /// internal.
  explicit LayerStream(std::shared_ptr<const Layer> layer);
  ~LayerStream() override;

  /// The layer of the stream. Its type is internal.
  const std::shared_ptr<const Layer>& layer() const { return layer_; }
  int64_t held_bytes() const override;
  int64_t recoveries() const override;
  std::string describe() const override;

 private:
  struct Signal;

  Tensor process(const Tensor& x, bool final) override;
  void clear() override;
  void check(const Tensor& x) const override;

  std::shared_ptr<const Layer> layer_;
  std::unique_ptr<Signal> signal_;  // null before the first push of a signal
  int64_t recoveries_before_ = 0;   // recoveries in earlier signals
};

}  // namespace torchstreamer
