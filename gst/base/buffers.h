// Audio buffers: mapping, splitting, silence and metas.
#pragma once

#include <gst/audio/audio.h>
#include <gst/base/gstbasetransform.h>

#include <cstdint>
#include <vector>

namespace torchstreamer {

/// Maps the frames of a buffer: one plane if interleaved, otherwise one plane per channel. A null
/// or empty buffer has no frames.
class Planes {
 public:
  /// Throws Error if the buffer does not match `info`.
  Planes(GstBuffer* buffer, const GstAudioInfo& info, GstMapFlags flags);
  ~Planes();
  Planes(const Planes&) = delete;
  Planes& operator=(const Planes&) = delete;

  int64_t frames() const { return is_mapped_ ? audio_.n_samples : 0; }
  void* const* data() const { return is_mapped_ ? audio_.planes : none_.data(); }

 private:
  GstAudioBuffer audio_;
  bool is_mapped_ = false;
  std::vector<void*> none_;
};

/// Number of planes: 1 if interleaved, otherwise the number of channels.
int plane_count(const GstAudioInfo& info);

/// Number of frames of `buffer`.
int64_t frames_in(GstBuffer* buffer, const GstAudioInfo& info);

/// Splits interleaved audio: returns the first `frames` frames; `*buffer` keeps the others.
GstBuffer* split_frames(GstBuffer** buffer, const GstAudioInfo& info, int64_t frames);

/// Returns a new buffer of `frames` frames from the allocator negotiated by `trans`. Throws
/// std::bad_alloc.
GstBuffer* allocate_frames(GstBaseTransform* trans, const GstAudioInfo& info, int64_t frames);

/// Overwrites `*buffer` with silence, in a copy if it is not writable. Throws Error if the memory
/// cannot be mapped.
void make_silent(GstBuffer** buffer, const GstAudioInfo& info);

/// Returns a new buffer of `frames` frames of silence, flagged as a gap. Throws std::bad_alloc.
GstBuffer* make_silence(const GstAudioInfo& info, int64_t frames);

/// Returns true if all samples of `buffer` are bit-exact silence.
bool is_silent(GstBuffer* buffer, const GstAudioInfo& info);

/// Copies the metas of `from` that do not depend on its rate, channels or memory. Reference
/// timestamps, which belong to `from_pts`, are shifted to the PTS of `to`.
void copy_metas(GstBuffer* from, GstClockTime from_pts, GstBuffer* to);

/// A part of a signal in time; NONE if the time of the signal is unknown.
struct TimeSpan {
  GstClockTime start_ns = GST_CLOCK_TIME_NONE, duration_ns = GST_CLOCK_TIME_NONE;
};

/// The input that an analyzed frame depends on, kept as a meta of its buffer.
void set_input_span(GstBuffer* frame, TimeSpan input);
TimeSpan input_span(GstBuffer* frame);

}  // namespace torchstreamer
