// The elements that random sequences test, with a slow reference in double for each.
#pragma once

#include <functional>

#include "gst/support/model_rig.h"
#include "gst/support/oracle.h"

namespace torchstreamer::test {

struct Subject {
  std::string name, factory;
  Settings settings;
  int channels_in, channels_out;
  std::vector<std::pair<int, int>> rates_hz;  // in, out
  std::function<Signal(const Signal&, int in_hz, int out_hz)> offline;
  std::function<int64_t(int64_t frames, int in_hz, int out_hz)> count_out;
  double tolerance = 1e-6;
};

inline std::ostream& operator<<(std::ostream& out, const Subject& s) { return out << s.name; }

inline Subject resampler(int channels, const std::string& block_ns) {
  return {"tsresample" + block_ns,
          "tsresample",
          {{"block-duration", block_ns}},
          channels,
          channels,
          {{44100, 48000}, {48000, 16000}, {8000, 48000}, {11025, 8000}},
          resampled,
          [](int64_t n, int in_hz, int out_hz) { return (n * out_hz + in_hz - 1) / in_hz; },
          3e-5};  // torchaudio computes the filter in float
}

/// A model of KNOWN that multiplies the rate by num / den and gives count(n) frames for n.
inline Subject model(const std::string& name, const std::vector<KnownLayer>& layers, int num,
                     int den, std::function<int64_t(int64_t)> count,
                     const std::string& block_ns = "0") {
  return {name + block_ns,
          "tsmodel",
          at(name + ".script.pt", {{"block-duration", block_ns}}),
          layers.front().channels_in,
          layers.back().channels_out,
          {{44100, 44100 * num / den}, {48000, 48000 * num / den}},
          [layers](const Signal& x, int, int) { return known_model(layers, x); },
          [count](int64_t n, int, int) { return count(n); }};
}

inline std::vector<Subject> subjects() {
  const KnownLayer up = {true, 1, 1, 5, 3, 1}, down = {false, 2, 2, 6, 4, 1};
  const std::vector<KnownLayer> rational = {{true, 1, 3, 5, 3, 1}, {false, 3, 2, 8, 2, 3}};
  const std::vector<KnownLayer> ahead = {{false, 1, 1, 33, 1, 16}};
  auto same = [](int64_t n) { return n; };
  auto quarter = [](int64_t n) { return n / 4; };
  auto three_halves = [](int64_t n) { return n * 3 / 2; };
  return {resampler(1, "0"),
          resampler(2, "5000000"),
          model("known_mix", {{false, 2, 3, 1, 1, 0}}, 1, 1, same),
          model("known_ahead", ahead, 1, 1, same),
          model("known_ahead", ahead, 1, 1, same, "1000000"),
          model("known_up", {up}, 3, 1, [](int64_t n) { return 3 * n; }),
          model("known_down", {down}, 1, 4, quarter),
          model("known_down", {down}, 1, 4, quarter, "700000"),
          model("known_rational", rational, 3, 2, three_halves),
          model("known_rational", rational, 3, 2, three_halves, "3000000")};
}

inline GstClockTime to_ns(int64_t frames, int hz) {
  return gst_util_uint64_scale_round(frames, GST_SECOND, hz);
}

}  // namespace torchstreamer::test
