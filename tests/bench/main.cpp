// The benchmark compares every row with its peers in the same run, on one thread. A figure is the
// median of the repeats; in each repeat all candidates run in turn.
#include <gst/gst.h>

#include <cstdio>
#include <exception>
#include <stdexcept>
#include <string>

#include "machine.h"
#include "sections.h"

int main(int argc, char** argv) {
  using namespace torchstreamer::bench;
  if (argc == 2 && std::string(argv[1]) == "--help") {
    std::printf("%s", kHelp);
    return 0;
  }
  try {
    gst_init(nullptr, nullptr);
    use_one_thread();
    Report report(parse_options(argc, argv), machine());
    for (const auto section :
         {bench_models, bench_resample, bench_modules, bench_blocks, bench_jitter, bench_flatness,
          bench_memory, bench_cores, bench_groups})
      section(report);
    report.write();
  } catch (const std::invalid_argument& e) {
    std::fprintf(stderr, "bench: %s\n%s", e.what(), kHelp);
    return 2;
  } catch (const std::exception& e) {
    std::fprintf(stderr, "bench: %s\n", e.what());
    return 1;
  }
}
