#include "loader/shared_models.h"

#include <atomic>
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
  std::atomic<int> waiting_callers = 0;
  std::mutex loading;  // protects the following members
  std::weak_ptr<const Model> model;
  std::shared_ptr<const Model> for_waiting;
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

/// A slot, and those that differ from it in inputs only.
struct Found {
  std::shared_ptr<Slot> slot;
  std::vector<std::shared_ptr<Slot>> similar;
};

Found find_slot(const Key& key, const Key& without_inputs) {
  const std::lock_guard<std::mutex> lock(cache().mutex);
  auto& slots = cache().slots;
  for (auto it = slots.begin(); it != slots.end();)
    it = is_unused(it->second) ? slots.erase(it) : std::next(it);
  Found found;
  for (const auto& [other_key, other] : slots)
    if (other_key != key && other->without_inputs == without_inputs) found.similar.push_back(other);
  std::shared_ptr<Slot>& slot = slots[key];
  if (!slot) {
    slot = std::make_shared<Slot>();
    slot->without_inputs = without_inputs;
  }
  found.slot = slot;
  return found;
}

/// Returns the model of a slot; null if it has none or is loading it.
std::shared_ptr<const Model> loaded_model(Slot& slot) {
  const std::unique_lock<std::mutex> lock(slot.loading, std::try_to_lock);
  return lock ? slot.model.lock() : nullptr;
}

/// Returns a model that shares the weights of a similar one; null if none can.
std::unique_ptr<Model> share_weights(const Found& found, const NamedValues& inputs) {
  for (const auto& other : found.similar)
    if (const auto similar = loaded_model(*other))
      if (auto model = similar->with_inputs(inputs)) return model;
  return nullptr;
}

}  // namespace

std::shared_ptr<const Model> share_model(const std::string& sha256, const LoadOptions& options,
                                         const std::function<Model*()>& load) {
  LoadOptions without_inputs = options;
  without_inputs.call.inputs.clear();
  const Found found = find_slot({sha256, load_key(options)}, {sha256, load_key(without_inputs)});
  Slot& slot = *found.slot;
  ++slot.waiting_callers;
  const std::lock_guard<std::mutex> lock(slot.loading);
  --slot.waiting_callers;
  std::shared_ptr<const Model> model = slot.model.lock();
  if (!model) model = share_weights(found, options.call.inputs);
  if (!model) model.reset(load());
  slot.model = model;
  // This caller may drop the model at once, because its load was cancelled.
  slot.for_waiting = slot.waiting_callers > 0 ? model : nullptr;
  return model;
}

}  // namespace torchstreamer
