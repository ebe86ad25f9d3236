// Fuzzes the parser of expressions: it returns an expression that can be evaluated, or throws
// Error, without a crash.
#include "exported/expression.h"
#include "torchstreamer/error.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t bytes) {
  using torchstreamer::exported::Expression;
  try {
    const Expression expression({reinterpret_cast<const char*>(data), bytes});
    for (const double size : {0., 1., 1e6})
      expression.at(std::vector<double>(expression.symbols().size(), size));
  } catch (const torchstreamer::Error&) {
  }
  return 0;
}
