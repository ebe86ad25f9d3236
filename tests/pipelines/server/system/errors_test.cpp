// Error responses: status, headers and text.
#include <gtest/gtest.h>

#include "audio.h"
#include "expect_says.h"
#include "http_client.h"
#include "server_process.h"
#include "websocket.h"

namespace torchstreamer::test {
namespace {

const std::string kRaw = raw_type("S16LE", 16000);

void expect_error(const Response& response, int status, const std::string& text) {
  EXPECT_EQ(response.status, status);
  EXPECT_EQ(response.headers.at("content-type"), "application/json");
  EXPECT_EQ(response.body.rfind("{\"error\":\"", 0), 0u) << response.body;
  EXPECT_SAYS(text, response.body);
  EXPECT_TRUE(response.is_whole);
}

Response exchange(const std::string& request) {
  Connection connection(shared_server().port());
  connection.send(request);
  return read_response(&connection);
}

TEST(Errors, OfQueries) {
  const int port = shared_server().port();
  const std::string input = signal("S16LE", 1000);
  expect_error(post(port, "model=none", kRaw, input), 404,
               "model: there is no model \\\"none\\\". Models: ahead, near.");
  expect_error(post(port, "", kRaw, input), 404, "there is no model \\\"\\\"");
  expect_error(post(port, "model=ahead&output=mp3", kRaw, input), 400,
               "output: \\\"mp3\\\" is none of raw, wav, flac, ogg.");
  expect_error(post(port, "model=ahead&rate=x", kRaw, input), 400, "rate: \\\"x\\\" is not");
  expect_error(post(port, "model=ahead", "audio/x-raw;rate=16000", input), 400,
               "Raw audio needs its rate and channels");
  expect_error(post(port, "model=ahead", "audio/mpeg", input), 415,
               "Content-Type: \\\"audio/mpeg\\\" is none of audio/wav");
  expect_error(post(port, "model=%ff%00<script>", kRaw, input), 404, "there is no model");
}

TEST(Errors, OfPathsAndMethods) {
  const int port = shared_server().port();
  expect_error(get(port, "/none"), 404, "There is nothing at /none.");
  expect_error(get(port, "/"), 404, "There is nothing at /.");
  expect_error(get(port, "/../../etc/passwd"), 404, "There is nothing at ");
  expect_error(get(port, "/v1/process?model=ahead"), 405, "This path accepts only POST.");
  expect_error(exchange("POST /v1/models HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n"), 405,
               "This path accepts only GET.");
  expect_error(exchange("PUT /v1/live HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n"), 405,
               "This path accepts only GET.");
  expect_error(get(port, "/v1/live?model=ahead&rate=16000&channels=1"), 426, "only WebSockets");
}

TEST(Errors, OfBodies) {
  expect_error(exchange(post_head("model=ahead", kRaw, "")), 411,
               "The body needs Transfer-Encoding: chunked, or Content-Length.");
  expect_error(exchange(post_head("model=ahead", kRaw, kChunked) + "zz\r\n"), 400,
               "The chunked body is not valid: a chunk has no size.");
  expect_error(exchange(post_head("model=ahead", kRaw, "Content-Length: -1\r\n")), 400,
               "Content-Length is not a number of bytes.");
}

TEST(Errors, OfOrigins) {
  const auto from = [](const std::string& origin) {
    return exchange(post_head("model=ahead", kRaw, "Origin: " + origin + "\r\n" + kChunked) +
                    chunk(""));
  };
  expect_error(from("http://elsewhere"), 403,
               "The request comes from a page of a different server.");
  expect_error(from("null"), 403, "a different server");
  EXPECT_EQ(from("http://server").status, 200);
}

TEST(Errors, ArriveAfterALongUploadThatNobodyReads) {
  for (const std::string& framing : {kChunked, content_length(30 << 20)}) {
    Connection connection(shared_server().port());
    connection.send(post_head("model=none", kRaw, framing));
    const std::string part(1 << 20, '\0');
    // Sends all that the server reads, then receives the response.
    connection.send_until_blocked(framing == kChunked ? chunk(part) : part, 20 << 20);
    expect_error(read_response(&connection), 404, "there is no model");
  }
}

TEST(Errors, DuringTheUploadArriveBeforeItsEnd) {
  Connection connection(shared_server().port());
  connection.send(post_head("model=ahead", "audio/wav", kChunked));
  connection.send_until_blocked(chunk(std::string(1 << 20, 'x')), 20 << 20);
  expect_error(read_response(&connection), 415, "audio");
}

TEST(Errors, TheOtherPathsAnswer) {
  const int port = shared_server().port();
  EXPECT_EQ(get(port, "/healthz").body, "{\"status\":\"ok\"}\n");
  EXPECT_EQ(get(port, "/readyz").body, "{\"status\":\"ready\"}\n");
  const Response models = get(port, "/v1/models");
  EXPECT_SAYS("{\"models\":[{\"name\":\"ahead\",\"sample_rate\":0,\"channels\":1,", models.body);
  EXPECT_EQ(models.headers.at("content-type"), "application/json");
  const Response metrics = get(port, "/metrics");
  EXPECT_SAYS("text/plain; version=0.0.4", metrics.headers.at("content-type"));
  EXPECT_SAYS("\ntorchstreamer_sessions{kind=\"live\"} 0\n", metrics.body);
  EXPECT_SAYS("\ntorchstreamer_model_sessions{model=\"ahead\"} ", metrics.body);
}

}  // namespace
}  // namespace torchstreamer::test
