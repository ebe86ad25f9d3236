// Observation of the operators of a call.
#pragma once

#include <ATen/record_function.h>

namespace torchstreamer {

/// Calls functions at the start and at the end of each operator of this thread while it exists.
/// RecordFunction takes plain functions only, so they keep what they find in thread_local
/// variables.
class OperatorObservation {
 public:
  OperatorObservation(at::RecordFunctionCallback::StartCallback start,
                      at::RecordFunctionCallback::EndCallback end)
      : handle_(at::addThreadLocalCallback(at::RecordFunctionCallback(start, end)
                                               .needsInputs(true)
                                               .needsOutputs(true)
                                               .scopes({at::RecordScope::FUNCTION}))) {}
  ~OperatorObservation() { at::removeCallback(handle_); }
  OperatorObservation(const OperatorObservation&) = delete;
  OperatorObservation& operator=(const OperatorObservation&) = delete;

 private:
  at::CallbackHandle handle_;
};

}  // namespace torchstreamer
