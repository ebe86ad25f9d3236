// The base of every stream. The conventions stand in torchstreamer.h.
#pragma once

#include <memory>
#include <string>

#include "error.h"
#include "layer.h"
#include "tensor.h"
#include "timing.h"

namespace torchstreamer {

/// A stream: frames in, the frames that became certain out. Derive your own by passing its exact
/// timing to the constructor and defining process() and clear(); register it with
/// register_streamer().
class BaseStream {
 public:
  virtual ~BaseStream() = default;
  BaseStream(const BaseStream&) = delete;
  BaseStream& operator=(const BaseStream&) = delete;

  /// Takes the next frames `x` `[C, T]`, T >= 0, and returns the output frames that became certain,
  /// `[C', T']`, or nothing. `final` marks the last input: all that is owed comes out and the
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
  /// `x`: `[C, T]`. Returns the `[C', T']` that timing() promises (undefined for T' = 0). With
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

/// A stream that runs a layer: what all streams of the library are.
class LayerStream : public BaseStream {
 public:
  explicit LayerStream(LayerPtr layer);

  const LayerPtr& layer() const { return layer_; }
  int64_t held_bytes() const override { return state_ ? state_->held_bytes() : 0; }
  int64_t recoveries() const override {
    return recoveries_before_ + (state_ ? state_->recoveries() : 0);
  }
  std::string describe() const override { return layer_->describe(); }

 private:
  Tensor process(const Tensor& x, bool final) override;
  void clear() override;
  void check(const Tensor& x) const override;

  LayerPtr layer_;
  std::unique_ptr<State> state_;   // none while fresh
  Format format_;                  // of the current signal
  int64_t recoveries_before_ = 0;  // in the signals that have ended
};

/// The layer that runs `stream`: its own, or, for a stream of the user's, one that forwards to it
/// (and so can run once at a time).
LayerPtr layer_of(std::shared_ptr<BaseStream> stream);

}  // namespace torchstreamer
