// Models of the tests of tsmodel, from the generator of the fixtures, and the errors they cause.
// The oracle is the output of the offline module, which is stored beside each model.
#pragma once

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "gst/support/element_rig.h"

namespace torchstreamer::test {

namespace fs = std::filesystem;

constexpr int kRateHz = 44100;  // any ratio of the fixtures gives a whole number
constexpr int kFixtureFrames = 1201;

/// Of a frame at that rate.
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
  double own_error;  ///< of the offline module in float32
};

Fixture fixture(const std::string& file);

std::vector<float> floats(const Bytes& bytes);
Bytes bytes_of(const std::vector<float>& values);
/// All samples are finite, and wrong by no more than 1e-6 of the largest expected one, or by twice
/// `own_error`, the error that the offline model has in float32.
void expect_close(const Bytes& actual, const Bytes& expected, double own_error = 0);
void expect_close(const Bytes& actual, const Fixture& expected);

/// The memory that malloc() gave and has not got back; 0 where another allocator is in its place.
int64_t bytes_in_use();

/// Properties of an element, as in a launch line.
using Settings = std::vector<std::pair<std::string, std::string>>;

/// Those of a tsmodel that runs `file`, with `more` of them.
Settings at(const std::string& file, const Settings& more = {});

/// Streams `in`, [frames, channels], and gives all that left.
Bytes stream(ElementRig* rig, int channels, const Bytes& in, int64_t frames_per_buffer);
Bytes stream(ElementRig* rig, const Fixture& f, int64_t frames_per_buffer);

/// The one error on `bus`.
ErrorMessage only_error(GstBus* bus);

/// The error of going to READY with `location`; then a good model must work in the same element.
ErrorMessage load_error(const std::string& location, const Settings& more = {});

void expect_error(const ErrorMessage& error, GQuark domain, int code, const std::string& part);

}  // namespace torchstreamer::test
