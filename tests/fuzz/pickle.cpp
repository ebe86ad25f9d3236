// Fuzzes the reader of pickled tensors: it returns tensors or throws Error, without a crash.
#include "exported/file/pickle.h"
#include "torchstreamer/error.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t bytes) {
  try {
    torchstreamer::exported::pickled_tensors({reinterpret_cast<const char*>(data), bytes});
  } catch (const torchstreamer::Error&) {
  }
  return 0;
}
