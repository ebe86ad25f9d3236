// Numbers of channels and rate ratios of some models.
#pragma once

namespace torchstreamer::test {

struct Shape {
  const char* file;
  int channels_in, channels_out;
  int num, den;  // output rate / input rate
};

constexpr Shape kShapes[] = {{"gain2.script.pt", 2, 2, 1, 1},
                             {"same3.trace.pt", 1, 1, 1, 1},
                             {"down2.script.pt", 1, 1, 1, 2},
                             {"up3.script.pt", 1, 2, 3, 1}};

}  // namespace torchstreamer::test
