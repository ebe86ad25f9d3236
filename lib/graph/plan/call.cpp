#include "graph/plan/call.h"

#include <c10/util/StringUtil.h>

namespace torchstreamer::graph {

Stream Call::stream(size_t i) const {
  if (const Stream* stream = args.at(i).stream()) return *stream;
  refuse(c10::str("its argument ", i, " must be computed from the signal"));
}

IValue Call::constant(size_t i) const {
  if (const IValue* value = args.at(i).constant()) return *value;
  if (args[i].find<Stream>()) refuse(c10::str("its argument ", i, " is computed from the signal"));
  if (args[i].find<SymbolPtr>())
    refuse(c10::str("its argument ", i, " depends on the length of the signal"));
  return value_at(args[i], node->input(i)->type(), 0, nullptr);
}

Tensor Call::tensor(size_t i) const {
  const IValue value = constant(i);
  return value.isNone() ? Tensor() : value.toTensor();
}

}  // namespace torchstreamer::graph
