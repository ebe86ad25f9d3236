#include "server/http/http_body.h"

#include <algorithm>

#include "server/failure.h"

namespace torchstreamer::server {
namespace {

constexpr size_t kMaxLineBytes = 4096, kMaxTrailerBytes = 16384;

[[noreturn]] void fail(const char* what) {
  throw Failure(SOUP_STATUS_BAD_REQUEST,
                std::string("The chunked body is not valid: ") + what + ".");
}

uint64_t parse_size(const std::string& line) {
  const std::string digits = line.substr(0, line.find_first_of("; \t"));
  guint64 size;
  if (digits.size() > 15 ||
      !g_ascii_string_to_unsigned(digits.c_str(), 16, 0, G_MAXINT64, &size, nullptr))
    fail("a chunk has no size");
  return size;
}

/// libsoup accepts a sign.
uint64_t parse_length(SoupMessageHeaders* headers) {
  const char* text = soup_message_headers_get_one(headers, "Content-Length");
  guint64 length;
  if (text && g_ascii_string_to_unsigned(text, 10, 0, G_MAXINT64, &length, nullptr)) return length;
  throw Failure(SOUP_STATUS_BAD_REQUEST, "Content-Length is not a number of bytes.");
}

}  // namespace

BodyDecoder::BodyDecoder(SoupMessageHeaders* headers) {
  const SoupEncoding encoding = soup_message_headers_get_encoding(headers);
  is_chunked_ = encoding == SOUP_ENCODING_CHUNKED;
  if (!is_chunked_ && encoding != SOUP_ENCODING_CONTENT_LENGTH)
    throw Failure(SOUP_STATUS_LENGTH_REQUIRED,
                  "The body needs Transfer-Encoding: chunked, or Content-Length.");
  if (!is_chunked_) left_bytes_ = parse_length(headers);
  state_ = is_chunked_ ? State::kChunkSize : left_bytes_ ? State::kData : State::kDone;
}

void BodyDecoder::decode(const char* data, size_t bytes, std::string* content) {
  const char* end = data + bytes;
  while (data < end && state_ != State::kDone) {
    if (state_ == State::kData) {
      const auto count = std::min(left_bytes_, static_cast<uint64_t>(end - data));
      content->append(data, count);
      data += count;
      left_bytes_ -= count;
      if (left_bytes_ == 0) state_ = is_chunked_ ? State::kChunkEnd : State::kDone;
      continue;
    }
    const char c = *data++;
    if (c != '\n') {
      line_ += c;
      if (line_.size() > kMaxLineBytes) fail("a line is too long");
      continue;
    }
    if (!line_.empty() && line_.back() == '\r') line_.pop_back();
    end_line();
    line_.clear();
  }
}

void BodyDecoder::end_line() {
  switch (state_) {
    case State::kChunkSize:
      left_bytes_ = parse_size(line_);
      state_ = left_bytes_ ? State::kData : State::kTrailer;
      return;
    case State::kChunkEnd:
      if (!line_.empty()) fail("a chunk is longer than its size");
      state_ = State::kChunkSize;
      return;
    default:
      trailer_bytes_ += line_.size();
      if (trailer_bytes_ > kMaxTrailerBytes) fail("the trailer is too long");
      if (line_.empty()) state_ = State::kDone;
  }
}

std::string chunk_of(const void* data, size_t bytes) {
  g_autofree gchar* size = g_strdup_printf("%zx\r\n", bytes);
  return size + std::string(static_cast<const char*>(data), bytes) + "\r\n";
}

}  // namespace torchstreamer::server
