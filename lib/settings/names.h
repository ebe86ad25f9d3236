// Names of values that settings and options have in common.
#pragma once

#include <utility>
#include <vector>

#include "torchstreamer/load.h"

namespace torchstreamer {

/// Values by their names in texts, in the order of the enumeration, without the automatic value.
template <class T>
using Names = std::vector<std::pair<const char*, T>>;

const Names<Layout>& layout_names();
const Names<Tail>& tail_names();

}  // namespace torchstreamer
