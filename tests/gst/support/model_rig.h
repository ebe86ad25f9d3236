// Models for the tests of tsmodel, made by make_models.py, and helpers for errors. The reference is
// the output of the offline module, which is saved with each model.
#pragma once

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "gst/support/element_rig.h"

namespace torchstreamer::test {

namespace fs = std::filesystem;

constexpr int kRateHz = 44100;  // output rates of the fixtures are integers, too
constexpr int kFixtureFrames = 1201;

/// Time of a frame at kRateHz.
inline GstClockTime time_of(int64_t frame) {
  return gst_util_uint64_scale_round(frame, GST_SECOND, kRateHz);
}

/// The folder of the models.
fs::path models();
std::string model_path(const std::string& file);
Bytes read_file(const fs::path& path);

/// Caps of interleaved float32.
std::string audio(int channels, int rate_hz = kRateHz);

/// One fixture: NAME.script.pt or NAME.trace.pt with NAME.in.f32, NAME.out.f32 and NAME.error.f32.
struct Fixture {
  std::string file;
  Bytes in, out;  ///< `out` was computed in float64
  int channels_in;
  double own_error;  ///< largest error of the offline module in float32
};

Fixture fixture(const std::string& file);

std::vector<float> floats(const Bytes& bytes);
Bytes bytes_of(const std::vector<float>& values);
/// Expects that all samples are finite and that the error is at most 1e-6 of the largest expected
/// sample or, if larger, twice `own_error`.
void expect_close(const Bytes& actual, const Bytes& expected, double own_error = 0);
void expect_close(const Bytes& actual, const Fixture& expected);

/// Memory allocated by malloc() and not freed; 0 if malloc() is replaced.
int64_t bytes_in_use();

/// Properties of an element, as in a launch line.
using Settings = std::vector<std::pair<std::string, std::string>>;

/// Settings of a tsmodel that runs `file`, followed by `more`.
Settings at(const std::string& file, const Settings& more = {});

/// Streams `in`, [frames, channels], and returns all output.
Bytes stream(ElementRig* rig, int channels, const Bytes& in, int64_t frames_per_buffer);
Bytes stream(ElementRig* rig, const Fixture& f, int64_t frames_per_buffer);

/// The only error on `bus`.
ErrorMessage only_error(GstBus* bus);

/// The error of the state change to PAUSED with `location`; expects that a good model works
/// afterwards in the same element.
ErrorMessage load_error(const std::string& location, const Settings& more = {});

void expect_error(const ErrorMessage& error, GQuark domain, int code, const std::string& part);

}  // namespace torchstreamer::test
