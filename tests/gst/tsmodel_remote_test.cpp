// tsmodel: models that a server has, while the element goes to PAUSED and while it plays. The
// oracle is the offline module's output, which lies beside each model.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <future>
#include <memory>
#include <thread>

#include "debug_log.h"
#include "gst_main.h"
#include "http_server.h"
#include "listener.h"
#include "median.h"
#include "model_rig.h"

namespace torchstreamer::test {
namespace {

struct UnrefObject {
  void operator()(gpointer object) const { gst_object_unref(object); }
};
template <class T>
using ObjectPtr = std::unique_ptr<T, UnrefObject>;

/// Serves the models; "/stall/..." stops after 100 bytes, "/slow/..." takes a while.
Answer serve_models(const Request& request) {
  const fs::path file = models() / fs::path(request.path).filename();
  if (!fs::is_regular_file(file)) return {404};
  Answer answer = serve(request, read_file(file), file.filename().string());
  if (request.path.rfind("/stall/", 0) == 0) answer.stall_bytes = 100;
  if (request.path.rfind("/slow/", 0) == 0) answer.drip_bytes = 1 + answer.body.size() / 40;
  return answer;
}

class TsModelRemote : public testing::Test {
 protected:
  /// Properties of a tsmodel that runs `file` of the server.
  Settings from_server(const std::string& file) const {
    return {{"location", server_.uri("/" + file)}, {"insecure-http", "true"}, {"retries", "0"}};
  }

  HttpServer server_{serve_models};
};

/// One element without a harness, which wants elements that are in PLAYING at once.
class Lone {
 public:
  explicit Lone(const Settings& settings)
      : element(gst_element_factory_make("tsmodel", nullptr)), bus_(gst_bus_new()) {
    gst_element_set_bus(element.get(), bus_.get());
    listener = std::make_unique<Listener>(element.get());
    for (const auto& [name, value] : settings) set(name, value);
    sink.reset(gst_element_get_static_pad(element.get(), "sink"));
  }
  ~Lone() {
    gst_element_set_state(element.get(), GST_STATE_NULL);
    listener.reset();
    gst_element_set_bus(element.get(), nullptr);
  }

  void set(const std::string& name, const std::string& value) {
    gst_util_set_object_arg(G_OBJECT(element.get()), name.c_str(), value.c_str());
  }
  GstStateChangeReturn go(GstState state) { return gst_element_set_state(element.get(), state); }
  /// How the state change under way ends.
  GstStateChangeReturn result() {
    return gst_element_get_state(element.get(), nullptr, nullptr, 20 * GST_SECOND);
  }
  /// The error that was posted.
  std::string error() { return only_error(bus_.get()).text; }
  bool send_start(int channels) {
    return gst_pad_send_event(sink.get(), gst_event_new_stream_start("test")) &&
           gst_pad_send_event(sink.get(), gst_event_new_caps(make_caps(audio(channels)).get()));
  }

  ObjectPtr<GstElement> element;
  std::unique_ptr<Listener> listener;
  ObjectPtr<GstPad> sink;

 private:
  ObjectPtr<GstBus> bus_;
};

TEST_F(TsModelRemote, ComesWhileAPipelineGoesToPaused) {
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
  expect_close(read_file(out), f.out);
  EXPECT_EQ(listener.count("error") + listener.count("warning"), 0);
  EXPECT_EQ(listener.count("progress start"), 1);
  EXPECT_EQ(listener.count("progress complete"), 1);
  int percent = -1;
  for (const StructurePtr& told : listener.structures("progress continue")) {
    const int before = percent;
    ASSERT_TRUE(gst_structure_get_int(told.get(), "percent", &percent));
    EXPECT_GT(percent, before);
  }
  EXPECT_EQ(percent, 100);
}

TEST_F(TsModelRemote, EndsTheStateChangeAndTellsInOrder) {
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
  // It is there for the next time.
  EXPECT_EQ(lone.go(GST_STATE_READY), GST_STATE_CHANGE_SUCCESS);
  EXPECT_EQ(lone.go(GST_STATE_PLAYING), GST_STATE_CHANGE_SUCCESS);
}

TEST_F(TsModelRemote, IsGivenUpAtOnceOnTheWayToNull) {
  Lone lone(from_server("stall/same3.script.pt"));
  std::vector<std::chrono::steady_clock::duration> times;
  for (int i = 1; i <= 9; ++i) {
    EXPECT_EQ(lone.go(GST_STATE_PAUSED), GST_STATE_CHANGE_ASYNC);
    server_.wait_for_requests(i);
    std::thread upstream([&] { lone.send_start(1); });
    g_usleep(20000);  // where it waits by now, most likely
    const auto begin = std::chrono::steady_clock::now();
    EXPECT_EQ(lone.go(GST_STATE_NULL), GST_STATE_CHANGE_SUCCESS);
    upstream.join();
    times.push_back(std::chrono::steady_clock::now() - begin);
    EXPECT_EQ(lone.listener->count("progress canceled"), i);
  }
  EXPECT_LT(median(times), std::chrono::milliseconds(100));
  EXPECT_EQ(lone.listener->count("error"), 0);
  lone.set("location", model_path("same3.script.pt"));
  EXPECT_EQ(lone.go(GST_STATE_PLAYING), GST_STATE_CHANGE_SUCCESS);
}

// A source that waits for caps is stopped, not refused: nobody did wrong.
TEST_F(TsModelRemote, IsGivenUpWithoutAnErrorOfTheSource) {
  // A model each: of none so much comes in all tries that it is complete.
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
      g_usleep(20000);  // where the source waits by now, most likely
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

// Nothing is known of it yet: whoever asks early gets one answer, whichever way they ask.
TEST_F(TsModelRemote, MayTakeAnyAudioUntilItIsThere) {
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

TEST_F(TsModelRemote, QuestionsAndCapsWaitForIt) {
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

TEST_F(TsModelRemote, AFlushEndsTheWait) {
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

TEST_F(TsModelRemote, ThatIsNotThereFailsTheStateChange) {
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

/// Behind the whole input of `before`: that of `after`, and what both models make.
void expect_takeover(ElementRig* rig, const Fixture& before, const Fixture& after) {
  rig->push_all(make_info(audio(1)), after.in, 100,
                gst_util_uint64_scale_round(kFixtureFrames, GST_SECOND, kRateHz));
  rig->send_eos();
  Bytes expected = before.out;
  expected.insert(expected.end(), after.out.begin(), after.out.end());
  expect_close(rig->take_frames(), expected);
}

TEST_F(TsModelRemote, TakesOverFromALocalOne) {
  const Fixture local = fixture("same3.script.pt"), remote = fixture("blocks.script.pt");
  ElementRig rig("tsmodel", at(local.file));
  Listener listener(rig.element);
  rig.start(audio(1));
  rig.push_all(make_info(audio(1)), local.in, 100);
  const std::string uri = server_.uri("/" + remote.file);
  g_object_set(rig.element, "insecure-http", TRUE, "location", uri.c_str(), nullptr);
  ASSERT_TRUE(listener.wait_for("progress complete"));
  expect_takeover(&rig, local, remote);
}

TEST(TsModelRemoteReload, TakesOverWhereTheServerHasAnotherContent) {
  const Fixture before = fixture("same3.script.pt"), after = fixture("blocks.script.pt");
  std::atomic<bool> is_published{false};
  HttpServer server([&](const Request& request) {
    const std::string& file = is_published ? after.file : before.file;
    return serve(request, read_file(models() / file), file);
  });
  ElementRig rig("tsmodel", at(before.file));
  Listener listener(rig.element);
  rig.start(audio(1));
  const std::string uri = server.uri("/model.pt");
  g_object_set(rig.element, "insecure-http", TRUE, "location", uri.c_str(), nullptr);
  ASSERT_TRUE(listener.wait_for("progress complete"));
  g_signal_emit_by_name(rig.element, "reload");
  ASSERT_TRUE(listener.wait_for("progress complete", 2));
  rig.push_all(make_info(audio(1)), before.in, 100);
  is_published = true;
  g_signal_emit_by_name(rig.element, "reload");
  ASSERT_TRUE(listener.wait_for("progress complete", 3));
  expect_takeover(&rig, before, after);
  for (const size_t again : {1, 2})
    EXPECT_PRED_FORMAT2(testing::IsSubstring, before.file,
                        server.requests().at(again).header("if-none-match"));
}

/// Goes to PAUSED and back; the error where it fails.
std::string pause(const Settings& settings) {
  Lone lone(settings);
  EXPECT_EQ(lone.go(GST_STATE_PAUSED), GST_STATE_CHANGE_ASYNC);
  return lone.result() == GST_STATE_CHANGE_SUCCESS ? "" : lone.error();
}

Settings operator+(Settings a, const Settings& b) {
  for (const auto& setting : b) a.push_back(setting);
  return a;
}

// What has a digest is not asked for where the cache of this process holds it: files that no other
// test fetches.
TEST_F(TsModelRemote, IsFetchedAsThePropertiesSay) {
  const std::string file = "up3.script.pt";
  const TemporaryFolder folder;
  GTlsCertificate* certificate = make_certificate(folder.path());
  HttpServer secure(serve_models, certificate);
  g_object_unref(certificate);
  const Settings settings = {{"location", secure.uri("/" + file)},
                             {"authorization", "Bearer secret"},
                             {"sha256", sha256(read_file(models() / file))},
                             {"retries", "0"}};
  EXPECT_NE(pause(settings).find("ca-file"), std::string::npos);
  EXPECT_TRUE(secure.requests().empty());
  const std::string trusted = (folder / "cert.pem").string();
  EXPECT_EQ(pause(settings + Settings{{"ca-file", trusted}}), "");
  ASSERT_EQ(secure.requests().size(), 1u);
  EXPECT_EQ(secure.requests()[0].header("authorization"), "Bearer secret");
}

TEST_F(TsModelRemote, WithADigestThatFitsMayComeInTheClear) {
  const std::string file = "gain2.script.pt", location = server_.uri("/" + file);
  const std::string digest = sha256(read_file(models() / file));
  EXPECT_NE(pause({{"location", location}}).find("insecure-http"), std::string::npos);
  EXPECT_TRUE(server_.requests().empty());
  EXPECT_NE(pause({{"location", location}, {"sha256", std::string(64, '0')}, {"retries", "0"}}),
            "");
  EXPECT_EQ(pause({{"location", location}, {"sha256", digest}}), "");
  EXPECT_EQ(server_.requests().size(), 2u);
}

TEST_F(TsModelRemote, IsNotLargerThanAllowed) {
  const std::string file = "same3.script.pt";
  const auto bytes = fs::file_size(models() / file);
  const auto limited = [&](guint64 max_bytes) {
    return pause(from_server(file) + Settings{{"max-bytes", std::to_string(max_bytes)}});
  };
  EXPECT_NE(limited(bytes - 1).find("max-bytes"), std::string::npos);
  EXPECT_EQ(limited(bytes), "");
}

TEST_F(TsModelRemote, IsKeptInACacheAsLargeAsAllowed) {
  const std::string same3 = "same3.script.pt", down2 = "down2.script.pt";
  EXPECT_EQ(pause(from_server(same3)) + pause(from_server(same3)), "");
  EXPECT_EQ(server_.requests().at(1).header("if-none-match"), same3);
  EXPECT_EQ(pause(from_server(down2) + Settings{{"cache-bytes", "1"}}), "");
  EXPECT_EQ(pause(from_server(same3)), "");
  EXPECT_EQ(server_.requests().at(3).header("if-none-match"), "") << "was kept";
}

TEST_F(TsModelRemote, IsWaitedForAndAskedForAgainAsThePropertiesSay) {
  const std::string error =
      pause(from_server("stall/same3.script.pt") + Settings{{"timeout", "1"}});
  EXPECT_NE(error.find("timed out"), std::string::npos) << error;
  std::atomic<int> asked = 0;
  HttpServer busy([&](const Request& request) -> Answer {
    return ++asked == 1 ? Answer{503} : serve_models(request);
  });
  const Settings once = {{"location", busy.uri("/same3.script.pt")}, {"insecure-http", "true"}};
  EXPECT_NE(pause(once + Settings{{"retries", "0"}}), "");
  asked = 0;
  EXPECT_EQ(pause(once + Settings{{"retries", "1"}}), "");
  EXPECT_EQ(asked, 2);
}

TEST_F(TsModelRemote, OfTwoElementsAtOnceIsOneRequest) {
  Lone one(from_server("slow/same3.script.pt")), other(from_server("slow/same3.script.pt"));
  EXPECT_EQ(one.go(GST_STATE_PAUSED), GST_STATE_CHANGE_ASYNC);
  EXPECT_EQ(other.go(GST_STATE_PAUSED), GST_STATE_CHANGE_ASYNC);
  EXPECT_EQ(one.result(), GST_STATE_CHANGE_SUCCESS);
  EXPECT_EQ(other.result(), GST_STATE_CHANGE_SUCCESS);
  EXPECT_EQ(server_.requests().size(), 1u);
}

TEST_F(TsModelRemote, AsksForAContextOnce) {
  Lone lone(from_server("same3.script.pt"));
  lone.go(GST_STATE_PLAYING);
  EXPECT_EQ(lone.result(), GST_STATE_CHANGE_SUCCESS);
  EXPECT_EQ(lone.listener->count("need-context"), 1);
}

TEST_F(TsModelRemote, AsksAContextForTheAuthorization) {
  Lone lone(from_server("same3.script.pt"));
  GstContext* context = gst_context_new("torchstreamer.http", FALSE);
  gst_structure_set(gst_context_writable_structure(context), "authorization", G_TYPE_STRING,
                    "Bearer secret", nullptr);
  gst_element_set_context(lone.element.get(), context);
  gst_context_unref(context);
  lone.go(GST_STATE_PAUSED);
  ASSERT_EQ(lone.result(), GST_STATE_CHANGE_SUCCESS);
  EXPECT_EQ(server_.requests().at(0).header("authorization"), "Bearer secret");
  EXPECT_EQ(lone.listener->count("need-context"), 0);
}

TEST_F(TsModelRemote, TellsNoSecretsInLogsAndMessages) {
  const DebugLog log("*:9");
  for (const char* file : {"same3.script.pt", "missing.script.pt"}) {
    Lone lone({{"location",
                server_.uri("/" + std::string(file) + "?token=s3cr3t", "user:s3cr3t@127.0.0.1")},
               {"authorization", "Bearer s3cr3t"},
               {"insecure-http", "true"},
               {"retries", "0"}});
    lone.go(GST_STATE_PAUSED);
    lone.result();
    for (const char* word : {"error", "progress start", "progress complete", "progress error"})
      for (const StructurePtr& told : lone.listener->structures(word)) {
        g_autofree gchar* text = gst_structure_to_string(told.get());
        EXPECT_EQ(std::string(text).find("s3cr3t"), std::string::npos) << text;
      }
  }
  EXPECT_NE(log.text().find(server_.uri("/same3.script.pt")), std::string::npos);
  EXPECT_EQ(log.text().find("s3cr3t"), std::string::npos);
  EXPECT_EQ(server_.requests().at(0).header("authorization"), "Bearer s3cr3t");
}

// The thread that told of an error is held up while the application goes on.
TEST_F(TsModelRemote, WhoIsLateEndsNothingOfTheNextRun) {
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

TEST_F(TsModelRemote, AFailureIsNotFollowedAnyMore) {
  Lone lone(from_server("missing.script.pt"));
  EXPECT_EQ(lone.go(GST_STATE_PAUSED), GST_STATE_CHANGE_ASYNC);
  EXPECT_EQ(lone.result(), GST_STATE_CHANGE_FAILURE);
  EXPECT_EQ(lone.go(GST_STATE_NULL), GST_STATE_CHANGE_SUCCESS);
  lone.set("location", server_.uri("/same3.script.pt"));
  g_usleep(G_USEC_PER_SEC / 10);
  EXPECT_EQ(lone.listener->count("progress start"), 1) << "in NULL nothing is fetched";
  EXPECT_EQ(lone.go(GST_STATE_PAUSED), GST_STATE_CHANGE_ASYNC);
  EXPECT_EQ(lone.result(), GST_STATE_CHANGE_SUCCESS);
}

TEST_F(TsModelRemote, TheModelInUseStaysInTheCache) {
  auto settings = from_server("same3.script.pt");
  settings.emplace_back("cache-bytes", "1");
  Lone first(settings), second(settings);
  second.set("location", server_.uri("/down2.script.pt"));
  for (Lone* lone : {&first, &second}) {
    EXPECT_EQ(lone->go(GST_STATE_PAUSED), GST_STATE_CHANGE_ASYNC);
    EXPECT_EQ(lone->result(), GST_STATE_CHANGE_SUCCESS);
  }
  GstStructure* stats = nullptr;
  g_object_get(first.element.get(), "stats", &stats, nullptr);
  const StructurePtr owned(stats);
  const char* digest = gst_structure_get_string(stats, "model-digest");
  ASSERT_NE(digest, nullptr);
  EXPECT_TRUE(fs::exists(fs::path(g_get_user_cache_dir()) / "torchstreamer/models/files" / digest));
}

}  // namespace
}  // namespace torchstreamer::test

int main(int argc, char** argv) {
  const torchstreamer::test::TemporaryFolder cache;
  g_setenv("XDG_CACHE_HOME", cache.path().c_str(), TRUE);
  return torchstreamer::test::run_gst_tests(argc, argv);
}
