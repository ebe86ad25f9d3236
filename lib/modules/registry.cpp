#include "torchstreamer/registry.h"

#include <c10/util/Type.h>

#include <map>
#include <mutex>

#include "modules/sequential.h"
#include "modules/table.h"
#include "support/exceptions.h"
#include "torchstreamer/modules.h"

namespace torchstreamer {
namespace {

struct Registry {
  std::mutex mutex;
  std::map<std::type_index, Streamer> streamers = built_in_streamers();
};

Registry& registry() {
  static Registry instance;
  return instance;
}

// The key of Sequential is that of Sequential1d, because any_module() converts a Sequential to a
// Sequential1d.
std::type_index key_of(std::type_index type) {
  return type == typeid(torch::nn::SequentialImpl) ? std::type_index(typeid(Sequential1dImpl))
                                                   : type;
}

// Returns a copy, so that a streamer may itself use the registry.
Streamer streamer_of(std::type_index type) {
  type = key_of(type);
  const std::lock_guard<std::mutex> lock(registry().mutex);
  const auto it = registry().streamers.find(type);
  return it == registry().streamers.end() ? nullptr : it->second;
}

}  // namespace

void register_streamer(std::type_index type, Streamer streamer) {
  type = key_of(type);
  if (!streamer) throw Error("register_streamer: the streamer is empty");
  const std::lock_guard<std::mutex> lock(registry().mutex);
  registry().streamers[type] = std::move(streamer);
}

std::shared_ptr<BaseStream> create_stream(const torch::nn::AnyModule& module) {
  if (module.is_empty()) throw Error("create_stream: the module is empty");
  const auto& type = typeid(*module.ptr());
  try {
    Streamer streamer = streamer_of(type);
    if (!streamer && is_sequential(module)) streamer = streamer_of(typeid(Sequential1dImpl));
    if (!streamer) return std::make_shared<Elementwise1dStream>(module);
    auto stream = streamer(module);
    if (!stream) throw Error("its registered streamer returned nothing");
    return stream;
  } catch (const Refusal&) {
    throw;
  } catch (const std::exception& e) {
    throw Refusal(c10::demangle(type.name()), "", "", reason_of(e));
  }
}

}  // namespace torchstreamer
