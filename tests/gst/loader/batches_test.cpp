// tsmodel: pushes of elements with one model run together. The fixture "heavy" reads 33 MB of
// weights for each frame.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <thread>

#include "gst/support/model_rig.h"

namespace torchstreamer::test {
namespace {

using namespace std::chrono_literals;

constexpr int64_t kFrames = 24, kFramesPerBuffer = 6;

class TsModelBatches : public ::testing::Test {
 protected:
  static std::unique_ptr<ElementRig> rig(const std::string& batch_wait_ns) {
    auto rig = std::make_unique<ElementRig>(
        "tsmodel",
        Settings{{"location", model_path("heavy.script.pt")}, {"batch-wait", batch_wait_ns}});
    rig->start(audio(1));
    return rig;
  }
  static unsigned processors() { return std::max(1u, std::thread::hardware_concurrency()); }
  Bytes signal(unsigned seed) const { return make_noise(info_, kFrames, seed); }
  Bytes run(ElementRig* rig, unsigned seed) const {
    EXPECT_EQ(rig->push_all(info_, signal(seed), kFramesPerBuffer), GST_FLOW_OK);
    return rig->take_frames();
  }

  const GstAudioInfo info_ = make_info(audio(1));
};

// With fewer elements than two for each processor, every push would be a run of its own.
TEST_F(TsModelBatches, OutputsAreThoseOfALoneElement) {
  const unsigned elements = 2 * processors() + 2;
  std::vector<Bytes> lone, together(elements);
  for (unsigned e = 0; e < elements; ++e) lone.push_back(run(rig("0").get(), e));
  std::vector<std::unique_ptr<ElementRig>> rigs;
  for (unsigned e = 0; e < elements; ++e) rigs.push_back(rig("200000000"));
  std::vector<std::thread> threads;
  for (unsigned e = 0; e < elements; ++e)
    threads.emplace_back([&, e] { together[e] = run(rigs[e].get(), e); });
  for (std::thread& thread : threads) thread.join();
  for (unsigned e = 0; e < elements; ++e) {
    EXPECT_FALSE(lone[e].empty());
    EXPECT_EQ(together[e], lone[e]) << "element " << e;
  }
  EXPECT_EQ(rigs[0]->stat("batch-pushes"), elements * kFrames / kFramesPerBuffer);
  EXPECT_LT(rigs[0]->stat("batch-runs"), rigs[0]->stat("batch-pushes"));
}

TEST_F(TsModelBatches, ElementsThatDoNotPushDelayTheOthersByTheWait) {
  const std::string wait_ns = "20000000";
  std::vector<std::unique_ptr<ElementRig>> idle;
  for (unsigned e = 0; e < processors(); ++e) {
    idle.push_back(rig(wait_ns));
    run(idle.back().get(), e);
  }
  const auto other = rig(wait_ns);
  const auto start = std::chrono::steady_clock::now();
  EXPECT_EQ(run(other.get(), 1), run(rig("0").get(), 1));
  const auto time = std::chrono::steady_clock::now() - start;
  EXPECT_GE(time, kFrames / kFramesPerBuffer * 20ms);
}

TEST_F(TsModelBatches, ElementsMayStopWhileOthersWait) {
  std::vector<std::unique_ptr<ElementRig>> leaving;
  for (unsigned e = 0; e < processors(); ++e) {
    leaving.push_back(rig("300000000"));
    EXPECT_EQ(leaving.back()->push(make_buffer(info_, signal(e), 0)), GST_FLOW_OK);
  }
  const auto staying = rig("300000000");
  std::thread thread([&] { EXPECT_EQ(run(staying.get(), 1).size(), kFrames * sizeof(float)); });
  leaving.clear();
  thread.join();
}

TEST_F(TsModelBatches, TheWaitIsPartOfTheLatency) {
  const GstClockTime alone_ns = rig("0")->latency_ns();
  EXPECT_EQ(rig("5000000")->latency_ns(), alone_ns + 5 * GST_MSECOND);
  // A model that gains nothing does not wait.
  ElementRig small("tsmodel",
                   {{"location", model_path("same3.script.pt")}, {"batch-wait", "5000000"}});
  small.start(audio(1));
  EXPECT_EQ(small.latency_ns(), gst_util_uint64_scale_ceil(1, GST_SECOND, kRateHz));
  EXPECT_EQ(small.stat("batch-runs"), 0u);
}

TEST_F(TsModelBatches, ANewWaitAppliesFromReadyOn) {
  const auto changed = rig("5000000");
  const GstClockTime first_ns = changed->latency_ns();
  change_state(changed->element, GST_STATE_READY);
  changed->set("batch-wait", "7000000");
  change_state(changed->element, GST_STATE_PLAYING);
  changed->start(audio(1));
  EXPECT_EQ(changed->latency_ns(), first_ns + 2 * GST_MSECOND);
}

}  // namespace
}  // namespace torchstreamer::test
