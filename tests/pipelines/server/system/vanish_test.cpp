// Clients that vanish free their sessions within a second.
#include <gtest/gtest.h>

#include "audio.h"
#include "http_client.h"
#include "server_process.h"
#include "websocket.h"

namespace torchstreamer::test {
namespace {

constexpr double kAtOnce_s = 1;
const std::string kQuery = "model=ahead&format=S16LE&rate=16000&channels=1";

enum class Way { kFin, kRst };

class Vanish : public ::testing::TestWithParam<Way> {
 protected:
  ServerProcess& server() { return shared_server(); }

  void vanish(Connection* connection) {
    ASSERT_TRUE(server().has_sessions(1, 5));
    if (GetParam() == Way::kRst)
      connection->reset();
    else
      connection->close();
    EXPECT_TRUE(server().has_sessions(0, kAtOnce_s));
  }

  /// An upload of which half a second has come back.
  std::unique_ptr<Connection> upload() {
    auto connection = std::make_unique<Connection>(server().port());
    connection->send(post_head("model=ahead", raw_type("S16LE", 16000), kChunked) +
                     chunk(signal("S16LE", 8000)));
    ResponseReader reader(connection.get());
    reader.read_head();
    size_t received = 0;
    while (received < 15900) received += reader.read_part().size();
    return connection;
  }
};

TEST_P(Vanish, BeforeTheBody) {
  Connection connection(server().port());
  connection.send(post_head("model=ahead", raw_type("S16LE", 16000), kChunked));
  vanish(&connection);
}

TEST_P(Vanish, DuringTheUpload) {
  const auto connection = upload();
  vanish(connection.get());
}

TEST_P(Vanish, WhileOutputIsBlocked) {
  Connection connection(server().port());
  connection.send(post_head("model=ahead", raw_type("S16LE", 16000), kChunked));
  connection.send_until_blocked(chunk(signal("S16LE", 16000)), 64 << 20);
  vanish(&connection);
}

TEST_P(Vanish, WebSocketWithoutClose) {
  WebSocket socket(server().port(), kQuery);
  socket.receive();
  socket.send(WebSocket::kBinary, signal("S16LE", 8000));
  socket.receive();
  vanish(&socket.connection());
}

TEST_P(Vanish, WebSocketWhileOutputIsBlocked) {
  WebSocket socket(server().port(), kQuery);
  socket.connection().send_until_blocked(
      WebSocket::frame(WebSocket::kBinary, signal("S16LE", 1600)), 64 << 20);
  vanish(&socket.connection());
}

INSTANTIATE_TEST_SUITE_P(Ways, Vanish, ::testing::Values(Way::kFin, Way::kRst),
                         [](const auto& info) { return info.param == Way::kFin ? "Fin" : "Rst"; });

}  // namespace
}  // namespace torchstreamer::test
