// tsmodel: a model is loaded during the state change to PAUSED, from a server or from a file.
#include <gtest/gtest.h>
#include <chrono>
#include <future>

#include "gst/model/remote_rig.h"
#include "gst/support/median.h"

namespace torchstreamer::test {
namespace {

TEST_F(TsModelRemote, LoadsDuringTheStateChangeToPaused) {
  const Fixture f = fixture("down2.script.pt");
  const TemporaryFolder folder;
  const fs::path out = folder / "out.f32";
  const std::string launch = "filesrc location=" + (models() / "down2.in.f32").string() +
                             " ! rawaudioparse pcm-format=f32le sample-rate=44100 num-channels=1"
                             " ! tsmodel name=model insecure-http=true location=" +
                             server_.uri("/" + f.file) + " ! filesink location=" + out.string();
  const ObjectPtr<GstElement> pipeline(gst_parse_launch(launch.c_str(), nullptr));
  ASSERT_NE(pipeline, nullptr);
  Listener listener(pipeline.get());
  EXPECT_EQ(gst_element_set_state(pipeline.get(), GST_STATE_PLAYING), GST_STATE_CHANGE_ASYNC);
  EXPECT_TRUE(listener.wait_for("eos"));
  gst_element_set_state(pipeline.get(), GST_STATE_NULL);
  expect_close(read_file(out), f);
  EXPECT_EQ(listener.count("error") + listener.count("warning"), 0);
  EXPECT_EQ(listener.count("progress start"), 1);
  EXPECT_EQ(listener.count("progress complete"), 1);
  int percent = -1;
  for (const StructurePtr& progress : listener.structures("progress continue")) {
    const int before = percent;
    ASSERT_TRUE(gst_structure_get_int(progress.get(), "percent", &percent));
    EXPECT_GT(percent, before);
  }
  EXPECT_EQ(percent, 100);
}

TEST_F(TsModelRemote, EndsTheStateChangeAndPostsMessagesInOrder) {
  Lone lone(from_server("same3.script.pt"));
  EXPECT_EQ(lone.go(GST_STATE_READY), GST_STATE_CHANGE_SUCCESS);
  EXPECT_TRUE(server_.requests().empty());
  EXPECT_EQ(lone.go(GST_STATE_PLAYING), GST_STATE_CHANGE_ASYNC);
  EXPECT_EQ(lone.result(), GST_STATE_CHANGE_SUCCESS);
  ASSERT_TRUE(lone.listener->wait_for("async-done"));
  std::vector<std::string> words;
  for (const std::string& word : lone.listener->words())
    if (word != "state-changed" && word != "progress continue" && word != "need-context")
      words.push_back(word);
  EXPECT_EQ(words, (std::vector<std::string>{"async-start", "progress start", "progress complete",
                                             "async-done"}));
  // The model is still in memory.
  EXPECT_EQ(lone.go(GST_STATE_READY), GST_STATE_CHANGE_SUCCESS);
  EXPECT_EQ(lone.go(GST_STATE_PLAYING), GST_STATE_CHANGE_SUCCESS);
}

TEST_F(TsModelRemote, StateChangeToNullCancelsLoadingPromptly) {
  Lone lone(from_server("stall/same3.script.pt"));
  std::vector<std::chrono::steady_clock::duration> times;
  for (int i = 1; i <= 9; ++i) {
    EXPECT_EQ(lone.go(GST_STATE_PAUSED), GST_STATE_CHANGE_ASYNC);
    server_.wait_for_requests(i);
    std::thread upstream([&] { lone.send_start(1); });
    g_usleep(20000);  // upstream most likely waits for the model then
    const auto begin = std::chrono::steady_clock::now();
    EXPECT_EQ(lone.go(GST_STATE_NULL), GST_STATE_CHANGE_SUCCESS);
    upstream.join();
    times.push_back(std::chrono::steady_clock::now() - begin);
    EXPECT_EQ(lone.listener->count("progress canceled"), i);
  }
  EXPECT_LT(median(times), std::chrono::milliseconds(100));
  EXPECT_EQ(lone.listener->count("error"), 0);
  lone.set("location", model_path("same3.script.pt"));
  EXPECT_EQ(change_state(lone.element.get(), GST_STATE_PLAYING), GST_STATE_CHANGE_SUCCESS);
}

// A source that waits for caps is stopped, not refused; that is not an error.
TEST_F(TsModelRemote, CancellingCausesNoErrorOfTheSource) {
  // Different models, so that resumed transfers do not complete a file.
  const std::pair<const char*, const char*> cases[] = {
      {"", "/stall/causal.script.pt"},
      {"! queue", "/stall/up3.script.pt"},
      {"! audioconvert", "/stall/blocks.script.pt"}};
  for (const auto& [between, model] : cases) {
    SCOPED_TRACE(between);
    const std::string launch =
        std::string("audiotestsrc ! audio/x-raw,channels=1 ") + between +
        " ! tsmodel insecure-http=true retries=0 location=" + server_.uri(model) + " ! fakesink";
    for (int i = 0; i < 10; ++i) {
      const ObjectPtr<GstElement> pipeline(gst_parse_launch(launch.c_str(), nullptr));
      Listener listener(pipeline.get());
      const int requests = server_.requests().size();
      EXPECT_EQ(gst_element_set_state(pipeline.get(), GST_STATE_PAUSED), GST_STATE_CHANGE_ASYNC);
      server_.wait_for_requests(requests + 1);
      g_usleep(20000);  // the source most likely waits for the model then
      EXPECT_EQ(gst_element_set_state(pipeline.get(), i % 2 ? GST_STATE_READY : GST_STATE_NULL),
                GST_STATE_CHANGE_SUCCESS);
      gst_element_set_state(pipeline.get(), GST_STATE_NULL);
      for (const StructurePtr& error : listener.structures("error")) {
        g_autofree gchar* text = gst_structure_to_string(error.get());
        ADD_FAILURE() << text;
      }
    }
  }
}

// Before the model is loaded, CAPS and ACCEPT_CAPS queries must give consistent answers.
TEST_F(TsModelRemote, AcceptsAnyChannelsBeforeItIsLoaded) {
  Lone lone(from_server("same3.script.pt"));
  for (const GstState state : {GST_STATE_NULL, GST_STATE_READY}) {
    lone.go(state);
    const CapsPtr offered(gst_pad_query_caps(lone.sink.get(), nullptr));
    const CapsPtr stereo = make_caps(audio(2)), planes = make_caps("audio/x-raw,format=S16LE");
    EXPECT_TRUE(gst_caps_can_intersect(offered.get(), stereo.get()));
    EXPECT_TRUE(gst_pad_query_accept_caps(lone.sink.get(), stereo.get()));
    EXPECT_FALSE(gst_pad_query_accept_caps(lone.sink.get(), planes.get()));
  }
}

TEST_F(TsModelRemote, QueriesAndCapsWaitForTheModel) {
  Lone lone(from_server("stall/same3.script.pt"));
  lone.go(GST_STATE_PAUSED);
  server_.wait_for_requests(1);
  std::atomic<bool> is_answered = false;
  bool takes_stereo = true, takes_mono = false;
  std::thread upstream([&] {
    takes_stereo = gst_pad_query_accept_caps(lone.sink.get(), make_caps(audio(2)).get());
    takes_mono = lone.send_start(1);
    is_answered = true;
  });
  g_usleep(50000);
  EXPECT_FALSE(is_answered);
  lone.set("location", server_.uri("/same3.script.pt"));
  upstream.join();
  EXPECT_FALSE(takes_stereo);
  EXPECT_TRUE(takes_mono);
  EXPECT_EQ(lone.result(), GST_STATE_CHANGE_SUCCESS);
}

TEST_F(TsModelRemote, AFlushEndsTheWaitForTheModel) {
  Lone lone(from_server("stall/same3.script.pt"));
  lone.go(GST_STATE_PAUSED);
  server_.wait_for_requests(1);
  bool is_sent = true;
  std::thread upstream([&] { is_sent = lone.send_start(1); });
  g_usleep(20000);
  gst_pad_send_event(lone.sink.get(), gst_event_new_flush_start());
  upstream.join();
  EXPECT_FALSE(is_sent);
  gst_pad_send_event(lone.sink.get(), gst_event_new_flush_stop(TRUE));
  lone.set("location", server_.uri("/same3.script.pt"));
  EXPECT_EQ(lone.result(), GST_STATE_CHANGE_SUCCESS);
  EXPECT_TRUE(lone.send_start(1));
}

TEST_F(TsModelRemote, AMissingFileFailsTheStateChange) {
  Lone lone(from_server("nothing.pt"));
  bool is_sent = true;
  EXPECT_EQ(lone.go(GST_STATE_PAUSED), GST_STATE_CHANGE_ASYNC);
  std::thread upstream([&] { is_sent = lone.send_start(1); });
  EXPECT_EQ(lone.result(), GST_STATE_CHANGE_FAILURE);
  upstream.join();
  EXPECT_FALSE(is_sent);
  const std::vector<std::string> words = lone.listener->words();
  const auto error = std::find(words.begin(), words.end(), "error");
  ASSERT_NE(error, words.end());
  EXPECT_NE(std::find(error, words.end(), "progress error"), words.end());
  EXPECT_EQ(lone.go(GST_STATE_NULL), GST_STATE_CHANGE_SUCCESS);
  lone.set("location", server_.uri("/same3.script.pt"));
  EXPECT_EQ(lone.go(GST_STATE_PAUSED), GST_STATE_CHANGE_ASYNC);
  EXPECT_EQ(lone.result(), GST_STATE_CHANGE_SUCCESS);
}

// The thread that posts the error is blocked while the application starts the element again.
TEST_F(TsModelRemote, ALateErrorDoesNotEndTheNextStateChange) {
  Lone lone(from_server("missing.script.pt"));
  std::promise<void> release;
  lone.listener->when("progress error", [&] { release.get_future().wait(); });
  EXPECT_EQ(lone.go(GST_STATE_PAUSED), GST_STATE_CHANGE_ASYNC);
  ASSERT_TRUE(lone.listener->wait_for("progress error"));
  EXPECT_EQ(lone.go(GST_STATE_NULL), GST_STATE_CHANGE_SUCCESS);
  lone.set("location", server_.uri("/stall/same3.script.pt"));
  EXPECT_EQ(lone.go(GST_STATE_PAUSED), GST_STATE_CHANGE_ASYNC);
  server_.wait_for_requests(2);
  release.set_value();
  EXPECT_EQ(gst_element_get_state(lone.element.get(), nullptr, nullptr, GST_SECOND / 5),
            GST_STATE_CHANGE_ASYNC);
}

TEST_F(TsModelRemote, NothingIsFetchedInNullAfterAFailure) {
  Lone lone(from_server("missing.script.pt"));
  EXPECT_EQ(lone.go(GST_STATE_PAUSED), GST_STATE_CHANGE_ASYNC);
  EXPECT_EQ(lone.result(), GST_STATE_CHANGE_FAILURE);
  EXPECT_EQ(lone.go(GST_STATE_NULL), GST_STATE_CHANGE_SUCCESS);
  lone.set("location", server_.uri("/same3.script.pt"));
  g_usleep(G_USEC_PER_SEC / 10);
  EXPECT_EQ(lone.listener->count("progress start"), 1) << "a fetch was started in NULL";
  EXPECT_EQ(lone.go(GST_STATE_PAUSED), GST_STATE_CHANGE_ASYNC);
  EXPECT_EQ(lone.result(), GST_STATE_CHANGE_SUCCESS);
}

// Local files

using Words = std::vector<std::string>;

TEST(TsModelState, ReadyNeedsNoLocationAndLoadsNothing) {
  Lone lone({});
  EXPECT_EQ(lone.go(GST_STATE_READY), GST_STATE_CHANGE_SUCCESS);
  EXPECT_EQ(lone.listener->count("progress start"), 0);
  EXPECT_EQ(lone.go(GST_STATE_PAUSED), GST_STATE_CHANGE_FAILURE);
  EXPECT_NE(lone.error().find("location"), std::string::npos);
}

TEST(TsModelState, PausedLoadsWithProgressMessages) {
  Lone lone(at("same3.script.pt"));
  EXPECT_EQ(lone.go(GST_STATE_PAUSED), GST_STATE_CHANGE_ASYNC);
  EXPECT_EQ(lone.result(), GST_STATE_CHANGE_SUCCESS);
  ASSERT_TRUE(lone.listener->wait_for("async-done"));
  Words words;
  for (const std::string& word : lone.listener->words())
    if (word != "state-changed") words.push_back(word);
  EXPECT_EQ(words, (Words{"async-start", "progress start", "progress complete", "async-done"}));
  EXPECT_TRUE(lone.send_start(1));
  lone.go(GST_STATE_READY);
  EXPECT_EQ(lone.go(GST_STATE_PAUSED), GST_STATE_CHANGE_SUCCESS) << "it is still loaded";
}

// The weights of "heavy" are 33 MB.
TEST(TsModelState, NoStateChangeWaitsForALoad) {
  std::vector<std::chrono::steady_clock::duration> times;
  for (int i = 0; i < 9; ++i) {
    Lone lone(at("heavy.script.pt"));
    const auto begin = std::chrono::steady_clock::now();
    EXPECT_EQ(lone.go(GST_STATE_READY), GST_STATE_CHANGE_SUCCESS);
    EXPECT_EQ(lone.go(GST_STATE_PAUSED), GST_STATE_CHANGE_ASYNC);
    EXPECT_EQ(lone.go(GST_STATE_NULL), GST_STATE_CHANGE_SUCCESS);
    times.push_back(std::chrono::steady_clock::now() - begin);
    EXPECT_EQ(lone.listener->count("progress canceled"), 1);
    EXPECT_EQ(lone.listener->count("error"), 0);
  }
  EXPECT_LT(median(times), std::chrono::milliseconds(100));
}

}  // namespace
}  // namespace torchstreamer::test
