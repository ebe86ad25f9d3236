#include "server/http/token.h"

#include <gtest/gtest.h>

#include <memory>

namespace torchstreamer::server {
namespace {

bool accepts(const char* name, const std::string& value, const std::string& token = "se.cret") {
  const std::unique_ptr<SoupMessageHeaders, decltype(&soup_message_headers_unref)> headers(
      soup_message_headers_new(SOUP_MESSAGE_HEADERS_REQUEST), soup_message_headers_unref);
  soup_message_headers_append(headers.get(), name, value.c_str());
  return has_token(headers.get(), token);
}

TEST(Token, IsInTheHeader) {
  EXPECT_TRUE(accepts("Authorization", "Bearer se.cret"));
  EXPECT_TRUE(accepts("authorization", "bearer se.cret"));
  for (const std::string value :
       {"", "se.cret", "Bearer", "Bearer ", "Bearer se.cre", "Bearer se.cret2", "Bearer Se.cret",
        "Basic se.cret", "Bearer  se.cret", "Bearerse.cret"})
    EXPECT_FALSE(accepts("Authorization", value)) << value;
}

TEST(Token, IsAProtocolOfAWebSocket) {
  const char* name = "Sec-WebSocket-Protocol";
  EXPECT_TRUE(accepts(name, "bearer.se.cret"));
  EXPECT_TRUE(accepts(name, "torchstreamer, bearer.se.cret"));
  EXPECT_TRUE(accepts(name, "bearer.wrong,bearer.se.cret ,torchstreamer"));
  for (const std::string value : {"", "se.cret", "bearer.", "bearer.se.cre", "bearer.se.cret.",
                                  "bearer. se.cret", "torchstreamer"})
    EXPECT_FALSE(accepts(name, value)) << value;
  EXPECT_FALSE(accepts("Cookie", "bearer.se.cret"));
}

TEST(Token, ComparesAllBytes) {
  const std::string token = "0123456789abcdef";
  EXPECT_TRUE(is_equal_in_constant_time(token, token));
  EXPECT_TRUE(is_equal_in_constant_time("", ""));
  for (size_t i = 0; i < token.size(); ++i) {
    std::string other = token;
    ++other[i];
    EXPECT_FALSE(is_equal_in_constant_time(token, other));
    EXPECT_FALSE(is_equal_in_constant_time(token, token.substr(0, i)));
  }
  EXPECT_FALSE(is_equal_in_constant_time(std::string("a\0b", 3), std::string("a\0c", 3)));
}

}  // namespace
}  // namespace torchstreamer::server
