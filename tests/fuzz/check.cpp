// Fuzzes check_model(): it accepts a file of arbitrary bytes or throws ElementError, without a
// crash.
#include <gst/gst.h>

#include "fetch/archive_check.h"
#include "memory_file.h"

using namespace torchstreamer;

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  gst_init(nullptr, nullptr);
  check_model(g_getenv("FUZZ_MODEL"), "sound", "", nullptr);  // a valid model must pass
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
