// What the benchmark measures, a section a function; each adds its rows to the report.
#pragma once

#include "report.h"

namespace torchstreamer::bench {

/// Whole models in chunks, beside libtorch on the whole file and the peak of the machine.
void bench_models(Report& report);

}  // namespace torchstreamer::bench
