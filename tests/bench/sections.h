// What the benchmark measures, a section a function; each adds its rows to the report.
#pragma once

#include "report.h"

namespace torchstreamer::bench {

/// Whole models in chunks, beside libtorch on the whole file and the peak of the machine.
void bench_models(Report& report);

/// tsresample in chunks of 10 ms beside other resamplers: ns for each sample that comes out.
void bench_resample(Report& report);

/// Single layers in chunks of 10 ms, beside the same module of libtorch on the whole signal.
void bench_modules(Report& report);

/// How evenly the chunks of a live stream are computed: quantiles over a long time.
void bench_jitter(Report& report);

/// What a frame costs in chunks of other sizes.
void bench_flatness(Report& report);

/// What one more stream of a large model takes.
void bench_memory(Report& report);

/// Streams of one model in threads of their own.
void bench_cores(Report& report);

}  // namespace torchstreamer::bench
