/// @file
/// Models and engines: raw audio frames through one stream, without tensors.
///
/// Does not include headers of libtorch, so that a program can use it without libtorch in its
/// process.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "torchstreamer/call.h"
#include "torchstreamer/export.h"
#include "torchstreamer/group.h"
#include "torchstreamer/timing.h"

namespace torchstreamer {

/// One running stream over raw audio frames. Engines of a Model take and return interleaved float32
/// frames `[T, C]` in main memory; the example in load.h shows a push.
///
/// A push writes the frames that no later input can change; frames_due() returns their number.
/// After the last push of a signal, which is marked `final`, the engine is ready for the next
/// signal.
///
/// An engine must be used by one thread at a time. Different engines, also of one model, may run at
/// the same time.
class TORCHSTREAMER_API Engine {
 public:
  virtual ~Engine() = default;

  /// The exact map from input to output frames; frames_due() follows from it.
  virtual const Timing& timing() const = 0;

  /// Processes the next `frames` >= 0 input frames of the signal and writes exactly
  /// `frames_due(frames, final)` output frames.
  ///
  /// `in`, `out`: arrays of planes; one plane `[T, C]` for interleaved audio, one plane `[T]` for
  /// each channel otherwise. A pointer may be null if there are no frames. The input is not used
  /// after the call.
  ///
  /// `final` marks the end of the signal: the remaining output is written and the engine is reset.
  /// Throws Error if the signal is too short for the model or a computation fails; the engine is
  /// then reset, too.
  void push(const void* const* in, int64_t frames, bool final, void* const* out);

  /// Number of output frames of the next push if it has `frames` input frames. May throw like
  /// push() if the signal is too short; the engine is then unchanged.
  int64_t frames_due(int64_t frames, bool final) const;

  /// Memory of this stream in bytes: the frames and states kept between pushes and the work memory,
  /// without the weights, which engines share. Bounded for signals of any length. 0 if unknown.
  virtual int64_t held_bytes() const { return 0; }

  /// Number of times that a recurrent state was reset because it was no longer finite, after NaN or
  /// infinity in the input. Counted over all signals of this engine.
  virtual int64_t recoveries() const { return 0; }

  /// Maximum time in nanoseconds that a push waits for those of other engines in its group; 0
  /// without a group. See GroupOptions::wait_ns.
  virtual int64_t wait_ns() const { return 0; }

  /// Sets values of arguments of the model for the following calls. Throws OptionError, and changes
  /// nothing, if the engine cannot change them while it runs, as for all planned streams.
  virtual void set_inputs(const NamedValues& inputs);

  /// Drops the current signal; the next push starts a new one.
  void reset();

  /// Number of input frames of the current signal so far.
  int64_t frames_in() const { return frames_in_; }
  /// Number of output frames of the current signal so far.
  int64_t frames_out() const { return frames_out_; }

 private:
  virtual void process(const void* const* in, int64_t frames, bool final, void* const* out) = 0;
  virtual void clear() = 0;

  int64_t frames_in_ = 0, frames_out_ = 0;
  // Last result of frames_due(), which callers usually call before push().
  struct Due {
    int64_t frames = -1;
    bool final = false;
    int64_t due_frames = 0;
  };
  mutable Due last_due_;
};

/// A loaded model. Immutable: its weights are shared by all engines started from it. Loaded by
/// load_model(). Thread-safe.
class TORCHSTREAMER_API Model {
 public:
  virtual ~Model() = default;

  /// Number of input channels, or 0 for a model that takes any number.
  virtual int channels_in() const = 0;
  /// Number of output channels for `channels_in` input channels. Throws Error if the model does not
  /// take this number of input channels.
  virtual int channels_out(int channels_in) const = 0;
  /// The exact map from input to output frames of all its engines.
  virtual const Timing& timing() const = 0;
  /// Speaker positions of the output channels, in the bits of GStreamer's `channel-mask`: from the
  /// settings of the file, otherwise the model's integer attribute `channel_mask`, otherwise 0.
  virtual uint64_t channel_mask() const = 0;
  /// Memory of the weights in bytes, shared by all engines.
  virtual int64_t weights_bytes() const = 0;
  /// Facts about the computation that a user should know, a clause each, such as "the weights are
  /// float16; the model is computed in float32". Usually none.
  virtual std::vector<std::string> remarks() const { return {}; }
  /// Likely faults in the file or in the options, a clause each, such as an unknown key in the
  /// settings or an argument that looks like a state but is not returned.
  virtual std::vector<std::string> warnings() const { return {}; }
  /// Sample rate in Hz that the input must have. 0: any rate.
  virtual int64_t sample_rate_hz() const { return 0; }
  /// Number of frames of one call for a model that is called block by block; 0 for a planned
  /// stream.
  virtual int64_t window_frames() const { return 0; }
  /// Number of frames from the start of one window to that of the next one; 0 for a planned stream.
  virtual int64_t hop_frames() const { return 0; }
  /// Starts a stream of `channels_in` interleaved float32 channels at `rate_hz`, which is passed to
  /// arguments of the model such as `sample_rate`; 0: unknown. Throws Error if the model does not
  /// take this number of channels, takes only a different rate, or needs one.
  virtual std::unique_ptr<Engine> start(int channels_in, int64_t rate_hz) const = 0;
  /// The same for an unknown rate.
  std::unique_ptr<Engine> start(int channels_in) const { return start(channels_in, 0); }
  /// Returns a new group for engines of this model; null if their pushes would take no less time
  /// together, as for small models, models that are called block by block, and all models that
  /// libtorch computes.
  virtual std::shared_ptr<Group> make_group(const GroupOptions& options) const { return nullptr; }
  /// Starts a stream whose pushes run together with those of other engines in the group, which
  /// make_group() of this model has returned. Engines of different channels or rates run
  /// separately. Null: the stream runs alone.
  virtual std::unique_ptr<Engine> start(int channels_in, int64_t rate_hz,
                                        const std::shared_ptr<Group>& group) const {
    return start(channels_in, rate_hz);
  }
  /// Returns a model with other values of CallOptions::inputs that shares the weights; null if
  /// load_model() must load it instead. Throws OptionError and Error as load_model() does.
  virtual std::unique_ptr<Model> with_inputs(const NamedValues& inputs) const { return nullptr; }
};

}  // namespace torchstreamer
