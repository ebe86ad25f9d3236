// Fuzzes the settings of model files: a text is accepted or is an Error, without a crash, and so is
// its merge with the options of a user.
#include <cstdlib>

#include "settings/parse.h"
#include "torchstreamer/error.h"

using namespace torchstreamer;

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  // A valid text must be accepted: the fuzzer must not pass because every text is rejected.
  if (parse_settings(R"({"window": 512})", "valid").window_frames != 512) std::abort();
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t bytes) {
  LoadOptions options;
  options.call.inputs = {{"gain", 1.5}, {"mode", std::string("fast")}};
  try {
    with_settings(options, parse_settings({data, data + bytes}, "fuzz"));
  } catch (const Error&) {
  }
  return 0;
}
