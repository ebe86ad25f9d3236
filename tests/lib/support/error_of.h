// Texts of errors.
#pragma once

#include <gtest/gtest.h>

#include <exception>
#include <string>

#include "torchstreamer/error.h"

namespace torchstreamer::testing {

/// Returns the text of the E that `work` throws, or "" if it throws nothing. Exceptions of other
/// types are failures of the test.
template <class E = Error, class F>
std::string error_of(F&& work) {
  try {
    work();
  } catch (const E& e) {
    return e.what();
  } catch (const std::exception& e) {
    ADD_FAILURE() << "a different type of exception: " << e.what();
  }
  return "";
}

}  // namespace torchstreamer::testing
