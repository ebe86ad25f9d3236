// Back-pressure: a client that does not read stops its own session, not the memory of the server.
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

constexpr size_t kMost = 256 << 20;
/// The sockets of the kernel hold some megabytes in each direction.
constexpr size_t kMostBlocked = 32 << 20, kMostMemory = 24 << 20;

const std::string kQuery = "model=ahead&format=S16LE&rate=16000&channels=1";

/// Sends until nothing leaves; the server must hold little of it.
void expect_bounded(Connection* connection, const std::string& bytes) {
  ServerProcess& server = shared_server();
  const size_t before = server.resident_bytes();
  EXPECT_LT(connection->send_until_blocked(bytes, kMost), kMostBlocked);
  EXPECT_LT(server.resident_bytes(), before + kMostMemory);
}

void expect_others_are_served() {
  const std::string input = signal("S16LE", 16000);
  const Response response =
      post(shared_server().port(), "model=ahead", raw_type("S16LE", 16000), input);
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.body.size(), input.size());
}

/// A blocked session uses no processor time, and ends after the idle time.
void expect_idle_end() {
  ServerProcess& server = shared_server();
  EXPECT_TRUE(server.has_sessions(1, 1));
  const double cpu_s = server.cpu_s();
  std::this_thread::sleep_for(std::chrono::milliseconds(500));
  EXPECT_LT(server.cpu_s() - cpu_s, 0.2);
  EXPECT_TRUE(server.has_sessions(0, 5));
}

TEST(Pressure, UploadWithoutAReader) {
  Connection connection(shared_server().port());
  connection.send(post_head("model=ahead", raw_type("S16LE", 16000), kChunked));
  expect_bounded(&connection, chunk(signal("S16LE", 16000)));
  expect_others_are_served();
  expect_idle_end();
}

TEST(Pressure, WebSocketWithoutAReader) {
  const size_t descriptors = shared_server().descriptors();
  WebSocket socket(shared_server().port(), kQuery);
  expect_bounded(&socket.connection(), WebSocket::frame(WebSocket::kBinary, signal("S16LE", 1600)));
  expect_others_are_served();
  expect_idle_end();
  // The connection ends too, although the client does not read the close message.
  EXPECT_TRUE(becomes_true(5, [&] { return shared_server().descriptors() <= descriptors; }));
}

// The keepalive pings of the server, one each second, are no activity.
TEST(Pressure, SilentWebSocketEndsAfterTheIdleTime) {
  WebSocket socket(shared_server().port(), kQuery);
  EXPECT_SAYS("ready", socket.receive().payload);
  const std::string end = socket.receive().payload;
  EXPECT_SAYS("No data moved for 2 seconds", end);
  EXPECT_TRUE(shared_server().has_sessions(0, 1));
}

TEST(Pressure, WebSocketThatSendsFasterThanTheModel) {
  WebSocket socket(shared_server().port(), kQuery);
  const std::string frame = WebSocket::frame(WebSocket::kBinary, std::string(1 << 20, '\0'));
  const size_t before = shared_server().resident_bytes();
  size_t most = before;
  size_t received = 0;
  {
    const Sender sender([&] {
      for (int i = 0; i < 60; ++i) socket.connection().send(frame);
      socket.send_end();
    });
    for (WebSocket::Message message = socket.receive(); message.opcode != WebSocket::kClose;
         message = socket.receive()) {
      if (message.opcode == WebSocket::kBinary) received += message.payload.size();
      if (received % 16 == 0) most = std::max(most, shared_server().resident_bytes());
    }
  }
  EXPECT_EQ(received, 60u << 20);
  EXPECT_LT(most, before + kMostMemory);
}

TEST(Pressure, SlowReadersGetEverything) {
  const std::string input = signal("S16LE", 3000000);
  const std::string expected = play(
      input,
      session_elements(raw_parser("S16LE", 16000), shared_server().model("ahead"), "format=S16LE"));
  Connection connection(shared_server().port());
  const Sender sender([&] {
    connection.send(post_head("model=ahead", raw_type("S16LE", 16000), kChunked) + chunk(input) +
                    chunk(""));
  });
  ResponseReader reader(&connection);
  reader.read_head();
  std::string received;
  for (std::string part; !(part = reader.read_part()).empty();) {
    received += part;
    if (received.size() < 2000000) std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  EXPECT_TRUE(reader.is_whole());
  EXPECT_TRUE(received == expected);
}

TEST(Pressure, SlowReadersOfWebSocketsGetEverything) {
  const std::string input = signal("S16LE", 3000000);
  const std::string expected = play(
      input,
      session_elements(raw_parser("S16LE", 16000), shared_server().model("ahead"), "format=S16LE"));
  WebSocket socket(shared_server().port(), kQuery);
  const Sender sender([&] {
    for (size_t i = 0; i < input.size(); i += 50000)
      socket.send(WebSocket::kBinary, input.substr(i, 50000));
    socket.send_end();
  });
  std::string received;
  for (WebSocket::Message message = socket.receive(); message.opcode != WebSocket::kClose;
       message = socket.receive()) {
    if (message.opcode == WebSocket::kBinary) received += message.payload;
    if (received.size() < 2000000) std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  EXPECT_TRUE(received == expected) << received.size() << " of " << expected.size();
}

}  // namespace
}  // namespace torchstreamer::test
