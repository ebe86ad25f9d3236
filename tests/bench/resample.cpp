#include <samplerate.h>

#include "resamplers.h"
#include "sections.h"

namespace torchstreamer::bench {
namespace {

struct Contender {
  std::string name;
  Measure measure;
};

// Adds a row: ns of each contender, and for each of `rivals` its ratio to the first contender.
void compare(const std::string& section, const Conversion& c,
             const std::vector<Contender>& contenders, const std::vector<std::string>& rivals,
             Report& report) {
  std::vector<Measure> measures;
  measures.reserve(contenders.size());
  for (const Contender& contender : contenders) measures.push_back(contender.measure);
  const auto ns = interleaved(measures, report.options().repeats);
  Row row = {{"rates", std::to_string(c.source_hz) + "->" + std::to_string(c.target_hz)},
             {"channels", c.channels}};
  for (size_t i = 0; i < contenders.size(); ++i) row[contenders[i].name + "_ns"] = median(ns[i]);
  for (size_t i = 0; i < contenders.size(); ++i)
    for (const std::string& rival : rivals)
      if (contenders[i].name == rival) row["x_" + rival] = median_ratio(ns[i], ns[0]);
  report.add(section, row);
}

// Cost of pushing buffers through a harness, in ns per output sample of `c`.
Measure harness(const Conversion& c, double seconds) {
  const Conversion same{c.source_hz, c.source_hz, c.channels};
  return [=, ns = ns_per_sample(same, element(same, "identity", {}), seconds)] {
    return ns() * c.source_hz / c.target_hz;
  };
}

std::vector<Contender> contenders_for(const Conversion& c, int width, int quality, double seconds) {
  const std::string w = std::to_string(width), q = std::to_string(quality);
  return {{"tsresample",
           ns_per_sample(c, element(c, "tsresample", {{"lowpass-filter-width", w}}), seconds)},
          {"engine", ns_per_sample(c, engine(c, width), seconds)},
          {"audioresample_q" + q,
           ns_per_sample(c, element(c, "audioresample", {{"quality", q}}), seconds)},
          {"harness", harness(c, seconds)},
          {"torchaudio", torchaudio(c, width, seconds)}};
}

// torchaudio's default filter.
void bench_default(const Conversion& c, Report& report) {
  const double seconds = report.options().seconds;
  auto contenders = contenders_for(c, 6, 4, seconds);
  contenders.push_back({"soxr_hq", ns_per_sample(c, soxr(c), seconds)});
  contenders.push_back(
      {"src_fastest", ns_per_sample(c, libsamplerate(c, SRC_SINC_FASTEST), seconds)});
  contenders.push_back(
      {"src_best", ns_per_sample(c, libsamplerate(c, SRC_SINC_BEST_QUALITY), seconds)});
  compare("resample", c, contenders, {"audioresample_q4", "soxr_hq"}, report);
}

// A filter as sharp as that of audioresample with 160 taps.
void bench_sharp(const Conversion& c, Report& report) {
  compare("resample_width_64", c, contenders_for(c, 64, 8, report.options().seconds),
          {"audioresample_q8"}, report);
}

// Rates whose coefficients are interpolated, compared with rates that have a table. All have the
// same number of taps.
void bench_interpolation(int width, int channels, Report& report) {
  const double seconds = report.options().seconds;
  const Conversion table{44100, 48000, channels};
  std::vector<Contender> contenders = {
      {"table", ns_per_sample(table, engine(table, width), seconds)}};
  std::vector<std::string> names;
  for (const Conversion& c : {Conversion{44101, 48000, channels}, {191999, 192000, channels}}) {
    names.push_back(std::to_string(c.source_hz) + "->" + std::to_string(c.target_hz));
    contenders.push_back({names.back(), ns_per_sample(c, engine(c, width), seconds)});
  }
  compare("resample_without_table_width_" + std::to_string(width), table, contenders, names,
          report);
}

}  // namespace

void bench_resample(Report& report) {
  constexpr int kRatesHz[][2] = {{44100, 48000}, {48000, 44100}, {48000, 16000}, {16000, 48000}};
  for (const auto bench : {bench_default, bench_sharp})
    for (const auto& [from, to] : kRatesHz)
      for (const int channels : {1, 2})
        if (report.options().wants("resample", std::to_string(from) + "->" + std::to_string(to)))
          bench({from, to, channels}, report);
  for (const int width : {6, 64, 1024})
    for (const int channels : {1, 2})
      if (report.options().wants("resample", "without_table"))
        bench_interpolation(width, channels, report);
}

}  // namespace torchstreamer::bench
