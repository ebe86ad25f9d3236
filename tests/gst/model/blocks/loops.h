// Models that are called block by block. The reference is the output of the loop that a user of the
// model would write, made by tests/data/loop_models.py.
#pragma once

#include <gtest/gtest.h>

#include <ostream>
#include <random>

#include "gst/support/listener.h"
#include "gst/support/model_rig.h"

namespace torchstreamer::test {

constexpr int kLoopHz = 16000;
constexpr int64_t kLoopFrames = 9000;
constexpr int64_t kGapBegin = 700, kGapEnd = 740;  // frames of silence in the input of NAME.gap.f32
constexpr GstClockTime kLoopStart = GST_SECOND;

/// A loop, the model and the properties that run it, and its blocks.
struct Loop {
  const char *name, *file;
  Settings settings;
  int64_t window_frames, hop_frames;
  int64_t frames_per_call;  ///< output frames
  int channels_out;
};

inline std::ostream& operator<<(std::ostream& out, const Loop& loop) { return out << loop.name; }

inline const Loop kKnob = {
    "knob", "loops/knob.pt", {{"window", "100"}, {"inputs", "inputs,gain=0.5"}}, 100, 100, 100, 1};
inline const Loop kCodec = {"codec", "blocks/autoencoder.pt", {{"window", "64"}}, 64, 64, 64, 2};
inline const Loop kRecurrent = {
    "recurrent", "blocks/stateful_amp.pt", {{"window", "128"}}, 128, 128, 128, 1};

/// Loops whose output is audio.
inline const Loop kAudioLoops[] = {
    kKnob,
    kCodec,
    {"encode", "blocks/autoencoder.pt", {{"method", "encode"}, {"window", "64"}}, 64, 64, 4, 4},
    {"encode_gain",
     "blocks/autoencoder.pt",
     {{"method", "encode"}, {"window", "64"}, {"attributes", "attributes,gain=3.0"}},
     64,
     64,
     4,
     4},
    {"rms", "blocks/autoencoder.pt", {{"method", "rms"}, {"window", "64"}}, 64, 64, 1, 1},
    {"guitar", "blocks/amp.pt", {{"window", "150"}, {"hop", "1"}}, 150, 1, 1, 1},
    kRecurrent,
    {"explicit", "blocks/explicit.pt", {{"window", "100"}}, 100, 100, 100, 1},
    {"context",
     "blocks/explicit_tensors.pt",
     {{"window", "128"}, {"inputs", "inputs,gain=0.5,context=\"zeros(1,1,8)\""}},
     128,
     128,
     128,
     3},
};

/// Loops whose output is a value or a vector for each call.
inline const Loop kValueLoops[] = {
    {"vad", "blocks/vad.pt", {{"window", "512"}}, 512, 512, 1, 1},
    {"level",
     "blocks/knobs.pt",
     {{"window", "200"}, {"inputs", "inputs,gain=<0.5>"}, {"output", "1"}},
     200,
     200,
     1,
     1},
    {"keyword", "blocks/keyword_score.pt", {{"window", "8000"}, {"hop", "400"}}, 8000, 400, 1, 1},
    {"classifier", "blocks/classifier.pt", {{"window", "4000"}, {"hop", "500"}}, 4000, 500, 1, 2},
    {"spectrum", "blocks/spectrum.pt", {{"window", "300"}, {"hop", "100"}}, 300, 100, 1, 5},
};

/// Time of a frame of the loops' signals.
inline GstClockTime loop_time(int64_t frame) {
  return gst_util_uint64_scale_round(frame, GST_SECOND, kLoopHz);
}

/// Input of all loops.
inline Bytes loop_signal() { return read_file(models() / "loops/signal.f32"); }

/// Output of a loop. `kind`: "out", or "gap" for the signal with a gap.
inline Bytes loop_output(const std::string& name, const std::string& kind = "out") {
  return read_file(models() / "loops" / (name + "." + kind + ".f32"));
}

inline Settings settings_of(const Loop& loop, const Settings& more = {}) {
  Settings settings = at(loop.file, loop.settings);
  settings.insert(settings.end(), more.begin(), more.end());
  return settings;
}

inline Bytes operator+(Bytes a, const Bytes& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

/// Pushes frames of a signal that starts at `start_ns` in buffers of random sizes.
class RandomBuffers {
 public:
  RandomBuffers(ElementRig* rig, unsigned seed, int rate_hz = kLoopHz)
      : rig_(rig), info_(make_info(audio(1, rate_hz))), random_(seed) {}

  /// Pushes the frames from `begin` to `end` of `signal`.
  void push(const Bytes& signal, int64_t begin, int64_t end, GstClockTime start_ns = kLoopStart) {
    for (int64_t at = begin; at < end;) {
      const int64_t most = std::uniform_int_distribution<int64_t>(0, 3)(random_) ? 200 : 1500;
      const int64_t frames =
          std::min(end - at, std::uniform_int_distribution<int64_t>(1, most)(random_));
      const GstClockTime pts =
          start_ns + gst_util_uint64_scale_round(at, GST_SECOND, GST_AUDIO_INFO_RATE(&info_));
      ASSERT_EQ(rig_->push(make_buffer(info_, slice(info_, signal, at, frames), pts)), GST_FLOW_OK);
      at += frames;
    }
  }

 private:
  ElementRig* const rig_;
  const GstAudioInfo info_;
  std::mt19937 random_;
};

}  // namespace torchstreamer::test
