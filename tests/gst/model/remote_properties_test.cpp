// tsmodel: properties of fetching, contexts and secrets.
#include <gtest/gtest.h>

#include "expect_says.h"
#include "gst/model/remote_rig.h"
#include "gst/support/debug_log.h"
#include "gst/support/gst_main.h"

namespace torchstreamer::test {
namespace {

// Files with a known digest are taken from the cache, so this test uses a file that no other test
// fetches.
TEST_F(TsModelRemote, PropertiesSelectCertificateAndAuthorization) {
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

TEST_F(TsModelRemote, PlainHttpIsAllowedWithADigest) {
  const std::string file = "gain2.script.pt", location = server_.uri("/" + file);
  const std::string digest = sha256(read_file(models() / file));
  EXPECT_NE(pause({{"location", location}}).find("insecure-http"), std::string::npos);
  EXPECT_TRUE(server_.requests().empty());
  EXPECT_NE(pause({{"location", location}, {"sha256", std::string(64, '0')}, {"retries", "0"}}),
            "");
  EXPECT_EQ(pause({{"location", location}, {"sha256", digest}}), "");
  EXPECT_EQ(server_.requests().size(), 2u);
}

TEST_F(TsModelRemote, MaxBytesLimitsTheFile) {
  const std::string file = "same3.script.pt";
  const auto bytes = fs::file_size(models() / file);
  const auto limited = [&](guint64 max_bytes) {
    return pause(from_server(file) + Settings{{"max-bytes", std::to_string(max_bytes)}});
  };
  EXPECT_NE(limited(bytes - 1).find("max-bytes"), std::string::npos);
  EXPECT_EQ(limited(bytes), "");
}

TEST_F(TsModelRemote, CacheBytesLimitsTheCache) {
  const std::string same3 = "same3.script.pt", down2 = "down2.script.pt";
  EXPECT_EQ(pause(from_server(same3)) + pause(from_server(same3)), "");
  EXPECT_EQ(server_.requests().at(1).header("if-none-match"), same3);
  EXPECT_EQ(pause(from_server(down2) + Settings{{"cache-bytes", "1"}}), "");
  EXPECT_EQ(pause(from_server(same3)), "");
  EXPECT_EQ(server_.requests().at(3).header("if-none-match"), "") << "same3 is still in the cache";
}

TEST_F(TsModelRemote, TimeoutAndRetriesTakeEffect) {
  const std::string error =
      pause(from_server("stall/same3.script.pt") + Settings{{"timeout", "1"}});
  EXPECT_SAYS("timed out", error);
  std::atomic<int> requests = 0;
  HttpServer busy([&](const Request& request) -> Answer {
    return ++requests == 1 ? Answer{503} : serve_models(request);
  });
  const Settings once = {{"location", busy.uri("/same3.script.pt")}, {"insecure-http", "true"}};
  EXPECT_NE(pause(once + Settings{{"retries", "0"}}), "");
  requests = 0;
  EXPECT_EQ(pause(once + Settings{{"retries", "1"}}), "");
  EXPECT_EQ(requests, 2);
}

TEST_F(TsModelRemote, TwoElementsShareOneRequest) {
  Lone one(from_server("slow/same3.script.pt")), other(from_server("slow/same3.script.pt"));
  EXPECT_EQ(one.go(GST_STATE_PAUSED), GST_STATE_CHANGE_ASYNC);
  EXPECT_EQ(other.go(GST_STATE_PAUSED), GST_STATE_CHANGE_ASYNC);
  EXPECT_EQ(one.result(), GST_STATE_CHANGE_SUCCESS);
  EXPECT_EQ(other.result(), GST_STATE_CHANGE_SUCCESS);
  EXPECT_EQ(server_.requests().size(), 1u);
}

TEST_F(TsModelRemote, RequestsAContextOnce) {
  Lone lone(from_server("same3.script.pt"));
  lone.go(GST_STATE_PLAYING);
  EXPECT_EQ(lone.result(), GST_STATE_CHANGE_SUCCESS);
  EXPECT_EQ(lone.listener->count("need-context"), 1);
}

TEST_F(TsModelRemote, UsesTheAuthorizationOfAContext) {
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

TEST_F(TsModelRemote, LogsAndMessagesContainNoSecrets) {
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
      for (const StructurePtr& message : lone.listener->structures(word)) {
        g_autofree gchar* text = gst_structure_to_string(message.get());
        EXPECT_EQ(std::string(text).find("s3cr3t"), std::string::npos) << text;
      }
  }
  EXPECT_NE(log.text().find(server_.uri("/same3.script.pt")), std::string::npos);
  EXPECT_EQ(log.text().find("s3cr3t"), std::string::npos);
  EXPECT_EQ(server_.requests().at(0).header("authorization"), "Bearer s3cr3t");
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

TEST(TsModelRemoteInputs, AreSetWithoutAContext) {
  HttpServer server([](const Request& request) {
    return serve(request, read_file(models() / "loops/knob.pt"), "knob");
  });
  Lone lone({{"location", server.uri("/knob.pt")},
             {"insecure-http", "true"},
             {"window", "100"},
             {"inputs", "inputs,gain=1.0"}});
  lone.go(GST_STATE_PAUSED);
  ASSERT_EQ(lone.result(), GST_STATE_CHANGE_SUCCESS);
  const int before = lone.listener->count("need-context");
  for (const char* inputs : {"inputs,gain=2.0", "inputs,gain=3.0"}) lone.set("inputs", inputs);
  EXPECT_EQ(lone.listener->count("need-context"), before);
  EXPECT_EQ(lone.listener->count("progress start"), 1);
}

}  // namespace
}  // namespace torchstreamer::test

int main(int argc, char** argv) {
  const torchstreamer::test::TemporaryFolder cache;
  g_setenv("XDG_CACHE_HOME", cache.path().c_str(), TRUE);
  return torchstreamer::test::run_gst_tests(argc, argv);
}
