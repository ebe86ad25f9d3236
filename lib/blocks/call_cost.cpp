#include "blocks/call_cost.h"

#include <ATen/core/Tensor.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace torchstreamer::blocks {
namespace {

using c10::IValue;

// Multiply-adds of the time in which an operator is called: some microseconds.
constexpr double kOverhead = 1 << 14;

struct Counted {
  CallCost cost;
  int observers = 0;
  int depth = 0;  // number of operators that have not returned
};

thread_local Counted counted;

// The inputs of an operator are known only when it starts.
struct CountedOperator : at::ObserverContext {
  double operands = 0;  // product of the sizes of the two largest inputs of a product
};

// Returns the numbers of elements of all tensors.
template <typename Values>
std::vector<double> sizes_of(const Values& values) {
  std::vector<double> sizes;
  for (const IValue& value : values)
    value.visit([&](const IValue& part) {
      if (part.isTensor() && part.toTensor().defined())
        sizes.push_back(static_cast<double>(part.toTensor().numel()));
      return part.isObject();
    });
  return sizes;
}

bool is_product(const std::string& name) {
  static const std::set<std::string> kNames = {
      "aten::mm",       "aten::bmm",      "aten::addmm",     "aten::baddbmm",
      "aten::matmul",   "aten::mv",       "aten::linear",    "aten::bilinear",
      "aten::einsum",   "aten::lstm",     "aten::gru",       "aten::rnn_tanh",
      "aten::rnn_relu", "aten::gru_cell", "aten::lstm_cell", "aten::tensordot"};
  return name.rfind("aten::conv", 0) == 0 || kNames.count(name) > 0;
}

std::unique_ptr<at::ObserverContext> start_operator(const at::RecordFunction& function) {
  auto context = std::make_unique<CountedOperator>();
  if (counted.depth++ > 0 || !is_product(function.name())) return context;
  std::vector<double> sizes = sizes_of(function.inputs());
  std::sort(sizes.rbegin(), sizes.rend());
  if (sizes.size() >= 2) context->operands = sizes[0] * sizes[1];
  return context;
}

// A product [M, K] * [K, N] has M * K * N multiply-adds: the root of the product of three sizes.
void end_operator(const at::RecordFunction& function, at::ObserverContext* context) {
  if (--counted.depth > 0) return;
  double elements = 0;
  for (const double size : sizes_of(function.outputs())) elements += size;
  const double operands = static_cast<const CountedOperator*>(context)->operands;
  counted.cost.overhead += kOverhead;
  counted.cost.multiply_adds += operands > 0 ? std::sqrt(operands * elements) : elements;
}

}  // namespace

CostObserver::CostObserver() : before_(counted.cost) {
  if (counted.observers++ == 0) observation_.emplace(&start_operator, &end_operator);
}

CostObserver::~CostObserver() { --counted.observers; }

CallCost CostObserver::cost() const {
  return {counted.cost.multiply_adds - before_.multiply_adds,
          counted.cost.overhead - before_.overhead};
}

}  // namespace torchstreamer::blocks
