#pragma once

#include <cstdint>
#include <vector>

namespace torchstreamer::bench {

/// [samples] in [-1, 1], the same in every call.
std::vector<float> noise(int64_t samples);

}  // namespace torchstreamer::bench
