#include "graph/rules/rules.h"

#include <map>

namespace torchstreamer::graph {

// The one list of the operators that have a rule. Every other one must prove to be pointwise.
Rule find_rule(const std::string& operator_name) {
  static const std::map<std::string, Rule> table = {
      // convolutions
      {"aten::conv1d", convolution_nd},
      {"aten::conv2d", convolution_nd},
      {"aten::_convolution", convolution},
      {"aten::_convolution_mode", convolution_mode},
      {"aten::conv_transpose1d", convolution_transpose},
      {"aten::conv_transpose2d", convolution_transpose},
      // windows and spectra
      {"aten::unfold", unfold},
      {"aten::diff", difference},
      {"aten::stft", stft},
      {"aten::istft", istft},
      // pools
      {"aten::max_pool1d", max_pool},
      {"aten::max_pool2d", max_pool_2d},
      {"aten::avg_pool1d", average_pool},
      {"aten::avg_pool2d", average_pool_2d},
      // padding and cropping
      {"aten::pad", pad},
      {"aten::constant_pad_nd", constant_pad},
      {"aten::reflection_pad1d", reflection_pad},
      {"aten::replication_pad1d", replication_pad},
      {"aten::slice", slice},
      {"aten::narrow", narrow},
      {"aten::select", select},
      {"aten::cat", concatenate},
      {"aten::concat", concatenate},
      {"aten::concatenate", concatenate},
      // rates
      {"aten::upsample_nearest1d", upsample_nearest},
      {"aten::_upsample_nearest_exact1d", upsample_nearest_exact},
      {"aten::upsample_linear1d", upsample_linear},
      // recurrences
      {"aten::lstm", recurrent_net},
      {"aten::gru", recurrent_net},
      {"aten::rnn_tanh", recurrent_net},
      {"aten::rnn_relu", recurrent_net},
      {"aten::cumsum", cumulative},
      {"aten::cumprod", cumulative},
      {"aten::cummax", cumulative},
      {"aten::cummin", cumulative},
      {"aten::logcumsumexp", cumulative},
      // attention
      {"aten::matmul", attention_product},
      {"aten::bmm", attention_product},
      {"aten::baddbmm", attention_product},
      {"aten::einsum", attention_einsum},
      {"aten::scaled_dot_product_attention", attention_whole},
      {"aten::_scaled_dot_product_attention", attention_whole},
      {"aten::_native_multi_head_attention", attention_fused},
      {"aten::_transformer_encoder_layer_fwd", attention_fused},
      // normalisation and regularisation, as in eval mode
      {"aten::batch_norm", batch_norm},
      {"aten::dropout", dropout},
      {"aten::feature_dropout", dropout},
      {"aten::alpha_dropout", dropout},
      {"aten::feature_alpha_dropout", dropout},
      {"aten::rrelu", randomised_relu},
      // arithmetic; with two streams a join
      {"aten::add", pointwise},
      {"aten::sub", pointwise},
      {"aten::rsub", pointwise},
      {"aten::mul", pointwise},
      {"aten::div", pointwise},
      {"aten::neg", pointwise},
      {"aten::abs", pointwise},
      {"aten::pow", pointwise},
      {"aten::square", pointwise},
      {"aten::sqrt", pointwise},
      {"aten::exp", pointwise},
      {"aten::log", pointwise},
      {"aten::sin", pointwise},
      {"aten::cos", pointwise},
      {"aten::clamp", pointwise},
      {"aten::clamp_min", pointwise},
      {"aten::clamp_max", pointwise},
      // shapes that keep the time axis: unbatched convolutions are traced with them
      {"aten::squeeze", pointwise},
      {"aten::unsqueeze", pointwise},
      {"aten::contiguous", identity},
      {"aten::clone", identity},
      {"aten::detach", identity},
      // activations
      {"aten::relu", pointwise},
      {"aten::relu6", pointwise},
      {"aten::leaky_relu", pointwise},
      {"aten::prelu", pointwise},
      {"aten::elu", pointwise},
      {"aten::selu", pointwise},
      {"aten::celu", pointwise},
      {"aten::gelu", pointwise},
      {"aten::silu", pointwise},
      {"aten::mish", pointwise},
      {"aten::sigmoid", pointwise},
      {"aten::tanh", pointwise},
      {"aten::hardtanh", pointwise},
      {"aten::hardsigmoid", pointwise},
      {"aten::hardswish", pointwise},
      {"aten::softplus", pointwise},
      {"aten::softsign", pointwise},
      {"aten::softshrink", pointwise},
      {"aten::hardshrink", pointwise},
      {"aten::threshold", pointwise},
      {"aten::log_sigmoid", pointwise},
      {"aten::glu", pointwise},
  };
  const auto row = table.find(operator_name);
  return row == table.end() ? nullptr : row->second;
}

}  // namespace torchstreamer::graph
