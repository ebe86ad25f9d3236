#include "loader/shared_groups.h"

#include <map>
#include <mutex>
#include <utility>

namespace torchstreamer {
namespace {

/// A model whose address may be that of a freed one, with the group.
struct Entry {
  std::weak_ptr<const Model> model;
  std::weak_ptr<Group> group;
};

/// All groups of the process.
struct Groups {
  std::mutex mutex;
  std::map<std::pair<const Model*, int64_t>, Entry> entries;
};

Groups& groups() {
  static auto* groups = new Groups;  // never destroyed, because threads may load during exit()
  return *groups;
}

}  // namespace

std::shared_ptr<Group> shared_group(const std::shared_ptr<const Model>& model, int64_t wait_ns) {
  // Without the lock, because it may compile the model.
  std::shared_ptr<Group> group = model->make_group({wait_ns});
  const std::lock_guard<std::mutex> lock(groups().mutex);
  auto& entries = groups().entries;
  for (auto it = entries.begin(); it != entries.end();)
    it = it->second.model.expired() ? entries.erase(it) : std::next(it);
  Entry& entry = entries[{model.get(), wait_ns}];
  if (auto first = entry.group.lock()) return first;
  entry = {model, group};
  return group;
}

}  // namespace torchstreamer
