// Both elements under random sequences of buffers and events. A reference follows each sequence
// with the simplest bookkeeping there is and computes whole signals slowly, in double: every frame,
// its time, and the place of every event among the frames must be the reference's.
#include <gtest/gtest.h>

#include "gst/elements/sequence.h"

namespace torchstreamer::test {
namespace {

class Sequences : public testing::TestWithParam<Subject> {};

TEST_P(Sequences, FramesTimesAndEventsAreThoseOfTheReference) {
  uint64_t signals = 0;
  for (unsigned seed = 1; seed <= 30 && !HasFatalFailure(); ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    Sequence sequence(GetParam(), seed);
    sequence.run(60);
    signals += sequence.signals();
  }
  EXPECT_GT(signals, 100u) << "hardly anything was tested";
}

TEST_P(Sequences, SurviveAStormOfSeeks) {
  Sequence sequence(GetParam(), 1);
  sequence.storm(1000);
  EXPECT_GT(sequence.signals(), 500u) << "hardly anything was tested";
}

TEST_P(Sequences, SurviveManyStateCycles) {
  Sequence sequence(GetParam(), 2);
  sequence.cycle(200);
  EXPECT_GT(sequence.signals(), 100u) << "hardly anything was tested";
}

INSTANTIATE_TEST_SUITE_P(Elements, Sequences, testing::ValuesIn(subjects()));

}  // namespace
}  // namespace torchstreamer::test
