// Names of classes in texts.
#include "support/plain_names.h"

#include <gtest/gtest.h>

namespace torchstreamer {
namespace {

TEST(PlainNames, HaveNoPackages) {
  EXPECT_EQ(with_plain_names("takes __torch__.a.b.___torch_mangle_3.Net."), "takes Net.");
  EXPECT_EQ(with_plain_names("Optional[__torch__.Net], __torch__.a.Other"), "Optional[Net], Other");
}

TEST(PlainNames, OtherTextStays) {
  for (const char* text : {"", "unknown '__torch__.' in x", "code/__torch__.py", "a.b.Net",
                           "my__torch__.Net", "__torch__"})
    EXPECT_EQ(with_plain_names(text), text);
}

}  // namespace
}  // namespace torchstreamer
