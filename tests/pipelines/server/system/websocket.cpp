#include "websocket.h"

#include <stdexcept>

namespace torchstreamer::test {
namespace {

std::string big_endian(uint64_t value, int count) {
  std::string bytes;
  for (int i = count - 1; i >= 0; --i) bytes += static_cast<char>(value >> (8 * i));
  return bytes;
}

uint64_t value_of(const std::string& bytes) {
  uint64_t value = 0;
  for (const char c : bytes) value = value << 8 | static_cast<unsigned char>(c);
  return value;
}

}  // namespace

const std::string kUpgrade =
    "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n";

WebSocket::WebSocket(int port, const std::string& query, const std::string& headers,
                     Connection::Security security)
    : connection_(port, security), reader_(&connection_) {
  connection_.send("GET /v1/live?" + query + " HTTP/1.1\r\nHost: server\r\n" + kUpgrade + headers +
                   "\r\n");
  handshake_ = reader_.read_head();
  if (handshake_.status != 101)
    throw std::runtime_error("status " + std::to_string(handshake_.status) + ": " +
                             reader_.read_part());
}

std::string WebSocket::frame(int opcode, const std::string& payload) {
  std::string frame = big_endian(static_cast<uint64_t>(0x80 | opcode), 1);
  const size_t size = payload.size();
  if (size < 126)
    frame += big_endian(0x80 | size, 1);
  else if (size < 65536)
    frame += big_endian(0x80 | 126, 1) + big_endian(size, 2);
  else
    frame += big_endian(0x80 | 127, 1) + big_endian(size, 8);
  return frame + big_endian(0, 4) + payload;
}

void WebSocket::send(int opcode, const std::string& payload) {
  connection_.send(frame(opcode, payload));
}

WebSocket::Message WebSocket::receive() {
  const std::string head = reader_.read_bytes(2);
  if (head.size() < 2) return {kClose, ""};
  uint64_t size = value_of(head.substr(1)) & 0x7f;
  if (size >= 126) size = value_of(reader_.read_bytes(size == 126 ? 2 : 8));
  Message message{head[0] & 0xf, reader_.read_bytes(size)};
  if (message.opcode != kPing) return message;
  send(kPong, message.payload);
  return receive();
}

int WebSocket::code_of(const Message& close) {
  return static_cast<int>(value_of(close.payload.substr(0, 2)));
}

}  // namespace torchstreamer::test
