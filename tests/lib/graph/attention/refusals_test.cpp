// Refusals of attention, and the attention layer.
#include "expect_says.h"
#include "lib/graph/attention/attention_source.h"
#include "lib/support/error_of.h"
#include "streams/attention.h"

namespace torchstreamer::testing {
namespace {

struct Refused {
  const char* name;
  std::string body;
  const char* reason;
};

TEST(AttentionRefusals, GiveTheReason) {
  const std::string scores = "    s = torch.matmul(q, k.transpose(-2, -1))\n";
  const Refused table[] = {
      {"full", scores + kWeigh, "every output needs the whole signal"},
      {"causal", scores + "    s = s.masked_fill(d < 0, -inf)\n" + kWeigh,
       "bound the attention to a window, or set max-memory-frames"},
      {"whole", "    y = DOT(q, k, v)\n", "every output needs the whole signal"},
      {"whole and causal", "    y = DOT(q, k, v, None, CAUSAL)\n",
       "its memory would grow with the signal"},
      {"all ahead", scores + "    s = s.masked_fill(d > 0, -inf)\n" + kWeigh,
       "every output needs the whole signal"},
      {"soft bias", scores + "    s = (s - 0.01 * d.abs()).masked_fill(d < 0, -inf)\n" + kWeigh,
       "its memory would grow with the signal"},
      {"over queries",
       scores + "    y = torch.matmul(torch.softmax(s.masked_fill(d.abs() > 3, -inf), -2), v)\n",
       "softmax over the queries"},
      {"masked after the softmax",
       scores + "    y = torch.matmul(torch.softmax(s, -1) * (d.abs() < 4).type_as(s), v)\n",
       "depends on the length of the signal, or on frames whose weight is zero"},
      {"first frames always seen",
       scores + "    s = s.masked_fill((d.abs() > 3) & (i >= 4).unsqueeze(0), -inf)\n" + kWeigh,
       "is not the same at all times"},
      {"scaled by the length",
       scores + "    s = (s / float(t)).masked_fill(d.abs() > 3, -inf)\n" + kWeigh,
       "depends on the length of the signal"},
      {"relative to the end",
       scores +
           "    s = s + (i - t).to(s.dtype) * 0.1\n    s = s.masked_fill(d.abs() > 3, -inf)\n" +
           kWeigh,
       "depends on the length of the signal"},
      {"mask of the signal", scores + "    s = s + x.sum(1).view(b, 1, 1, t)\n" + kWeigh,
       "a mask that is computed from the signal has no rule"},
      {"largest score", scores + "    y = s.sum(-1, keepdim=True) * v\n",
       "does not have one score for each query and key"},
      {"lengths", "    s = torch.matmul(q[:, :, 1:], k.transpose(-2, -1))\n" + std::string(kWeigh),
       "differ in length"},
  };
  for (const Refused& row : table) {
    SCOPED_TRACE(row.name);
    EXPECT_SAYS(row.reason,
                error_of<Refusal>([&] { ScriptedStream model(attention(row.body), 2); }));
  }
}

// The memory of the layer depends on its window, not on the length of the signal.
TEST(AttentionLayer, KeepsOnlyTheWindow) {
  torch::NoGradGuard guard;
  AttentionOptions options;
  options.reach = {{-10, 2}};
  options.tile_frames = 8;
  options.rule = [](const Tensor& q, const Tensor& k, const Tensor&, int64_t first_query,
                    int64_t first_key) {
    EXPECT_LE(q.size(0), 8);
    EXPECT_EQ(first_key, std::max<int64_t>(0, first_query - 10));
    EXPECT_LE(first_key + k.size(0), first_query + q.size(0) + 2);
    return q;
  };
  const LayerPtr layer = attention1d_layer(options);
  const auto state = layer->start();
  int64_t in = 0, out = 0, most_bytes = 0;
  Random random(base_seed());
  for (int i = 0; i < 300; ++i) {
    const int64_t n = random.between(0, 40);
    const Tensor x = n > 0 ? torch::zeros({n, 4}) : Tensor();
    in += n;
    const Count counts = layer->timing().count({in, in, in});
    state->push({x, x, x}, {false, out, counts.now - out, {in, in, in}});
    out = counts.now;
    most_bytes = std::max(most_bytes, state->held_bytes());
  }
  EXPECT_EQ(out, in - 2);
  EXPECT_EQ(most_bytes, (2 + 12 + 12) * 4 * 4);  // queries, keys, values of 4 floats
}

}  // namespace
}  // namespace torchstreamer::testing
