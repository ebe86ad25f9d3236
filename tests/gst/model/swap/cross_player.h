// A tsmodel with swap=cross and known models (KNOWN in make_models.py). The reference is the output
// of each model for the whole signal.
#pragma once

#include <gtest/gtest.h>

#include "gst/support/listener.h"
#include "gst/support/model_rig.h"
#include "gst/support/oracle.h"

namespace torchstreamer::test {

constexpr int kHz = 8000;
constexpr int64_t kFrames = 3 * kHz;
constexpr GstClockTime kStart = GST_SECOND;  // start of the signal

struct Known {
  const char* name;
  std::vector<KnownLayer> layers;
};

inline const Known kAhead{"known_ahead", {{false, 1, 1, 33, 1, 16}}};
inline const Known kLate{"known_late", {{false, 1, 1, 1000, 1, 0}}};
inline const Known kNear{"known_near", {{false, 1, 1, 5, 1, 2}}};
inline const Known kRational{"known_rational", {{true, 1, 3, 5, 3, 1}, {false, 3, 2, 8, 2, 3}}};
inline const Known kSmooth{"known_smooth", {{true, 1, 2, 9, 3, 3}, {false, 2, 2, 16, 2, 7}}};

inline std::string file_of(const Known& model) { return std::string(model.name) + ".script.pt"; }

inline GstClockTime ns_of(int64_t frame, int hz) {
  return gst_util_uint64_scale_round(frame, GST_SECOND, hz);
}

inline Signal signal_of(const Bytes& frames) {
  const std::vector<float> samples = floats(frames);
  return {std::vector<double>(samples.begin(), samples.end())};
}

/// A tsmodel with swap=cross that processes one signal of noise.
class Player {
 public:
  explicit Player(const Known& from, const Settings& settings = {{"swap", "cross"}})
      : rig("tsmodel", at(file_of(from), settings)), listener(rig.element) {
    rig.start(audio(1, kHz));
  }

  void ask_for(const Known& to) {
    const int before = listener.count("progress complete");
    rig.set("location", model_path(file_of(to)));
    ASSERT_TRUE(listener.wait_for("progress complete", before + 1));
  }

  /// Pushes the signal up to frame `end`.
  void play_to(int64_t end, int64_t frames_per_buffer = 100) {
    const Bytes part = slice(info, noise, at_frame, end - at_frame);
    const bool is_timed = at_frame == 0 || !only_first_is_timed;
    ASSERT_EQ(rig.push_all(info, part, frames_per_buffer,
                           is_timed ? kStart + ns_of(at_frame, kHz) : GST_CLOCK_TIME_NONE),
              GST_FLOW_OK);
    at_frame = end;
  }

  /// Output of a model for the whole signal, [frames, channels].
  std::vector<float> offline(const Known& model) const {
    const Signal out = known_model(model.layers, signal_of(noise));
    std::vector<float> samples;
    for (int64_t t = 0; t < frames_of(out); ++t)
      for (const auto& channel : out) samples.push_back(channel[t]);
    return samples;
  }

  /// First output frame of each model that took over, from the messages.
  std::vector<int64_t> swaps() const {
    std::vector<int64_t> frames;
    for (const StructurePtr& swap : listener.structures("tsmodel-swap")) {
      guint64 pts = 0;
      gst_structure_get_uint64(swap.get(), "timestamp", &pts);
      frames.push_back(gst_util_uint64_scale_round(pts - kStart, rig.out_info().rate, GST_SECOND));
    }
    return frames;
  }

  /// Output of `from` before output frame `first`, then that of `to`.
  std::vector<float> joined(const Known& from, const Known& to, int64_t first) const {
    const std::vector<float> before = offline(from), after = offline(to);
    const size_t samples = first * to.layers.back().channels_out;
    EXPECT_LT(samples, before.size());
    std::vector<float> joined(before.begin(), before.begin() + samples);
    joined.insert(joined.end(), after.begin() + samples, after.end());
    return joined;
  }

  /// Expects one output signal without a seam: `from` before output frame `first`, then `to`.
  void expect_joined(const Known& from, const Known& to, int64_t first) {
    int64_t frames = 0;
    Bytes made;
    for (const BufferPtr& buffer : rig.take_buffers()) {
      EXPECT_EQ(has_flag(buffer, GST_BUFFER_FLAG_DISCONT), frames == 0);
      EXPECT_EQ(GST_BUFFER_PTS(buffer.get()), kStart + ns_of(frames, rig.out_info().rate));
      const Bytes part = read_frames(rig.out_info(), buffer.get());
      frames += part.size() / rig.out_info().bpf;
      made.insert(made.end(), part.begin(), part.end());
    }
    expect_close(made, bytes_of(joined(from, to, first)));
    EXPECT_EQ(first_text(rig.take_errors()), "");
    EXPECT_EQ(first_text(rig.take_errors(GST_MESSAGE_WARNING)), "");
  }

  ElementRig rig;
  Listener listener;
  const GstAudioInfo info = make_info(audio(1, kHz));
  const Bytes noise = make_noise(info, kFrames, 1);
  int64_t at_frame = 0;
  bool only_first_is_timed = false;  // only the first call of play_to() pushes timestamps
};

}  // namespace torchstreamer::test
