// Any bytes as a model's file: a TorchScript archive, or ElementError; never a crash.
#include <gst/gst.h>

#include "fetch/archive_check.h"
#include "memory_file.h"

using namespace torchstreamer;

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  gst_init(nullptr, nullptr);
  check_model(g_getenv("FUZZ_MODEL"), "sound", "", nullptr);  // or nothing is tried
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t bytes) {
  const MemoryFile file(data, bytes);
  try {
    check_model(file.path(), "model", "", nullptr);
  } catch (const ElementError&) {
  }
  return 0;
}
