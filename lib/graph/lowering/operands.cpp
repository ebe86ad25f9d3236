#include "graph/lowering/operands.h"

#include <ATen/ops/arange.h>
#include <ATen/ops/full.h>

namespace torchstreamer::graph {

Operands::Operands(const Call& call, const PointwiseProcess& process)
    : call_(call), process_(process) {
  int streams = 0;
  for (const Value& arg : call.args) inputs_.push_back(arg.stream() ? streams++ : -1);
}

bool Operands::is_stream(size_t i) const { return call_.args.at(i).stream() != nullptr; }

bool Operands::is_none(size_t i) const {
  const IValue* value = call_.args.at(i).constant();
  return value && value->isNone();
}

bool Operands::is_complex(size_t i) const {
  return is_stream(i) && at::isComplexType(call_.args[i].stream()->dtype);
}

std::optional<double> Operands::number(size_t i) const {
  const IValue* value = call_.args.at(i).constant();
  if (!value) return std::nullopt;
  if (value->isTensor() && value->toTensor().numel() == 1 && value->toTensor().dim() == 0)
    return value->toTensor().item<double>();
  if (!value->isScalar()) return std::nullopt;
  return value->toScalar().to<double>();
}

std::optional<Operand> Operands::operand(size_t i) const {
  if (is_stream(i)) return Operand::of_input(inputs_[i], spread(*call_.args[i].stream()));
  if (const auto n = number(i))
    return Operand::of_constant(at::full(frame(), *n, at::kFloat).flatten());
  const IValue* value = call_.args.at(i).constant();
  if (!value || !value->isTensor() || !value->toTensor().defined()) return std::nullopt;
  return in_frame(value->toTensor());
}

std::optional<Operand> Operands::in_frame(const Tensor& x) const {
  auto shape = process_.output.shape;
  shape[process_.output.axis] = 1;
  if (!at::isFloatingType(x.scalar_type()) && !at::isIntegralType(x.scalar_type(), true))
    return std::nullopt;
  try {
    return Operand::of_constant(x.to(at::kFloat).expand(shape).contiguous().flatten());
  } catch (const std::exception&) {
    return std::nullopt;  // it has its own time axis
  }
}

// Returns Operand::spread. Numbers the samples of a frame and broadcasts the numbers.
std::vector<int64_t> Operands::spread(const Stream& x) const {
  auto shape = x.shape, out = process_.output.shape;
  shape[x.axis] = out[process_.output.axis] = 1;
  int64_t samples = 1;
  for (const int64_t n : shape) samples *= n;
  if (shape == out || shape.size() > out.size()) return {};
  try {
    const Tensor moved = at::arange(samples, at::kLong).view(shape).expand(out).contiguous();
    if (moved.numel() == samples) return {};
    return {moved.data_ptr<int64_t>(), moved.data_ptr<int64_t>() + moved.numel()};
  } catch (const std::exception&) {
    return {};
  }
}

std::optional<Operand> Operands::over_channels(const Tensor& x) const {
  if (process_.output.shape.size() < 2) return std::nullopt;
  std::vector<int64_t> shape(process_.output.shape.size(), 1);
  shape[1] = -1;
  return in_frame(x.reshape(shape));
}

Operand Operands::parts(size_t i, const std::vector<int>& parts) const {
  const Stream& x = *call_.args.at(i).stream();
  const auto from = spread(x);
  int64_t numbers = 1;
  for (const int64_t n : frame()) numbers *= n;
  Operand operand = Operand::of_input(inputs_[i]);
  for (int64_t n = 0; n < numbers; ++n)
    for (const int part : parts) {
      const int64_t number = from.empty() ? n : from[n];
      operand.spread.push_back(at::isComplexType(x.dtype) ? 2 * number + part : number);
    }
  return operand;
}

std::vector<int64_t> Operands::frame() const {
  auto shape = process_.output.shape;
  shape.erase(shape.begin() + process_.output.axis);
  return shape;
}

Operand result_of(Function function, std::vector<Operand> operands, double p, double q) {
  return Operand::of_result({function, std::move(operands), p, q});
}

}  // namespace torchstreamer::graph
