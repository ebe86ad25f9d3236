// Replacement of a running engine by a different one in the middle of a signal, without a seam.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "torchstreamer/engine.h"

namespace torchstreamer {

/// Runs two engines over one signal. Output frames before first_frame() are those of `from`, all
/// later ones are those of `to`.
///
///     input   |===================================================>
///     from    |===================================|             output frames 0 .. first_frame - 1
///     to                    |- - - - - - - - - - -|===========> output frames first_frame ..
///                   (1)    (2)       (3)         (4)          time
///
///     (1) The handover is constructed in the middle of the signal.
///     (2) `to` starts at the next input frame that is a multiple of its period, so that its output
///         frames have the same times as those of `from`. Both engines process the signal from here
///         on.
///     (3) From here on no frame of `to` depends on input before (2): each equals the frame of an
///         engine that processed the whole signal. The state of recurrent layers is the exception:
///         it depends on all input since (2).
///     (4) first_frame(): the first frame at or after (3) that `from` has not output and that is
///         not before `earliest_frame`. `from` is released as soon as `to` has output this frame.
///
/// Both engines take and return interleaved audio, and have the same rate. After the handover, or
/// after the end of the signal, all output is that of `to`. Not thread-safe.
class Handover : public Engine {
 public:
  struct FrameBytes {
    int64_t in, out;  // bytes of an interleaved frame
  };

  /// `from`: an engine in the middle of a signal that has `frames_in` input frames so far. It has
  /// processed the last from->frames_in() of them; after an earlier handover these are not all.
  /// `to`: a new engine. `earliest_frame`: the first output frame wanted from `to`, counted from
  /// the start of the signal. Throws Error if the rates differ; `from` and `to` are then unchanged.
  Handover(std::unique_ptr<Engine>&& from, std::unique_ptr<Engine>&& to, int64_t frames_in,
           int64_t earliest_frame, FrameBytes frame_bytes);

  /// Maximum number of input frames between (1) and (4) of a handover to `to`.
  static int64_t warm_up_frames(const Timing& to);

  const Timing& timing() const override { return is_reset_ ? to_->timing() : timing_; }
  int64_t held_bytes() const override;
  int64_t recoveries() const override;
  /// The sum for both engines, which push one after the other.
  int64_t wait_ns() const override;
  /// Sets inputs of `to`, and of `from` if it takes them.
  void set_inputs(const NamedValues& inputs) override;

  /// The first output frame of `to`, counted from the start of the signal.
  int64_t first_frame() const { return first_frame_; }
  /// Returns true if all further output is that of `to`.
  bool is_done() const { return !from_; }
  /// Returns true if `to` has output first_frame(). Returns false if the signal ended earlier or
  /// was reset; its output is then that of `from`.
  bool has_handed_over() const { return has_handed_over_; }
  /// Returns `to`. Call it once, after is_done() has returned true. The handover must not be used
  /// afterwards.
  std::unique_ptr<Engine> take_engine() { return std::move(to_); }

 private:
  void process(const void* const* in, int64_t frames, bool final, void* const* out) override;
  void clear() override;
  void push_from(const void* const* in, int64_t frames, bool final);
  void push_to(const void* const* in, int64_t frames, bool final);
  void emit(std::vector<uint8_t>* queue, int64_t frames, uint8_t** out);
  void release_from();

  std::unique_ptr<Engine> from_, to_;
  FrameBytes frame_bytes_;
  // Positions in frames of the input or the output, counted from the start of the signal.
  int64_t signal_in_frames_;                 // input frames so far
  int64_t to_start_in_frames_;               // input frame at which `to` starts, (2)
  int64_t to_start_out_frames_;              // the corresponding output frame
  int64_t from_out_frames_, to_out_frames_;  // output frames computed by each engine
  int64_t emitted_frames_;                   // output frames so far
  int64_t first_frame_;
  Timing timing_;  // timing of the signal with the handover
  // If true, timing() returns that of `to`, because copying a Timing could throw.
  bool is_reset_ = false;
  bool has_handed_over_ = false;
  int64_t from_recoveries_ = 0;  // recoveries of `from`, after its release
  std::vector<uint8_t> pushed_;  // output of one push of one engine
  // Computed frames that are not emitted yet. from_queue_ starts at frame emitted_frames_ and is
  // needed if the signal ends before first_frame(). to_queue_ starts at frame first_frame_.
  std::vector<uint8_t> from_queue_, to_queue_;
};

}  // namespace torchstreamer
