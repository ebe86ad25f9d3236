// A ModelQueue with fake models, which need no files.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "gst/loader/fake_model.h"
#include "loader/model_queue.h"

namespace torchstreamer::test {

using ModelPtr = std::shared_ptr<const Model>;

inline ModelSettings settings_of(const std::string& location) {
  ModelSettings settings;
  settings.location = location;
  return settings;
}

inline LoadedModel loaded_of(const std::string& location, const ModelPtr& model) {
  LoadedModel loaded;
  loaded.settings = settings_of(location);
  loaded.model = model;
  loaded.lease = std::make_shared<int>();
  return loaded;
}

using CapsWait = ModelQueue::CapsWait;
using Models = std::vector<ModelPtr>;

/// A queue with model `a` as the current one.
class ModelQueueTest : public ::testing::Test {
 protected:
  ModelQueueTest() { queue_.set_current(loaded_of("a", a_)); }

  void load(const std::string& location, const ModelPtr& model, bool reload = false) {
    ASSERT_TRUE(queue_.request(settings_of(location), reload));
    queue_.add(loaded_of(location, model));
  }

  /// Loads `b`, which then awaits caps.
  void await_b() {
    load("b", b_);
    queue_.await_caps(*b_);
  }

  std::string requested() const { return queue_.requested().location; }
  ModelPtr next() const {
    EXPECT_EQ(queue_.has_next(), queue_.next().has_value());
    return queue_.next() ? queue_.next()->model : nullptr;
  }
  bool awaits_caps() const { return queue_.next() && queue_.next()->awaits_caps; }
  Models removed() {
    Models models;
    for (const LoadedModel& loaded : queue_.take_removed())
      if (loaded.model) models.push_back(loaded.model);
    return models;
  }

  const ModelPtr a_ = std::make_shared<FakeModel>(), b_ = std::make_shared<FakeModel>(),
                 c_ = std::make_shared<FakeModel>();
  ModelQueue queue_;
};

}  // namespace torchstreamer::test
