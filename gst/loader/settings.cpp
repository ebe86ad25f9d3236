#include "loader/settings.h"

#include <tuple>

namespace torchstreamer {
namespace {

auto compared(const ModelSettings& s) {
  const LoadOptions& o = s.options;
  return std::tie(s.location, s.fetch.sha256, o.padding, o.channels, o.each_channel, o.output,
                  o.device);
}

}  // namespace

bool operator==(const ModelSettings& a, const ModelSettings& b) {
  return compared(a) == compared(b);
}

}  // namespace torchstreamer
