// Limits of sessions, bytes, time and load.
#include <gtest/gtest.h>

#include <chrono>
#include <thread>

#include "audio.h"
#include "expect_says.h"
#include "http_client.h"
#include "server_process.h"
#include "websocket.h"

namespace torchstreamer::test {
namespace {

const std::string kRaw = raw_type("S16LE", 16000);
const std::string kQuery = "model=ahead&format=S16LE&rate=16000&channels=1";

/// Starts an upload from an address.
std::unique_ptr<Connection> start(const ServerProcess& server, const std::string& address,
                                  const std::string& model = "ahead") {
  auto connection =
      std::make_unique<Connection>(server.port(), Connection::Security::kNone, address);
  connection->send(post_head("model=" + model, kRaw, kChunked) + chunk(signal("S16LE", 8000)));
  return connection;
}

TEST(Limits, OfSessions) {
  const ServerProcess server({"--max-sessions=3", "--max-sessions-per-address=2"});
  const auto first = start(server, "127.0.0.1"), second = start(server, "127.0.0.1");
  ASSERT_TRUE(server.has_sessions(2, 5));
  const Response address = read_response(start(server, "127.0.0.1").get());
  EXPECT_EQ(address.status, 429);
  EXPECT_SAYS("This address has 2 sessions, the maximum.", address.body);
  EXPECT_EQ(address.headers.at("retry-after"), "2");
  EXPECT_EQ(get(server.port(), "/v1/live?" + kQuery, kUpgrade).status, 429);

  const auto third = start(server, "127.0.0.2");
  ASSERT_TRUE(server.has_sessions(3, 5));
  const Response sessions = read_response(start(server, "127.0.0.3").get());
  EXPECT_EQ(sessions.status, 503);
  EXPECT_SAYS("The server has 3 sessions, the maximum.", sessions.body);
  EXPECT_EQ(sessions.headers.at("retry-after"), "2");

  const std::string metrics = get(server.port(), "/metrics").body;
  EXPECT_SAYS("torchstreamer_refusals_total{reason=\"address\"} 2\n", metrics);
  EXPECT_SAYS("torchstreamer_refusals_total{reason=\"sessions\"} 1\n", metrics);
  first->send(chunk(""));
  EXPECT_EQ(read_response(first.get()).body.size(), 16000u);
  ASSERT_TRUE(server.has_sessions(2, 5));
  EXPECT_EQ(post(server.port(), "model=ahead", kRaw, "").status, 200);
}

TEST(Limits, OfSessionsThatStartTogether) {
  const ServerProcess server({"--max-sessions=4"});
  std::vector<std::unique_ptr<Connection>> connections;
  for (int i = 0; i < 20; ++i) connections.push_back(std::make_unique<Connection>(server.port()));
  for (const auto& connection : connections)
    connection->send("GET /v1/live?" + kQuery + " HTTP/1.1\r\nHost: server\r\n" + kUpgrade +
                     "\r\n");
  int opened = 0;
  for (const auto& connection : connections)
    opened += ResponseReader(connection.get()).read_head().status == 101;
  EXPECT_EQ(opened, 4);
  EXPECT_EQ(server.sessions(), 4u);
}

TEST(Limits, OfSessionsHoldForReadiness) {
  const ServerProcess server({"--max-sessions=1"});
  EXPECT_EQ(get(server.port(), "/readyz").status, 200);
  const auto session = start(server, "127.0.0.1");
  ASSERT_TRUE(server.has_sessions(1, 5));
  const Response full = get(server.port(), "/readyz");
  EXPECT_EQ(full.status, 503);
  EXPECT_SAYS("The server has 1 sessions, the maximum.", full.body);
  EXPECT_EQ(full.headers.at("retry-after"), "2");
  session->reset();
  ASSERT_TRUE(server.has_sessions(0, 5));
  EXPECT_TRUE(becomes_true(5, [&] { return get(server.port(), "/readyz").status == 200; }));
}

/// Reads a body. True if the connection ends before it.
bool is_cut(ResponseReader* reader) {
  try {
    while (!reader->read_part().empty()) continue;
    return !reader->is_whole();
  } catch (const std::runtime_error&) {
    return true;  // the connection was reset
  }
}

TEST(Limits, OfBytesAndSeconds) {
  const ServerProcess server({"--max-bytes=100000", "--max-duration=2"});
  const std::string input = signal("S16LE", 100000);
  const std::string text = "A session may receive at most 100000 bytes.";
  const Response known = post(server.port(), "model=ahead", kRaw, input);
  EXPECT_EQ(known.status, 413);
  EXPECT_SAYS(text, known.body);

  Connection connection(server.port());
  connection.send(post_head("model=ahead", kRaw, kChunked) + chunk(input.substr(0, 20000)));
  ResponseReader reader(&connection);
  EXPECT_EQ(reader.read_head().status, 200);
  const Sender sender([&] {
    for (size_t i = 20000; i < input.size(); i += 20000)
      connection.send(chunk(input.substr(i, 20000)));
  });
  EXPECT_TRUE(is_cut(&reader));

  WebSocket socket(server.port(), kQuery);
  socket.receive();
  for (size_t i = 0; i < 40000; i += 20000) socket.send(WebSocket::kBinary, input.substr(i, 20000));
  std::string error;
  for (int i = 0; i < 8; ++i) {  // 2.5 seconds of audio
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    if (i < 3) socket.send(WebSocket::kBinary, input.substr(0, 16000));
  }
  for (WebSocket::Message message = socket.receive(); message.opcode != WebSocket::kClose;
       message = socket.receive())
    if (message.opcode == WebSocket::kText) error = message.payload;
  EXPECT_SAYS("A session may have at most 2 seconds of audio.", error);
}

TEST(Limits, OfSecondsHoldForEveryContainer) {
  const ServerProcess server({"--max-duration=1"});
  for (const std::string output : {"raw", "wav", "flac", "ogg"}) {
    Connection connection(server.port());
    const std::string audio = signal("S16LE", 8000);
    const Sender sender([&] {
      connection.send(
          post_head("model=ahead&output=" + output, raw_type("S16LE", 48000), kChunked));
      for (int i = 0; i < 40; ++i) {
        connection.send(chunk(audio));
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
      }
      connection.send(chunk(""));
    });
    ResponseReader reader(&connection);
    EXPECT_EQ(reader.read_head().status, 200);
    EXPECT_TRUE(is_cut(&reader)) << output;
  }
}

TEST(Limits, OverloadIsRefused) {
  const TemporaryFolder folder;
  std::ofstream(folder / "server.conf")
      << "[server]\nload-limit=1\n[model heavy]\nlocation=" << ServerProcess::test_model("heavy");
  const ServerProcess server({"--config=" + (folder / "server.conf").string()});
  Connection connection(server.port());
  connection.send(post_head("model=heavy", raw_type("S16LE", 48000), kChunked));
  connection.send_until_blocked(chunk(signal("S16LE", 48000)), 4 << 20);
  Response refused;
  ASSERT_TRUE(becomes_true(8, [&] {
    refused = post(server.port(), "model=ahead", kRaw, signal("S16LE", 160));
    return refused.status == 503;
  }));
  EXPECT_SAYS("No more sessions: the processors are busy.", refused.body);
  EXPECT_EQ(refused.headers.at("retry-after"), "2");
  connection.reset();
  EXPECT_TRUE(becomes_true(8, [&] {
    return post(server.port(), "model=ahead", kRaw, signal("S16LE", 160)).status == 200;
  }));
}

}  // namespace
}  // namespace torchstreamer::test
