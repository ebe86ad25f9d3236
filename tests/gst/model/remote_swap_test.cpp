// tsmodel: a model from a server takes over from a model that plays.
#include <gtest/gtest.h>
#include <atomic>

#include "gst/model/remote_rig.h"

namespace torchstreamer::test {
namespace {

/// After the input of `before`, pushes the input of `after` and expects the output of both models.
void expect_takeover(ElementRig* rig, const Fixture& before, const Fixture& after) {
  rig->push_all(make_info(audio(1)), after.in, 100,
                gst_util_uint64_scale_round(kFixtureFrames, GST_SECOND, kRateHz));
  rig->send_eos();
  Bytes expected = before.out;
  expected.insert(expected.end(), after.out.begin(), after.out.end());
  expect_close(rig->take_frames(), expected, std::max(before.own_error, after.own_error));
}

TEST_F(TsModelRemote, TakesOverFromALocalModel) {
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

TEST(TsModelRemoteReload, TakesOverIfTheServerHasNewContent) {
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

}  // namespace
}  // namespace torchstreamer::test
