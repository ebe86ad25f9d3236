// Local files, and the first and later requests for a remote file.
#include <gtest/gtest.h>

#include "gst/fetch/fetch_rig.h"

namespace torchstreamer::test {
namespace {

TEST_F(ModelFetch, LocalFilesArePathsOrUris) {
  write_bytes(folder / "a model.pt", model);
  const std::string path = (folder / "a model.pt").string();
  const std::string uri = "file://" + folder.path().string() + "/a%20model.pt";
  for (const std::string& location : {path, uri}) {
    const ModelFile file = fetch(location);
    EXPECT_EQ(file.path, path);
    EXPECT_EQ(file.sha256, sha256(model));
    EXPECT_FALSE(file.lease);
    EXPECT_TRUE(percents.empty());
  }
  EXPECT_FALSE(fs::exists(folder / "cache"));
}

// For example, rsync --inplace --times changes a file and keeps its time.
TEST_F(ModelFetch, LocalFilesAreReadAgainEvenIfTheirTimeIsUnchanged) {
  const fs::path path = folder / "model.pt";
  write_bytes(path, model);
  EXPECT_EQ(fetch(path).sha256, sha256(model));
  const auto time = fs::last_write_time(path);
  const Bytes other = make_model(kModelBytes, 2);
  ASSERT_EQ(other.size(), model.size());
  write_bytes(path, other);
  fs::last_write_time(path, time);
  EXPECT_EQ(fetch(path).sha256, sha256(other));
}

TEST_F(ModelFetch, MissingLocalFilesAreErrors) {
  expect_error("", GST_RESOURCE_ERROR_NOT_FOUND, "location");
  expect_error("/no/such/model.pt", GST_RESOURCE_ERROR_NOT_FOUND, "/no/such/model.pt");
  expect_error("file:///no/such%20model.pt", GST_RESOURCE_ERROR_NOT_FOUND, "/no/such model.pt");
  expect_error(folder.path().string(), GST_RESOURCE_ERROR_OPEN_READ, "not a regular file");
  expect_error("gopher://host/model.pt", GST_RESOURCE_ERROR_OPEN_READ, "https");
  expect_error("file://m/net.pt", GST_RESOURCE_ERROR_OPEN_READ,
               "file://m/net.pt names the host m, which is not this machine. The URI of a local "
               "file has three slashes: file:///net.pt.");
}

TEST_F(ModelFetch, DownloadsOnceAndThenRevalidates) {
  HttpServer server(serving(model, "\"1\""));
  const ModelFile first = fetch(server.uri("/m.pt"));
  expect_file(first, model);
  EXPECT_EQ(percents.front(), 0);
  EXPECT_EQ(percents.back(), 100);
  EXPECT_TRUE(std::is_sorted(percents.begin(), percents.end()));
  EXPECT_EQ(fetch(server.uri("/m.pt")).path, first.path);
  EXPECT_EQ(percents, std::vector<int>{100});
  const auto requests = server.requests();
  ASSERT_EQ(requests.size(), 2u);
  EXPECT_EQ(requests[0].header("if-none-match"), "");
  EXPECT_EQ(requests[1].header("if-none-match"), "\"1\"");
  EXPECT_EQ(requests[1].header("range"), "");
}

// The file was fetched while the clock was ahead.
TEST_F(ModelFetch, RevalidatesAfterTheClockWasSetBack) {
  HttpServer server(serving(model, "\"1\""));
  fetch(server.uri("/m.pt"));
  const std::vector<fs::path> records = cached("uris");
  ASSERT_EQ(records.size(), 1u);
  g_autoptr(GKeyFile) record = g_key_file_new();
  ASSERT_TRUE(g_key_file_load_from_file(record, records[0].c_str(), G_KEY_FILE_NONE, nullptr));
  g_key_file_set_int64(record, "model", "confirmed-us",
                       g_get_real_time() + gint64{3600} * G_USEC_PER_SEC);
  ASSERT_TRUE(g_key_file_save_to_file(record, records[0].c_str(), nullptr));
  fetch(server.uri("/m.pt"));
  EXPECT_EQ(server.requests().size(), 2u);
}

TEST_F(ModelFetch, RevalidatesByDateWithoutATag) {
  const std::string date = "Tue, 15 Nov 1994 12:45:26 GMT";
  HttpServer server(in_turn({always({200, {{"Last-Modified", date}}, model}), always({304})}));
  fetch(server.uri("/m.pt"));
  expect_file(fetch(server.uri("/m.pt")), model);
  EXPECT_EQ(server.requests()[1].header("if-modified-since"), date);
}

TEST_F(ModelFetch, DownloadsAgainIfTheTagChanges) {
  const Bytes other = make_model(kModelBytes, 2);
  HttpServer server(in_turn({serving(model, "\"1\""), serving(other, "\"2\"")}));
  const ModelFile first = fetch(server.uri("/m.pt"));
  expect_file(fetch(server.uri("/m.pt")), other);
  expect_file(first, model);
}

TEST_F(ModelFetch, KeepsOneCopyOfAFileWithTwoUris) {
  HttpServer server(serving(model, "\"1\""));
  const ModelFile a = fetch(server.uri("/a.pt")), b = fetch(server.uri("/b.pt"));
  EXPECT_EQ(a.path, b.path);
  EXPECT_EQ(cached("files").size(), 1u);
  expect_file(a, model);
}

TEST_F(ModelFetch, DoesNotRetryClientErrors) {
  for (guint status : {404, 410}) {
    HttpServer server(always({status}));
    expect_error(server.uri("/m.pt"), GST_RESOURCE_ERROR_NOT_FOUND, std::to_string(status));
    EXPECT_EQ(server.requests().size(), 1u);
  }
  HttpServer server(always({418}));
  expect_error(server.uri("/m.pt"), GST_RESOURCE_ERROR_OPEN_READ, "418");
}

TEST_F(ModelFetch, SendsTheAuthorizationUnchanged) {
  HttpServer server([&](const Request& request) -> Answer {
    if (request.header("authorization") == kSecret) return {200, {}, model};
    return {401, {{"WWW-Authenticate", "Bearer"}}};
  });
  expect_error(server.uri("/m.pt"), GST_RESOURCE_ERROR_NOT_AUTHORIZED, "authorization");
  options.authorization = kSecret;
  expect_file(fetch(server.uri("/m.pt")), model);
  options.authorization = std::string(kSecret) + "\r\nX-Other: 1";
  expect_error(server.uri("/m.pt"), GST_RESOURCE_ERROR_SETTINGS, "authorization");
}

TEST_F(ModelFetch, SendsUserAndPasswordOfTheUriOnAChallenge) {
  HttpServer server([&](const Request& request) -> Answer {
    if (request.header("authorization") == "Basic dXNlcjpwYXNz") return {200, {}, model};
    return {401, {{"WWW-Authenticate", "Basic realm=\"models\""}}};
  });
  expect_file(fetch(server.uri("/m.pt", "user:pass@127.0.0.1")), model);
}

TEST_F(ModelFetch, ReadsTheAuthorizationOfAContext) {
  GstContext* context = gst_context_new(kHttpContext, TRUE);
  EXPECT_EQ(context_authorization(context), "");
  gst_structure_set(gst_context_writable_structure(context), "authorization", G_TYPE_STRING,
                    kSecret, nullptr);
  EXPECT_EQ(context_authorization(context), kSecret);
  gst_context_unref(context);
  EXPECT_EQ(context_authorization(nullptr), "");
}

}  // namespace
}  // namespace torchstreamer::test
