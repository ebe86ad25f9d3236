// SIGTERM drains, SIGHUP reads the models again.
#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>
#include <thread>

#include "audio.h"
#include "expect_says.h"
#include "http_client.h"
#include "server_process.h"
#include "websocket.h"

namespace torchstreamer::test {
namespace {

const std::string kRaw = raw_type("F32LE", 16000);
const std::string kQuery = "model=ahead&format=F32LE&rate=16000&channels=1";

std::string expected(const std::string& input, const std::string& model) {
  return play(input, session_elements(raw_parser("F32LE", 16000), ServerProcess::test_model(model),
                                      "format=F32LE"));
}

TEST(Signals, TermLetsSessionsFinish) {
  ServerProcess server;
  const std::string input = signal("F32LE", 16000);
  Connection upload(server.port());
  upload.send(post_head("model=ahead", kRaw, kChunked) + chunk(input.substr(0, 20000)));
  WebSocket socket(server.port(), kQuery);
  socket.receive();
  ASSERT_TRUE(server.has_sessions(2, 5));
  EXPECT_EQ(get(server.port(), "/readyz").status, 200);
  server.signal(SIGTERM);
  ASSERT_TRUE(server.logs("draining"));

  const Response refused = post(server.port(), "model=ahead", kRaw, input);
  EXPECT_EQ(refused.status, 503);
  EXPECT_SAYS("The server is shutting down.", refused.body);
  EXPECT_EQ(refused.headers.at("retry-after"), "2");
  EXPECT_EQ(get(server.port(), "/readyz").status, 503);
  EXPECT_EQ(get(server.port(), "/healthz").status, 200);
  EXPECT_EQ(get(server.port(), "/v1/live?" + kQuery, kUpgrade).status, 503);

  upload.send(chunk(input.substr(20000)) + chunk(""));
  const Response response = read_response(&upload);
  EXPECT_TRUE(response.is_whole);
  EXPECT_TRUE(response.body == expected(input, "known_ahead"));
  socket.send(WebSocket::kBinary, input);
  socket.send_end();
  size_t received = 0;
  for (WebSocket::Message message = socket.receive(); message.opcode != WebSocket::kClose;
       message = socket.receive())
    if (message.opcode == WebSocket::kBinary) received += message.payload.size();
  EXPECT_EQ(received, input.size());
  EXPECT_EQ(server.wait(), 0);
  EXPECT_SAYS("info: stopped", server.log());
}

TEST(Signals, TermStopsAnIdleServer) {
  ServerProcess server;
  server.signal(SIGTERM);
  EXPECT_EQ(server.wait(), 0);
}

TEST(Signals, SecondTermStopsAtOnce) {
  ServerProcess server;
  Connection upload(server.port());
  upload.send(post_head("model=ahead", kRaw, kChunked));
  WebSocket socket(server.port(), kQuery);
  socket.receive();
  ASSERT_TRUE(server.has_sessions(2, 5));
  server.signal(SIGTERM);
  ASSERT_TRUE(server.logs("draining"));
  server.signal(SIGTERM);
  const Response response = read_response(&upload);
  EXPECT_EQ(response.status, 503);
  EXPECT_SAYS("The server is shutting down.", response.body);
  EXPECT_SAYS("The server is shutting down.", socket.receive().payload);
  EXPECT_EQ(server.wait(), 0);
}

TEST(Signals, DrainTimeEndsSessions) {
  ServerProcess server({"--drain-time=1"});
  WebSocket socket(server.port(), kQuery);
  socket.receive();
  server.signal(SIGTERM);
  EXPECT_SAYS("The server is shutting down.", socket.receive().payload);
  EXPECT_EQ(server.wait(), 0);
}

TEST(Signals, HupFindsNewModels) {
  const ServerProcess server;
  EXPECT_EQ(post(server.port(), "model=fresh", kRaw, "").status, 404);
  server.put_model("fresh", read_text(ServerProcess::test_model("known_near")));
  server.signal(SIGHUP);
  ASSERT_TRUE(server.logs("reloaded"));
  const std::string input = signal("F32LE", 8000);
  EXPECT_TRUE(post(server.port(), "model=fresh", kRaw, input).body ==
              expected(input, "known_near"));
  EXPECT_SAYS("\"name\":\"fresh\"", get(server.port(), "/v1/models").body);
}

/// One session of a WebSocket, whose audio is sent and received in parts.
class Stream {
 public:
  explicit Stream(const ServerProcess& server) : socket_(server.port(), kQuery) {
    socket_.receive();
  }

  /// Sends the next part, and receives what the model "ahead" makes of it.
  void play(size_t bytes) {
    socket_.send(WebSocket::kBinary, input_.substr(sent_, bytes));
    sent_ += bytes;
    while (output_.size() < sent_ - 16 * 4) output_ += socket_.receive().payload;
  }
  bool has_input() const { return sent_ < input_.size(); }

  /// True if all output so far, or its last `bytes`, are those of a model.
  bool equals(const std::string& model, size_t bytes = std::string::npos) const {
    const size_t count = std::min(bytes, output_.size()), start = output_.size() - count;
    return expected(input_, model).compare(start, count, output_, start, count) == 0;
  }

 private:
  WebSocket socket_;
  const std::string input_ = signal("F32LE", 160000);
  size_t sent_ = 0;
  std::string output_;
};

TEST(Signals, HupSwapsAChangedModelInRunningSessions) {
  const ServerProcess server;
  Stream stream(server);
  stream.play(8000);
  EXPECT_TRUE(stream.equals("known_ahead"));
  server.put_model("ahead", "this is not a model");
  server.signal(SIGHUP);
  ASSERT_TRUE(server.logs("warning: The model ahead cannot be used: "));
  stream.play(8000);
  EXPECT_TRUE(stream.equals("known_ahead")) << "the old model goes on";

  server.put_model("ahead", read_text(ServerProcess::test_model("known_near")));
  server.signal(SIGHUP);
  while (stream.has_input() && !stream.equals("known_near", 3000)) {
    stream.play(8000);
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  ASSERT_TRUE(stream.has_input()) << "the new model does not take over";
  stream.play(8000);
  EXPECT_TRUE(stream.equals("known_near", 8000));
  const std::string part = signal("F32LE", 2000);
  EXPECT_TRUE(post(server.port(), "model=ahead", kRaw, part).body == expected(part, "known_near"));
}

TEST(Signals, HupWithoutModelsKeepsTheOldOnes) {
  const ServerProcess server;
  for (const std::string name : {"ahead", "near"}) std::filesystem::remove(server.model(name));
  server.signal(SIGHUP);
  ASSERT_TRUE(server.logs("contains no .pt, .pt2 or .ts file"));
  EXPECT_SAYS("\"name\":\"ahead\"", get(server.port(), "/v1/models").body);
}

TEST(Signals, HupLeavesOutNewModelsThatAreBroken) {
  const ServerProcess server;
  const std::string input = signal("F32LE", 8000);
  server.put_model("bad", "this is not a model");
  server.signal(SIGHUP);
  ASSERT_TRUE(server.logs("warning: The model bad cannot be used: "));
  ASSERT_TRUE(server.logs("reloaded"));
  EXPECT_EQ(post(server.port(), "model=bad", kRaw, "").status, 404);
  EXPECT_TRUE(post(server.port(), "model=ahead", kRaw, input).body ==
              expected(input, "known_ahead"));
}

}  // namespace
}  // namespace torchstreamer::test
