/// The base of all streams, and the conventions of all public classes.
///
/// Shapes. A signal is `[C, T]`: channels, frames. Frames count time, samples are frames x
/// channels. ResampleStream takes `[T]`, too, and keeps the rank. Any number of frames may come in
/// a push, zero included.
///
/// Streams. forward(x, final) returns the frames that became certain, or nothing. The outputs, one
/// after the other, equal the offline module on the whole signal, for every way of cutting it into
/// pushes: the length is equal, the values are within float rounding. Every output frame leaves in
/// the same push as the last input frame it depends on.
///
/// End of stream. `final` marks the last push, which may be empty. It reaches every stage, all that
/// is owed comes out, and the stream is fresh again, as after reset().
///
/// Padding. These streams ignore the padding of a module (`padding`, `padding_mode`) and do the
/// exact "valid" operation: they equal the same module with padding 0. load_stream() honours it.
///
/// Types. float32 and float64; a stream runs in the type and on the device of its weights.
///
/// Weights. A stream keeps a copy of the weights it was made from; the module may be changed or
/// freed afterwards. Streams made of one module share that copy.
///
/// Memory. What comes in is copied; what comes out is contiguous and the caller's own.
///
/// Errors. torchstreamer::Error says what was wrong and what would work. Bad input (rank, type,
/// channels) leaves a stream as it was before the push.
///
/// Threads. A stream serves one thread at a time. Different streams, also of one module, may run
/// at the same time. Free functions are thread-safe.
#pragma once

#include <memory>
#include <string>

#include "torchstreamer/error.h"
#include "torchstreamer/export.h"
#include "torchstreamer/tensor.h"
#include "torchstreamer/timing.h"

namespace torchstreamer {

class Layer;

/// A stream: frames in, the frames that became certain out. Derive your own by passing its exact
/// timing to the constructor and defining process() and clear(); register it with
/// register_streamer().
class TORCHSTREAMER_API BaseStream {
 public:
  virtual ~BaseStream() = default;
  BaseStream(const BaseStream&) = delete;
  BaseStream& operator=(const BaseStream&) = delete;

  /// Takes the next frames `x` `[C, T]`, T >= 0, and returns the output frames that became certain,
  /// `[D, U]`, or nothing. `final` marks the last input: all that is owed comes out and the
  /// stream is fresh again. Throws Error for a rank, type, device or channel count that does not
  /// fit; the stream then stands as it stood before the call. An error while computing leaves it
  /// fresh.
  Optional<Tensor> forward(const Tensor& x, bool final = false);

  /// Forgets the signal; the next forward() starts a new one.
  void reset();

  /// The exact map from input to output frames.
  const Timing& timing() const { return timing_; }

  /// The memory of the frames and states that it keeps for later pushes; the weights, which streams
  /// share, are not counted. It is bounded: the longest signal needs no more than a long one.
  virtual int64_t held_bytes() const { return 0; }

  /// How often, in all signals so far, a recurrent state that was not finite any more began anew.
  virtual int64_t recoveries() const { return 0; }

  /// One line for people.
  virtual std::string describe() const { return "custom stream"; }

 protected:
  /// How errors call it: a network's description has a line for each process.
  std::string name() const;

  explicit BaseStream(Timing timing) : timing_(std::move(timing)) {}

  /// Input frames of the current signal so far.
  int64_t frames_in() const { return frames_in_; }

 private:
  /// `x`: `[C, T]`. Returns the `[D, U]` that timing() counts (undefined for U = 0). With
  /// `final` clear() follows. Runs in inference mode.
  virtual Tensor process(const Tensor& x, bool final) = 0;
  /// Back to the state of a new stream.
  virtual void clear() = 0;
  /// Throws Error where `x` `[C, T]` does not fit; must not change the stream.
  virtual void check(const Tensor& x) const {}
  /// Whether `[T]` is taken, too, and answered with `[T']`.
  virtual bool takes_rank_1() const { return false; }

  Timing timing_;
  int64_t frames_in_ = 0;
};

/// A stream that runs a layer: the base of all streams of the library.
class TORCHSTREAMER_API LayerStream : public BaseStream {
 public:
  explicit LayerStream(std::shared_ptr<const Layer> layer);
  ~LayerStream() override;

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
  std::unique_ptr<Signal> signal_;  // none before its first frames
  int64_t recoveries_before_ = 0;   // of earlier signals
};

}  // namespace torchstreamer
