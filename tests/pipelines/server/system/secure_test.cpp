// TLS and bearer tokens.
#include <gtest/gtest.h>

#include "audio.h"
#include "expect_says.h"
#include "http_client.h"
#include "server_process.h"
#include "shell.h"
#include "websocket.h"

namespace torchstreamer::test {
namespace {

constexpr auto kTls = Connection::Security::kTls;
const std::string kRaw = raw_type("S16LE", 16000);
const std::string kQuery = "model=ahead&format=S16LE&rate=16000&channels=1";
const std::string kToken = "Authorization: Bearer secret\r\n";

/// A server with TLS and a token.
class Secure : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    const TemporaryFolder folder;
    const std::string key = (folder / "key.pem").string(), pem = (folder / "cert.pem").string();
    const Result result = shell(
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 "
        "-nodes -subj /CN=localhost -days 2 -keyout " +
        key + " -out " + pem);
    ASSERT_EQ(result.status, 0) << result.text;
    std::ofstream(folder / "token") << "secret\n";
    server_ = std::make_unique<ServerProcess>(
        std::vector<std::string>{"--tls-certificate=" + pem, "--tls-key=" + key, "--idle-time=2",
                                 "--token-file=" + (folder / "token").string()});
  }
  static void TearDownTestSuite() { server_.reset(); }

  static int status_of(const std::string& path, const std::string& headers = "") {
    return get(server_->port(), path, headers, kTls).status;
  }
  bool ends(size_t descriptors) {
    return becomes_true(8, [&] { return server_->descriptors() <= descriptors; });
  }

  static std::unique_ptr<ServerProcess> server_;
};
std::unique_ptr<ServerProcess> Secure::server_;

TEST_F(Secure, AudioIsExact) {
  const std::string input = signal("S16LE", 200000);
  const std::string output = play(
      input, session_elements(raw_parser("S16LE", 16000), server_->model("ahead"), "format=S16LE"));
  const Response response = post(server_->port(), "model=ahead", kRaw, input, kTls, kToken);
  EXPECT_EQ(response.status, 200) << response.body;
  EXPECT_TRUE(response.is_whole);
  EXPECT_TRUE(response.body == output);

  WebSocket socket(server_->port(), kQuery,
                   "Sec-WebSocket-Protocol: torchstreamer, bearer.secret\r\n", kTls);
  socket.receive();
  for (size_t i = 0; i < input.size(); i += 100000)
    socket.send(WebSocket::kBinary, input.substr(i, 100000));
  socket.send_end();
  std::string audio;
  for (WebSocket::Message message = socket.receive(); message.opcode != WebSocket::kClose;
       message = socket.receive())
    if (message.opcode == WebSocket::kBinary) audio += message.payload;
  EXPECT_TRUE(audio == output);
}

TEST_F(Secure, TokenIsRequired) {
  for (const std::string headers :
       {"", "Authorization: Bearer wrong\r\n", "Authorization: Basic secret\r\n"}) {
    for (const std::string path : {"/v1/models", "/v1/streams", "/metrics"})
      EXPECT_EQ(status_of(path, headers), 401) << path;
    EXPECT_EQ(status_of("/v1/live?" + kQuery, kUpgrade + headers), 401);
    const Response refused = post(server_->port(), "model=ahead", kRaw, "ab", kTls, headers);
    EXPECT_EQ(refused.status, 401);
    EXPECT_SAYS("needs the header \\\"Authorization: Bearer TOKEN\\\"", refused.body);
    EXPECT_EQ(refused.headers.at("www-authenticate"), "Bearer");
  }
  EXPECT_EQ(status_of("/v1/live?" + kQuery, kUpgrade + "Sec-WebSocket-Protocol: bearer.wrong\r\n"),
            401);
  EXPECT_EQ(status_of("/v1/models", kToken), 200);
  EXPECT_EQ(status_of("/healthz"), 200);
  EXPECT_EQ(status_of("/readyz"), 200);
}

TEST_F(Secure, ErrorsArriveAfterALongUpload) {
  const Response refused =
      post(server_->port(), "model=none", kRaw, std::string(4 << 20, '\0'), kTls, kToken);
  EXPECT_EQ(refused.status, 404);
  EXPECT_TRUE(refused.is_whole);
}

TEST_F(Secure, ClientsWithoutTlsGetNothing) {
  const size_t descriptors = server_->descriptors();
  Connection connection(server_->port());
  connection.send("GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_THROW(read_response(&connection), std::runtime_error);
  EXPECT_TRUE(ends(descriptors));
}

TEST_F(Secure, ClientsThatNeverSpeakAreClosed) {
  const size_t descriptors = server_->descriptors();
  Connection silent(server_->port());
  Connection partial(server_->port());
  partial.send(std::string("\x16\x03\x01\x02", 4));
  EXPECT_TRUE(ends(descriptors));
}

TEST_F(Secure, ClientsThatDoNotReadAreClosed) {
  const size_t descriptors = server_->descriptors();
  Connection upload(server_->port(), kTls);
  Sender sender([&] {
    upload.send(post_head("model=ahead", kRaw, kToken + kChunked));
    for (int i = 0; i < 40; ++i) upload.send(chunk(std::string(1 << 20, '\0')));
  });
  WebSocket socket(server_->port(), kQuery, kToken, kTls);
  Sender frames([&] {
    for (int i = 0; i < 40; ++i) socket.send(WebSocket::kBinary, std::string(1 << 20, '\0'));
  });
  EXPECT_TRUE(ends(descriptors));
  EXPECT_SAYS("No data moved for 2 seconds.", server_->log());
}

}  // namespace
}  // namespace torchstreamer::test
