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
  const char* method;
  int64_t rate_hz, window_frames, hop_frames;
  int64_t chunk_frames;        ///< of a push
  std::vector<int64_t> shape;  ///< of the signal argument for the windows of one push
  enum class Argument { kNone, kRate, kState } argument;  ///< after the signal

  int64_t windows() const { return chunk_frames / hop_frames; }  ///< of a push
  int64_t frames(double seconds) const {
    return static_cast<int64_t>(seconds * static_cast<double>(rate_hz));
  }
};

using Argument = BlockCase::Argument;

const BlockCase kCases[] = {
    {"vad", "block_vad", "forward", 16000, 512, 512, 512, {1, 512}, Argument::kRate},
    {"recurrent amp",
     "block_stateful_amp",
     "forward",
     48000,
     64,
     64,
     64,
     {64, 1, 1},
     Argument::kNone},
    {"windows, hop 1", "block_amp", "forward", 48000, 150, 1, 480, {480, 1, 150}, Argument::kNone},
    {"nn~ method",
     "block_autoencoder",
     "encode",
     48000,
     2048,
     2048,
     2048,
     {1, 1, 2048},
     Argument::kNone},
    {"explicit state",
     "block_explicit",
     "forward",
     48000,
     64,
     64,
     64,
     {1, 1, 64},
     Argument::kState},
};

// The call in a user's loop, by libtorch alone.
class PlainCall {
 public:
  PlainCall(const BlockCase& c, std::vector<float>& samples)
      : method_(torch::jit::load(path_of(c.file)).get_method(c.method)),
        has_state_(c.argument == Argument::kState),
        arguments_({at::from_blob(samples.data(), c.shape, at::kFloat)}) {
    if (c.argument == Argument::kRate) arguments_.emplace_back(c.rate_hz);
    if (has_state_) arguments_.emplace_back();  // None
  }

  void operator()() {
    const c10::IValue returned = method_(arguments_);
    if (has_state_) arguments_[1] = returned.toTupleRef().elements()[1];
  }

 private:
  torch::jit::Method method_;
  bool has_state_;
  std::vector<c10::IValue> arguments_;
};

// Measures microseconds for each window, of an engine and of the model itself.
void bench_case(const BlockCase& c, Report& report) {
  c10::InferenceMode guard;
  LoadOptions options;
  options.call.method = c.method;
  options.call.window_frames = c.window_frames;
  options.call.hop_frames = c.hop_frames;
  const auto model = load_model(path_of(c.file), options);
  const auto engine = model->start(1, c.rate_hz);
  auto samples = noise(c.windows() * c.window_frames);
  PlainCall call(c, samples);
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
  const auto figures = interleaved(
      {[&] { return us_per_window(push); }, [&] { return us_per_window([&] { call(); }); }},
      report.options().repeats);
  report.add("blocks", {{"model", c.name},
                        {"us_per_window", median(figures[0])},
                        {"model_us_per_window", median(figures[1])},
                        {"added_us_per_window", median(figures[0]) - median(figures[1])},
                        {"ratio", median_ratio(figures[0], figures[1])},
                        {"held_kb", static_cast<double>(engine->held_bytes()) * 1e-3}});
}

}  // namespace

void bench_blocks(Report& report) {
  for (const BlockCase& c : kCases)
    if (report.options().wants("blocks", c.name)) bench_case(c, report);
}

}  // namespace torchstreamer::bench
