#include "graph/attention/distances.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>

#include <algorithm>

namespace torchstreamer::graph {
namespace {

// Returns the entries of a matrix `[.., frames, frames]` for the distances from -(frames - 1) to
// frames - 1: the first row, reversed, and the first column.
Tensor by_distance(const Tensor& matrix) {
  const Tensor row = matrix.select(-2, 0).flip({-1}), column = matrix.select(-1, 0);
  return at::cat({row, column.narrow(-1, 1, column.size(-1) - 1)}, -1);
}

bool is_constant(const Tensor& values) {
  return values.equal(values.narrow(-1, 0, 1).expand_as(values));
}

}  // namespace

DistanceTables::DistanceTables(const Call& call, const Scores& scores, const Tables& tables,
                               int64_t frames)
    : frames_(frames) {
  for (const PairTable& axes : scores.tables) {
    const Tensor table = tables.at(axes.symbol.get());
    Line line{axes.symbol.get(), axes.over_queries, axes.over_keys, table};
    if (axes.over_queries && axes.over_keys) {
      line.values = by_distance(table.narrow(-2, 0, frames).narrow(-1, 0, frames)).clone();
      const int64_t constant = frames - frames / 4;
      for (const int64_t first : {int64_t{0}, 2 * frames - 1 - constant})
        if (!is_constant(line.values.narrow(-1, first, constant)))
          call.refuse(
              "its mask or position bias changes with the distance; bound the attention "
              "to a window");
    } else {
      // It is the same for all frames.
      if (axes.over_keys) line.values = line.values.narrow(-1, 0, 1);
      if (axes.over_queries) line.values = line.values.narrow(-2, 0, 1);
    }
    lines_.push_back(std::move(line));
  }
}

Tables DistanceTables::block(int64_t first_query, int64_t queries, int64_t first_key,
                             int64_t keys) const {
  Tables tables;
  for (const Line& line : lines_) {
    const Tensor& values = line.values;
    auto sizes = values.sizes().vec();
    if (!line.over_queries || !line.over_keys) {
      if (line.over_keys) sizes.end()[-1] = keys;
      if (line.over_queries) sizes.end()[-2] = queries;
      tables[line.symbol] = values.expand(sizes);
      continue;
    }
    const auto options = values.options().dtype(at::kLong);
    const Tensor query = at::arange(first_query, first_query + queries, options).unsqueeze(1);
    const Tensor key = at::arange(first_key, first_key + keys, options);
    const Tensor index = (query - key).clamp(-(frames_ - 1), frames_ - 1) + (frames_ - 1);
    sizes.back() = queries;
    sizes.push_back(keys);
    tables[line.symbol] = values.index_select(-1, index.flatten()).view(sizes);
  }
  return tables;
}

}  // namespace torchstreamer::graph
