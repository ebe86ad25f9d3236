// tsmodel: one copy of the weights per process. The fixture "heavy" has 33 MB of weights.
#include <gtest/gtest.h>

#include <atomic>
#include <fstream>
#include <functional>
#include <memory>
#include <thread>

#include "gst/loader/fake_model.h"
#include "gst/support/listener.h"
#include "gst/support/model_rig.h"
#include "loader/shared_models.h"
#include "temporary_folder.h"

namespace torchstreamer::test {
namespace {

int64_t resident_bytes() {
  std::ifstream status("/proc/self/status");
  std::string word;
  int64_t kibibytes = 0;
  while (status >> word)
    if (word == "VmRSS:") status >> kibibytes;
  return kibibytes * 1024;
}

void run_a_little(ElementRig* rig) {
  const GstAudioInfo info = make_info(audio(1));
  rig->start(audio(1));
  EXPECT_EQ(rig->push_all(info, make_noise(info, 4, 1), 2), GST_FLOW_OK);
}

// Half of the elements use a copy of the file: models are shared by content.
TEST(TsModelSharing, FiftyElementsHaveOneCopyOfTheWeights) {
  const std::string file = model_path("heavy.script.pt");
  const TemporaryFolder folder;
  const fs::path copy = folder / "copy.pt";
  fs::copy_file(file, copy);
  std::vector<std::unique_ptr<ElementRig>> rigs;
  const auto run_one_more = [&](const std::string& location) {
    rigs.push_back(std::make_unique<ElementRig>("tsmodel", Settings{{"location", location}}));
    run_a_little(rigs.back().get());
  };
  run_one_more(file);
  const int64_t weights_bytes = rigs[0]->stat("weights-bytes");
  ASSERT_GT(weights_bytes, 33'000'000);
  const int64_t one_bytes = resident_bytes();
  while (rigs.size() < 50) run_one_more(rigs.size() % 2 ? copy.string() : file);
  const int64_t all_bytes = resident_bytes() - one_bytes;
  std::cout << "49 more elements: " << all_bytes / 49 << " bytes each\n";
  EXPECT_LT(all_bytes / 49, weights_bytes / 100);
}

TEST(TsModelSharing, TheLastElementFreesTheWeightsAtNull) {
  ElementRig one("tsmodel", at("heavy.script.pt")), two("tsmodel", at("heavy.script.pt"));
  run_a_little(&one);
  run_a_little(&two);
  const int64_t weights_bytes = one.stat("weights-bytes"), both_bytes = bytes_in_use();
  gst_element_set_state(one.element, GST_STATE_NULL);
  EXPECT_EQ(gst_structure_get_string(one.stats().get(), "model-digest"), nullptr);
  EXPECT_GT(bytes_in_use(), both_bytes - weights_bytes / 10);
  gst_element_set_state(two.element, GST_STATE_NULL);
  EXPECT_LT(bytes_in_use(), both_bytes - weights_bytes * 9 / 10);
  EXPECT_EQ(one.stat("weights-bytes"), 0u);
}

/// Drops all output and messages that the rig, its harness and its bus keep.
void drop_output(ElementRig* rig) {
  rig->take();
  GstBus* bus = gst_element_get_bus(rig->element);
  for (const bool is_flushing : {true, false}) gst_bus_set_flushing(bus, is_flushing);
  gst_object_unref(bus);
  while (GstBuffer* buffer = gst_harness_try_pull(rig->harness)) gst_buffer_unref(buffer);
  for (auto* pull : {gst_harness_try_pull_event, gst_harness_try_pull_upstream_event})
    while (GstEvent* event = pull(rig->harness)) gst_event_unref(event);
}

/// Least value of `memory` within 200 ms, in which threads that are about to end can end.
int64_t least_of(int64_t (*memory)()) {
  int64_t least_bytes = memory();
  for (int i = 0; i < 20; ++i) {
    g_usleep(10000);
    least_bytes = std::min(least_bytes, memory());
  }
  return least_bytes;
}

/// Bytes by which memory grows during `repeat(more)`, after a first `repeat(first)`.
int64_t growth(int64_t (*memory)(), const std::function<void(int)>& repeat, int first, int more) {
  repeat(first);
  const int64_t early_bytes = least_of(memory);
  repeat(more);
  const int64_t more_bytes = least_of(memory) - early_bytes;
  std::cout << more << " times more: " << more_bytes << " bytes\n";
  return more_bytes;
}

/// Swaps two models of a playing element; an even number of times restores the first one.
void change_models(ElementRig* rig, int times) {
  const GstAudioInfo info = make_info(audio(1));
  Listener listener(rig->element);
  for (int i = 1; i <= times; ++i) {
    rig->set("padding", i % 2 ? "valid" : "model");  // each has its own weights
    ASSERT_TRUE(listener.wait_for("progress complete", i));
    ASSERT_EQ(rig->push_all(info, make_noise(info, 4, 1), 2, GST_CLOCK_TIME_NONE), GST_FLOW_OK);
    drop_output(rig);
  }
  EXPECT_EQ(listener.count("tsmodel-swap"), times);
}

// A leak would be the weights of six models. The allocator may keep freed memory for a while.
TEST(TsModelSharing, SwapsFreeTheWeights) {
  ElementRig rig("tsmodel", at("heavy.script.pt"));
  run_a_little(&rig);
  const auto change = [&](int times) { change_models(&rig, times); };
  const auto weights_bytes = static_cast<int64_t>(rig.stat("weights-bytes"));
  EXPECT_LT(growth(resident_bytes, change, 8, 6), 2 * weights_bytes);
}

TEST(TsModelSharing, SwapsDoNotLeak) {
  ElementRig rig("tsmodel", at("same3.script.pt"));
  run_a_little(&rig);
  const auto change = [&](int times) { change_models(&rig, times); };
  EXPECT_LT(growth(bytes_in_use, change, 50, 300), 300 * 300);
}

TEST(TsModelSharing, StateCyclesDoNotLeak) {
  ElementRig rig("tsmodel", at("same3.script.pt"));
  const auto cycle = [&](int times) {
    for (int i = 0; i < times; ++i) {
      gst_element_set_state(rig.element, GST_STATE_NULL);
      ASSERT_EQ(change_state(rig.element, GST_STATE_PLAYING), GST_STATE_CHANGE_SUCCESS);
      run_a_little(&rig);
      drop_output(&rig);
    }
  };
  EXPECT_LT(growth(bytes_in_use, cycle, 50, 200), 200 * 100);
}

TEST(TsModelSharing, StatisticsContainTheDigest) {
  const Bytes bytes = read_file(models() / "same3.script.pt");
  g_autofree gchar* sha256 =
      g_compute_checksum_for_data(G_CHECKSUM_SHA256, bytes.data(), bytes.size());
  ElementRig rig("tsmodel", at("same3.script.pt"));
  EXPECT_STREQ(gst_structure_get_string(rig.stats().get(), "model-digest"), sha256);
}

TEST(ModelCache, LoadsOnceForConcurrentCalls) {
  std::atomic<int> loads = 0;
  const auto load = [&] {
    ++loads;
    g_usleep(50000);  // the other threads call meanwhile
    return new FakeModel;
  };
  std::vector<std::shared_ptr<const Model>> models(8);
  std::vector<std::thread> threads;
  for (auto& model : models) threads.emplace_back([&] { model = share_model("digest", {}, load); });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(loads, 1);
  for (const auto& model : models) EXPECT_EQ(model, models[0]);
}

TEST(ModelCache, KeepsNoUnusedModels) {
  int loads = 0;
  const auto load = [&] { return ++loads, new FakeModel; };
  std::weak_ptr<const Model> seen = share_model("alone", {}, load);
  EXPECT_TRUE(seen.expired());
  share_model("alone", {}, load);
  EXPECT_EQ(loads, 2);
}

TEST(ModelCache, DistinguishesAllOptions) {
  std::vector<LoadOptions> options(17);
  options[1].padding = Padding::kValid;
  options[2].channels = 2;
  options[3].each_channel = true;
  options[4].output = "1";
  options[5].execution = Execution::kReference;
  options[6].device = "cuda";
  options[7].layout = Layout::kTimeChannels;
  options[8].complex_output = ComplexOutput::kChannels;
  options[9].max_memory_frames = 48000;
  options[10].call.method = "encode";
  options[11].call.inputs = {{"gain", 1.0}};
  options[12].call.attributes = {{"gain", 1.0}};
  options[13].call.window_frames = 512;
  options[14].call.hop_frames = 256;
  options[15].call.tail = Tail::kDrop;
  options[16].trust = Trust::kOperators;
  std::vector<std::shared_ptr<const Model>> models;
  int loads = 0;
  for (const LoadOptions& o : options)
    models.push_back(share_model("same", o, [&] { return ++loads, new FakeModel; }));
  EXPECT_EQ(loads, 17);
  models.push_back(share_model("other", {}, [&] { return ++loads, new FakeModel; }));
  EXPECT_EQ(loads, 18);
}

TEST(ModelCache, SharesWeightsIfOnlyInputsDiffer) {
  for (const int64_t window_frames : {0, 512}) {
    int loads = 0;
    const auto load = [&] { return ++loads, new FakeModel(window_frames); };
    std::vector<std::shared_ptr<const Model>> models;
    for (const double gain : {1.0, 2.0, 1.0, 3.0}) {
      LoadOptions options;
      options.call.inputs = {{"gain", gain}};
      models.push_back(share_model("inputs", options, load));
    }
    EXPECT_EQ(loads, window_frames ? 1 : 3);
    EXPECT_EQ(models[0], models[2]);
    EXPECT_NE(models[0], models[1]);
  }
}

TEST(ModelCache, DoesNotCacheFailures) {
  EXPECT_THROW(share_model("late", {}, []() -> Model* { throw std::runtime_error("not yet"); }),
               std::runtime_error);
  EXPECT_NE(share_model("late", {}, [] { return new FakeModel; }), nullptr);
}

}  // namespace
}  // namespace torchstreamer::test
