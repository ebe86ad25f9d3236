// Checks of models that are given as source.
#pragma once

#include "expect_says.h"
#include "lib/support/error_of.h"
#include "lib/support/script_model.h"

namespace torchstreamer::testing {

inline std::string returning(const std::string& expression) {
  return "def forward(self, x):\n  return " + expression;
}

// Expects that the model of this source streams, in float32 and float64.
inline void expect_source(const std::string& source, int64_t channels = 2, int signals = 12,
                          const std::map<std::string, Tensor>& weights = {}) {
  for (const at::ScalarType dtype : {at::kFloat, at::kDouble}) {
    SCOPED_TRACE(::testing::Message() << source << "\n" << dtype);
    Random random(base_seed());
    ScriptedStream model(scripted(source, weights, dtype), channels);
    expect_streams(model, random, signals);
  }
}

// Compares the stream with the model for all lengths from 0 to `frames` frames.
inline void expect_short(const std::string& source, int64_t frames) {
  SCOPED_TRACE(source);
  ScriptedStream model(scripted(source), 2);
  for (int64_t n = 0; n <= frames; ++n) {
    SCOPED_TRACE(::testing::Message() << n << " frames");
    Random random(base_seed() + n);
    expect_equal_or_error(model, model.signal(n), random_chunks(random, n));
  }
}

inline void expect_refused(const std::string& source, const std::vector<const char*>& parts) {
  SCOPED_TRACE(source);
  for (const char* part : parts)
    EXPECT_SAYS(part, error_of<Refusal>([&] { ScriptedStream model(scripted(source), 2); }));
}

}  // namespace torchstreamer::testing
