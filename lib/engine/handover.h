// One engine that becomes another in the middle of a signal, without a seam.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "torchstreamer/engine.h"

namespace torchstreamer {

/// Runs two engines over one signal: before output frame first_frame() it is what `from` makes of
/// the signal, from there on what `to` makes of it. `to` begins to listen early enough that none of
/// its frames is another than if it had heard the signal from its start, as far as that is known:
/// what recurrent layers remember begins where it begins to listen.
///
/// For engines of interleaved audio that make as many frames. It stays an engine when `from` is
/// done, or the signal ends before that: then all that follows is `to`.
class Crossover : public Engine {
 public:
  struct FrameBytes {
    int64_t in, out;
  };

  /// `from` is in the middle of a signal of which `heard` input frames came; of these it heard the
  /// last from->frames_in(), as one does that took over before. `to` is fresh. Both are taken where
  /// nothing is thrown. `earliest`: the first_frame() that is wanted. Throws Error where the rates
  /// differ.
  Crossover(std::unique_ptr<Engine>&& from, std::unique_ptr<Engine>&& to, int64_t heard,
            int64_t earliest, FrameBytes frame_bytes);

  /// How many input frames an engine must have heard, at most, until it may take over.
  static int64_t listening_frames(const Timing& to);

  const Timing& timing() const override { return is_cleared_ ? to_->timing() : timing_; }
  int64_t held_bytes() const override;
  int64_t recoveries() const override;

  /// The first output frame that `to` makes, counted from the start of the signal.
  int64_t first_frame() const { return first_frame_; }
  /// Whether all that comes is what `to` makes.
  bool is_over() const { return !from_; }
  /// Whether `to` made first_frame(): not, where the signal ended before it could. All of that is
  /// what `from` made.
  bool has_crossed() const { return has_crossed_; }
  /// What goes on where it is over; nothing is left here.
  std::unique_ptr<Engine> take_next() { return std::move(to_); }

 private:
  void process(const void* const* in, int64_t frames, bool final, void* const* out) override;
  void clear() override;
  void push_from(const void* const* in, int64_t frames, bool final);
  void push_to(const void* const* in, int64_t frames, bool final);
  void emit(std::vector<uint8_t>* queue, int64_t frames, uint8_t** out);
  void drop_from();

  std::unique_ptr<Engine> from_, to_;
  FrameBytes frame_bytes_;
  // All counted from the start of the signal, in frames of the input or the output:
  int64_t heard_in_;
  int64_t listens_at_in_, to_starts_out_;  // where `to` begins
  int64_t from_out_, to_out_;              // made by each
  int64_t left_out_;                       // that left
  int64_t first_frame_;
  Timing timing_;            // of the signal in which it crosses
  bool is_cleared_ = false;  // a copy might fail
  bool has_crossed_ = false;
  int64_t recoveries_before_ = 0;  // of `from`, which is gone
  std::vector<uint8_t> made_;      // by one push
  // Frames that did not leave yet: of `from` those from left_out_ on, which it needs where `to` has
  // none at the end; of `to` those from first_frame_ on.
  std::vector<uint8_t> from_queue_, to_queue_;
};

}  // namespace torchstreamer
