// POST /v1/process returns the samples that the same pipeline makes without the server.
#include <gtest/gtest.h>

#include <random>

#include "audio.h"
#include "expect_says.h"
#include "http_client.h"
#include "server_process.h"

namespace torchstreamer::test {
namespace {

std::string expected(const std::string& input, const std::string& format, int rate,
                     int channels = 1, const std::string& more = "") {
  return play(input, session_elements(raw_parser(format, rate, channels),
                                      shared_server().model("ahead"), "format=" + format + more));
}

/// Parts of random length; half of the signals are cut into small ones.
std::vector<std::string> cut(const std::string& bytes, unsigned seed) {
  std::mt19937 random(seed);
  const size_t longest = seed % 2 ? 300 : 30000;
  std::vector<std::string> parts;
  for (size_t i = 0; i < bytes.size(); i += parts.back().size())
    parts.push_back(bytes.substr(i, 1 + random() % longest));
  return parts;
}

/// Posts the parts, one write for each.
Response post_parts(const std::string& head, const std::vector<std::string>& parts,
                    bool is_chunked) {
  Connection connection(shared_server().port());
  const Sender sender([&] {
    connection.send(head);
    for (const std::string& part : parts) connection.send(is_chunked ? chunk(part) : part);
    if (is_chunked) connection.send(chunk(""));
  });
  return read_response(&connection);
}

struct Case {
  const char* format;
  int rate, channels;
};

class Process : public ::testing::TestWithParam<Case> {};

TEST_P(Process, EqualsThePipelineWithoutTheServer) {
  const auto [format, rate, channels] = GetParam();
  const std::string input = signal(format, rate + 77, channels, static_cast<unsigned>(rate));
  const std::string output = expected(input, format, rate, channels);
  ASSERT_FALSE(output.empty());
  for (unsigned seed = 0; seed < 4; ++seed) {
    const bool is_chunked = seed / 2;
    const std::string head = post_head("model=ahead", raw_type(format, rate, channels),
                                       is_chunked ? kChunked : content_length(input.size()));
    const Response response = post_parts(head, cut(input, seed), is_chunked);
    EXPECT_EQ(response.status, 200) << response.body;
    EXPECT_EQ(response.headers.at("content-type"), "audio/x-raw");
    EXPECT_TRUE(response.is_whole);
    EXPECT_TRUE(response.body == output) << "seed " << seed << ": " << response.body.size()
                                         << " instead of " << output.size() << " bytes";
  }
}

INSTANTIATE_TEST_SUITE_P(Formats, Process,
                         ::testing::Values(Case{"S16LE", 16000, 1}, Case{"F32LE", 44100, 1},
                                           Case{"S16LE", 48000, 2}, Case{"F32LE", 8000, 2}));

TEST(ProcessOutput, HasTheRateOfTheQuery) {
  const std::string input = signal("S16LE", 16000);
  const Response response = post(shared_server().port(), "model=ahead&rate=44100&channels=2",
                                 raw_type("S16LE", 16000), input);
  EXPECT_TRUE(response.is_whole);
  EXPECT_TRUE(response.body == expected(input, "S16LE", 16000, 1, ",rate=44100,channels=2"));
}

TEST(ProcessOutput, OfNothingIsEmpty) {
  for (const std::string body : {"", "\x01"}) {
    const Response response =
        post(shared_server().port(), "model=ahead", raw_type("S16LE", 16000), body);
    EXPECT_EQ(response.status, 200) << response.body;
    EXPECT_TRUE(response.is_whole);
    EXPECT_EQ(response.body, "");
  }
}

TEST(ProcessOutput, ArrivesDuringTheUpload) {
  const std::string input = signal("F32LE", 20000);
  const std::string output = expected(input, "F32LE", 16000);
  Connection connection(shared_server().port());
  connection.send(post_head("model=ahead", raw_type("F32LE", 16000), kChunked));
  ResponseReader reader(&connection);
  std::string received;
  for (size_t i = 0; i < input.size(); i += 8000) {
    connection.send(chunk(input.substr(i, 8000)));
    if (i == 0) {
      EXPECT_EQ(reader.read_head().status, 200);
    }
    while (received.size() < i + 8000 - 16 * 4) {  // the model looks 16 frames ahead
      const std::string part = reader.read_part();
      ASSERT_FALSE(part.empty()) << "after " << received.size() << " bytes";
      received += part;
    }
  }
  connection.send(chunk(""));
  for (std::string part; !(part = reader.read_part()).empty();) received += part;
  EXPECT_TRUE(reader.is_whole());
  EXPECT_TRUE(received == output);
}

TEST(ProcessOutput, FollowsContinue) {
  const std::string input = signal("S16LE", 3000);
  Connection connection(shared_server().port());
  connection.send(post_head("model=ahead", raw_type("S16LE", 16000),
                            content_length(input.size()) + "Expect: 100-continue\r\n"));
  ResponseReader reader(&connection);
  EXPECT_EQ(reader.read_bytes(25), "HTTP/1.1 100 Continue\r\n\r\n");
  connection.send(input);
  const Response head = reader.read_head();
  EXPECT_EQ(head.status, 200);
  std::string received;
  for (std::string part; !(part = reader.read_part()).empty();) received += part;
  EXPECT_TRUE(received == expected(input, "S16LE", 16000));
}

TEST(ProcessOutput, ErrorTakesThePlaceOfContinue) {
  Connection connection(shared_server().port());
  connection.send(post_head("model=none", raw_type("S16LE", 16000),
                            content_length(10) + "Expect: 100-continue\r\n"));
  EXPECT_EQ(read_response(&connection).status, 404);
}

TEST(ProcessOutput, OfHttp10EndsWithTheConnection) {
  const std::string input = signal("S16LE", 30000);
  Connection connection(shared_server().port());
  const std::string request =
      "POST /v1/process?model=ahead HTTP/1.0\r\nContent-Type: " + raw_type("S16LE", 16000) +
      "\r\n" + content_length(input.size()) + "\r\n" + input;
  const Sender sender([&] { connection.send(request); });
  const Response response = read_response(&connection);
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.headers.count("transfer-encoding"), 0u);
  EXPECT_TRUE(response.body == expected(input, "S16LE", 16000));
}

TEST(ProcessOutput, DoesNotNeedTheConnectionAfterTheUpload) {
  const std::string input = signal("S16LE", 30000);
  Connection connection(shared_server().port());
  connection.send(post_head("model=ahead", raw_type("S16LE", 16000), kChunked) + chunk(input) +
                  chunk(""));
  connection.finish();
  const Response response = read_response(&connection);
  EXPECT_TRUE(response.is_whole);
  EXPECT_TRUE(response.body == expected(input, "S16LE", 16000));
}

}  // namespace
}  // namespace torchstreamer::test
