#include "blocks/cpu_time.h"

#include <ctime>

namespace torchstreamer::blocks {

double CpuTime::now_seconds() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

}  // namespace torchstreamer::blocks
