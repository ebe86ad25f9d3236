#include <ATen/ops/from_blob.h>
#include <c10/core/InferenceMode.h>
#include <torch/csrc/jit/serialization/import.h>

#include <algorithm>

#include "measure.h"
#include "model.h"
#include "noise.h"
#include "sections.h"
#include "torchstreamer/load.h"

namespace torchstreamer::bench {
namespace {

struct BlockCase {
  const char* name;
  const char* file;
  int64_t rate_hz, window_frames, hop_frames;
  int64_t chunk_frames;  ///< of a push
  bool takes_rate;

  int64_t windows() const { return chunk_frames / hop_frames; }  ///< of a push
  int64_t frames(double seconds) const {
    return static_cast<int64_t>(seconds * static_cast<double>(rate_hz));
  }
};

const BlockCase kCases[] = {
    {"vad", "block_vad", 16000, 512, 512, 512, true},
    {"recurrent amp", "block_stateful_amp", 48000, 64, 64, 64, false},
    {"windows, hop 1", "block_amp", 48000, 150, 1, 480, false},
};

// Arguments of a call for the windows of one push.
std::vector<c10::IValue> arguments_of(const BlockCase& c, std::vector<float>& samples) {
  std::vector<int64_t> shape = {c.window_frames, 1, 1};
  if (c.takes_rate) shape = {1, c.window_frames};
  if (c.windows() > 1) shape = {c.windows(), 1, c.window_frames};
  std::vector<c10::IValue> arguments = {at::from_blob(samples.data(), shape, at::kFloat)};
  if (c.takes_rate) arguments.emplace_back(c.rate_hz);
  return arguments;
}

// Measures microseconds for each window, of an engine and of the model itself.
void bench_case(const BlockCase& c, Report& report) {
  c10::InferenceMode guard;
  LoadOptions options;
  options.call.window_frames = c.window_frames;
  options.call.hop_frames = c.hop_frames;
  const auto model = load_model(path_of(c.file), options);
  const auto engine = model->start(1, c.rate_hz);
  torch::jit::Module module = torch::jit::load(path_of(c.file));
  auto samples = noise(c.windows() * c.window_frames);
  const auto arguments = arguments_of(c, samples);
  std::vector<float> out(c.windows() * model->channels_out(1) * c.window_frames);
  const int64_t pushes = std::max<int64_t>(1, c.frames(report.options().seconds) / c.chunk_frames);
  const auto us_per_window = [&](const auto& work) {
    const Stopwatch watch;
    for (int64_t i = 0; i < pushes; ++i) work();
    return 1e6 * watch.seconds() / static_cast<double>(pushes * c.windows());
  };
  const auto push = [&] {
    const void* const in_plane = samples.data();
    void* const out_plane = out.data();
    engine->push(&in_plane, c.chunk_frames, false, &out_plane);
  };
  const auto figures =
      interleaved({[&] { return us_per_window(push); },
                   [&] { return us_per_window([&] { module.forward(arguments); }); }},
                  report.options().repeats);
  report.add("blocks", {{"model", c.name},
                        {"us_per_window", median(figures[0])},
                        {"model_us_per_window", median(figures[1])},
                        {"ratio", median_ratio(figures[0], figures[1])},
                        {"held_kb", static_cast<double>(engine->held_bytes()) * 1e-3}});
}

}  // namespace

void bench_blocks(Report& report) {
  for (const BlockCase& c : kCases)
    if (report.options().wants("blocks", c.name)) bench_case(c, report);
}

}  // namespace torchstreamer::bench
