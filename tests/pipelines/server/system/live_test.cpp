// /v1/live: raw audio over a WebSocket.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <random>
#include <thread>

#include "audio.h"
#include "expect_says.h"
#include "server_process.h"
#include "websocket.h"

namespace torchstreamer::test {
namespace {

using Clock = std::chrono::steady_clock;

const std::string kQuery = "model=ahead&format=F32LE&rate=16000&channels=1";

std::string expected(const std::string& input) {
  return play(input, session_elements(raw_parser("F32LE", 16000), shared_server().model("ahead"),
                                      "format=F32LE"));
}

/// Receives audio until the message "end"; then the close message must follow.
std::string receive_all(WebSocket* socket) {
  std::string audio;
  while (true) {
    const WebSocket::Message message = socket->receive();
    if (message.opcode == WebSocket::kBinary) {
      audio += message.payload;
      continue;
    }
    EXPECT_EQ(message.opcode, WebSocket::kText);
    EXPECT_EQ(message.payload, "{\"type\":\"end\"}");
    EXPECT_EQ(WebSocket::code_of(socket->receive()), 1000);
    return audio;
  }
}

TEST(Live, EqualsThePipelineWithoutTheServer) {
  const std::string input = signal("F32LE", 20077);
  const std::string output = expected(input);
  for (unsigned seed = 0; seed < 4; ++seed) {
    std::mt19937 random(seed);
    WebSocket socket(shared_server().port(), kQuery);
    const WebSocket::Message ready = socket.receive();
    EXPECT_EQ(ready.opcode, WebSocket::kText);
    EXPECT_SAYS("{\"type\":\"ready\",\"session\":", ready.payload);
    EXPECT_SAYS("\"format\":\"F32LE\"", ready.payload);
    const Sender sender([&] {
      for (size_t i = 0, count; i < input.size(); i += count) {
        count = 1 + random() % (seed % 2 ? 500 : 70000);  // also inside a sample
        socket.send(WebSocket::kBinary, input.substr(i, count));
      }
      socket.send_end();
    });
    EXPECT_TRUE(receive_all(&socket) == output) << "seed " << seed;
  }
}

TEST(Live, MessagesMayHaveFragments) {
  const std::string input = signal("F32LE", 4000);
  WebSocket socket(shared_server().port(), kQuery);
  socket.receive();
  std::string first = WebSocket::frame(WebSocket::kBinary, input.substr(0, 5000));
  first[0] = WebSocket::kBinary;  // not the last fragment
  socket.connection().send(first + WebSocket::frame(WebSocket::kPing, "x") +
                           WebSocket::frame(0, input.substr(5000)));
  socket.send_end();
  std::string audio;
  for (WebSocket::Message message = socket.receive(); message.opcode != WebSocket::kClose;
       message = socket.receive())
    if (message.opcode == WebSocket::kBinary) audio += message.payload;
  EXPECT_TRUE(audio == expected(input));
}

TEST(Live, FramesComeBackAtOnce) {
  constexpr int kFrameBytes = 320 * 4, kFrames = 40;
  const std::string input = signal("F32LE", 320 * kFrames);
  WebSocket socket(shared_server().port(), kQuery);
  socket.receive();
  std::vector<double> delays_ms;
  size_t received = 0;
  for (size_t i = 0; i < kFrames; ++i) {
    const auto start = Clock::now();
    socket.send(WebSocket::kBinary, input.substr(i * kFrameBytes, kFrameBytes));
    while (received < (i + 1) * kFrameBytes - 16 * 4) received += socket.receive().payload.size();
    delays_ms.push_back(std::chrono::duration<double, std::milli>(Clock::now() - start).count());
    std::this_thread::sleep_until(start + std::chrono::milliseconds(20));
  }
  std::sort(delays_ms.begin(), delays_ms.end());
  EXPECT_LT(delays_ms[kFrames / 2], 20);
}

/// Text of the error message, and code of the close message.
std::pair<std::string, int> error_of(WebSocket* socket) {
  std::string text;
  while (true) {
    const WebSocket::Message message = socket->receive();
    if (message.opcode == WebSocket::kClose) return {text, WebSocket::code_of(message)};
    if (message.opcode == WebSocket::kText) text = message.payload;
  }
}

TEST(Live, WrongMessagesEndTheSession) {
  for (const std::string text :
       {"", "end", "{", "[]", "\"end\"", "{}", "{\"type\": 1}", "{\"type\": \"stop\"}", "null"}) {
    WebSocket socket(shared_server().port(), kQuery);
    socket.send(WebSocket::kText, text);
    const auto [error, code] = error_of(&socket);
    EXPECT_SAYS("A text message must be {\\\"type\\\": \\\"end\\\"}", error) << text;
    EXPECT_EQ(code, 1008) << text;
  }
}

TEST(Live, ProtocolErrorsEndTheSession) {
  const int port = shared_server().port();
  const std::string large = WebSocket::frame(WebSocket::kBinary, std::string(2 << 20, '\0'));
  for (const std::string& bytes :
       {std::string("\x82\x04\0\0\0\0", 6), std::string("GET / HTTP/1.1"),
        std::string("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"), large}) {
    WebSocket socket(port, kQuery);
    const Sender sender([&] { socket.connection().send(bytes); });
    try {
      const int code = error_of(&socket).second;
      EXPECT_NE(code, 1000);
    } catch (const std::runtime_error&) {
    }  // reset: the server has not read all of it
    EXPECT_TRUE(shared_server().has_sessions(0, 1));
  }
}

TEST(Live, NoAudioIsNoError) {
  WebSocket socket(shared_server().port(), kQuery);
  socket.receive();
  socket.send_end();
  EXPECT_EQ(receive_all(&socket), "");
}

TEST(Live, AudioAfterTheEndIsDropped) {
  const std::string input = signal("F32LE", 4000);
  WebSocket socket(shared_server().port(), kQuery);
  socket.receive();
  socket.send(WebSocket::kBinary, input);
  socket.send_end();
  socket.send_end();
  socket.send(WebSocket::kBinary, input);
  EXPECT_TRUE(receive_all(&socket) == expected(input));
}

TEST(Live, ClientMayClose) {
  WebSocket socket(shared_server().port(), kQuery);
  socket.receive();
  socket.send(WebSocket::kBinary, signal("F32LE", 4000));
  socket.send(WebSocket::kClose, std::string("\x03\xe8", 2));
  error_of(&socket);
  EXPECT_TRUE(shared_server().has_sessions(0, 1));
}

int status_of(const std::string& query, const std::string& headers) {
  return get(shared_server().port(), "/v1/live?" + query, headers).status;
}

TEST(Live, RequestsAreChecked) {
  EXPECT_EQ(status_of("model=ahead", kUpgrade), 400);
  EXPECT_EQ(status_of(kQuery + "&output=mp3", kUpgrade), 400);
  for (const std::string output : {"wav", "flac", "ogg"})
    EXPECT_EQ(status_of(kQuery + "&output=" + output, kUpgrade), 400) << output;
  EXPECT_EQ(status_of("model=ahead&rate=16000&channels=1&format=S8", kUpgrade), 400);
  EXPECT_EQ(status_of("model=none&rate=16000&channels=1", kUpgrade), 404);
  EXPECT_EQ(status_of(kQuery, ""), 426);
  EXPECT_EQ(status_of(kQuery, "Upgrade: websocket\r\n"), 426);
  EXPECT_EQ(status_of(kQuery, kUpgrade + "Origin: http://elsewhere\r\n"), 403);
  EXPECT_EQ(status_of(kQuery, kUpgrade + "Origin: null\r\n"), 403);
  EXPECT_EQ(
      WebSocket(shared_server().port(), kQuery, "Origin: http://server\r\n").handshake().status,
      101);
}

TEST(Live, ProtocolIsConfirmed) {
  const WebSocket socket(shared_server().port(), kQuery,
                         "Sec-WebSocket-Protocol: other, torchstreamer\r\n");
  EXPECT_EQ(socket.handshake().headers.at("sec-websocket-protocol"), "torchstreamer");
}

}  // namespace
}  // namespace torchstreamer::test
