// Inputs and waits of both engines of a handover.
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "audio/resample_engine.h"
#include "engine/handover.h"
#include "torchstreamer/error.h"

namespace torchstreamer {
namespace {

constexpr Handover::FrameBytes kFrameBytes{sizeof(float), sizeof(float)};

/// A resampler with inputs of these names. Its pushes wait 1 us for each of them.
class WithInputs : public Engine {
 public:
  WithInputs(std::vector<std::string> names, NamedValues* values)
      : names_(std::move(names)), values_(values) {}

  const Timing& timing() const override { return engine_->timing(); }
  int64_t wait_ns() const override { return 1000 * static_cast<int64_t>(names_.size()); }
  void set_inputs(const NamedValues& inputs) override {
    for (const auto& input : inputs)
      if (std::find(names_.begin(), names_.end(), input.first) == names_.end())
        throw OptionError("no input " + input.first);
    *values_ = inputs;
  }

 private:
  void process(const void* const* in, int64_t frames, bool final, void* const* out) override {
    engine_->push(in, frames, final, out);
  }
  void clear() override { engine_->reset(); }

  std::vector<std::string> names_;
  NamedValues* values_;
  std::unique_ptr<Engine> engine_ =
      audio::make_resample_engine(48000, 16000, {}, {}, /*channels=*/1, /*interleaved=*/true);
};

TEST(Handover, SetsInputsOfTheNewEngineAndOfTheOldOneIfItHasThem) {
  NamedValues from, to;
  Handover handover(std::make_unique<WithInputs>(std::vector<std::string>{"gain"}, &from),
                    std::make_unique<WithInputs>(std::vector<std::string>{"gain", "mix"}, &to),
                    /*frames_in=*/0, /*earliest_frame=*/0, kFrameBytes);
  const NamedValues gain = {{"gain", 2.0}}, mix = {{"mix", 0.5}};
  handover.set_inputs(gain);
  EXPECT_EQ(from, gain);
  EXPECT_EQ(to, gain);
  handover.set_inputs(mix);
  EXPECT_EQ(from, gain);
  EXPECT_EQ(to, mix);
  EXPECT_THROW(handover.set_inputs({{"treble", 1.0}}), OptionError);
}

TEST(Handover, WaitsForTheGroupsOfBothEnginesUntilItIsDone) {
  NamedValues values;
  const auto engine = [&](std::vector<std::string> names) {
    return std::make_unique<WithInputs>(std::move(names), &values);
  };
  Handover handover(engine({"gain"}), engine({"gain", "mix"}), /*frames_in=*/0,
                    /*earliest_frame=*/0, kFrameBytes);
  EXPECT_EQ(handover.wait_ns(), 1000 + 2000);
  std::vector<float> in(4800), out(4800);
  const void* from = in.data();
  void* to = out.data();
  while (!handover.is_done()) handover.push(&from, 480, /*final=*/false, &to);
  EXPECT_EQ(handover.wait_ns(), 2000);
}

}  // namespace
}  // namespace torchstreamer
