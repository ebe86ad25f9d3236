#include <memory>
#include "measure.h"

#include "model.h"
#include "peak.h"
#include "sections.h"

namespace torchstreamer::bench {
namespace {

struct Chunk {
  std::string name;
  int64_t frames;
};

std::vector<Chunk> chunks_for(const ModelCase& what) {
  std::vector<Chunk> chunks;
  if (what.name == "wavenet") chunks.push_back({"64 frames", 64});
  for (const int ms : {1, 10, 20, 100})
    if (ms * what.rate_hz >= 1000)  // at least a frame
      chunks.push_back({std::to_string(ms) + " ms", what.frames(ms * 1e-3)});
  return chunks;
}

Measure offline(BenchModel& model, double seconds) {
  const int64_t frames = model.what().frames(seconds);
  return [=, &model] {
    return static_cast<double>(frames) / model.what().rate_hz / model.offline_seconds(frames);
  };
}

Measure streamed(const BenchModel& model, double seconds, int64_t chunk_frames) {
  const int64_t frames = model.what().frames(seconds);
  return [=, feed = std::make_shared<Feed>(model), rate_hz = model.what().rate_hz] {
    return 1 / feed->seconds_per_frame(frames, chunk_frames) / rate_hz;
  };
}

// libtorch computes layer by layer. The outputs of a layer stay in the cache only if the file is
// short, which is therefore its best case.
void bench_model(BenchModel& model, const Options& options, Report& report) {
  constexpr double kShortFileSeconds = 1;
  Peak peak;
  std::vector<Measure> measures = {[&] { return peak.gflop_per_s(); },
                                   offline(model, options.file_seconds),
                                   offline(model, kShortFileSeconds)};
  const auto chunks = chunks_for(model.what());
  for (const Chunk& chunk : chunks)
    measures.push_back(streamed(model, options.seconds, chunk.frames));
  const auto figures = interleaved(measures, options.repeats);
  const double gflop = 2e-9 * model.multiply_adds_per_second();  // per second of audio
  const Figures &at_peak = figures[0], &whole = figures[1], &short_file = figures[2];
  for (size_t i = 0; i < chunks.size(); ++i) {
    const Figures& stream = figures[3 + i];
    report.add("models", {{"model", model.what().name},
                          {"chunk", chunks[i].name},
                          {"x_real_time", median(stream)},
                          {"offline_x_real_time", median(whole)},
                          {"x_offline", median_ratio(stream, whole)},
                          {"offline_1s_x_real_time", median(short_file)},
                          {"x_offline_1s", median_ratio(stream, short_file)},
                          {"gflop_per_s", gflop * median(stream)},
                          {"peak_gflop_per_s", median(at_peak)},
                          {"percent_of_peak", 100 * gflop * median_ratio(stream, at_peak)}});
  }
}

}  // namespace

void bench_models(Report& report) {
  for (const ModelCase& what : model_cases()) {
    if (!report.options().wants("models", what.name)) continue;
    BenchModel model(what);
    bench_model(model, report.options(), report);
  }
}

}  // namespace torchstreamer::bench
