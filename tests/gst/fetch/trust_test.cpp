// Redirects, limits, pins, plain http, certificates and secrets.
#include <gtest/gtest.h>

#include "gst/fetch/fetch_rig.h"
#include "gst/support/debug_log.h"

namespace torchstreamer::test {
namespace {

TEST_F(ModelFetch, FollowsRedirects) {
  for (guint status : {301, 302, 303, 307, 308}) {
    HttpServer server([&](const Request& request) -> Answer {
      if (request.path == "/a/m.pt") return {status, {{"Location", "../b/m.pt"}}};
      return serve(request, model, "\"1\"");
    });
    options.authorization = kSecret;
    expect_file(fetch(server.uri("/a/m.pt")), model);
    ASSERT_EQ(server.requests().size(), 2u);
    EXPECT_EQ(server.requests()[1].path, "/b/m.pt");
    EXPECT_EQ(server.requests()[1].header("authorization"), kSecret);
  }
}

TEST_F(ModelFetch, LimitsTheNumberOfRedirects) {
  HttpServer server(always({302, {{"Location", "/m.pt"}}}));
  expect_error(server.uri("/m.pt"), GST_RESOURCE_ERROR_OPEN_READ, "too many redirects");
  EXPECT_EQ(server.requests().size(), 11u);
}

TEST_F(ModelFetch, DoesNotSendTheAuthorizationToADifferentServer) {
  options.authorization = kSecret;
  HttpServer other(serving(model, "\"1\""));
  HttpServer server(always({302, {{"Location", other.uri("/m.pt")}}}));
  expect_file(fetch(server.uri("/m.pt")), model);
  EXPECT_EQ(server.requests()[0].header("authorization"), kSecret);
  EXPECT_EQ(other.requests()[0].headers.count("authorization"), 0u);
}

TEST_F(ModelFetch, RefusesRedirectsToOtherSchemes) {
  HttpServer nowhere(always({302}));
  expect_error(nowhere.uri("/m.pt"), GST_RESOURCE_ERROR_OPEN_READ, "302");
  for (const char* location : {"file:///etc/passwd", "ftp://127.0.0.1/m.pt", "http://"}) {
    HttpServer server(always({302, {{"Location", location}}}));
    EXPECT_EQ(fail(server.uri("/m.pt")).code, GST_RESOURCE_ERROR_OPEN_READ) << location;
  }
}

TEST_F(ModelFetch, RefusesFilesLargerThanMaxBytes) {
  options.max_bytes = 50000;
  Answer answer = {200, {}, model};
  for (bool is_chunked : {false, true}) {
    answer.is_chunked = is_chunked;
    HttpServer server(always(answer));
    expect_error(server.uri("/m.pt"), GST_RESOURCE_ERROR_READ, "max-bytes");
    EXPECT_EQ(server.requests().size(), 1u);
    EXPECT_TRUE(cached("files").empty());
  }
  options.max_bytes = model.size();
  HttpServer server(always(answer));
  expect_file(fetch(server.uri("/m.pt")), model);
}

TEST_F(ModelFetch, ComparesTheDigest) {
  const Bytes other = make_model(kModelBytes, 2);
  HttpServer server(serving(other, "\"1\""));
  options.sha256 = sha256(model);
  expect_error(server.uri("/m.pt"), GST_RESOURCE_ERROR_READ, "sha256");
  EXPECT_TRUE(cached("files").empty());
  write_bytes(folder / "other.pt", other);
  expect_error((folder / "other.pt").string(), GST_RESOURCE_ERROR_READ, "sha256");
  fetch_model(
      server.uri("/m.pt"),
      [&] {
        FetchOptions unpinned = options;
        unpinned.sha256.clear();
        return unpinned;
      }(),
      nullptr);
  expect_error(server.uri("/m.pt"), GST_RESOURCE_ERROR_READ, "sha256");
  options.sha256 = sha256(other);
  for (char& digit : options.sha256) digit = g_ascii_toupper(digit);
  expect_file(fetch((folder / "other.pt").string()), other);
}

TEST_F(ModelFetch, UsesACachedFileOfTheDigestWithoutARequest) {
  HttpServer server(serving(model, "\"1\""));
  fetch(server.uri("/m.pt"));
  options.sha256 = sha256(model);
  expect_file(fetch(server.uri("/elsewhere.pt")), model);
  EXPECT_EQ(server.requests().size(), 1u);
}

TEST_F(ModelFetch, ADigestHas64Digits) {
  for (const std::string& pin : {std::string("abc"), std::string(64, 'g'), std::string(65, 'a')}) {
    options.sha256 = pin;
    expect_error("/no/model.pt", GST_RESOURCE_ERROR_SETTINGS, "64");
  }
}

TEST_F(ModelFetch, PlainHttpIsRefusedWithoutADigest) {
  options.insecure_http = false;
  HttpServer server(serving(model, "\"1\""));
  expect_error(server.uri("/m.pt"), GST_RESOURCE_ERROR_SETTINGS, "insecure-http");
  options.sha256 = sha256(model);
  options.authorization = kSecret;
  expect_error(server.uri("/m.pt"), GST_RESOURCE_ERROR_SETTINGS, "insecure-http");
  EXPECT_TRUE(server.requests().empty());
  options.authorization.clear();
  expect_file(fetch(server.uri("/m.pt")), model);
}

TEST_F(ModelFetch, DoesNotCacheFilesThatAreNotModels) {
  HttpServer server(always({200, {}, bytes_of_text("<html>Please log in</html>")}));
  const Failure failure = fail(server.uri("/m.pt?token=s3cr3t"));
  EXPECT_EQ(failure.domain, GST_STREAM_ERROR);
  EXPECT_EQ(failure.code, GST_STREAM_ERROR_WRONG_TYPE);
  EXPECT_NE(failure.text.find(server.uri("/m.pt")), std::string::npos) << failure.text;
  EXPECT_EQ(failure.text.find("s3cr3t"), std::string::npos) << failure.text;
  EXPECT_TRUE(cached("files").empty());
}

TEST_F(ModelFetch, LocationsArePrintedWithoutSecrets) {
  EXPECT_EQ(printable_location("https://user:pass@host:81/a/m.pt?token=x#y"),
            "https://host:81/a/m.pt");
  EXPECT_EQ(printable_location("/a path/m.pt?#"), "/a path/m.pt?#");
  EXPECT_EQ(printable_location("https://[bad/m.pt?token=x").find("token"), std::string::npos);
}

class ModelFetchSecure : public ModelFetchCancel {
 protected:
  ModelFetchSecure() {
    options.insecure_http = false;
    certificate = make_certificate(folder.path());
  }
  ~ModelFetchSecure() override { g_object_unref(certificate); }

  GTlsCertificate* certificate;
};

TEST_F(ModelFetchSecure, ASelfSignedCertificateMustBeTrusted) {
  HttpServer server(serving(model, "\"1\""), certificate);
  expect_error(server.uri("/m.pt"), GST_RESOURCE_ERROR_OPEN_READ, "ca-file");
  EXPECT_TRUE(server.requests().empty());
  options.ca_file = (folder / "cert.pem").string();
  options.authorization = kSecret;
  expect_file(fetch(server.uri("/m.pt")), model);
  EXPECT_EQ(server.requests()[0].header("authorization"), kSecret);
  options.ca_file = (folder / "none.pem").string();
  expect_error(server.uri("/m.pt"), GST_RESOURCE_ERROR_SETTINGS, "ca-file");
}

TEST_F(ModelFetchSecure, RefusesRedirectsToPlainHttp) {
  HttpServer plain(serving(model, "\"1\""));
  HttpServer server(always({302, {{"Location", plain.uri("/m.pt")}}}), certificate);
  options.ca_file = (folder / "cert.pem").string();
  expect_error(server.uri("/m.pt"), GST_RESOURCE_ERROR_SETTINGS, "insecure-http");
  EXPECT_TRUE(plain.requests().empty());
}

TEST_F(ModelFetchSecure, TimesOutAndIsCancelled) {
  options.ca_file = (folder / "cert.pem").string();
  options.timeout_s = 1;
  options.retries = 0;
  Answer stalled = {200, {}, model};
  stalled.stall_bytes = 1000;
  HttpServer server(always(stalled), certificate);
  expect_error(server.uri("/m.pt"), GST_RESOURCE_ERROR_READ, "timed out");
  options.timeout_s = 5;
  size_t requests = server.requests().size();
  expect_prompt(server.uri("/m.pt"), [&] { server.wait_for_requests(++requests); });
}

TEST_F(ModelFetch, LogsContainNoSecrets) {
  const DebugLog log("*:9");
  HttpServer server(in_turn({always({500}), serving(model, "\"1\""), always({500})}));
  options.authorization = kSecret;
  options.retries = 1;
  const std::string uri = server.uri("/m.pt?token=s3cr3t", "user:s3cr3t@127.0.0.1");
  fetch(uri);
  fetch(uri);
  EXPECT_NE(log.text().find(server.uri("/m.pt")), std::string::npos) << "the log has no URI";
  EXPECT_EQ(log.text().find("s3cr3t"), std::string::npos);
}

}  // namespace
}  // namespace torchstreamer::test
