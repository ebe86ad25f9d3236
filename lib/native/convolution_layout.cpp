#include "native/convolution_layout.h"

#include <algorithm>

#include "timing.h"

namespace torchstreamer::native {
namespace {

// The weights of a part stay in the first cache while all frames pass, and a sum of so few terms
// rounds little.
constexpr int64_t kPartTerms = 128;

void lay_out_terms(ConvolutionLayout& layout, const ConvolutionShape& shape, int64_t x_pitch) {
  const int64_t inputs = shape.channels_in / shape.groups, all = inputs * shape.kernel;
  const bool is_one_run = inputs == x_pitch && shape.dilation == 1;
  const int64_t run = is_one_run ? all : inputs;
  const int64_t part = ceil_div(all, ceil_div(all, kPartTerms));
  for (int64_t at = 0, some; at < all; at += some) {
    some = std::min(run - at % run, part - at % part);
    if (at % part == 0) layout.parts.push_back(0);
    ++layout.parts.back();
    layout.terms.push_back({at / run * shape.dilation * x_pitch + at % run, some});
  }
}

// The vectors of the next block, where so many output channels are left: two that a narrow one
// would follow are taken one by one.
int64_t vectors_of(int64_t channels_left, Lanes lanes) {
  const int64_t vectors = ceil_div(channels_left, lanes.wide);
  if (vectors >= 4) return 4;
  const bool ends_narrow = lanes.narrow < lanes.wide && channels_left <= lanes.wide + lanes.narrow;
  return vectors >= 2 && !ends_narrow ? 2 : 1;
}

// Output channels in blocks of four, two or one vectors, never across groups; the last few of a
// group in a narrow one.
void lay_out_blocks(ConvolutionLayout& layout, const ConvolutionShape& shape, Lanes lanes) {
  const int64_t inputs = shape.channels_in / shape.groups;
  const int64_t outputs = shape.channels_out / shape.groups, terms = inputs * shape.kernel;
  int64_t weights_at = 0, bias_at = 0;
  for (int64_t group = 0; group < shape.groups; ++group)
    for (int64_t at = 0, some; at < outputs; at += some) {
      const int64_t left = outputs - at;
      const int64_t vectors = vectors_of(left, lanes);
      const int64_t width = left <= lanes.narrow ? lanes.narrow : lanes.wide;
      some = std::min(left, vectors * width);
      layout.blocks.push_back(
          {group * inputs, group * outputs + at, vectors, width, some, weights_at, bias_at});
      // Whole vectors, so that those of the next block are aligned.
      weights_at += ceil_div(terms * vectors * width, lanes.wide) * lanes.wide;
      bias_at += vectors * lanes.wide;
    }
}

// Weights [terms][lanes of a block], a column for each output channel.
void lay_out_columns(const ConvolutionShape& shape, const float* weight, Lanes lanes,
                     ConvolutionLayout& layout) {
  lay_out_blocks(layout, shape, lanes);
  const int64_t inputs = shape.channels_in / shape.groups, terms = inputs * shape.kernel;
  const ConvolutionLayout::Block& last = layout.blocks.back();
  layout.weights.assign(last.weights_at + last.vectors * last.lanes * terms, 0);
  for (const ConvolutionLayout::Block& block : layout.blocks)
    for (int64_t o = 0; o < block.channels; ++o) {
      const float* row = weight + (block.y_offset + o) * terms;  // [inputs, kernel]
      float* lane = layout.weights.data() + block.weights_at + o;
      for (int64_t t = 0; t < terms; ++t, lane += block.vectors * block.lanes)
        *lane = row[t % inputs * shape.kernel + t / inputs];
    }
}

// Weights in the order of the inputs, for each output channel; runs begin at whole vectors.
void lay_out_rows(const ConvolutionShape& shape, const float* weight, Lanes lanes,
                  ConvolutionLayout& layout) {
  const int64_t inputs = shape.channels_in / shape.groups, terms = inputs * shape.kernel;
  for (int64_t o = 0; o < shape.channels_out; ++o) {
    const int64_t group = o / (shape.channels_out / shape.groups);
    layout.blocks.push_back(
        {group * inputs, o, 0, 0, 1, static_cast<int64_t>(layout.weights.size()), o});
    int64_t term = 0;
    for (const ConvolutionLayout::Terms& run : layout.terms) {
      for (int64_t t = 0; t < run.count; ++t, ++term)
        layout.weights.push_back(weight[o * terms + term % inputs * shape.kernel + term / inputs]);
      layout.weights.resize(ceil_div(layout.weights.size(), lanes.wide) * lanes.wide);
    }
  }
}

// Weights [channels in vectors][kernel][lanes]: every channel has a kernel of its own.
void lay_out_channels(const ConvolutionShape& shape, const float* weight, Lanes lanes,
                      ConvolutionLayout& layout) {
  for (int64_t at = 0; at < shape.channels_out; at += lanes.wide) {
    const int64_t channels = std::min(shape.channels_out - at, lanes.wide);
    layout.blocks.push_back(
        {at, at, 1, lanes.wide, channels, static_cast<int64_t>(layout.weights.size()), at});
    for (int64_t k = 0; k < shape.kernel; ++k)
      for (int64_t lane = 0; lane < lanes.wide; ++lane)
        layout.weights.push_back(lane < channels ? weight[(at + lane) * shape.kernel + k] : 0);
  }
}

}  // namespace

ConvolutionLayout lay_out(const ConvolutionShape& shape, const float* weight, const float* bias,
                          int64_t x_pitch, Lanes lanes) {
  ConvolutionLayout layout;
  layout.x_step = shape.stride * x_pitch;
  lay_out_terms(layout, shape, x_pitch);
  const int64_t outputs = shape.channels_out / shape.groups;
  const bool is_by_channel = shape.groups > 1 && shape.groups == shape.channels_in && outputs == 1;
  // A quarter of a vector of outputs or less, and at least half a vector of inputs in a row.
  const bool is_few = 4 * outputs <= lanes.wide && 2 * layout.terms.front().count >= lanes.wide;
  if (is_by_channel) {
    layout.lanes_are = ConvolutionLayout::kChannels;
    lay_out_channels(shape, weight, lanes, layout);
  } else if (is_few) {
    layout.lanes_are = ConvolutionLayout::kInputs;
    lay_out_rows(shape, weight, lanes, layout);
  } else {
    lay_out_columns(shape, weight, lanes, layout);
  }
  const auto& last = layout.blocks.back();
  layout.bias.assign(last.bias_at + std::max<int64_t>(1, last.vectors * lanes.wide), 0);
  for (const auto& block : layout.blocks)
    for (int64_t o = 0; bias && o < block.channels; ++o)
      layout.bias[block.bias_at + o] = bias[block.y_offset + o];
  return layout;
}

}  // namespace torchstreamer::native
