#include "loader/shared_models.h"

#include <map>
#include <mutex>
#include <utility>

#include "loader/load_key.h"

namespace torchstreamer {
namespace {

using Key = std::pair<std::string, LoadKey>;

/// One model, which may be loading, loaded or freed.
struct Slot {
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

std::shared_ptr<Slot> find_slot(const Key& key) {
  const std::lock_guard<std::mutex> lock(cache().mutex);
  auto& slots = cache().slots;
  for (auto it = slots.begin(); it != slots.end();)
    it = is_unused(it->second) ? slots.erase(it) : std::next(it);
  std::shared_ptr<Slot>& slot = slots[key];
  if (!slot) slot = std::make_shared<Slot>();
  return slot;
}

}  // namespace

std::shared_ptr<const Model> share_model(const std::string& sha256, const LoadOptions& options,
                                         const std::function<Model*()>& load) {
  const std::shared_ptr<Slot> slot = find_slot({sha256, load_key(options)});
  const std::lock_guard<std::mutex> lock(slot->loading);
  std::shared_ptr<const Model> model = slot->model.lock();
  if (!model) slot->model = model = std::shared_ptr<const Model>(load());
  return model;
}

}  // namespace torchstreamer
