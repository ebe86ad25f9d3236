// A model without content.
#pragma once

#include <memory>
#include <stdexcept>

#include "torchstreamer/engine.h"

namespace torchstreamer::test {

class FakeEngine : public Engine {
 public:
  void set_inputs(const NamedValues&) override {}
  const Timing& timing() const override { throw std::logic_error("not used"); }

 private:
  void process(const void* const*, int64_t, bool, void* const*) override {}
  void clear() override {}
};

class FakeModel : public Model {
 public:
  /// `window_frames`: 0 for a planned model.
  explicit FakeModel(int64_t window_frames = 0) : window_frames_(window_frames) {}

  int channels_in() const override { return 1; }
  int channels_out(int) const override { return 1; }
  const Timing& timing() const override { throw std::logic_error("not used"); }
  uint64_t channel_mask() const override { return 0; }
  int64_t weights_bytes() const override { return 0; }
  std::unique_ptr<Engine> start(int, int64_t) const override {
    return std::make_unique<FakeEngine>();
  }
  int64_t window_frames() const override { return window_frames_; }
  std::unique_ptr<Model> with_inputs(const NamedValues&) const override {
    return window_frames_ ? std::make_unique<FakeModel>(window_frames_) : nullptr;
  }

 private:
  const int64_t window_frames_;
};

}  // namespace torchstreamer::test
