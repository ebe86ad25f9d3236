// Random modules without padding, for the property tests.
#pragma once

#include "lib/support/streaming.h"

namespace torchstreamer::testing {

namespace nn = torch::nn;

/// A module and its numbers of channels.
struct RandomNet {
  nn::AnyModule module;
  int64_t channels_in = 1;
  int64_t channels_out = 1;
};

enum class Kind { kConv, kConvTranspose, kAvgPool, kMaxPool, kActivation, kResidual };

inline RandomNet random_conv(Random& r, int64_t channels, int64_t max_stride) {
  const int64_t groups = channels % 2 == 0 ? r.pick<int64_t>({1, 2}) : 1;
  const int64_t out = groups * r.between(1, 3);
  auto options = nn::Conv1dOptions(channels, out, r.between(1, 5))
                     .stride(r.between(1, max_stride))
                     .dilation(r.between(1, 3))
                     .groups(groups)
                     .bias(r.flip());
  return {nn::AnyModule(nn::Conv1d(options)), channels, out};
}

inline RandomNet random_conv_transpose(Random& r, int64_t channels, int64_t max_stride) {
  const int64_t groups = channels % 2 == 0 ? r.pick<int64_t>({1, 2}) : 1;
  const int64_t out = groups * r.between(1, 2);
  const int64_t stride = r.between(1, max_stride), dilation = r.between(1, 3);
  auto options = nn::ConvTranspose1dOptions(channels, out, r.between(1, 5))
                     .stride(stride)
                     .dilation(dilation)
                     .output_padding(r.between(0, std::max(stride, dilation) - 1))
                     .groups(groups)
                     .bias(r.flip());
  return {nn::AnyModule(nn::ConvTranspose1d(options)), channels, out};
}

inline RandomNet random_pool(Random& r, int64_t channels, bool is_max, int64_t max_stride) {
  const int64_t kernel = r.between(1, 4), stride = r.between(1, max_stride);
  if (is_max)
    return {nn::AnyModule(nn::MaxPool1d(nn::MaxPool1dOptions(kernel)
                                            .stride(stride)
                                            .dilation(r.between(1, 3))
                                            .ceil_mode(r.flip()))),
            channels, channels};
  return {nn::AnyModule(nn::AvgPool1d(
              nn::AvgPool1dOptions(kernel).stride(stride).ceil_mode(r.flip()).count_include_pad(
                  r.flip()))),
          channels, channels};
}

inline RandomNet random_activation(Random& r, int64_t channels) {
  switch (r.between(0, 4)) {
    case 0:
      return {nn::AnyModule(nn::Tanh()), channels, channels};
    case 1:
      return {nn::AnyModule(nn::ELU()), channels, channels};
    case 2:
      return {nn::AnyModule(nn::PReLU(nn::PReLUOptions().num_parameters(channels))), channels,
              channels};
    case 3:
      return {nn::AnyModule(nn::Identity()), channels, channels};
    default: {
      nn::BatchNorm1d norm(channels);
      norm->running_mean.uniform_(-0.5, 0.5);
      norm->running_var.uniform_(0.5, 2);
      norm->eval();
      return {nn::AnyModule(norm), channels, channels};
    }
  }
}

// A residual net: it keeps the rate and does not make the signal longer; may contain residual nets.
inline RandomNet random_residual(Random& r, int64_t channels, int depth) {
  Sequential1d net;
  for (int64_t i = r.between(1, 3); i > 0; --i) {
    const int64_t kind = r.between(0, depth > 0 ? 4 : 3);
    if (kind == 4) {
      net->push_back(random_residual(r, channels, depth - 1).module);
    } else if (kind == 3) {
      net->push_back(random_pool(r, channels, r.flip(), 1).module);
    } else if (kind == 2) {
      net->push_back(random_activation(r, channels).module);
    } else {
      auto options = nn::Conv1dOptions(channels, channels, r.between(1, 6));
      net->push_back(nn::Conv1d(options.dilation(r.between(1, 3)).bias(r.flip())));
    }
  }
  if (r.between(0, 3) == 0) {  // the transposed convolution restores frames that conv removes
    net->push_back(nn::Conv1d(nn::Conv1dOptions(channels, channels, 4)));
    net->push_back(nn::ConvTranspose1d(nn::ConvTranspose1dOptions(channels, channels, 3)));
  }
  return {nn::AnyModule(Residual1d(net)), channels, channels};
}

inline RandomNet random_net(Random& r, Kind kind, int64_t channels, int64_t max_stride = 4) {
  switch (kind) {
    case Kind::kConv:
      return random_conv(r, channels, max_stride + 2);
    case Kind::kConvTranspose:
      return random_conv_transpose(r, channels, max_stride);
    case Kind::kAvgPool:
      return random_pool(r, channels, false, max_stride);
    case Kind::kMaxPool:
      return random_pool(r, channels, true, max_stride);
    case Kind::kActivation:
      return random_activation(r, channels);
    default:
      return random_residual(r, channels, 2);
  }
}

constexpr Kind kAllKinds[] = {Kind::kConv,    Kind::kConvTranspose, Kind::kAvgPool,
                              Kind::kMaxPool, Kind::kActivation,    Kind::kResidual};

/// A chain of these kinds; some of them are nested in a Sequential.
inline RandomNet random_chain(Random& r, const std::vector<Kind>& kinds, int64_t max_stride) {
  RandomNet chain{{}, r.between(1, 4), 0};
  Sequential1d outer, inner;
  int64_t channels = chain.channels_in;
  for (const Kind kind : kinds) {
    RandomNet net = random_net(r, kind, channels, max_stride);
    channels = net.channels_out;
    const bool nested = r.between(0, 3) == 0;
    (nested ? inner : outer)->push_back(net.module);
    if (nested) {
      outer->push_back(inner);
      inner = Sequential1d();
    }
  }
  chain.module = nn::AnyModule(outer);
  chain.channels_out = channels;
  return chain;
}

inline Tensor random_signal(Random& r, const RandomNet& net, int64_t frames, at::ScalarType dtype) {
  return torch::randn({net.channels_in, frames}, dtype);
}

}  // namespace torchstreamer::testing
