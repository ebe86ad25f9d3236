// Bodies of HTTP/1.1 messages, RFC 9112, sections 6 and 7. The server of libsoup responds only
// after the end of a request. A session responds before that, and therefore reads and writes bodies
// itself.
#pragma once

#include <libsoup/soup.h>

#include <string>

namespace torchstreamer::server {

/// Decodes the body of a request: with Content-Length or chunked.
class BodyDecoder {
 public:
  /// Throws Failure if the length of the body is unknown.
  explicit BodyDecoder(SoupMessageHeaders* headers);

  /// Appends the content of the next bytes of the connection to `content`. Throws Failure if they
  /// are not a valid body. Bytes after the end are ignored.
  void decode(const char* data, size_t bytes, std::string* content);
  bool is_done() const { return state_ == State::kDone; }

 private:
  enum class State { kData, kChunkSize, kChunkEnd, kTrailer, kDone };

  void end_line();

  State state_;
  bool is_chunked_;
  uint64_t left_bytes_ = 0;
  std::string line_;
  size_t trailer_bytes_ = 0;
};

/// One chunk of a chunked body; of no bytes: its end.
std::string chunk_of(const void* data, size_t bytes);

}  // namespace torchstreamer::server
