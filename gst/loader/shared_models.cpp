#include "loader/shared_models.h"

#include <map>
#include <mutex>
#include <utility>
#include <vector>

#include "loader/load_key.h"

namespace torchstreamer {
namespace {

using Key = std::pair<std::string, LoadKey>;

/// One model, which may be loading, loaded or freed.
struct Slot {
  Key without_inputs;
  std::mutex loading;
  std::weak_ptr<const Model> model;
};

/// All models of the process.
struct Cache {
  std::mutex mutex;
  std::map<Key, std::shared_ptr<Slot>> slots;
};

Cache& cache() {
  static auto* cache = new Cache;  // never destroyed, because threads may load during exit()
  return *cache;
}

/// Returns true if `slot` has no users. Called under the lock of the cache, so that no other thread
/// can start to use the slot.
bool is_unused(const std::shared_ptr<Slot>& slot) {
  if (slot.use_count() != 1) return false;
  const std::lock_guard<std::mutex> lock(slot->loading);  // the model was written under this lock
  return slot->model.expired();
}

std::shared_ptr<Slot> find_slot(const Key& key, const Key& without_inputs) {
  const std::lock_guard<std::mutex> lock(cache().mutex);
  auto& slots = cache().slots;
  for (auto it = slots.begin(); it != slots.end();)
    it = is_unused(it->second) ? slots.erase(it) : std::next(it);
  std::shared_ptr<Slot>& slot = slots[key];
  if (!slot) {
    slot = std::make_shared<Slot>();
    slot->without_inputs = without_inputs;
  }
  return slot;
}

/// Returns the models of slots that differ from `slot` in inputs only. Skips those that are
/// loading.
std::vector<std::shared_ptr<const Model>> similar_models(const Slot& slot) {
  std::vector<std::shared_ptr<Slot>> others;
  {
    const std::lock_guard<std::mutex> lock(cache().mutex);
    for (const auto& [key, other] : cache().slots)
      if (other.get() != &slot && other->without_inputs == slot.without_inputs)
        others.push_back(other);
  }
  std::vector<std::shared_ptr<const Model>> models;
  for (const auto& other : others) {
    const std::unique_lock<std::mutex> lock(other->loading, std::try_to_lock);
    if (!lock) continue;
    if (auto model = other->model.lock()) models.push_back(std::move(model));
  }
  return models;
}

/// Returns a model that shares the weights of a similar one; null if none can.
std::unique_ptr<Model> share_weights(const Slot& slot, const NamedValues& inputs) {
  for (const auto& similar : similar_models(slot))
    if (auto model = similar->with_inputs(inputs)) return model;
  return nullptr;
}

}  // namespace

std::shared_ptr<const Model> share_model(const std::string& sha256, const LoadOptions& options,
                                         const std::function<Model*()>& load) {
  LoadOptions without_inputs = options;
  without_inputs.call.inputs.clear();
  const std::shared_ptr<Slot> slot =
      find_slot({sha256, load_key(options)}, {sha256, load_key(without_inputs)});
  const std::lock_guard<std::mutex> lock(slot->loading);
  std::shared_ptr<const Model> model = slot->model.lock();
  if (!model) model = share_weights(*slot, options.call.inputs);
  if (!model) model.reset(load());
  slot->model = model;
  return model;
}

}  // namespace torchstreamer
