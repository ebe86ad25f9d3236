#include "loader/shared_models.h"

#include <map>
#include <mutex>
#include <tuple>

namespace torchstreamer {
namespace {

using Key = std::tuple<std::string, Padding, int64_t, bool, int, Execution, std::string>;

struct Slot {
  std::mutex loading;
  std::weak_ptr<const Model> model;
};

struct Cache {
  std::mutex mutex;
  std::map<Key, std::shared_ptr<Slot>> slots;
};

Cache& cache() {
  static auto* cache = new Cache;  // threads may load while the process exits
  return *cache;
}

// Nobody who has no part in a slot yet can come to it meanwhile.
bool is_unused(const std::shared_ptr<Slot>& slot) {
  if (slot.use_count() != 1) return false;
  const std::lock_guard<std::mutex> lock(slot->loading);  // to see what was written under it
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
  const auto& [padding, channels, each_channel, output, execution, device] = options;
  const std::shared_ptr<Slot> slot =
      find_slot({sha256, padding, channels, each_channel, output, execution, device});
  const std::lock_guard<std::mutex> lock(slot->loading);
  std::shared_ptr<const Model> model = slot->model.lock();
  if (!model) slot->model = model = std::shared_ptr<const Model>(load());
  return model;
}

}  // namespace torchstreamer
