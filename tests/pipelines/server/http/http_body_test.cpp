#include "server/http/http_body.h"

#include <gtest/gtest.h>

#include <memory>
#include <random>

#include "expect_says.h"
#include "server/failure.h"

namespace torchstreamer::server {
namespace {

using Headers = std::unique_ptr<SoupMessageHeaders, decltype(&soup_message_headers_unref)>;

Headers headers(const char* name, const char* value) {
  Headers headers(soup_message_headers_new(SOUP_MESSAGE_HEADERS_REQUEST),
                  soup_message_headers_unref);
  if (name) soup_message_headers_append(headers.get(), name, value);
  return headers;
}

BodyDecoder chunked() { return BodyDecoder(headers("Transfer-Encoding", "chunked").get()); }

BodyDecoder of_length(const std::string& bytes) {
  return BodyDecoder(headers("Content-Length", bytes.c_str()).get());
}

/// Bytes, chunks and cuts that depend on a seed.
class Random {
 public:
  explicit Random(unsigned seed) : engine_(seed) {}
  /// From 0 to `most`.
  size_t number(size_t most) { return std::uniform_int_distribution<size_t>(0, most)(engine_); }
  std::string bytes(size_t count) {
    std::string bytes(count, '\0');
    for (char& c : bytes) c = static_cast<char>(number(255));
    return bytes;
  }

  /// A chunked body of this content, with extensions, trailers and line ends of both kinds.
  std::string body(const std::string& content) {
    const auto line_end = [&] { return number(3) ? "\r\n" : "\n"; };
    std::string body;
    for (size_t i = 0; i < content.size();) {
      const size_t size = std::min(content.size() - i, 1 + number(number(1) ? 10 : 5000));
      char digits[32];
      snprintf(digits, sizeof digits, number(1) ? "%zx" : "00%zX", size);
      const char* extensions[] = {"", ";a=b", " ; name=\"quoted; text\"", "\t"};
      body += digits + std::string(extensions[number(3)]) + line_end();
      body += content.substr(i, size) + line_end();
      i += size;
    }
    body += std::string(number(1) ? "0" : "000;last") + line_end();
    if (number(1)) body += std::string("X-Sum: 1") + line_end() + "Y: 2" + line_end();
    return body + line_end();
  }

 private:
  std::mt19937 engine_;
};

/// Decodes a body that is cut at random.
std::string decode(BodyDecoder* decoder, const std::string& body, Random* random) {
  std::string content;
  const size_t longest = random->number(1) ? 3 : 4000;
  for (size_t i = 0; i < body.size();) {
    const size_t count = std::min(body.size() - i, 1 + random->number(longest));
    decoder->decode(body.data() + i, count, &content);
    i += count;
    if (decoder->is_done() != (i == body.size())) throw std::runtime_error("wrong end");
  }
  return content;
}

std::string error_of(const std::string& body) {
  BodyDecoder decoder = chunked();
  std::string content;
  try {
    decoder.decode(body.data(), body.size(), &content);
  } catch (const Failure& failure) {
    EXPECT_EQ(failure.status(), 400u);
    return failure.what();
  }
  return "";
}

TEST(HttpBody, ChunkedBodiesDecodeToTheirContent) {
  for (unsigned seed = 0; seed < 300; ++seed) {
    Random random(seed);
    const std::string content = random.bytes(random.number(seed % 3 ? 50 : 20000));
    BodyDecoder decoder = chunked();
    ASSERT_EQ(decode(&decoder, random.body(content), &random), content) << "seed " << seed;
    ASSERT_TRUE(decoder.is_done()) << "seed " << seed;
  }
}

TEST(HttpBody, ContentLengthCountsBytes) {
  for (unsigned seed = 0; seed < 50; ++seed) {
    Random random(seed);
    const std::string content = random.bytes(1 + random.number(5000));
    BodyDecoder decoder = of_length(std::to_string(content.size()));
    ASSERT_EQ(decode(&decoder, content, &random), content) << "seed " << seed;
  }
  EXPECT_TRUE(of_length("0").is_done());
}

TEST(HttpBody, BytesAfterTheEndAreIgnored) {
  std::string content;
  for (BodyDecoder decoder : {chunked(), of_length("3")}) {
    const std::string body = "3\r\nabc\r\n0\r\n\r\nGET / HTTP/1.1";
    decoder.decode(body.data(), body.size(), &content);
    EXPECT_TRUE(decoder.is_done());
    decoder.decode("more", 4, &content);
  }
  EXPECT_EQ(content, "abc3\r\n");  // the second decoder counts
}

TEST(HttpBody, OwnChunksAreDecoded) {
  Random random(1);
  const std::string content = random.bytes(70000);
  const std::string body = chunk_of(content.data(), 1) +
                           chunk_of(content.data() + 1, content.size() - 1) + chunk_of(nullptr, 0);
  EXPECT_EQ(body.substr(0, 3), "1\r\n");
  EXPECT_EQ(body.substr(body.size() - 5), "0\r\n\r\n");
  BodyDecoder decoder = chunked();
  EXPECT_EQ(decode(&decoder, body, &random), content);
}

TEST(HttpBody, MalformedChunksAreRefused) {
  const std::string size = "The chunked body is not valid: a chunk has no size.";
  for (const std::string body :
       {"\r\n", "x\r\n", "-1\r\n", "+1\r\n", "0x10\r\n", " 1\r\n", ";a\r\n", "1g\r\n",
        "1000000000000000\r\n", "ffffffffffffffff\r\n", "GET / HTTP/1.1\r\n", "1\r1\r\n"})
    EXPECT_SAYS(size, error_of(body)) << body;
  EXPECT_SAYS("a chunk is longer than its size", error_of("3\r\nabcd\r\n"));
  EXPECT_SAYS("a line is too long", error_of(std::string(5000, '0')));
  EXPECT_SAYS("a line is too long", error_of("1;" + std::string(5000, 'a')));
  std::string trailer = "0\r\n";
  for (int i = 0; i < 3000; ++i) trailer += "a: b\r\n";
  EXPECT_SAYS("the trailer is too long", error_of(trailer + trailer + trailer));
  // A trailer of empty names is one empty line; the rest is after the end.
  EXPECT_EQ(error_of("0\r\n\r\n\r\n"), "");
}

TEST(HttpBody, BytesBeforeAFaultAreContent) {
  BodyDecoder decoder = chunked();
  std::string content;
  const std::string body = "2\r\nab\r\nzz\r\n";
  EXPECT_THROW(decoder.decode(body.data(), body.size(), &content), Failure);
  EXPECT_EQ(content, "ab");
}

TEST(HttpBody, LengthMustBeKnown) {
  for (const auto& [name, value] : {std::pair<const char*, const char*>{nullptr, nullptr},
                                    {"Transfer-Encoding", "gzip"},
                                    {"Content-Length", "many"}}) {
    try {
      BodyDecoder decoder(headers(name, value).get());
      ADD_FAILURE() << (value ? value : "no header");
    } catch (const Failure& failure) {
      EXPECT_EQ(failure.status(), 411u);
      EXPECT_SAYS("The body needs Transfer-Encoding: chunked, or Content-Length.", failure.what());
    }
  }
}

TEST(HttpBody, LengthMustBeANumber) {
  for (const char* length : {"-1", "+5", "9223372036854775808"}) {
    try {
      BodyDecoder decoder(headers("Content-Length", length).get());
      ADD_FAILURE() << length;
    } catch (const Failure& failure) {
      EXPECT_EQ(failure.status(), 400u);
      EXPECT_SAYS("Content-Length is not a number of bytes.", failure.what());
    }
  }
}

}  // namespace
}  // namespace torchstreamer::server
