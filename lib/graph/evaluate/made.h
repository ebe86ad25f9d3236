// Tensors that an operator makes from their sizes alone, such as zeros() and arange(), or from one
// entry that it repeats.
#pragma once

#include "graph/plan/value.h"

namespace torchstreamer::graph {

/// Returns true if the symbol is such a tensor, or its conversion to a different type.
bool is_made(const Symbol& symbol);

/// Returns the symbol of the size along `axis` of such a tensor; null if it is not known.
SymbolPtr size_symbol(const Symbol& symbol, int axis);

}  // namespace torchstreamer::graph
