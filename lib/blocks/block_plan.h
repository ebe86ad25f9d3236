// The calls of a model for one number of channels and one sample rate.
#pragma once

#include <map>
#include <memory>
#include <mutex>

#include "blocks/batches.h"
#include "blocks/trials.h"

namespace torchstreamer::blocks {

/// Windows, form and timing of the calls of a method. Immutable, thread-safe.
class BlockPlan {
 public:
  /// `windows`: their output frames are those of the form. `form`: found by trials at this rate.
  BlockPlan(std::shared_ptr<const BlockMethod> method, const Windows& windows, BlockForm form,
            int64_t rate_hz);

  const std::shared_ptr<const BlockMethod>& method() const { return method_; }
  const Windows& windows() const { return windows_; }
  const BlockForm& form() const { return form_; }
  const Batches& batches() const { return batches_; }
  int64_t rate_hz() const { return rate_hz_; }
  const Timing& timing() const { return timing_; }

 private:
  std::shared_ptr<const BlockMethod> method_;
  int64_t rate_hz_;
  BlockForm form_;
  Windows windows_;
  Batches batches_;
  Timing timing_;
};

}  // namespace torchstreamer::blocks
