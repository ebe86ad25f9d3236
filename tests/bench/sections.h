// Sections of the benchmark; each function adds its rows to the report.
#pragma once

#include "report.h"

namespace torchstreamer::bench {

/// Whole models in chunks, compared with libtorch on the whole file and the peak of the machine.
void bench_models(Report& report);

/// tsresample in chunks of 10 ms, compared with other resamplers: ns per output sample.
void bench_resample(Report& report);

/// Single layers in chunks of 10 ms, compared with the same libtorch module on the whole signal.
void bench_modules(Report& report);

/// Models that are called block by block, compared with the calls of libtorch alone: us per window.
void bench_blocks(Report& report);

/// Jitter: quantiles of the time per chunk of a live stream, over a long time.
void bench_jitter(Report& report);

/// Time per frame for different chunk sizes.
void bench_flatness(Report& report);

/// Memory of one more stream of a large model.
void bench_memory(Report& report);

/// Two streams of one model in two threads.
void bench_cores(Report& report);

/// Many streams of one model, each in its thread, in a group and without it.
void bench_groups(Report& report);

}  // namespace torchstreamer::bench
