// From the processes of a network to the steps of a program.
#pragma once

#include "native/program/program.h"

namespace torchstreamer::native {

/// What a program is made of.
struct Compiled {
  std::vector<Program::Step> steps;
  std::vector<Program::Track> tracks;  ///< track 0 takes the source
  View output;
  std::vector<bool> is_fallback;
  int64_t floats_per_frame = 0;  ///< what one frame of the source makes on all tracks together
};

Compiled compile(const std::vector<Network::Node>& nodes, const Format& in);

}  // namespace torchstreamer::native
