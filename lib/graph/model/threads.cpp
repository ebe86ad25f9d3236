#include "graph/model/threads.h"

#include <ATen/Parallel.h>
#include <c10/util/StringUtil.h>
#include <dlfcn.h>

#include <algorithm>
#include <cstdlib>
#include <thread>

#include "torchstreamer/error.h"
#include "torchstreamer/load.h"

namespace torchstreamer {

void set_threads(int threads) {
  if (threads < 1) throw Error(c10::str("set_threads takes 1 or more threads, not ", threads));
  at::set_num_threads(threads);
  // Debian's libtorch multiplies matrices with the installed BLAS; OpenBLAS has its own threads.
  void* set = dlsym(RTLD_DEFAULT, "openblas_set_num_threads");
  if (set) reinterpret_cast<void (*)(int)>(set)(threads);
}

namespace graph {
namespace {

// More threads than processors would only wait for each other.
int threads_of_environment() {
  const char* given = std::getenv("OMP_NUM_THREADS");
  const int64_t threads = given ? std::strtoll(given, nullptr, 10) : 1;
  const int64_t processors = std::thread::hardware_concurrency();
  return static_cast<int>(std::clamp<int64_t>(threads, 1, std::max<int64_t>(1, processors)));
}

}  // namespace

void limit_threads_once() {
  static const bool once = (set_threads(threads_of_environment()), true);
  (void)once;
}

}  // namespace graph
}  // namespace torchstreamer
