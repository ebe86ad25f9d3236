// Random calls of ModelQueue, compared with a list of models.
#include <gtest/gtest.h>

#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "model_queue_rig.h"

namespace torchstreamer::test {
namespace {

/// Reference of ModelQueue: a list of the current model, the next one, and the one after it.
class SlowQueue {
 public:
  enum State { kLoading, kReady, kAwaiting, kReplaceable, kCurrentAgain };
  struct Item {
    std::string location;
    ModelPtr model;
    State state;
  };

  SlowQueue(const std::string& location, const ModelPtr& model)
      : items_{{location, model, kReady}} {}

  const Item& current() const { return items_.front(); }
  const Item& last() const { return items_.back(); }
  bool is_loading() const { return last().state == kLoading; }
  bool awaits_caps() const {
    return items_.size() > 1 && (items_[1].state == kAwaiting || items_[1].state == kReplaceable);
  }
  ModelPtr next() const {
    return items_.size() > 1 && items_[1].state != kLoading ? items_[1].model : nullptr;
  }
  /// Number of models in memory.
  long count() const {
    long count = kept_.model ? 1 : 0;
    for (const Item& item : items_) count += item.model && item.state != kCurrentAgain;
    return count;
  }

  bool request(const std::string& location, bool reload) {
    items_.resize(keeps_next() ? 2 : 1);
    const bool is_current = !reload && location == current().location;
    if (!is_current) items_.push_back({location, nullptr, kLoading});
    if (is_current && keeps_next()) items_.push_back({location, nullptr, kCurrentAgain});
    return !is_current;
  }

  void add(const ModelPtr& model) {
    const std::string location = last().location;
    items_.resize(keeps_next() ? 2 : 1);
    if (keeps_next() && items_[1].model == model) {
      items_[1].location = location;
    } else if (current().model == model) {
      items_[0].location = location;
      if (keeps_next()) items_.push_back({location, nullptr, kCurrentAgain});
    } else {
      items_.push_back({location, model, kReady});
    }
  }

  void load_failed() { items_.pop_back(); }
  void await_caps() { items_[1].state = kAwaiting; }

  void take_over() {
    const Item old = current();
    items_.erase(items_.begin());
    items_[0].state = kReady;
    if (last().state == kCurrentAgain) items_[1] = old;
  }

  void drop() {
    items_.erase(items_.begin() + 1);
    if (last().state == kCurrentAgain) items_.pop_back();
  }

  CapsWait end_caps_wait() {
    if (!awaits_caps()) return CapsWait::kReplaced;
    if (items_.size() > 2 && !is_loading()) return drop(), CapsWait::kReplaced;
    const State before = std::exchange(items_[1].state, kReplaceable);
    return before == kReplaceable ? CapsWait::kEndedEarlier : CapsWait::kEnded;
  }

  void stop() {
    if (last().state == kReady && items_.size() > 1)
      kept_ = last();
    else if (next() && items_[1].location == last().location)
      kept_ = items_[1];
    items_.resize(1);
  }

  void finish_stop() {
    if (kept_.model) items_[0] = std::exchange(kept_, {});
    items_[0].state = kReady;
  }

 private:
  bool keeps_next() const { return items_.size() > 1 && items_[1].state == kAwaiting; }

  std::vector<Item> items_;
  Item kept_;
};

/// Makes the same random calls of both queues and compares them.
class RandomCalls {
 public:
  explicit RandomCalls(unsigned seed) : random_(seed) {
    fast_.set_current(loaded(models_[0], "0"));
  }

  void run(int calls) {
    for (int i = 0; i < calls && !::testing::Test::HasFailure(); ++i) {
      const long before = count();
      const long added = call(draw(9));
      EXPECT_EQ(count(), before + added) << "the queue itself freed a model";
      fast_.take_removed();
      compare();
    }
  }

 private:
  int draw(int end) { return static_cast<int>(random_() % static_cast<unsigned>(end)); }
  /// Number of models that the fast queue has.
  long count() const { return counter_.use_count() - 1; }

  LoadedModel loaded(const ModelPtr& model, const std::string& location) {
    LoadedModel made = loaded_of(location, model);
    made.lease = counter_;
    return made;
  }

  /// Makes one call, if the state allows it. Returns how many models it added.
  long call(int which) {
    const ModelPtr next = slow_.next();
    if (which == 0) request();
    if (which == 1 && slow_.is_loading()) fail();
    if (which <= 3 && slow_.is_loading()) return add(), 1;
    if (which == 4 && next) slow_.await_caps(), fast_.await_caps(*next);
    if (which == 5 && next) slow_.take_over(), fast_.take_over(*next);
    if (which == 6 && next) slow_.drop(), fast_.drop(*next);
    if (which == 7 && next) {
      EXPECT_EQ(fast_.end_caps_wait(*next), slow_.end_caps_wait());
    }
    if (which == 8 && draw(4) == 0) stop();
    return 0;
  }

  void request() {
    const std::string location = std::to_string(draw(4));
    const bool reload = draw(4) == 0;
    EXPECT_EQ(fast_.request(settings_of(location), reload), slow_.request(location, reload));
  }

  void stop() {
    slow_.stop();
    fast_.stop();
    if (draw(4) == 0) return;
    slow_.finish_stop();
    fast_.finish_stop();
  }

  void fail() {
    slow_.load_failed();
    fast_.load_failed();
  }

  /// Adds any model: files change, and different files may have the same content.
  void add() {
    const ModelPtr model = models_[static_cast<size_t>(draw(4))];
    const std::string location = slow_.last().location;
    slow_.add(model);
    fast_.add(loaded(model, location));
  }

  void compare() const {
    EXPECT_EQ(fast_.requested().location, slow_.last().location);
    EXPECT_EQ(fast_.current().model, slow_.current().model);
    EXPECT_EQ(fast_.current().settings.location, slow_.current().location);
    EXPECT_EQ(fast_.has_next(), slow_.next() != nullptr);
    EXPECT_EQ(fast_.next() ? fast_.next()->model : nullptr, slow_.next());
    EXPECT_EQ(fast_.next() && fast_.next()->awaits_caps, slow_.awaits_caps());
    EXPECT_EQ(fast_.negotiated_model(), slow_.awaits_caps() ? slow_.next() : slow_.current().model);
    EXPECT_EQ(count(), slow_.count());
  }

  std::mt19937 random_;
  const std::shared_ptr<void> counter_ = std::make_shared<int>();
  const std::vector<ModelPtr> models_ = {
      std::make_shared<FakeModel>(), std::make_shared<FakeModel>(), std::make_shared<FakeModel>(),
      std::make_shared<FakeModel>()};
  ModelQueue fast_;
  SlowQueue slow_{"0", models_[0]};
};

TEST(RandomModelQueue, EqualsAList) {
  for (unsigned seed = 0; seed < 100 && !HasFailure(); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    RandomCalls(seed).run(1000);
  }
}

}  // namespace
}  // namespace torchstreamer::test
