// HTTP requests and responses, written and read here so that every byte is known.
#pragma once

#include <map>
#include <string>
#include <thread>

#include "connection.h"

namespace torchstreamer::test {

struct Response {
  int status = 0;
  /// Names in lower case.
  std::map<std::string, std::string> headers;
  std::string body;
  /// False if the connection ended before the body.
  bool is_whole = false;
};

/// Reads responses part by part.
class ResponseReader {
 public:
  explicit ResponseReader(Connection* connection) : connection_(connection) {}

  /// Status line and headers.
  Response read_head();
  /// Next part of the body of the last head; "" at its end.
  std::string read_part();
  /// True if the body had its end.
  bool is_whole() const { return is_whole_; }

  /// Exactly this number of bytes; less at the end of the connection.
  std::string read_bytes(size_t count);

 private:
  std::string read_line();
  bool fill();

  Connection* connection_;
  std::string buffer_;
  enum class Body { kChunked, kLength, kToTheEnd } body_ = Body::kLength;
  size_t left_bytes_ = 0;
  bool is_whole_ = false;
};

/// Head and body of the next response.
Response read_response(Connection* connection);

/// GET on a new connection. `headers`: lines that end with CRLF.
Response get(int port, const std::string& path, const std::string& headers = "",
             Connection::Security security = Connection::Security::kNone);

/// Head of POST /v1/process?`query`; `framing`: the last header, such as kChunked.
std::string post_head(const std::string& query, const std::string& type,
                      const std::string& framing);
extern const std::string kChunked;
std::string content_length(size_t bytes);
std::string chunk(const std::string& bytes);

/// A media type for raw audio.
std::string raw_type(const std::string& format, int rate, int channels = 1);

/// Sends in a thread; the destructor waits for it. Errors are ignored: the server may have ended
/// the connection.
class Sender {
 public:
  template <class Send>
  explicit Sender(const Send& send)
      : thread_([send] {
          try {
            send();
          } catch (const std::exception&) {
          }
        }) {}
  ~Sender() { thread_.join(); }

 private:
  std::thread thread_;
};

/// Posts a body and reads the response at the same time.
Response post(int port, const std::string& query, const std::string& type, const std::string& body,
              Connection::Security security = Connection::Security::kNone,
              const std::string& headers = "");

}  // namespace torchstreamer::test
