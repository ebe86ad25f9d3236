// An engine that processes audio with fixed caps.
#pragma once

#include <gst/audio/audio.h>
#include <gst/base/gstbasetransform.h>

#include <cstdint>
#include <memory>
#include <optional>

#include "base/block_adapter.h"
#include "base/buffers.h"
#include "base/mini_object.h"
#include "base/output_queue.h"
#include "base/stats.h"
#include "base/timeline.h"
#include "engine/handover.h"
#include "torchstreamer/engine.h"

namespace torchstreamer {

/// End of the input of a push.
enum class PushEnd {
  kNone,   ///< frames of an incomplete block wait
  kBlock,  ///< the block ends, although it is incomplete
  kSignal  ///< the block and the signal end
};

/// Result of one push.
struct Pushed {
  MiniObjectPtr<GstBuffer> buffer;  // null: no output frames
  Progress progress;
};

/// The engine between two changes of caps, with the timeline, the block adapter and the output
/// queue of its signals:
///
///     input buffer -> BlockAdapter -> Engine -> OutputQueue -> output buffers and events
///
/// Replacing the whole object resets the stream.
class RunningEngine {
 public:
  struct Format {
    GstAudioInfo in, out;
    Rational out_hz;  // exact rate of the output, which need not be an integer for an analyzer
    // True if `out` is the format of analyzed frames, not of the audio that the element pushes.
    bool is_analyzer;
  };

  RunningEngine(const Format& format, std::unique_ptr<Engine> engine, int64_t block_frames);

  const GstAudioInfo& in() const { return format_.in; }
  const GstAudioInfo& out() const { return format_.out; }
  bool is_analyzer() const { return format_.is_analyzer; }
  Timeline& timeline() { return timeline_; }
  const Timeline& timeline() const { return timeline_; }
  OutputQueue& output() { return output_; }
  /// True if input frames of the current signal have arrived.
  bool is_in_signal() const { return timeline_.frames_in() > 0; }
  /// True if input frames wait for the end of their block.
  bool has_waiting_frames() const { return blocks_.waiting_frames() > 0; }

  /// Returns the facts for the statistics. Stores the receptive field for gap_frames(). May throw.
  StreamFacts update_facts();

  /// Returns true if `buffer` continues the signal.
  bool continues(const GstBuffer* buffer, JumpLimits limits) const;
  /// Sets the PTS of a buffer that has none to the end of the signal so far.
  void fill_in_pts(GstBuffer** buffer) const;
  /// Clips `*buffer` to `segment`. It becomes null if nothing remains.
  void clip(GstBuffer** buffer, const GstSegment& segment) const;
  /// Returns the number of frames of silence that replace a gap. None if the gap ends the signal:
  /// with a negative rate, after a discontinuity, and if the gap is not shorter than the receptive
  /// field.
  std::optional<int64_t> gap_frames(GstClockTime pts, GstClockTime duration,
                                    const GstSegment& segment, JumpLimits limits) const;

  /// Processes the frames of `in` (null: none) in blocks. The output buffer is allocated by the
  /// allocator of `element`. May throw, Cancelled if the process exits.
  Pushed push(GstBaseTransform* element, GstBuffer* in, PushEnd end);

  /// Counts the input frames of a push. Must be called before its output is queued.
  void add_input(GstBuffer* in, const Pushed& pushed);
  /// Queues the output of a push of `in` (null: none), which arrived with `in_pts`. May throw.
  void queue_output(Pushed* pushed, GstBuffer* in, GstClockTime in_pts);

  /// Sets inputs of the model, see Engine::set_inputs(). May throw.
  void set_inputs(const NamedValues& inputs) { engine_->set_inputs(inputs); }
  /// Resets the engine. May throw.
  void reset_engine();
  /// Drops waiting input. The next input starts a new signal that follows the current one.
  void drop_signal();
  /// Drops waiting input and queued output. The next input starts a new signal at an unknown time.
  void flush(GstPad* pad);

  /// Replaces the engine by `next` without a seam, starting at the output frame nearest to `pts`,
  /// or at the first one that `next` can produce after it has processed enough of the signal. Both
  /// engines run until then. If the rates differ, throws Error and keeps the engine.
  void hand_over(std::unique_ptr<Engine> next, GstClockTime pts);
  bool is_handing_over() const { return handover_; }
  /// First output frame of an engine that has taken over.
  struct HandedOver {
    GstClockTime pts;           // NONE: the signal ended before that frame
    const GstSegment* segment;  // null: the current one
  };
  /// If a handover has ended, releases it and returns its result.
  std::optional<HandedOver> end_handover();

 private:
  void queue_frame_by_frame(GstBuffer* buffer, int64_t frames);
  TimeSpan input_of_frame_out(int64_t frame) const;

  Format format_;
  Timeline timeline_;
  std::unique_ptr<Engine> engine_;
  Handover* handover_ = nullptr;  // engine_ during a handover, otherwise null
  BlockAdapter blocks_;
  OutputQueue output_;
  int64_t receptive_field_frames_ = 0;
};

}  // namespace torchstreamer
