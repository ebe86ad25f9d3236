#include "noise.h"

#include <random>

namespace torchstreamer::bench {

std::vector<float> noise(int64_t samples) {
  std::vector<float> noise(samples);
  std::minstd_rand random(1);
  std::uniform_real_distribution<float> uniform(-1, 1);
  for (float& sample : noise) sample = uniform(random);
  return noise;
}

}  // namespace torchstreamer::bench
