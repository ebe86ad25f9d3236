// Transitions of ModelQueue while a model awaits caps.
#include <gtest/gtest.h>

#include "model_queue_rig.h"

namespace torchstreamer::test {
namespace {

TEST_F(ModelQueueTest, ReadyAwaitsCaps) {
  load("b", b_);
  queue_.await_caps(*c_);
  EXPECT_FALSE(awaits_caps());
  EXPECT_EQ(queue_.end_caps_wait(*b_), CapsWait::kReplaced);
  queue_.await_caps(*b_);
  EXPECT_TRUE(awaits_caps());
  EXPECT_EQ(next(), b_);
  EXPECT_EQ(queue_.negotiated_model(), b_);
  queue_.take_over(*b_);
  EXPECT_EQ(queue_.current().model, b_);
  EXPECT_EQ(next(), nullptr);
}

TEST_F(ModelQueueTest, AModelQueuesAfterOneThatAwaitsCaps) {
  await_b();
  EXPECT_TRUE(queue_.request(settings_of("c"), /*reload=*/false));
  EXPECT_EQ(next(), b_);
  EXPECT_EQ(requested(), "c");
  queue_.add(loaded_of("c", c_));
  EXPECT_EQ(next(), b_);
  EXPECT_EQ(requested(), "c");
  queue_.take_over(*b_);
  EXPECT_EQ(queue_.current().model, b_);
  EXPECT_EQ(next(), c_);
  EXPECT_FALSE(awaits_caps());
  EXPECT_EQ(removed(), Models{a_});
}

TEST_F(ModelQueueTest, OnlyTheLastModelQueuesAfterIt) {
  await_b();
  load("c", c_);
  EXPECT_TRUE(queue_.request(settings_of("d"), /*reload=*/false));
  EXPECT_EQ(requested(), "d");
  EXPECT_EQ(removed(), Models{c_});
  queue_.load_failed();
  EXPECT_EQ(requested(), "b");
  EXPECT_EQ(next(), b_);
}

TEST_F(ModelQueueTest, LoadingContinuesWhenAModelTakesOverOrIsDropped) {
  for (const bool is_dropped : {false, true}) {
    await_b();
    EXPECT_TRUE(queue_.request(settings_of("c"), /*reload=*/false));
    is_dropped ? queue_.drop(*b_) : queue_.take_over(*b_);
    EXPECT_EQ(next(), nullptr);
    EXPECT_EQ(requested(), "c");
    queue_.add(loaded_of("c", c_));
    EXPECT_EQ(next(), c_);
    queue_.take_removed();
    queue_.set_current(loaded_of("a", a_));
  }
}

TEST_F(ModelQueueTest, TheNextModelIsRequestedAgain) {
  await_b();
  EXPECT_TRUE(queue_.request(settings_of("c"), /*reload=*/false));
  load("same as b", b_);
  EXPECT_EQ(next(), b_);
  EXPECT_EQ(requested(), "same as b");
  queue_.take_over(*b_);
  EXPECT_EQ(queue_.current().settings.location, "same as b");
  EXPECT_EQ(next(), nullptr);
}

TEST_F(ModelQueueTest, TheCurrentModelIsRequestedAgainAndBecomesCurrentAgain) {
  await_b();
  EXPECT_FALSE(queue_.request(settings_of("a"), /*reload=*/false));
  EXPECT_EQ(next(), b_);
  EXPECT_EQ(requested(), "a");
  queue_.take_over(*b_);
  EXPECT_EQ(queue_.current().model, b_);
  EXPECT_EQ(next(), a_);
  EXPECT_EQ(removed(), Models{});
}

TEST_F(ModelQueueTest, TheCurrentModelIsLoadedAgainAndBecomesCurrentAgain) {
  await_b();
  load("same as a", a_);
  EXPECT_EQ(requested(), "same as a");
  queue_.take_over(*b_);
  EXPECT_EQ(next(), a_);
  EXPECT_EQ(requested(), "same as a");
}

TEST_F(ModelQueueTest, TheCurrentModelStaysWhenTheNextIsDropped) {
  await_b();
  EXPECT_FALSE(queue_.request(settings_of("a"), /*reload=*/false));
  queue_.drop(*b_);
  EXPECT_EQ(queue_.current().model, a_);
  EXPECT_EQ(next(), nullptr);
}

TEST_F(ModelQueueTest, AReloadedFileThatAwaitsCapsTakesOver) {
  load("a", b_, /*reload=*/true);
  queue_.await_caps(*b_);
  queue_.take_over(*b_);
  EXPECT_EQ(queue_.current().model, b_);
  EXPECT_EQ(next(), nullptr);
  EXPECT_EQ(removed(), Models{a_});
}

TEST_F(ModelQueueTest, TheWaitForCapsContinuesWithoutAModelAfter) {
  await_b();
  EXPECT_EQ(queue_.end_caps_wait(*c_), CapsWait::kReplaced);
  EXPECT_EQ(queue_.end_caps_wait(*b_), CapsWait::kEnded);
  EXPECT_EQ(queue_.end_caps_wait(*b_), CapsWait::kEndedEarlier);
  EXPECT_TRUE(awaits_caps());
  load("c", c_);
  EXPECT_EQ(next(), c_);
  EXPECT_FALSE(awaits_caps());
  EXPECT_EQ(removed(), Models{b_});
}

TEST_F(ModelQueueTest, AReadyModelReplacesOneWithoutCaps) {
  await_b();
  load("c", c_);
  EXPECT_EQ(queue_.end_caps_wait(*b_), CapsWait::kReplaced);
  EXPECT_EQ(next(), c_);
  EXPECT_EQ(removed(), Models{b_});
}

TEST_F(ModelQueueTest, TheCurrentModelReplacesOneWithoutCaps) {
  await_b();
  EXPECT_FALSE(queue_.request(settings_of("a"), /*reload=*/false));
  EXPECT_EQ(queue_.end_caps_wait(*b_), CapsWait::kReplaced);
  EXPECT_EQ(next(), nullptr);
  EXPECT_EQ(requested(), "a");
  EXPECT_EQ(removed(), Models{b_});
}

TEST_F(ModelQueueTest, ALoadingModelReplacesOneWithoutCaps) {
  await_b();
  EXPECT_TRUE(queue_.request(settings_of("c"), /*reload=*/false));
  EXPECT_EQ(queue_.end_caps_wait(*b_), CapsWait::kEnded);
  EXPECT_EQ(next(), b_);
  queue_.add(loaded_of("c", c_));
  EXPECT_EQ(next(), c_);
  EXPECT_EQ(removed(), Models{b_});
}

TEST_F(ModelQueueTest, AwaitsCapsAgain) {
  await_b();
  EXPECT_EQ(queue_.end_caps_wait(*b_), CapsWait::kEnded);
  queue_.await_caps(*b_);
  load("c", c_);
  EXPECT_EQ(next(), b_);
  EXPECT_EQ(requested(), "c");
}

}  // namespace
}  // namespace torchstreamer::test
