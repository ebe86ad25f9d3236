// Both elements under random sequences of buffers and events. A simple reference computes whole
// signals in double; every frame, its timestamp and the position of every event among the frames
// must equal the reference.
#include <gtest/gtest.h>

#include "gst/elements/sequence.h"

namespace torchstreamer::test {
namespace {

class Sequences : public testing::TestWithParam<Subject> {};

TEST_P(Sequences, FramesTimesAndEventsEqualTheReference) {
  uint64_t signals = 0;
  for (unsigned seed = 1; seed <= 30 && !HasFatalFailure(); ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    Sequence sequence(GetParam(), seed);
    sequence.run(60);
    signals += sequence.signals();
  }
  EXPECT_GT(signals, 100u) << "too few signals were tested";
}

TEST_P(Sequences, WorkDuringManyFlushes) {
  Sequence sequence(GetParam(), 1);
  sequence.storm(1000);
  EXPECT_GT(sequence.signals(), 500u) << "too few signals were tested";
}

TEST_P(Sequences, WorkDuringManyStateCycles) {
  Sequence sequence(GetParam(), 2);
  sequence.cycle(200);
  EXPECT_GT(sequence.signals(), 100u) << "too few signals were tested";
}

INSTANTIATE_TEST_SUITE_P(Elements, Sequences, testing::ValuesIn(subjects()));

}  // namespace
}  // namespace torchstreamer::test
