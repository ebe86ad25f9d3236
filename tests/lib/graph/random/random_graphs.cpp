#include "lib/graph/random/random_graphs.h"

#include <torch/version.h>

#include <utility>

#include "lib/graph/random/productions.h"

namespace torchstreamer::testing {
namespace {

// ---- the table ----

struct Production {
  const char* name;
  int weight;  // relative frequency; 0: only if requested by name
  Made (*emit)(Writer& w, const Signal& x);
};

constexpr Production kTable[] = {
    {"convolution", 10, convolution},
    {"transposed convolution", 6, transposed_convolution},
    {"pool", 6, pool},
    {"padding", 6, padding},
    {"slice", 6, slice},
    {"multiple", 2, multiple},
    {"cropped to multiple", 2, cropped_to_multiple},
    {"padded to multiple", 2, padded_to_multiple},
    {"activation", 8, activation},
    {"prelu", 1, prelu},
    {"arithmetic", 4, arithmetic},
    {"scaled", 2, scaled},
    {"batch norm", 2, batch_norm},
    {"layer norm", 2, layer_norm},
    {"linear", 2, linear},
    {"matrix", 2, matrix},
    {"over channels", 3, over_channels},
    {"one channel", 1, one_channel},
    {"glu", 2, glu},
    {"split", 3, split},
    {"shuffle", 2, shuffle},
    {"fold batch", 2, fold_batch},
    {"other layout", 2, other_layout},
    {"cumulative sum", 2, cumulative_sum},
    {"recurrent", 3, recurrent},
    {"repeated", 2, repeated},
    {"pixel shuffle", 2, pixel_shuffle},
    {"framed", 3, framed},
    {"nearest", 2, nearest},
    {"linear upsampling", 2, linear_upsampling},
    {"unfold", 2, unfold},
    {"magnitudes", 2, magnitudes},
    {"filtered spectrum", 2, filtered_spectrum},
    {"convolution 2d", 2, convolution_2d},
    {"joined with constant", 2, joined_with_constant},
    {"difference", 2, difference},
    {"cumulative maximum", 2, cumulative_maximum},
    {"positional", 2, positional},
    {"attention", 2, attention},
    {"control flow", 3, control_flow},
    {"in place", 3, in_place},
    {"slice assignment", 2, slice_assignment},
    {"method", 2, method},
    {"residual stack", 2, residual_stack},
    {"join", 10, join},
};

const Production& picked(Random& random, const std::string& always) {
  if (!always.empty() && random.flip())
    for (const Production& p : kTable)
      if (p.name == always) return p;
  int total = 0;
  for (const Production& p : kTable) total += p.weight;
  int64_t ticket = random.between(1, total);
  for (const Production& p : kTable)
    if ((ticket -= p.weight) <= 0) return p;
  return kTable[0];
}

bool is_small(const Signal& s) {
  return s.channels * s.batch <= 8 && !(Rational(6) < s.rate) && !(s.rate < Rational(1, 12));
}

// Keeps a new signal if there is one and it is small; otherwise discards its source.
bool is_kept(Writer& w, const Made& made, const char* production) {
  if (made && is_small(*made))
    w.keep(*made, production);
  else
    w.discard();
  return made && is_small(*made);
}

// Joins unused signals with the newest one if the rates allow it.
void join_leaves(Writer& w) {
  int joins = 0;
  for (size_t i = 0; i + 1 < w.signals() && joins < 3; ++i) {
    if (w.is_used(i)) continue;
    const Signal newest = w.take(w.signals() - 1), leaf = w.take(i);
    joins += is_kept(w, joined(w, newest, leaf), "join");
  }
}

}  // namespace

std::vector<ProductionRow> productions() {
  std::vector<ProductionRow> rows;
  for (const Production& p : kTable) rows.push_back({p.name, p.weight});
  return rows;
}

RandomGraph random_graph(unsigned seed, int64_t steps, const std::string& always) {
  Random random(seed);
  RandomGraph net;
  net.channels = random.between(1, 4);
  net.rank = random.between(0, 9) == 0 ? 2 : 3;
  net.dtype = random.flip() ? at::kFloat : at::kDouble;
  const int64_t most = random.between(1, kMostSteps);
  Writer w(random, net.dtype);
  Signal input;
  input.name = "x";
  input.channels = net.channels;
  if (net.rank == 2) {
    input.layout = Layout::kCt;
    w.line("assert x.dim() == 2, 'expected [C, T]'");
  }
  w.weight({1}, 1);  // the stream has the type of the weights, so there must be one
  w.keep(input);
  for (int64_t left = steps > 0 ? steps : most; left > 0;) {
    const Production& production = picked(random, always);
    left -= is_kept(w, production.emit(w, w.pick()), production.name);
  }
  join_leaves(w);
  const Signal out = w.one_batch(w.bct(w.take(w.signals() - 1)));
  w.line("return " + out.name + (random.between(0, 3) == 0 ? ", x" : ""));
  w.keep(out);
  std::string body;
  for (const Writer::Part& part : w.needed()) {
    net.source += part.methods;
    body += part.body;
    if (!part.production.empty()) net.productions.push_back(part.production);
  }
  net.source += "def forward(self, x: Tensor):\n" + body;
  for (const auto& [name, value] : w.parameters())
    net.module.register_parameter(name, value, false);
  net.module.define(net.source);
  net.frames_out = out.frames;
  net.may_wait = w.may_wait;
  net.spreads_nan = w.spreads_nan;
  return net;
}

Offline RandomGraph::offline() const {
  return [module = module, rank = rank](const Tensor& x) mutable {
    // The optimizer of libtorch 2.6 hangs in LLVM for some graphs.
    torch::jit::GraphOptimizerEnabledGuard optimizer(TORCH_VERSION_MAJOR < 2);
    const auto y = module.forward({rank == 3 ? x.unsqueeze(0) : x});
    const Tensor first = y.isTuple() ? y.toTupleRef().elements()[0].toTensor() : y.toTensor();
    return first.dim() == 3 ? first.squeeze(0) : first;
  };
}

}  // namespace torchstreamer::testing
