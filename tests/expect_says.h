// Parts of texts.
#pragma once

#include <gtest/gtest.h>

/// Expects that `text` contains `part`.
#define EXPECT_SAYS(part, text) EXPECT_PRED_FORMAT2(::testing::IsSubstring, part, text)
