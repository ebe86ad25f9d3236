// GStreamer's audio buffers as an engine takes them.
#pragma once

#include <gst/audio/audio.h>
#include <gst/base/gstbasetransform.h>

#include <cstdint>
#include <vector>

namespace torchstreamer {

/// The mapped frames of a buffer: one plane, or one a channel where the layout is non-interleaved.
/// No buffer is no frames, and so is an empty one.
class Planes {
 public:
  /// Throws Error where the buffer is not what `info` says.
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

/// How many planes audio lies in: one, or one a channel where the layout is non-interleaved.
int plane_count(const GstAudioInfo& info);

/// The whole frames of `buffer`, whatever its layout.
int64_t frames_in(GstBuffer* buffer, const GstAudioInfo& info);

/// Takes the first `frames` frames from `*buffer`, interleaved audio, which keeps the others.
GstBuffer* split_frames(GstBuffer** buffer, const GstAudioInfo& info, int64_t frames);

/// A new buffer of `frames` frames from the allocator that was negotiated with the peer of `trans`.
/// Throws std::bad_alloc.
GstBuffer* allocate_frames(GstBaseTransform* trans, const GstAudioInfo& info, int64_t frames);

/// Makes silence of the content of `*buffer`, which may become another buffer. Throws Error where
/// its memory cannot be had.
void make_silent(GstBuffer** buffer, const GstAudioInfo& info);

/// A new buffer of `frames` frames of silence, flagged as a gap. Throws std::bad_alloc.
GstBuffer* make_silence(const GstAudioInfo& info, int64_t frames);

/// Whether `buffer` holds silence and nothing else, to the bit.
bool is_silent(GstBuffer* buffer, const GstAudioInfo& info);

/// Copies the metas of `from` that hold for its audio whatever the rate, channels and memory are.
/// Capture times, which were taken at `from_pts`, move along with the PTS.
void copy_metas(GstBuffer* from, GstClockTime from_pts, GstBuffer* to);

}  // namespace torchstreamer
