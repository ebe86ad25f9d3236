#include "settings/names.h"

namespace torchstreamer {

const Names<Layout>& layout_names() {
  static const Names<Layout> names = {{"bct", Layout::kBatchChannelsTime},
                                      {"ct", Layout::kChannelsTime},
                                      {"t", Layout::kTime},
                                      {"btc", Layout::kBatchTimeChannels},
                                      {"tbc", Layout::kTimeBatchChannels},
                                      {"tc", Layout::kTimeChannels}};
  return names;
}

const Names<Tail>& tail_names() {
  static const Names<Tail> names = {
      {"pad", Tail::kPad}, {"drop", Tail::kDrop}, {"short", Tail::kShort}};
  return names;
}

}  // namespace torchstreamer
