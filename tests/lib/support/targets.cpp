// Restricts the instruction sets of a whole test program: with TORCHSTREAMER_TARGET=AVX2 or SSE4
// the kernels are chosen as on a processor that has nothing better. Linked into every program.
#include <cstdlib>
#include <stdexcept>
#include <string>

#include "lib/support/processor.h"

namespace torchstreamer {
namespace {

/// In Highway a better target is a lower bit.
int64_t up_to(const std::string& name) {
  if (name == "AVX2") return ~(int64_t{HWY_AVX2} - 1);
  if (name == "SSE4") return ~(int64_t{HWY_SSE4} - 1);
  throw std::runtime_error("TORCHSTREAMER_TARGET is " + name + "; it may be AVX2 or SSE4");
}

// Before main(), and so before a kernel is chosen.
const bool is_restricted = [] {
  const char* name = std::getenv("TORCHSTREAMER_TARGET");
  if (name) pretend_processor(hwy::SupportedTargets() & up_to(name));
  return name != nullptr;
}();

}  // namespace
}  // namespace torchstreamer
