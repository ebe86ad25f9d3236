// Transitions of ModelQueue without models that await caps.
#include "loader/model_queue.h"

#include <gtest/gtest.h>

#include "model_queue_rig.h"

namespace torchstreamer::test {
namespace {

constexpr EngineInput kStereo = {2, 48000};

TEST(EmptyModelQueue, HasNoModels) {
  ModelQueue queue;
  EXPECT_FALSE(queue.current().model);
  EXPECT_FALSE(queue.has_next());
  EXPECT_FALSE(queue.next());
  EXPECT_FALSE(queue.negotiated_model());
  EXPECT_EQ(queue.take_engine(), nullptr);
}

TEST_F(ModelQueueTest, LoadsTheFirstModelAsTheCurrentOne) {
  queue_.start_loading(settings_of("b"));
  EXPECT_FALSE(queue_.current().model);
  EXPECT_EQ(requested(), "b");
  EXPECT_EQ(next(), nullptr);
  EXPECT_EQ(removed(), Models{a_});
  queue_.set_current(loaded_of("b", b_));
  EXPECT_EQ(queue_.current().model, b_);
  EXPECT_EQ(requested(), "b");
}

TEST_F(ModelQueueTest, FailsToLoadTheFirstModel) {
  queue_.start_loading(settings_of("b"));
  queue_.load_failed();
  EXPECT_FALSE(queue_.current().model);
  EXPECT_EQ(requested(), "");
}

TEST_F(ModelQueueTest, RequestsOfTheCurrentModelNeedNoLoad) {
  EXPECT_FALSE(queue_.request(settings_of("a"), /*reload=*/false));
  EXPECT_TRUE(queue_.request(settings_of("a"), /*reload=*/true));
  EXPECT_EQ(requested(), "a");
  queue_.load_failed();
  queue_.invalidate_current();
  EXPECT_TRUE(queue_.request(settings_of("a"), /*reload=*/false));
}

TEST_F(ModelQueueTest, LoadingBecomesReady) {
  EXPECT_TRUE(queue_.request(settings_of("b"), /*reload=*/false));
  EXPECT_EQ(requested(), "b");
  EXPECT_EQ(next(), nullptr);
  queue_.add(loaded_of("b", b_));
  EXPECT_EQ(next(), b_);
  EXPECT_FALSE(awaits_caps());
  EXPECT_EQ(queue_.negotiated_model(), a_);
  EXPECT_EQ(removed(), Models{});
}

TEST_F(ModelQueueTest, FailedAndCancelledLoadsLeaveNoModel) {
  EXPECT_TRUE(queue_.request(settings_of("b"), /*reload=*/false));
  queue_.load_failed();
  EXPECT_EQ(requested(), "a");
  EXPECT_TRUE(queue_.request(settings_of("b"), /*reload=*/false));
  EXPECT_FALSE(queue_.request(settings_of("a"), /*reload=*/false));
  EXPECT_EQ(requested(), "a");
  EXPECT_EQ(next(), nullptr);
}

TEST_F(ModelQueueTest, LoadingTheCurrentModelKeepsItsNewSettings) {
  load("same as a", a_);
  EXPECT_EQ(next(), nullptr);
  EXPECT_EQ(queue_.current().settings.location, "same as a");
  EXPECT_EQ(requested(), "same as a");
  EXPECT_EQ(removed(), Models{a_});  // the second copy, with its engine
}

TEST_F(ModelQueueTest, ReadyIsReplaced) {
  load("b", b_);
  EXPECT_TRUE(queue_.request(settings_of("c"), /*reload=*/false));
  EXPECT_EQ(next(), nullptr);
  EXPECT_EQ(removed(), Models{b_});
  queue_.add(loaded_of("c", c_));
  EXPECT_EQ(next(), c_);
  EXPECT_FALSE(queue_.request(settings_of("a"), /*reload=*/false));
  EXPECT_EQ(next(), nullptr);
  EXPECT_EQ(removed(), Models{c_});
}

TEST_F(ModelQueueTest, ReadyTakesOver) {
  load("b", b_);
  queue_.take_over(*c_);
  EXPECT_EQ(queue_.current().model, a_);
  queue_.take_over(*b_);
  EXPECT_EQ(queue_.current().model, b_);
  EXPECT_EQ(next(), nullptr);
  EXPECT_EQ(requested(), "b");
  EXPECT_EQ(removed(), Models{a_});
}

TEST_F(ModelQueueTest, ReadyIsDropped) {
  load("b", b_);
  queue_.drop(*c_);
  EXPECT_EQ(next(), b_);
  queue_.drop(*b_);
  EXPECT_EQ(next(), nullptr);
  EXPECT_EQ(requested(), "a");
  EXPECT_EQ(removed(), Models{b_});
}

/// A reloaded file has the same settings, but an engine of its old content must not be used.
TEST_F(ModelQueueTest, EnginesBelongToTheirModel) {
  load("b", b_);
  EXPECT_TRUE(queue_.needs_engine(*b_, kStereo));
  EXPECT_FALSE(queue_.needs_engine(*c_, kStereo));
  std::unique_ptr<Engine> engine = b_->start(2);
  Engine* const made = engine.get();
  EXPECT_EQ(queue_.set_engine(*b_, std::move(engine), kStereo), nullptr);
  EXPECT_FALSE(queue_.needs_engine(*b_, kStereo));
  EXPECT_TRUE(queue_.needs_engine(*b_, {1, 48000}));
  EXPECT_TRUE(queue_.needs_engine(*b_, {2, 44100}));
  EXPECT_NE(queue_.set_engine(*c_, c_->start(2), kStereo), nullptr);  // handed back
  queue_.take_over(*b_);
  EXPECT_EQ(queue_.current().input, kStereo);
  EXPECT_EQ(queue_.take_engine().get(), made);
  EXPECT_EQ(queue_.take_engine(), nullptr);
}

TEST_F(ModelQueueTest, StopKeepsTheRequestedModel) {
  load("b", b_);
  queue_.stop();
  EXPECT_EQ(next(), nullptr);
  EXPECT_EQ(queue_.current().model, a_);  // data may still flow
  queue_.finish_stop();
  EXPECT_EQ(queue_.current().model, b_);
  EXPECT_EQ(removed(), Models{a_});
  queue_.finish_stop();
  EXPECT_EQ(queue_.current().model, b_);
}

TEST_F(ModelQueueTest, StopKeepsTheModelAfter) {
  await_b();
  load("c", c_);
  queue_.stop();
  EXPECT_EQ(removed(), Models{b_});
  queue_.finish_stop();
  EXPECT_EQ(queue_.current().model, c_);
}

TEST_F(ModelQueueTest, StopDropsModelsThatWereNotRequestedLast) {
  await_b();
  EXPECT_TRUE(queue_.request(settings_of("c"), /*reload=*/false));
  queue_.stop();
  EXPECT_EQ(removed(), Models{b_});
  queue_.finish_stop();
  EXPECT_EQ(queue_.current().model, a_);
  EXPECT_EQ(requested(), "a");
}

TEST_F(ModelQueueTest, TheCurrentModelIsRemoved) {
  queue_.remove_current();
  EXPECT_FALSE(queue_.current().model);
  EXPECT_EQ(removed(), Models{a_});
}

}  // namespace
}  // namespace torchstreamer::test
