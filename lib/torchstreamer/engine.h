// What an element runs: interleaved or planar frames through one stream, without naming libtorch,
// so that a plugin can be scanned, and tsresample used, in a process that never maps it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "torchstreamer/export.h"
#include "torchstreamer/timing.h"

namespace torchstreamer {

/// One running stream. Not thread-safe.
class TORCHSTREAMER_API Engine {
 public:
  virtual ~Engine() = default;

  virtual const Timing& timing() const = 0;

  /// Reads `frames` frames and writes exactly the `frames_due(frames, final)` frames that became
  /// certain. Planes: one pointer for interleaved audio, one a channel otherwise. With `final`
  /// everything owed comes out and the stream is fresh again. Throws Error; then it is fresh, too.
  void push(const void* const* in, int64_t frames, bool final, void* const* out);

  /// Frames that the next push of `frames` frames will write.
  int64_t frames_due(int64_t frames, bool final) const;

  /// The memory of the stream without the weights, which engines share: of the frames and states
  /// that it keeps for later pushes, and of what it works in; 0 where the engine does not count it.
  virtual int64_t held_bytes() const { return 0; }

  /// How often a recurrent state that was not finite any more, after input that was not, began
  /// anew.
  virtual int64_t recoveries() const { return 0; }

  /// Forgets the signal; the next push starts a new one.
  void reset();

  /// Frames of the signal that came and went.
  int64_t frames_in() const { return frames_in_; }
  int64_t frames_out() const { return frames_out_; }

 private:
  virtual void process(const void* const* in, int64_t frames, bool final, void* const* out) = 0;
  virtual void clear() = 0;

  int64_t frames_in_ = 0, frames_out_ = 0;
  // What was asked last: an element asks before it pushes.
  struct Due {
    int64_t frames = -1;
    bool final = false;
    int64_t due = 0;
  };
  mutable Due last_due_;
};

/// A loaded model: immutable, its weights shared by every engine made of it. Thread-safe.
class TORCHSTREAMER_API Model {
 public:
  virtual ~Model() = default;

  /// Channels the model takes, or 0 where it takes any number.
  virtual int channels_in() const = 0;
  /// Channels that come out for `channels_in` channels in.
  virtual int channels_out(int channels_in) const = 0;
  virtual const Timing& timing() const = 0;
  /// Where the channels that come out are heard, in the bits of GStreamer's channel-mask: the
  /// module's attribute of this name, where it has one; else 0.
  virtual uint64_t channel_mask() const = 0;
  /// The memory of the weights, which all its engines share.
  virtual int64_t weights_bytes() const = 0;
  /// A fresh stream over interleaved float32 frames.
  virtual std::unique_ptr<Engine> start(int channels_in) const = 0;
};

}  // namespace torchstreamer
