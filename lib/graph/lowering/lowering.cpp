#include "graph/lowering/lowering.h"

#include "graph/lowering/rearrangement.h"
#include "graph/lowering/rows.h"
#include "network/floats.h"

namespace torchstreamer::graph {
namespace {

bool is_complex(const PointwiseProcess& process) {
  if (at::isComplexType(process.output.dtype)) return true;
  for (const Format& f : process.formats)
    if (at::isComplexType(f.dtype)) return true;
  return false;
}

// Returns the name without its namespace and without the "_" of operators in place.
std::string plain_name(std::string name) {
  if (const size_t colons = name.find("::"); colons != std::string::npos) name.erase(0, colons + 2);
  if (name.size() > 1 && name.back() == '_') name.pop_back();
  return name;
}

Lowering find_in(const Lowerings& table, const std::string& name) {
  const auto row = table.find(name);
  return row == table.end() ? nullptr : row->second;
}

Lowering find_lowering(const std::string& name, bool is_complex) {
  if (is_complex) return find_in(complex_lowerings(), name);
  const Lowering function = find_in(function_lowerings(), name);
  return function ? function : find_in(frame_lowerings(), name);
}

bool all_lie_in_floats(const PointwiseProcess& process) {
  if (process.output.dtype != at::kFloat && process.output.dtype != at::kComplexFloat) return false;
  for (const Format& f : process.formats)
    if (!lies_in_floats(f)) return false;
  return true;
}

}  // namespace

Computation computation_of(const Call& call, const PointwiseProcess& process) {
  if (!all_lie_in_floats(process)) return {};
  const std::string name = plain_name(operator_name(call.node));
  if (moves_samples(name)) return rearrangement(process);
  const Lowering lowering = find_lowering(name, is_complex(process));
  if (!lowering || process.rate != 1 || process.block != 1) return {};
  try {
    return lowering(Operands(call, process));
  } catch (const std::exception&) {
    return {};  // the row cannot express these arguments
  }
}

bool has_lowering(const std::string& operator_name) {
  const std::string name = plain_name(operator_name);
  return moves_samples(name) || find_lowering(name, /*is_complex=*/false);
}

}  // namespace torchstreamer::graph
