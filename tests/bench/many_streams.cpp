#include <ATen/Parallel.h>
#include <malloc.h>
#include <unistd.h>

#include <ctime>
#include <fstream>
#include <thread>

#include "measure.h"
#include "model.h"
#include "peak.h"
#include "sections.h"

namespace torchstreamer::bench {
namespace {

double allocated_bytes() {
  const auto info = mallinfo2();
  return static_cast<double>(info.uordblks + info.hblkhd);
}

double resident_bytes() {
  std::ifstream file("/proc/self/statm");
  int64_t total_pages = 0, pages = 0;
  file >> total_pages >> pages;
  return static_cast<double>(pages) * static_cast<double>(sysconf(_SC_PAGESIZE));
}

// Feed whose stream is in its steady state.
std::unique_ptr<Feed> steady_feed(const BenchModel& model) {
  auto feed = std::make_unique<Feed>(model);
  feed->seconds_per_frame(model.what().frames(0.2), model.what().live_chunk_frames);
  return feed;
}

void measure_memory(const ModelCase& what, Report& report) {
  constexpr int kStreams = 20;
  const BenchModel model(what);
  const auto weights_bytes = static_cast<double>(model.weights_bytes());
  std::vector<std::unique_ptr<Feed>> feeds;
  feeds.push_back(steady_feed(model));  // allocates the memory that all streams share
  malloc_trim(0);                       // streams must not reuse free pages
  const double allocated = allocated_bytes(), resident = resident_bytes();
  for (int i = 0; i < kStreams; ++i) feeds.push_back(steady_feed(model));
  const double stream_bytes = (allocated_bytes() - allocated) / kStreams - Feed::bytes(what);
  const double resident_stream_bytes = (resident_bytes() - resident) / kStreams - Feed::bytes(what);
  report.add("memory", {{"model", what.name},
                        {"weights_mb", weights_bytes * 1e-6},
                        {"stream_allocated_mb", stream_bytes * 1e-6},
                        {"stream_resident_mb", resident_stream_bytes * 1e-6},
                        {"percent_of_weights", 100 * stream_bytes / weights_bytes}});
}

// Runs the work in `count` threads at once; returns the completed runs per second.
double done_per_second(int count, const std::function<void(int)>& work) {
  std::vector<std::thread> threads;
  threads.reserve(count);
  const Stopwatch watch;
  for (int i = 0; i < count; ++i) threads.emplace_back(work, i);
  for (std::thread& thread : threads) thread.join();
  return count / watch.seconds();
}

// CPU time divided by wall time; more than 1 if a library starts threads for a stream.
double cores_used(const std::function<void(int)>& work) {
  const std::clock_t cpu_start = std::clock();  // of the process
  const Stopwatch watch;
  std::thread(work, 0).join();
  return static_cast<double>(std::clock() - cpu_start) / CLOCKS_PER_SEC / watch.seconds();
}

void measure_cores(const ModelCase& what, Report& report) {
  const BenchModel model(what);
  const int64_t frames = what.frames(report.options().seconds);
  Feed feeds[] = {Feed(model), Feed(model)};
  Peak peaks[2];
  auto stream = [&](int i) { feeds[i].seconds_per_frame(frames, what.live_chunk_frames); };
  // Upper bound of the scaling: other processes may use the second core.
  auto limit = [&](int i) {
    at::set_num_threads(1);  // a setting of the calling thread
    for (int runs = 0; runs < 10; ++runs) peaks[i].gflop_per_s();
  };
  const auto figures = interleaved(
      {[&] { return done_per_second(1, stream); }, [&] { return done_per_second(2, stream); },
       [&] { return done_per_second(1, limit); }, [&] { return done_per_second(2, limit); }},
      report.options().repeats);
  const double seconds = static_cast<double>(frames) / what.rate_hz;
  report.add("cores", {{"model", what.name},
                       {"one_stream_x_real_time", seconds * median(figures[0])},
                       {"one_stream_cores", cores_used(stream)},
                       {"two_streams_x_real_time", seconds * median(figures[1])},
                       {"scaling", median_ratio(figures[1], figures[0])},
                       {"scaling_of_peak", median_ratio(figures[3], figures[2])}});
}

// Streams of one model, each in its thread.
struct ManyStreams {
  std::string model;
  int streams;
  int chunk_ms;
};

class Crowd {
 public:
  Crowd(const BenchModel& model, const ManyStreams& many, const std::shared_ptr<Group>& group)
      : rate_hz_(model.what().rate_hz), chunk_frames_(model.what().frames(many.chunk_ms * 1e-3)) {
    for (int i = 0; i < many.streams; ++i) feeds_.push_back(std::make_unique<Feed>(model, group));
  }

  // Pushes `seconds` of audio through each stream; returns the seconds of audio of all streams
  // divided by the time.
  double x_real_time(double seconds) {
    const auto chunks = std::max<int64_t>(1, std::llround(seconds * rate_hz_) / chunk_frames_);
    const int64_t frames = chunks * chunk_frames_;
    const auto push = [&](int i) { feeds_[i]->seconds_per_frame(frames, chunk_frames_); };
    return static_cast<double>(frames) / rate_hz_ *
           done_per_second(static_cast<int>(feeds_.size()), push);
  }

 private:
  int rate_hz_;
  int64_t chunk_frames_;
  std::vector<std::unique_ptr<Feed>> feeds_;
};

void measure_group(const ManyStreams& many, Report& report) {
  const BenchModel model(model_case(many.model));
  GroupOptions options;
  options.wait_ns = many.chunk_ms * 1'000'000 / 2;
  const auto group = model.make_group(options);
  Crowd alone(model, many, nullptr), together(model, many, group);
  const double seconds = report.options().seconds;
  const auto figures = interleaved(
      {[&] { return alone.x_real_time(seconds); }, [&] { return together.x_real_time(seconds); }},
      report.options().repeats);
  const Group::Counts counts = group ? group->counts() : Group::Counts{1, 1};
  report.add("groups", {{"model", many.model},
                        {"streams", many.streams},
                        {"chunk", std::to_string(many.chunk_ms) + " ms"},
                        {"alone_x_real_time", median(figures[0])},
                        {"group_x_real_time", median(figures[1])},
                        {"gain", median_ratio(figures[1], figures[0])},
                        {"pushes_per_run", static_cast<double>(counts.pushes) / counts.runs}});
}

}  // namespace

void bench_memory(Report& report) {
  if (report.options().wants("memory", "demucs")) measure_memory(model_case("demucs"), report);
}

void bench_cores(Report& report) {
  for (const char* name : {"seanet", "tcn"})
    if (report.options().wants("cores", name)) measure_cores(model_case(name), report);
}

void bench_groups(Report& report) {
  for (const ManyStreams& many : std::vector<ManyStreams>{{"demucs", 16, 20},
                                                          {"denoiser", 32, 10},
                                                          {"seanet", 16, 10},
                                                          {"tcn", 16, 10},
                                                          {"wavenet", 16, 10}})
    if (report.options().wants("groups", many.model)) measure_group(many, report);
}

}  // namespace torchstreamer::bench
