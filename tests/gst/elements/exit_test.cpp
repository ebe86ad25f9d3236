// Processes that end at random moments while a tsmodel loads, fetches, swaps or runs a model. Every
// process must end with status 0. The number of moments is 30, or that in the environment variable
// EXIT_MOMENTS.
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <future>
#include <random>
#include <thread>

#include "gst/model/remote_rig.h"
#include "gst/support/gst_main.h"
#include "process/exit_barrier.h"

namespace torchstreamer::test {
namespace {

constexpr char kSeed[] = "EXIT_SEED";
constexpr char kServer[] = "EXIT_SERVER";
constexpr int kMostMilliseconds = 700;

enum Work { kLoading, kFetching, kSwapping, kRunning, kWorks };
enum End { kStopped, kStoppedAndDeinit, kWhileRunning, kInOtherThread, kEnds };

GstElement* start(const std::string& location) {
  const std::string line = "audiotestsrc is-live=true samplesperbuffer=441 ! " + audio(1) +
                           " ! tsmodel name=model insecure-http=true location=" + location +
                           " ! fakesink";
  GstElement* pipeline = gst_parse_launch(line.c_str(), nullptr);
  gst_element_set_state(pipeline, GST_STATE_PLAYING);
  return pipeline;
}

GstElement* start(Work work) {
  const bool is_heavy = work == kLoading;
  GstElement* pipeline = work == kFetching
                             ? start(g_getenv(kServer))
                             : start(model_path(is_heavy ? "heavy.script.pt" : "blocks.script.pt"));
  if (work != kSwapping && work != kRunning) return pipeline;
  gst_element_get_state(pipeline, nullptr, nullptr, GST_CLOCK_TIME_NONE);
  if (work == kRunning) return pipeline;
  GstElement* model = gst_bin_get_by_name(GST_BIN(pipeline), "model");
  g_object_set(model, "location", model_path("heavy.script.pt").c_str(), nullptr);
  gst_object_unref(model);
  return pipeline;
}

int end_at_a_random_moment() {
  alarm(60);
  const int seed = std::atoi(g_getenv(kSeed));
  std::mt19937 random(seed);
  const Work work = static_cast<Work>(seed % kWorks);
  GstElement* pipeline = start(work);
  g_usleep(random() % kMostMilliseconds * 1000);
  // Only the main thread is watched while a library is mapped and creates its objects.
  const int ends = work == kRunning ? kEnds : kInOtherThread;
  const End end = static_cast<End>(random() % ends);
  if (end == kStopped || end == kStoppedAndDeinit) {
    gst_element_set_state(pipeline, GST_STATE_NULL);
    gst_object_unref(pipeline);
  }
  if (end == kStoppedAndDeinit) gst_deinit();
  if (end == kInOtherThread) std::thread([] { std::exit(0); }).join();
  return 0;
}

// Object of a library that is created when it is used first.
struct LateObject {
  ~LateObject() { is_destroyed = true; }
  static inline std::atomic<bool> is_destroyed = false;
};

// Calls exit() in one thread while another one uses an object that was created in an earlier use.
int end_while_using_a_late_object() {
  std::promise<void> is_used;
  std::thread([&] {
    {
      const ExitBarrier::Hold hold;
      static const LateObject object;
    }
    const ExitBarrier::Hold hold;
    is_used.set_value();
    g_usleep(300 * 1000);
    if (LateObject::is_destroyed) _exit(1);
  }).detach();
  is_used.get_future().wait();
  std::thread([] { std::exit(0); }).join();
  return 1;
}

TEST(ExitBarrier, ExitsOfAnyThreadWaitForUsesOfObjectsThatWereCreatedLate) {
  run_self("--late-object");
}

TEST_F(TsModelRemote, ProcessesMayEndAtAnyMoment) {
  const char* moments = g_getenv("EXIT_MOMENTS");
  const std::string server = server_.uri("/slow/heavy.script.pt");
  for (int seed = 0; seed < (moments ? std::atoi(moments) : 30); ++seed) {
    SCOPED_TRACE(seed);
    const TemporaryFolder cache;
    run_self("--end", {{kSeed, std::to_string(seed).c_str()},
                       {kServer, server.c_str()},
                       {"XDG_CACHE_HOME", cache.path().c_str()}});
  }
}

}  // namespace
}  // namespace torchstreamer::test

int main(int argc, char** argv) {
  using namespace torchstreamer::test;
  return run_gst_tests(
      argc, argv,
      {{"--end", end_at_a_random_moment}, {"--late-object", end_while_using_a_late_object}});
}
