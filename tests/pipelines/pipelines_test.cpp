// Runs the scripts of pipelines/ as a user does and compares their output with the library.

#include <gtest/gtest.h>
#include <torch/csrc/jit/api/module.h>
#include <torch/csrc/jit/serialization/import.h>
#include <torch/types.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "expect_says.h"
#include "shell.h"
#include "temporary_folder.h"
#include "torchstreamer/exported_program.h"
#include "torchstreamer/modules.h"
#include "torchstreamer/resample.h"

namespace torchstreamer::testing {
namespace {

namespace fs = std::filesystem;

struct Wav {
  int rate_hz = 0;
  Tensor samples;  // [C, T]; full scale is 1
};

// Reads 16-bit PCM with a 44-byte header, the format of wavenc and espeak-ng.
Wav read_wav(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(file), {}};
  if (bytes.size() < 44) throw std::runtime_error(path.string() + " is not a WAV file");
  int16_t channels = 0;
  int32_t rate_hz = 0;
  uint32_t data_bytes = 0;
  std::memcpy(&channels, &bytes[22], 2);
  std::memcpy(&rate_hz, &bytes[24], 4);
  std::memcpy(&data_bytes, &bytes[40], 4);
  if (data_bytes > bytes.size() - 44) throw std::runtime_error(path.string() + " is cut off");
  const int64_t frames = data_bytes / 2 / channels;
  Tensor pcm = torch::empty({frames, channels}, torch::kShort);
  std::memcpy(pcm.data_ptr(), &bytes[44], frames * channels * 2);
  return {rate_hz, pcm.to(torch::kFloat).t() / 32768};
}

class Pipelines : public ::testing::Test {
 protected:
  // Runs a script of pipelines/; returns its output, and fails the test if its status is not 0.
  std::string run(const std::string& command) {
    const test::Result result = test::shell(source_ + "/pipelines/" + command);
    EXPECT_EQ(result.status, 0) << command << "\n" << result.text;
    return result.text;
  }

  std::string source_ = std::getenv("TORCHSTREAMER_SOURCE");
  std::string build_ = std::getenv("BUILD");
  const test::TemporaryFolder folder_;
};

// Tolerance for 16-bit output with dither: slightly more than two quantisation steps.
constexpr double kTwoSteps = 2.5 / 32768;

Tensor resampled(const Tensor& x, int source_hz, int target_hz) {
  return *audio::ResampleStream(source_hz, target_hz).forward(x, true);
}

// Energy of `x` `[1, T]` between two frequencies.
double band_energy(const Wav& wav, double from_hz, double to_hz) {
  const Tensor power = at::fft_rfft(wav.samples[0]).abs().square();
  const double bin_hz = wav.rate_hz / 2.0 / static_cast<double>(power.size(0) - 1);
  return power
      .slice(0, static_cast<int64_t>(from_hz / bin_hz), static_cast<int64_t>(to_hz / bin_hz))
      .sum()
      .item<double>();
}

TEST_F(Pipelines, SpeechEqualsTheOfflineModel) {
  torch::NoGradGuard guard;
  const std::string text = run("speech.sh");
  EXPECT_SAYS("times real time", text);
  EXPECT_SAYS("progressreport", text);

  const Wav in = read_wav(build_ + "/speech.wav"), out = read_wav(build_ + "/telephone.wav");
  auto model = torch::jit::load(build_ + "/telephone.pt");
  const Tensor narrow = resampled(in.samples, in.rate_hz, 16000);
  const Tensor offline = model.forward({narrow.unsqueeze(0)}).toTensor().squeeze(0);
  const Tensor expected = resampled(offline, 16000, 48000);
  ASSERT_EQ(out.rate_hz, 48000);
  ASSERT_EQ(out.samples.sizes(), expected.sizes());
  EXPECT_GT(expected.abs().max().item<double>(), 0.1) << "the output is silent";
  EXPECT_LE((out.samples - expected.clamp(-1, 1)).abs().max().item<double>(), kTwoSteps);

  // The model passes the telephone band and removes other frequencies.
  const double band = band_energy(out, 300, 3400), below = band_energy(out, 0, 200),
               above = band_energy(out, 3600, 20000);
  EXPECT_LT(below, 1e-3 * band);
  EXPECT_LT(above, 1e-3 * band);
  EXPECT_GT(band_energy(in, 0, 200) + band_energy(in, 3600, 10000),
            1e-3 * band_energy(in, 300, 3400))
      << "the input has nothing to remove";
}

struct Segment {
  double start_s, end_s;
};

/// Segments of speech, from a plain loop over blocks of 512 frames. `x`: [1, T] at 16 kHz.
std::vector<Segment> speech_segments(torch::jit::Module model, const Tensor& x) {
  constexpr int64_t kWindow = 512;
  const int64_t frames = x.size(1);
  model.get_method("reset_states")({});
  std::vector<Segment> segments;
  bool is_speech = false;
  for (int64_t begin = 0; begin < frames; begin += kWindow) {
    Tensor block = torch::zeros({1, kWindow});
    const int64_t count = std::min(kWindow, frames - begin);
    block.slice(1, 0, count).copy_(x.slice(1, begin, begin + count));
    const double probability = model.forward({block, 16000}).toTensor().item<double>();
    if (!is_speech && probability >= 0.5) segments.push_back({begin / 16000.0, frames / 16000.0});
    if (is_speech && probability < 0.35) segments.back().end_s = begin / 16000.0;
    is_speech = probability >= (is_speech ? 0.35 : 0.5);
  }
  return segments;
}

TEST_F(Pipelines, SpeechSegmentsEqualThoseOfAPlainLoop) {
  torch::NoGradGuard guard;
  const fs::path in = folder_ / "in.wav", out = folder_ / "segments.txt";
  ASSERT_EQ(std::system(("espeak-ng 'One. Two. Three.' -w " + in.string()).c_str()), 0);
  run("make_vad.py " + (folder_ / "vad.pt").string());
  run("speech_segments.sh " + in.string() + " " + out.string() + " " +
      (folder_ / "vad.pt").string());
  const Wav source = read_wav(in);
  const std::vector<Segment> expected =
      speech_segments(torch::jit::load((folder_ / "vad.pt").string()),
                      resampled(source.samples, source.rate_hz, 16000));
  EXPECT_GE(expected.size(), 3u);
  std::ifstream file(out);
  std::vector<Segment> found;
  for (Segment segment; file >> segment.start_s >> segment.end_s;) found.push_back(segment);
  ASSERT_EQ(found.size(), expected.size());
  for (size_t i = 0; i < found.size(); ++i) {
    EXPECT_NEAR(found[i].start_s, expected[i].start_s, 0.0006);
    EXPECT_NEAR(found[i].end_s, expected[i].end_s, 0.0006);
  }
}

TEST_F(Pipelines, ResampleEqualsTheLibrary) {
  torch::NoGradGuard guard;
  const fs::path in = folder_ / "in.wav", out = folder_ / "out.wav";
  ASSERT_EQ(std::system(("espeak-ng 'one two three' -w " + in.string()).c_str()), 0);
  run("resample.sh " + in.string() + " 44100 " + out.string());
  const Wav source = read_wav(in), result = read_wav(out);
  const Tensor expected = resampled(source.samples, source.rate_hz, 44100);
  ASSERT_EQ(result.samples.sizes(), expected.sizes());
  EXPECT_LE((result.samples - expected.clamp(-1, 1)).abs().max().item<double>(), kTwoSteps);
}

TEST_F(Pipelines, AnExportedProgramEqualsTheOfflineModel) {
  torch::NoGradGuard guard;
  const fs::path in = folder_ / "in.wav", out = folder_ / "out.wav";
  ASSERT_EQ(std::system(("espeak-ng 'one two three' -w " + in.string()).c_str()), 0);
  const std::string program = source_ + "/tests/data/exported/torch-2.14/speech.pt2";
  const test::Result result = test::shell(
      "GST_PLUGIN_PATH=" + build_ + "/gst GST_REGISTRY=" + (folder_ / "registry").string() +
      " gst-launch-1.0 filesrc location=" + in.string() + " ! wavparse ! audioconvert ! tsmodel " +
      "location=" + program + " ! audioconvert ! audio/x-raw,format=S16LE ! wavenc ! filesink " +
      "location=" + out.string());
  ASSERT_EQ(result.status, 0) << result.text;
  const Wav source = read_wav(in), streamed = read_wav(out);
  torch::jit::Module module = load_exported_program(program);
  const Tensor expected =
      module.forward({source.samples.unsqueeze(0)}).toTensor().squeeze(0).clamp(-1, 1);
  ASSERT_EQ(streamed.samples.sizes(), expected.sizes());
  EXPECT_GT(expected.abs().max().item<double>(), 0.01) << "the output is silent";
  EXPECT_LE((streamed.samples - expected).abs().max().item<double>(), kTwoSteps);
}

TEST_F(Pipelines, LiveRunsInRealTime) {
  run("make_telephone.py " + (folder_ / "model.pt").string());
  const std::string text = run("live.sh " + (folder_ / "model.pt").string() + " 1");
  EXPECT_SAYS("rate=(int)16000", text);
  EXPECT_SAYS("Got EOS", text);
}

}  // namespace
}  // namespace torchstreamer::testing
