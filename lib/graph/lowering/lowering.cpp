#include "graph/lowering/lowering.h"

#include "graph/lowering/floats.h"
#include "graph/lowering/rearrangement.h"
#include "graph/lowering/rows.h"

namespace torchstreamer::graph {
namespace {

bool is_complex(const PointwiseProcess& process) {
  if (at::isComplexType(process.output.dtype)) return true;
  for (const Format& f : process.formats)
    if (at::isComplexType(f.dtype)) return true;
  return false;
}

Row find_row(const std::string& name, const PointwiseProcess& process) {
  std::vector<const Rows*> tables = {&function_rows(), &frame_rows()};
  if (is_complex(process)) tables = {&complex_rows()};
  for (const Rows* rows : tables)
    if (const auto row = rows->find(name); row != rows->end()) return row->second;
  return nullptr;
}

int64_t samples_out(const PointwiseProcess& process) {
  int64_t samples = process.output.dtype == at::kComplexFloat ? 2 : 1;
  for (const int64_t n : process.output.shape) samples *= n < 0 ? 1 : n;
  return samples;
}

bool all_lie_in_floats(const PointwiseProcess& process) {
  if (process.output.dtype != at::kFloat && process.output.dtype != at::kComplexFloat) return false;
  for (const Format& f : process.formats)
    if (!lies_in_floats(f)) return false;
  return true;
}

// Whether every operand has a sample for each of the output's.
bool fits(const Elementwise& function, const PointwiseProcess& process) {
  const int64_t samples = samples_out(process);
  for (const Operand& o : function.operands) {
    if (o.result && fits(*o.result, process)) continue;
    const int64_t has = o.input < 0         ? (o.constant.defined() ? o.constant.numel() : 0)
                        : !o.spread.empty() ? static_cast<int64_t>(o.spread.size())
                                            : floats_of(process.formats[o.input]);
    if (has != samples) return false;
  }
  return true;
}

}  // namespace

Computation computation_of(const Call& call, const PointwiseProcess& process) {
  if (!all_lie_in_floats(process)) return {};
  std::string name = call.node->kind().toUnqualString();
  if (name.size() > 1 && name.back() == '_') name.pop_back();
  if (moves_samples(name)) return rearrangement(process);
  const Row row = find_row(name, process);
  if (!row || process.rate != 1 || process.block != 1) return {};
  try {
    const Computation found = row(Operands(call, process));
    const auto* function = std::get_if<Elementwise>(&found);
    return function && !fits(*function, process) ? Computation() : found;
  } catch (const std::exception&) {
    return {};  // arguments that the row does not know: the operator itself does
  }
}

}  // namespace torchstreamer::graph
