// New values of the inputs of a current model that is called block by block.
#include <gtest/gtest.h>

#include <stdexcept>

#include "model_queue_rig.h"

namespace torchstreamer::test {
namespace {

ModelSettings with_inputs(const std::string& location, const NamedValues& inputs) {
  ModelSettings settings = settings_of(location);
  settings.options.call.inputs = inputs;
  return settings;
}

/// A queue whose current model `a`, with the input gain = 1, is called block by block.
class NewInputs : public ModelQueueTest {
 protected:
  NewInputs() {
    LoadedModel loaded = loaded_of("a", blocks_);
    loaded.settings = with_inputs("a", {{"gain", 1.0}});
    queue_.set_current(std::move(loaded));
    removed();
  }

  /// Requests inputs of `a`. Returns true if a model must be loaded.
  bool request(const NamedValues& inputs, const std::string& location = "a") {
    return queue_.request(with_inputs(location, inputs), /*reload=*/false);
  }

  /// The values that the queue sets.
  NamedValues set() {
    NamedValues values;
    queue_.set_inputs([&](const NamedValues& changed) { values = changed; });
    return values;
  }

  const NamedValues& inputs() const { return queue_.current().settings.options.call.inputs; }
  const NamedValues& requested_inputs() const { return queue_.requested().options.call.inputs; }

  const ModelPtr blocks_ = std::make_shared<FakeModel>(/*window_frames=*/100);
};

TEST_F(NewInputs, AreSetWithoutALoad) {
  EXPECT_FALSE(queue_.has_new_inputs());
  const NamedValues wanted = {{"gain", 2.0}, {"on", true}};
  EXPECT_FALSE(request(wanted));
  EXPECT_TRUE(queue_.has_new_inputs());
  EXPECT_EQ(next(), nullptr);
  EXPECT_EQ(requested_inputs(), wanted);
  EXPECT_EQ(inputs(), (NamedValues{{"gain", 1.0}}));
  EXPECT_EQ(set(), wanted);
  EXPECT_EQ(inputs(), wanted);
  EXPECT_FALSE(queue_.has_new_inputs());
  EXPECT_FALSE(request({{"gain", 3.0}, {"on", true}}));
  EXPECT_EQ(set(), (NamedValues{{"gain", 3.0}})) << "only the input that changed";
  EXPECT_EQ(set(), NamedValues());
}

TEST_F(NewInputs, OfTheLastRequestAreSet) {
  EXPECT_FALSE(request({{"gain", 2.0}}));
  EXPECT_FALSE(request({{"gain", 3.0}}));
  EXPECT_EQ(set(), (NamedValues{{"gain", 3.0}}));
  EXPECT_FALSE(request({{"gain", 4.0}}));
  EXPECT_FALSE(request({{"gain", 3.0}})) << "the current ones";
  EXPECT_FALSE(queue_.has_new_inputs());
}

TEST_F(NewInputs, ThatAreRefusedAreDropped) {
  EXPECT_FALSE(request({{"gain", std::string("loud")}}));
  EXPECT_THROW(queue_.set_inputs([](const NamedValues&) { throw std::runtime_error("no"); }),
               std::runtime_error);
  EXPECT_FALSE(queue_.has_new_inputs());
  EXPECT_EQ(requested_inputs(), (NamedValues{{"gain", 1.0}}));
}

TEST_F(NewInputs, WithoutAValueNeedALoad) {
  EXPECT_TRUE(request({{"on", true}}));
  EXPECT_TRUE(request({}));
}

TEST_F(NewInputs, OfADifferentModelNeedALoad) {
  EXPECT_TRUE(request({{"gain", 2.0}}, "b"));
  EXPECT_FALSE(request({{"gain", 2.0}})) << "the load of `b` is cancelled";
  EXPECT_TRUE(queue_.has_new_inputs());
}

TEST_F(NewInputs, OfAPlannedModelNeedALoad) {
  queue_.set_current(loaded_of("a", a_));
  EXPECT_TRUE(request({{"gain", 2.0}}));
}

// A load with the old values gives the same model, because models are shared, but the engine has
// the new values.
TEST_F(NewInputs, AreReplacedByARequestOfTheOldOnes) {
  request({{"gain", 2.0}, {"on", true}});
  set();
  EXPECT_TRUE(request({{"gain", 1.0}}));
  LoadedModel loaded = loaded_of("a", blocks_);
  loaded.settings = with_inputs("a", {{"gain", 1.0}});
  queue_.add(std::move(loaded));
  EXPECT_EQ(next(), blocks_);
  queue_.take_over(*blocks_);
  EXPECT_EQ(inputs(), (NamedValues{{"gain", 1.0}}));
}

/// A next model `b` with the same input.
class NumbersOfTheNextModel : public NewInputs {
 protected:
  /// Requests `b` with the input gain = 1.
  NumbersOfTheNextModel() { EXPECT_TRUE(request({{"gain", 1.0}}, "b")); }

  void add(const ModelPtr& model) {
    LoadedModel loaded = loaded_of("b", model);
    loaded.settings = with_inputs("b", {{"gain", 1.0}});
    queue_.add(std::move(loaded));
    EXPECT_EQ(next(), model);
  }

  const NamedValues& next_inputs() const { return queue_.find_next(*next())->new_inputs; }

  const ModelPtr other_blocks_ = std::make_shared<FakeModel>(/*window_frames=*/100);
};

TEST_F(NumbersOfTheNextModel, DoNotRestartItsLoad) {
  EXPECT_FALSE(request({{"gain", 2.0}}, "b"));
  EXPECT_EQ(requested(), "b");
  EXPECT_EQ(requested_inputs(), (NamedValues{{"gain", 2.0}}));
  EXPECT_EQ(set(), (NamedValues{{"gain", 2.0}})) << "of the current model";
  add(other_blocks_);
  EXPECT_EQ(next_inputs(), (NamedValues{{"gain", 2.0}}));
  EXPECT_FALSE(request({{"gain", int64_t{3}}}, "b"));
  EXPECT_EQ(next_inputs(), (NamedValues{{"gain", int64_t{3}}}));
  EXPECT_TRUE(queue_.has_new_inputs());
  queue_.take_over(*other_blocks_);
  EXPECT_FALSE(queue_.has_new_inputs());
  EXPECT_EQ(inputs(), (NamedValues{{"gain", int64_t{3}}}));
  EXPECT_EQ(queue_.current().new_inputs, inputs());
  EXPECT_EQ(queue_.take_reload(), std::nullopt);
}

TEST_F(NumbersOfTheNextModel, ThatIsPlannedAreRequestedAfterItTakesOver) {
  EXPECT_FALSE(request({{"gain", 2.0}}, "b"));
  add(a_);
  EXPECT_EQ(requested_inputs(), (NamedValues{{"gain", 2.0}}));
  EXPECT_FALSE(request({{"gain", 3.0}}, "b"));
  EXPECT_EQ(requested_inputs(), (NamedValues{{"gain", 3.0}}));
  EXPECT_EQ(queue_.take_reload(), std::nullopt);
  queue_.take_over(*a_);
  EXPECT_EQ(inputs(), (NamedValues{{"gain", 1.0}}));
  const auto reload = queue_.take_reload();
  ASSERT_TRUE(reload.has_value());
  EXPECT_EQ(*reload, with_inputs("b", {{"gain", 3.0}}));
  EXPECT_EQ(queue_.take_reload(), std::nullopt);
}

TEST_F(NumbersOfTheNextModel, AreDroppedWithIt) {
  add(a_);
  EXPECT_FALSE(request({{"gain", 3.0}}, "b"));
  queue_.drop(*a_);
  EXPECT_EQ(queue_.take_reload(), std::nullopt);
  EXPECT_EQ(requested(), "a");
}

TEST_F(NumbersOfTheNextModel, AreTheOnlyChangeWithoutALoad) {
  EXPECT_TRUE(request({{"gain", std::string("loud")}}, "b"));
  EXPECT_TRUE(request({{"gain", 2.0}}, "b"));
  EXPECT_TRUE(request({{"gain", 2.0}, {"on", true}}, "b"));
  EXPECT_TRUE(request({}, "b"));
}

TEST_F(NumbersOfTheNextModel, ThatAwaitsCapsAndOfTheModelAfterItAreSet) {
  add(other_blocks_);
  queue_.await_caps(*other_blocks_);
  EXPECT_FALSE(request({{"gain", 2.0}}, "b"));
  EXPECT_EQ(next_inputs(), (NamedValues{{"gain", 2.0}}));
  EXPECT_FALSE(queue_.request(with_inputs("a", {{"gain", 1.0}}), /*reload=*/false));
  EXPECT_FALSE(request({{"gain", 3.0}}));
  EXPECT_EQ(requested(), "a");
  queue_.take_over(*other_blocks_);
  EXPECT_EQ(next(), blocks_);
  EXPECT_EQ(next_inputs(), (NamedValues{{"gain", 3.0}}));
}

TEST_F(NumbersOfTheNextModel, ThatCannotBeLoadedAreThoseOfTheCurrentOne) {
  queue_.load_failed();
  queue_.control_inputs(with_inputs("b", {{"gain", 4.0}}));
  EXPECT_EQ(requested(), "a");
  EXPECT_EQ(set(), (NamedValues{{"gain", 4.0}}));
  EXPECT_EQ(next(), nullptr);
}

}  // namespace
}  // namespace torchstreamer::test
