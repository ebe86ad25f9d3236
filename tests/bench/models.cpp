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

void bench_model(BenchModel& model, const Options& options, Report& report) {
  const ModelCase& what = model.what();
  const auto chunks = chunks_for(what);
  const int64_t frames = what.frames(options.seconds);
  const double seconds = static_cast<double>(frames) / what.rate_hz;
  Peak peak;
  std::vector<Feed> feeds;
  for (size_t i = 0; i < chunks.size(); ++i) feeds.emplace_back(model);
  std::vector<Measure> measures = {[&] { return peak.gflop_per_s(); },
                                   [&] { return seconds / model.offline_seconds(frames); }};
  for (size_t i = 0; i < chunks.size(); ++i)
    measures.push_back(
        [&, i] { return 1 / feeds[i].seconds_per_frame(frames, chunks[i].frames) / what.rate_hz; });
  const auto figures = interleaved(measures, options.repeats);
  const double gflop = 2e-9 * model.multiply_adds_per_second();  // a second of audio
  for (size_t i = 0; i < chunks.size(); ++i) {
    const Figures &at_peak = figures[0], &offline = figures[1], &streamed = figures[2 + i];
    report.add("models", {{"model", what.name},
                          {"chunk", chunks[i].name},
                          {"x_real_time", median(streamed)},
                          {"offline_x_real_time", median(offline)},
                          {"x_offline", median_ratio(streamed, offline)},
                          {"gflop_per_s", gflop * median(streamed)},
                          {"offline_gflop_per_s", gflop * median(offline)},
                          {"peak_gflop_per_s", median(at_peak)},
                          {"percent_of_peak", 100 * gflop * median_ratio(streamed, at_peak)}});
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
