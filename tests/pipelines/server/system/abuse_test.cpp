// Clients that do not follow the protocol: the server lives, and keeps nothing of them.
#include <gtest/gtest.h>

#include <random>

#include "audio.h"
#include "http_client.h"
#include "server_process.h"
#include "websocket.h"

namespace torchstreamer::test {
namespace {

const std::string kQuery = "model=ahead&format=S16LE&rate=16000&channels=1";

/// Expects at the end that nothing is left of the clients.
class Abuse : public ::testing::Test {
 protected:
  Abuse() { EXPECT_TRUE(server().has_sessions(0, 5)); }
  ~Abuse() override {
    EXPECT_EQ(get(server().port(), "/healthz").status, 200);
    EXPECT_TRUE(server().has_sessions(0, 5));
    EXPECT_TRUE(becomes_true(6, [&] { return server().descriptors() <= before_; }))
        << server().descriptors() << " file descriptors, " << before_ << " before";
  }

  ServerProcess& server() { return shared_server(); }

 private:
  const size_t before_ = server().descriptors();
};

std::string random_bytes(size_t count, unsigned seed) {
  std::mt19937 random(seed);
  std::string bytes(count, '\0');
  for (char& c : bytes) c = static_cast<char>(random());
  return bytes;
}

TEST_F(Abuse, GarbageInsteadOfRequests) {
  for (unsigned seed = 0; seed < 30; ++seed) {
    Connection connection(server().port());
    const Sender sender(
        [&] { connection.send(random_bytes(seed * seed * 30, seed) + "\r\n\r\n"); });
    if (seed % 2) connection.is_readable(0.02);
  }
  for (const std::string request :
       {"\r\n\r\n", "GET\r\n\r\n", "GET / HTTP/9.9\r\n\r\n", "POST /v1/process HTTP/1.1\r\n\r\n",
        "GET /v1/live HTTP/1.0\r\n\r\n", "GET http://[::1 HTTP/1.1\r\nHost: a\r\n\r\n"}) {
    Connection connection(server().port());
    connection.send(request);
    connection.finish();
    EXPECT_TRUE(connection.is_readable(5)) << request;
  }
}

TEST_F(Abuse, EndlessHeaders) {
  Connection connection(server().port());
  connection.send("GET /healthz HTTP/1.1\r\nHost: a\r\n");
  const Sender sender([&] { connection.send(std::string(4 << 20, 'a')); });
  EXPECT_TRUE(connection.is_readable(5));
}

TEST_F(Abuse, GarbageAsBody) {
  for (unsigned seed = 0; seed < 40; ++seed) {
    const char* types[] = {"audio/wav", "audio/flac", "audio/ogg",
                           "audio/x-raw;format=F32LE;rate=16000;channels=1"};
    const char* starts[] = {"RIFF\xff\xff\xff\xffWAVEfmt ", "fLaC", "OggS", ""};
    const Response response = post(server().port(), "model=ahead", types[seed % 4],
                                   starts[seed % 4] + random_bytes(seed * 500, seed));
    EXPECT_EQ(response.status, seed % 4 == 3 ? 200 : 415) << response.body;
  }
}

TEST_F(Abuse, GarbageAsChunks) {
  for (unsigned seed = 0; seed < 20; ++seed) {
    Connection connection(server().port());
    const std::string request = post_head("model=ahead", raw_type("S16LE", 16000), kChunked) +
                                random_bytes(10000, seed) + "\n";
    const Sender sender([&] { connection.send(request); });
    EXPECT_EQ(read_response(&connection).status, 400);
  }
}

TEST_F(Abuse, BodiesOfOtherPathsAreNotKept) {
  const size_t before = server().resident_bytes();
  for (const std::string& request :
       std::vector<std::string>{"POST /v1/models", "GET /healthz", "PUT /none", "POST /metrics",
                                "GET /v1/live?" + kQuery, "GET /v1/process"}) {
    Connection connection(server().port());
    connection.send(request + " HTTP/1.1\r\nHost: a\r\n" + kChunked + "\r\n");
    connection.send_until_blocked(chunk(std::string(1 << 20, ' ')), 30 << 20);
    const int status = read_response(&connection).status;
    EXPECT_TRUE(status == 405 || status == 413) << request << ": " << status;
  }
  EXPECT_LT(server().resident_bytes(), before + (16 << 20));
}

TEST_F(Abuse, OneByteAtATime) {
  const std::string input = signal("S16LE", 100);
  const std::string request =
      post_head("model=ahead", raw_type("S16LE", 16000), kChunked) + chunk(input) + chunk("");
  Connection connection(server().port());
  for (const char byte : request) connection.send(std::string(1, byte));
  const Response response = read_response(&connection);
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.body.size(), input.size());

  WebSocket socket(server().port(), kQuery);
  socket.receive();
  for (const char byte : WebSocket::frame(WebSocket::kBinary, input))
    socket.connection().send(std::string(1, byte));
  EXPECT_EQ(socket.receive().opcode, WebSocket::kBinary);
}

TEST_F(Abuse, FragmentsWithoutAnEndCloseTheConnection) {
  WebSocket socket(server().port(), kQuery);
  socket.receive();
  const size_t before = server().resident_bytes();
  std::string fragment = WebSocket::frame(WebSocket::kBinary, std::string(60000, '\0'));
  fragment[0] &= 0x7f;  // without FIN
  socket.connection().send(fragment);
  fragment[0] &= 0xf0;  // the next ones continue the first
  EXPECT_ANY_THROW(for (int i = 0; i < 1000; ++i) socket.connection().send(fragment));
  EXPECT_LT(server().resident_bytes(), before + (24 << 20));
  EXPECT_TRUE(server().has_sessions(0, 2));
  EXPECT_EQ(get(server().port(), "/healthz").status, 200);
}

TEST_F(Abuse, HalfOpenConnectionsEndAfterTheIdleTime) {
  std::vector<std::unique_ptr<Connection>> connections;
  for (int i = 0; i < 60; ++i) {
    connections.push_back(std::make_unique<Connection>(server().port()));
    if (i % 3 == 1) connections.back()->send("POST /v1/proc");
    if (i % 3 == 2)
      connections.back()->send(post_head("model=ahead", raw_type("S16LE", 16000), kChunked));
  }
  EXPECT_EQ(get(server().port(), "/healthz").status, 200);
  for (const auto& connection : connections) {
    ASSERT_TRUE(connection->is_readable(8));
    while (!connection->receive().empty()) continue;
  }
}

TEST_F(Abuse, ConnectionsEndAfterTheirResponse) {
  for (const std::string path : {"/healthz", "/none", "/metrics"}) {
    Connection connection(server().port());
    connection.send("GET " + path + " HTTP/1.1\r\nHost: a\r\n\r\n");
    EXPECT_EQ(read_response(&connection).headers.at("connection"), "close");
    ASSERT_TRUE(connection.is_readable(1));
    EXPECT_EQ(connection.receive(), "");
  }
}

TEST_F(Abuse, HundredsOfQuickConnections) {
  std::mt19937 random(1);
  const std::string input = signal("S16LE", 2000);
  for (int i = 0; i < 300; ++i) {
    Connection connection(server().port());
    const std::string requests[] = {
        "", "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n",
        post_head("model=ahead", raw_type("S16LE", 16000), kChunked) + chunk(input) + chunk(""),
        "GET /v1/live?" + kQuery + " HTTP/1.1\r\nHost: a\r\n" + kUpgrade + "\r\n" +
            WebSocket::frame(WebSocket::kBinary, input)};
    const std::string request = requests[random() % 4];
    connection.send(request.substr(0, random() % 2 ? request.size() : random() % 500));
    if (random() % 2) connection.is_readable(0.01);
    if (random() % 2) connection.reset();
  }
}

}  // namespace
}  // namespace torchstreamer::test
