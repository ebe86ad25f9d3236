#include <time.h>

#include "measure.h"
#include "model.h"
#include "sections.h"

namespace torchstreamer::bench {
namespace {

const char* const kSteadyModels[] = {"seanet", "tcn", "wavenet"};

// CPU time of this thread; excludes the time of other processes on a shared machine.
double cpu_seconds() {
  timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

// Constant work in registers: its jitter is the jitter of the machine.
class Metronome {
 public:
  // `seconds`: approximate duration of a beat.
  explicit Metronome(double seconds) {
    Figures seconds_of_many;
    for (int i = 0; i < 20; ++i) {
      const Stopwatch watch;
      beat(kMany);
      seconds_of_many.push_back(watch.seconds());
    }
    rounds_ = static_cast<int64_t>(kMany * seconds / median(seconds_of_many)) + 1;
  }
  void beat() const { beat(rounds_); }

 private:
  static constexpr int64_t kMany = 100000;

  static void beat(int64_t rounds) {
    volatile double outside = 1;  // the compiler must keep the work between its read and its write
    double x = outside;
    for (int64_t i = 0; i < rounds; ++i) x = x * 0.999 + 0.001;
    outside = x;
  }

  int64_t rounds_;
};

void measure_jitter(const ModelCase& what, Report& report) {
  const BenchModel model(what);
  Feed feed(model);
  const int64_t chunk_frames = what.live_chunk_frames;
  // Fills the history of every layer.
  const double seconds_per_frame = feed.seconds_per_frame(what.frames(1), chunk_frames);
  const Metronome metronome(seconds_per_frame * static_cast<double>(chunk_frames));
  const int64_t chunks = what.frames(report.options().long_seconds) / chunk_frames + 1;
  Figures wall_us, cpu_us, machine_us;
  for (int64_t i = 0; i < chunks; ++i) {
    const double cpu_start = cpu_seconds();
    const Stopwatch watch;
    feed.push(chunk_frames);
    wall_us.push_back(watch.seconds() * 1e6);
    cpu_us.push_back((cpu_seconds() - cpu_start) * 1e6);
    const Stopwatch machine_watch;
    metronome.beat();
    machine_us.push_back(machine_watch.seconds() * 1e6);
  }
  const double p50 = median(wall_us), cpu_p50 = median(cpu_us);
  report.add("jitter",
             {{"model", what.name},
              {"chunk_frames", chunk_frames},
              {"chunks", chunks},
              {"p50_us", p50},
              {"p99_us", quantile(wall_us, 0.99)},
              {"p99.9_us", quantile(wall_us, 0.999)},
              {"p99.9_to_p50", quantile(wall_us, 0.999) / p50},
              {"cpu_p50_us", cpu_p50},
              {"cpu_p99.9_us", quantile(cpu_us, 0.999)},
              {"cpu_p99.9_to_p50", quantile(cpu_us, 0.999) / cpu_p50},
              {"machine_p50_us", median(machine_us)},
              {"machine_p99.9_to_p50", quantile(machine_us, 0.999) / median(machine_us)}});
}

void measure_flatness(const ModelCase& what, Report& report) {
  constexpr int64_t kChunksFrames[] = {1, 16, 64, 160, 480, 1024, 4096};
  constexpr int64_t kMostPushes = 2000;
  const BenchModel model(what);
  const int64_t enough_frames = what.frames(report.options().seconds);
  std::vector<Measure> measures;
  for (const int64_t chunk_frames : kChunksFrames) {
    const int64_t frames = std::min(enough_frames, chunk_frames * kMostPushes);
    measures.push_back([=, feed = std::make_shared<Feed>(model)] {
      return 1e9 * feed->seconds_per_frame(frames, chunk_frames);
    });
  }
  const auto ns = interleaved(measures, report.options().repeats);
  Row row = {{"model", what.name}, {"ns_per_frame_at_4096", median(ns.back())}};
  for (size_t i = 0; i < measures.size(); ++i)
    row["x_at_" + std::to_string(kChunksFrames[i])] = median_ratio(ns[i], ns.back());
  report.add("flatness", row);
}

}  // namespace

void bench_jitter(Report& report) {
  for (const char* name : kSteadyModels)
    if (report.options().wants("jitter", name)) measure_jitter(model_case(name), report);
}

void bench_flatness(Report& report) {
  for (const char* name : kSteadyModels)
    if (report.options().wants("flatness", name)) measure_flatness(model_case(name), report);
}

}  // namespace torchstreamer::bench
