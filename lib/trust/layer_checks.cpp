#include <ATen/core/Tensor.h>
#include <c10/util/StringUtil.h>

#include "torchstreamer/error.h"
#include "torchstreamer/tensor.h"
#include "trust/checks.h"

namespace torchstreamer {
namespace {

using c10::IValue;

// (v, g, axis): a weight of each size of the axis. The first and last axes have a kernel.
void require_weight_of_axis(const Arguments& args) {
  const Tensor &v = args.tensor("v"), &g = args.tensor("g");
  const int64_t axis = args.integer("dim");
  if (v.numel() == 0 || axis < 0 || axis >= v.dim() || g.numel() != v.size(axis) ||
      g.scalar_type() != v.scalar_type())
    throw Error(c10::str("its arguments are v ", v.sizes(), ", g ", g.sizes(), " and dim ", axis,
                         "; it needs an element of g for each index of dim"));
}

// (v, g, axis): the same, or -1 for one weight of the whole tensor.
void require_weight(const Arguments& args) {
  const Tensor &v = args.tensor("v"), &g = args.tensor("g");
  const bool has_one = args.integer("dim") == -1 && g.numel() == 1;
  if (!has_one || v.numel() == 0 || g.scalar_type() != v.scalar_type())
    require_weight_of_axis(args);
}

// (tensor [B, C, ..], ..).
void require_statistics_of_channels(const Arguments& args) {
  const Tensor& x = args[0].toTensor();
  const int64_t channels = x.dim() < 2 ? 0 : x.size(1);
  if (x.numel() == 0 || channels == 0)
    throw Error(c10::str("it normalises channels of ", x.sizes()));
  for (const char* name : {"weight", "bias", "running_mean", "running_var"})
    if (args.has_tensor(name) && args.tensor(name).numel() != channels)
      throw Error(c10::str("its argument '", name, "' has ", args.tensor(name).numel(),
                           " elements for ", channels, " channels"));
  const IValue* training = args.find("training");
  for (const char* name : {"running_mean", "running_var"})
    if (training && training->isBool() && !training->toBool() && args.find(name) &&
        !args.has_tensor(name))
      throw Error(c10::str("it normalises without '", name, "', which only training allows"));
}

// (data, batch_sizes, ..): packed sequences.
void require_batch_sizes(const Arguments& args) {
  if (!args.has_tensor("batch_sizes")) return;
  const Tensor& data = args.tensor("data");
  const Tensor sizes = args.tensor("batch_sizes").to(at::kCPU, at::kLong).contiguous();
  const int64_t* values = sizes.data_ptr<int64_t>();
  int64_t rest = data.dim() == 0 ? 0 : data.size(0);
  bool fits = sizes.dim() == 1 && sizes.numel() > 0;
  for (int64_t i = 0; i < sizes.numel() && fits; rest -= values[i++])
    fits = values[i] > 0 && values[i] <= rest && (i == 0 || values[i] <= values[i - 1]);
  if (!fits || rest != 0)
    throw Error(c10::str("its batch_sizes do not fit data of ", data.sizes()));
}

// Rows of a weight: `gates` for each element of the state.
void require_rows(const Tensor& weight, int64_t gates, const Tensor& state) {
  if (weight.dim() != 2 || state.dim() == 0 || weight.size(0) != gates * state.size(-1))
    throw Error(
        c10::str("its weight of ", weight.sizes(), " does not fit a state of ", state.sizes()));
}

// (input, hx, w_ih, w_hh, ..), with the number of gates of the cell.
template <int64_t gates>
void require_cell(const Arguments& args) {
  const IValue& hx = *args.find("hx");
  if (hx.isTensorList() && hx.toTensorVector().size() != 2) throw Error("it needs two states");
  const Tensor state = hx.isTensor() ? hx.toTensor() : hx.toTensorVector()[0];
  for (const char* name : {"w_ih", "w_hh"}) require_rows(args.tensor(name), gates, state);
}

// (.., hx, params, has_biases, num_layers, .., bidirectional, ..).
template <int64_t gates>
void require_layers(const Arguments& args) {
  require_batch_sizes(args);
  const IValue& hx = *args.find("hx");
  const std::vector<Tensor> states =
      hx.isTensor() ? std::vector<Tensor>{hx.toTensor()} : hx.toTensorVector();
  if (states.size() != (hx.isTensor() ? 1 : 2)) throw Error("it needs two states");
  const int64_t layers =
      args.integer("num_layers") * (args.find("bidirectional")->toBool() ? 2 : 1);
  for (const Tensor& state : states)
    if (state.dim() != 3 || layers < 1 || state.size(0) != layers)
      throw Error(c10::str("its state of ", state.sizes(), " does not fit ", layers, " layers"));
  const std::vector<Tensor> weights = args.find("params")->toTensorVector();
  const bool has_projection = states.back().size(2) != states[0].size(2);
  const size_t each = (args.find("has_biases")->toBool() ? 4 : 2) + (has_projection ? 1 : 0);
  if (weights.size() != each * static_cast<size_t>(layers))
    throw Error(c10::str("it has ", weights.size(), " weights for ", layers, " layers"));
  for (size_t i = 0; i < weights.size(); i += each)
    for (size_t j = i; j < i + 2; ++j) require_rows(weights[j], gates, states.back());
}

}  // namespace

std::vector<CheckedOperators> layer_checks() {
  return {
      {{"aten::_weight_norm"}, require_weight},
      {{"aten::_weight_norm_interface"}, require_weight_of_axis},
      {{"aten::_native_batch_norm_legit", "aten::_native_batch_norm_legit_functional",
        "aten::_native_batch_norm_legit_no_training", "aten::native_batch_norm"},
       require_statistics_of_channels},
      {{"aten::gru_cell"}, require_cell<3>},
      {{"aten::lstm_cell"}, require_cell<4>},
      {{"aten::rnn_relu", "aten::rnn_tanh"}, require_layers<1>},
      {{"aten::gru"}, require_layers<3>},
      {{"aten::lstm"}, require_layers<4>},
  };
}

}  // namespace torchstreamer
