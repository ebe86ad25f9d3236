// Restricts the instruction sets of a test program: TORCHSTREAMER_TARGET=AVX2 or SSE4 selects
// kernels as on a processor without better sets. Linked into every program.
#include <cstdlib>
#include <stdexcept>
#include <string>

#include "lib/support/processor.h"

namespace torchstreamer {
namespace {

/// Mask of the target `name` and all lower targets; in Highway a better target is a lower bit.
int64_t up_to(const std::string& name) {
  if (name == "AVX2") return ~(int64_t{HWY_AVX2} - 1);
  if (name == "SSE4") return ~(int64_t{HWY_SSE4} - 1);
  throw std::runtime_error("TORCHSTREAMER_TARGET is " + name + "; it must be AVX2 or SSE4");
}

// Runs before main(), and therefore before a kernel is selected.
const bool is_restricted = [] {
  const char* name = std::getenv("TORCHSTREAMER_TARGET");
  if (name) pretend_processor(hwy::SupportedTargets() & up_to(name));
  return name != nullptr;
}();

}  // namespace
}  // namespace torchstreamer
