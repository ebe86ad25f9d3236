// The client's side of a WebSocket, RFC 6455.
#pragma once

#include <string>

#include "http_client.h"

namespace torchstreamer::test {

/// Headers of a request for a WebSocket; lines that end with CRLF.
extern const std::string kUpgrade;

class WebSocket {
 public:
  enum Opcode { kText = 1, kBinary = 2, kClose = 8, kPing = 9, kPong = 10 };
  struct Message {
    int opcode;
    std::string payload;
  };

  /// Opens /v1/live?`query`. Throws if the server refuses. `headers`: lines that end with CRLF.
  WebSocket(int port, const std::string& query, const std::string& headers = "",
            Connection::Security security = Connection::Security::kNone);

  void send(int opcode, const std::string& payload);
  void send_end() { send(kText, "{\"type\": \"end\"}"); }
  /// Next message; pings are answered. At the end of the connection: a kClose without payload.
  Message receive();
  /// Code of the message kClose; 0 if it has none.
  static int code_of(const Message& close);

  Connection& connection() { return connection_; }
  /// Headers of the response to the handshake.
  const Response& handshake() const { return handshake_; }

  /// A frame of a client, with a key that changes nothing.
  static std::string frame(int opcode, const std::string& payload);

 private:
  Connection connection_;
  ResponseReader reader_;
  Response handshake_;
};

}  // namespace torchstreamer::test
