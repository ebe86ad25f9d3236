#include "loader/settings.h"

#include "loader/load_key.h"

namespace torchstreamer {

bool operator==(const ModelSettings& a, const ModelSettings& b) {
  return a.location == b.location && a.fetch.sha256 == b.fetch.sha256 &&
         a.batch_wait_ns == b.batch_wait_ns && load_key(a.options) == load_key(b.options);
}

}  // namespace torchstreamer
