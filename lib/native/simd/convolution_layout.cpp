#include "native/simd/convolution_layout.h"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>
#include <utility>

#include "torchstreamer/timing.h"

namespace torchstreamer::native {
namespace {

// Maximum number of terms of a part. Its weights stay in the L1 cache while all frames are
// computed, and its sum has a small rounding error.
constexpr int64_t kPartTerms = 128;
// Cost of a multiply-add on a diagonal relative to other layouts. Each multiply-add on a diagonal
// loads its own inputs; in other layouts several multiply-adds share a load.
constexpr int64_t kDiagonalCost = 2;

class LayoutBuilder {
 public:
  LayoutBuilder(const ConvolutionShape& shape, const float* weight, int64_t x_pitch, Lanes lanes)
      : shape_(shape),
        weight_(weight),
        x_pitch_(x_pitch),
        lanes_(lanes),
        inputs_(shape.channels_in / shape.groups),
        outputs_(shape.channels_out / shape.groups),
        terms_(inputs_ * shape.kernel) {
    const int64_t all = shape.channels_out * terms_;
    const int64_t nonzero = all - std::count(weight, weight + all, 0.f);
    is_sparse_ = 2 * nonzero < all;
    weights_ = is_sparse_ ? nonzero : all;
  }

  // Returns the layout with the lowest cost.
  ConvolutionLayout best() const {
    // kInputs is used for at most a quarter of a vector of outputs and at least half a vector of
    // consecutive inputs.
    const bool is_one_run = inputs_ == x_pitch_ && shape_.dilation == 1;
    const int64_t run = is_one_run ? std::min(terms_, kPartTerms) : inputs_;
    const bool is_few = 4 * outputs_ <= lanes_.wide && 2 * run >= lanes_.wide;
    ConvolutionLayout layout = is_few ? with_input_lanes() : with_output_lanes();
    if (kDiagonalCost * weights_ > layout.multiply_adds) return layout;
    ConvolutionLayout diagonal = with_diagonals();
    const bool is_cheaper = kDiagonalCost * diagonal.multiply_adds <= layout.multiply_adds;
    return is_cheaper ? std::move(diagonal) : std::move(layout);
  }

 private:
  using Block = ConvolutionLayout::Block;

  // Weight of term t of an output: of input t % inputs_ of its group, at tap t / inputs_.
  float weight(int64_t output, int64_t term) const {
    return weight_[output * terms_ + term % inputs_ * shape_.kernel + term / inputs_];
  }
  // Weights of zero are used, because NaN must be propagated as with other weights. If most weights
  // are zero, however, a zero means that there is no connection.
  bool is_used(int64_t output, int64_t term) const {
    return !is_sparse_ || weight(output, term) != 0;
  }
  int64_t x_offset(int64_t term) const {
    return term / inputs_ * shape_.dilation * x_pitch_ + term % inputs_;
  }

  // Returns the terms that at least one output of the block uses.
  std::vector<int64_t> used_terms(const Block& block) const {
    std::vector<int64_t> used;
    for (int64_t t = 0; t < terms_; ++t)
      for (int64_t o = 0; o < block.channels; ++o)
        if (is_used(block.y_offset + o, t)) {
          used.push_back(t);
          break;
        }
    return used;
  }

  // Adds `count` terms in parts of about equal length with add(term, begins_part).
  template <class Add>
  static void add_parts(ConvolutionLayout& layout, Block& block, int64_t count, const Add& add) {
    block.terms_at = static_cast<int64_t>(layout.terms.size());
    block.parts_at = static_cast<int64_t>(layout.parts.size());
    block.parts = std::max<int64_t>(1, ceil_div(count, kPartTerms));
    const int64_t part = ceil_div(count, block.parts);
    layout.parts.resize(block.parts_at + block.parts);
    for (int64_t n = 0; n < count; ++n) {
      ConvolutionLayout::Part& of = layout.parts[block.parts_at + n / part];
      const auto entries = layout.terms.size();
      add(n, n % part == 0);
      of.entries += static_cast<int64_t>(layout.terms.size() - entries);
      ++of.weights;
    }
  }

  void add_terms(ConvolutionLayout& layout, Block& block, const std::vector<int64_t>& used) const {
    add_parts(layout, block, static_cast<int64_t>(used.size()), [&](int64_t n, bool begins_part) {
      const int64_t at = x_offset(used[n]);
      const bool continues =
          !begins_part && layout.terms.back().x_offset + layout.terms.back().count == at;
      if (continues)
        ++layout.terms.back().count;
      else
        layout.terms.push_back({at, 1});
    });
  }

  // Returns the number of vectors of the next block: four, two or one. If the second of two vectors
  // would be narrow, each is a separate block.
  int64_t vectors_of(int64_t channels_left) const {
    const int64_t vectors = ceil_div(channels_left, lanes_.wide);
    if (vectors >= 4) return 4;
    const bool ends_narrow =
        lanes_.narrow < lanes_.wide && channels_left <= lanes_.wide + lanes_.narrow;
    return vectors >= 2 && !ends_narrow ? 2 : 1;
  }

  // kOutputs. Blocks of four, two or one vectors of output channels of one group. The last few
  // channels of a group are a narrow block. Weights of a block: [terms][vectors * lanes].
  ConvolutionLayout with_output_lanes() const {
    ConvolutionLayout layout;
    std::vector<int64_t> before;
    int64_t bias_at = 0;
    for (int64_t output = 0, some; output < shape_.channels_out; output += some) {
      const int64_t left = outputs_ - output % outputs_;
      Block block;
      block.x_offset = output / outputs_ * inputs_;
      block.y_offset = output;
      block.vectors = vectors_of(left);
      block.lanes = left <= lanes_.narrow ? lanes_.narrow : lanes_.wide;
      block.channels = some = std::min(left, block.vectors * block.lanes);
      block.bias_at = std::exchange(bias_at, bias_at + block.vectors * lanes_.wide);
      auto used = used_terms(block);
      if (!layout.blocks.empty() && used == before) {
        const Block& like = layout.blocks.back();
        std::tie(block.terms_at, block.parts_at, block.parts) =
            std::tie(like.terms_at, like.parts_at, like.parts);
      } else {
        add_terms(layout, block, used);
      }
      add_columns(layout, block, used);
      layout.multiply_adds += static_cast<int64_t>(used.size()) * block.vectors * lanes_.wide;
      layout.blocks.push_back(block);
      before = std::move(used);
    }
    return layout;
  }

  void add_columns(ConvolutionLayout& layout, Block& block,
                   const std::vector<int64_t>& used) const {
    const int64_t pitch = block.vectors * block.lanes;
    block.weights_at = static_cast<int64_t>(layout.weights.size());
    // Rounds up to whole vectors, so that the next block is aligned.
    const int64_t floats =
        ceil_div(static_cast<int64_t>(used.size()) * pitch, lanes_.wide) * lanes_.wide;
    layout.weights.resize(block.weights_at + floats);
    for (int64_t o = 0; o < block.channels; ++o) {
      float* lane = layout.weights.data() + block.weights_at + o;
      for (const int64_t term : used)
        *std::exchange(lane, lane + pitch) = weight(block.y_offset + o, term);
    }
  }

  // kInputs. Weights of a block (one output channel) in the order of the inputs; consecutive inputs
  // start at a whole vector.
  ConvolutionLayout with_input_lanes() const {
    ConvolutionLayout layout;
    layout.lanes_are = ConvolutionLayout::kInputs;
    Block block;
    std::vector<int64_t> all(terms_);
    for (int64_t t = 0; t < terms_; ++t) all[t] = t;
    add_terms(layout, block, all);
    for (int64_t o = 0; o < shape_.channels_out; ++o) {
      block.x_offset = o / outputs_ * inputs_;
      block.y_offset = block.bias_at = o;
      block.weights_at = static_cast<int64_t>(layout.weights.size());
      layout.blocks.push_back(block);
      int64_t term = 0;
      for (const ConvolutionLayout::Terms& run : layout.terms) {
        for (int64_t t = 0; t < run.count; ++t) layout.weights.push_back(weight(o, term++));
        layout.weights.resize(ceil_div(layout.weights.size(), lanes_.wide) * lanes_.wide);
      }
    }
    layout.multiply_adds = static_cast<int64_t>(layout.weights.size());
    return layout;
  }

  // Pair of a tap and the distance from the output channel to the input channel.
  using Diagonal = std::pair<int64_t, int64_t>;
  // Weights of consecutive outputs, and the lanes that have a weight.
  struct OnDiagonal {
    std::vector<float> weights;
    std::vector<int64_t> lanes;
    bool operator==(const OnDiagonal& other) const {
      return weights == other.weights && lanes == other.lanes;
    }
  };
  using OnDiagonals = std::map<Diagonal, OnDiagonal>;

  template <class Visit>
  void for_diagonals(int64_t output, const Visit& visit) const {
    for (int64_t t = 0; t < terms_; ++t)
      if (is_used(output, t))
        visit(Diagonal(t / inputs_, output / outputs_ * inputs_ + t % inputs_ - output),
              weight(output, t));
  }

  // Returns the number of outputs, starting at `first`, for which the number of diagonals per
  // output is smallest.
  int64_t outputs_of_block(int64_t first) const {
    std::set<Diagonal> seen;
    int64_t best = 1, best_terms = 0;
    const int64_t max = std::min(lanes_.wide, shape_.channels_out - first);
    for (int64_t n = 1; n <= max; ++n) {
      for_diagonals(first + n - 1, [&](const Diagonal& d, float) { seen.insert(d); });
      const int64_t terms = static_cast<int64_t>(seen.size());
      if (n > 1 && terms * best > best_terms * n) continue;
      best = n;
      best_terms = terms;
    }
    return best;
  }

  // kDiagonals. Weights of a block: [diagonals][lanes].
  ConvolutionLayout with_diagonals() const {
    ConvolutionLayout layout;
    layout.lanes_are = ConvolutionLayout::kDiagonals;
    OnDiagonals before;
    for (int64_t output = 0, some; output < shape_.channels_out; output += some) {
      some = outputs_of_block(output);
      OnDiagonals diagonals;
      for (int64_t lane = 0; lane < some; ++lane)
        for_diagonals(output + lane, [&](const Diagonal& d, float w) {
          diagonals[d].weights.resize(lanes_.wide);
          diagonals[d].weights[lane] = w;
          diagonals[d].lanes.push_back(lane);
        });
      Block block = layout.blocks.empty() ? Block() : layout.blocks.back();
      block.x_offset = block.y_offset = output;
      block.lanes = lanes_.wide;
      block.channels = some;
      block.bias_at = static_cast<int64_t>(layout.blocks.size()) * lanes_.wide;
      if (layout.blocks.empty() || !(diagonals == before)) add_diagonals(layout, block, diagonals);
      layout.multiply_adds += static_cast<int64_t>(diagonals.size()) * lanes_.wide;
      layout.blocks.push_back(block);
      before = std::move(diagonals);
    }
    return layout;
  }

  void add_diagonals(ConvolutionLayout& layout, Block& block, const OnDiagonals& diagonals) const {
    block.weights_at = static_cast<int64_t>(layout.weights.size());
    auto next = diagonals.begin();
    add_parts(layout, block, static_cast<int64_t>(diagonals.size()), [&](int64_t, bool) {
      const auto& [diagonal, on] = *next++;
      ConvolutionLayout::Terms term;
      term.x_offset = diagonal.first * shape_.dilation * x_pitch_ + diagonal.second;
      term.first_lane = on.lanes.front();
      term.count = on.lanes.back() + 1 - on.lanes.front();
      for (const int64_t lane : on.lanes) term.lanes |= uint64_t{1} << lane;
      layout.terms.push_back(term);
      layout.weights.insert(layout.weights.end(), on.weights.begin(), on.weights.end());
    });
  }

  const ConvolutionShape& shape_;
  const float* weight_;  // [channels_out, inputs, kernel]
  int64_t x_pitch_;
  Lanes lanes_;
  int64_t inputs_, outputs_, terms_;  // numbers of one group
  int64_t weights_;
  bool is_sparse_;
};

}  // namespace

ConvolutionLayout make_layout(const ConvolutionShape& shape, const float* weight, const float* bias,
                              int64_t x_pitch, Lanes lanes) {
  ConvolutionLayout layout = LayoutBuilder(shape, weight, x_pitch, lanes).best();
  layout.weights.shrink_to_fit();  // the weights are kept as long as the model
  layout.x_step = shape.stride * x_pitch;
  const auto& last = layout.blocks.back();
  layout.bias.assign(last.bias_at + std::max<int64_t>(1, last.vectors * lanes.wide), 0);
  for (const auto& block : layout.blocks)
    for (int64_t o = 0; bias && o < block.channels; ++o)
      layout.bias[block.bias_at + o] = bias[block.y_offset + o];
  return layout;
}

}  // namespace torchstreamer::native
