// Helpers of the tests of tsresample. The reference is the engine without GStreamer; the tests of
// the library compare the engine with torchaudio.
#pragma once

#include <gtest/gtest.h>

#include "audio/resample_engine.h"
#include "gst/support/element_rig.h"

namespace torchstreamer::test {

constexpr char kMono[] = "audio/x-raw,format=F32LE,layout=interleaved,channels=1,rate=";
constexpr char kStereo[] = "audio/x-raw,format=S16LE,layout=interleaved,channels=2,rate=";

inline std::string mono(int rate_hz) { return kMono + std::to_string(rate_hz); }
inline std::string stereo(int rate_hz) { return kStereo + std::to_string(rate_hz); }
inline std::string to_rate(int rate_hz) { return "audio/x-raw,rate=" + std::to_string(rate_hz); }

inline std::unique_ptr<Engine> make_engine(const GstAudioInfo& info, int target_hz,
                                           const audio::ResampleOptions& options = {}) {
  const GstAudioFormatInfo* format = info.finfo;
  audio::SampleFormat sample;
  sample.width_bits = GST_AUDIO_FORMAT_INFO_WIDTH(format);
  sample.depth_bits = GST_AUDIO_FORMAT_INFO_DEPTH(format);
  sample.is_float = GST_AUDIO_FORMAT_INFO_IS_FLOAT(format);
  sample.is_signed = GST_AUDIO_FORMAT_INFO_IS_SIGNED(format);
  sample.is_big_endian = GST_AUDIO_FORMAT_INFO_ENDIANNESS(format) == G_BIG_ENDIAN;
  return audio::make_resample_engine(GST_AUDIO_INFO_RATE(&info), target_hz, options, sample,
                                     GST_AUDIO_INFO_CHANNELS(&info), true);
}

inline int64_t count_frames(const GstAudioInfo& info, const Bytes& frames) {
  return frames.size() / GST_AUDIO_INFO_BPF(&info);
}

/// Resamples `frames`, [frames, channels], in one push.
inline Bytes resample(const GstAudioInfo& info, const Bytes& frames, int target_hz,
                      const audio::ResampleOptions& options = {}) {
  const auto engine = make_engine(info, target_hz, options);
  Bytes out(engine->frames_due(count_frames(info, frames), true) * GST_AUDIO_INFO_BPF(&info));
  const void* in = frames.data();
  void* to = out.data();
  engine->push(&in, count_frames(info, frames), true, &to);
  return out;
}

inline int64_t ceil_scale(int64_t frames, int64_t target, int64_t source) {
  return (frames * target + source - 1) / source;
}

inline GstClockTime frame_ns(int64_t frame, int rate_hz) {
  return gst_util_uint64_scale_round(frame, GST_SECOND, rate_hz);
}

/// Expects PTS, durations and offsets of one signal that starts at `start_ns`.
inline void expect_timeline(const std::vector<BufferPtr>& buffers, const GstAudioInfo& info,
                            GstClockTime start_ns) {
  const int rate_hz = GST_AUDIO_INFO_RATE(&info);
  const guint64 first = gst_util_uint64_scale_round(start_ns, rate_hz, GST_SECOND);
  int64_t frame = 0;
  for (const BufferPtr& buffer : buffers) {
    const int64_t end = frame + read_frames(info, buffer.get()).size() / GST_AUDIO_INFO_BPF(&info);
    ASSERT_GT(end, frame) << "empty buffer";
    EXPECT_EQ(GST_BUFFER_PTS(buffer.get()), start_ns + frame_ns(frame, rate_hz));
    EXPECT_EQ(GST_BUFFER_DURATION(buffer.get()), frame_ns(end, rate_hz) - frame_ns(frame, rate_hz));
    EXPECT_EQ(GST_BUFFER_OFFSET(buffer.get()), first + frame);
    EXPECT_EQ(GST_BUFFER_OFFSET_END(buffer.get()), first + end);
    EXPECT_EQ(has_flag(buffer, GST_BUFFER_FLAG_DISCONT), frame == 0) << "frame " << frame;
    frame = end;
  }
}

inline Bytes join(const GstAudioInfo& info, const std::vector<BufferPtr>& buffers) {
  Bytes frames;
  for (const BufferPtr& buffer : buffers) {
    const Bytes part = read_frames(info, buffer.get());
    frames.insert(frames.end(), part.begin(), part.end());
  }
  return frames;
}

/// Names of the events, and "buffer" for consecutive buffers, in order.
inline std::vector<std::string> order(const std::vector<Item>& items) {
  std::vector<std::string> names;
  for (const Item& item : items) {
    const std::string name = item.buffer ? "buffer" : GST_EVENT_TYPE_NAME(item.event.get());
    if (names.empty() || name != "buffer" || names.back() != "buffer") names.push_back(name);
  }
  return names;
}

using Names = std::vector<std::string>;

constexpr char kPlanar[] =
    "audio/x-raw,format=F32LE,layout=non-interleaved,channels=2,rate=44100,channel-mask=(bitmask)3";

}  // namespace torchstreamer::test
