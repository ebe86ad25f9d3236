#include <ATen/Parallel.h>
#include <c10/util/StringUtil.h>
#include <dlfcn.h>

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

}  // namespace torchstreamer
