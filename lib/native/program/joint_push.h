// Pushes of several streams of one program, run together.
#pragma once

#include "native/program/program.h"

namespace torchstreamer::native {

/// Pushes frames of different streams of the program, as State::push_frames() does for each of
/// them; the outputs have the same bits. Calls that read many weights for few frames run once for
/// all streams. `pushes`: at most kMostTogether.
void push_together(const Program& program, Push* const* pushes, int count);

}  // namespace torchstreamer::native
