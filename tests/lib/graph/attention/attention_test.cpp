// Attention over a bounded window: the stream equals the model for many notations.
#include "expect_says.h"
#include "lib/graph/attention/attention_source.h"
#include "lib/support/error_of.h"

namespace torchstreamer::testing {
namespace {

// Like expect_causal(), but later frames are loud instead of NaN: attention multiplies them by
// weights of zero, and zero times NaN is NaN.
void expect_causal_if_loud(const ScriptedStream& model, int64_t frames, Random& random) {
  torch::NoGradGuard guard;
  const Offline offline = model.offline();
  const Tensor x = model.signal(frames), y = offline(x);
  const int64_t ahead = model.stream->timing().look_ahead_frames().ceil();
  for (int64_t n = 1; n < frames - ahead; ++n) {
    Tensor changed = torch::zeros({frames}, torch::kBool);
    for (int draw = 0; draw < 3; ++draw) {
      Tensor loud = x.clone();
      loud.narrow(1, n, frames - n).normal_(0, 3);
      changed = changed | (offline(loud) - y).abs().amax(0).gt(1e-9);
    }
    int64_t certain = 0;
    while (certain < frames && !changed[certain].item<bool>()) ++certain;
    model.stream->reset();
    int64_t emitted = 0;
    for (int64_t at = 0; at < n;) {
      const int64_t step = std::min(n - at, random.between(1, 7));
      if (const auto out = model.stream->forward(x.narrow(1, at, step))) emitted += out->size(1);
      at += step;
    }
    ASSERT_EQ(emitted, certain) << "after " << n << " of " << frames << " frames";
  }
  model.stream->reset();
}

struct Case {
  const char* name;
  std::string body;
  int64_t back, ahead;  // frames
};

std::vector<Case> cases() {
  const std::string scores = "    s = torch.matmul(q, k.transpose(-2, -1)) / 2.0\n";
  const std::string past = "    hidden = (d < 0) | (d >= 5)\n";
  const std::string folded = R"(
    q, k, v = q.reshape(2, t, 3), k.reshape(2, t, 3), v.reshape(2, t, 3)
)";
  return {
      {"MaskedFill", scores + past + "    s = s.masked_fill(hidden, -inf)\n" + kWeigh, 4, 0},
      {"VeryNegative", scores + past + "    s = s.masked_fill(hidden, -1e9)\n" + kWeigh, 4, 0},
      {"Ahead", scores + "    s = s.masked_fill(d.abs() > 7, -inf)\n" + kWeigh, 7, 7},
      {"OnlyAhead", scores + "    s = s.masked_fill((d > 0) | (d < -3), -inf)\n" + kWeigh, 0, 3},
      {"AddedMask",
       scores + past + "    m = torch.zeros([t, t]).masked_fill(hidden, -inf)\n    s = s + m\n" +
           kWeigh,
       4, 0},
      {"Triangles", scores + R"(
    m = torch.triu(torch.full([t, t], -inf), 1) + torch.tril(torch.full([t, t], -inf), -9)
    s = s + m.unsqueeze(0).unsqueeze(0)
)" + kWeigh,
       8, 0},
      {"TableOfTheLongest",
       scores + "    s = s.masked_fill(self.mask[:, :, :t, :t] == 0, -inf)\n" + kWeigh, 5, 0},
      {"Where",
       scores + "    s = torch.where(d.abs() <= 2, s, torch.full_like(s, -inf))\n" + kWeigh, 2, 2},
      {"Chunks", scores + R"(
    n = torch.div(i, 8, rounding_mode='floor')
    s = s.masked_fill(n.unsqueeze(1) != n.unsqueeze(0), -inf)
)" + kWeigh,
       7, 7},
      {"ChunksAndTheOneBefore", scores + R"(
    n = torch.div(i, 6, rounding_mode='floor')
    e = n.unsqueeze(1) - n.unsqueeze(0)
    s = s.masked_fill((e < 0) | (e > 1), -inf)
)" + kWeigh,
       11, 5},
      {"RelativeBias", scores + past + R"(
    bias = torch.embedding(self.table, torch.clamp(d, -4, 4) + 4).permute(2, 0, 1)
    s = (s + bias).masked_fill(hidden, -inf)
)" + kWeigh,
       4, 0},
      {"LinearBias",
       scores + past +
           "    s = s - d.abs().to(s.dtype) * 0.5\n    s = s.masked_fill(hidden, -inf)\n" + kWeigh,
       4, 0},
      {"SoftCap",
       scores + past + "    s = (torch.tanh(s / 3.0) * 3.0).masked_fill(hidden, -inf)\n" + kWeigh,
       4, 0},
      {"WithoutSoftmax", scores + "    y = torch.matmul(s * ((d >= 0) & (d < 6)).type_as(s), v)\n",
       5, 0},
      {"ShapesOfScores", scores + past + R"(
    s = s.view(b * 2, t, t).view(b, 2, t, t) + torch.zeros([s.size(-1)])
    s = s.masked_fill(hidden.expand(b, 2, t, t), -inf)
    y = torch.matmul(torch.dropout(torch.softmax(s, 3), 0.1, False), v)
)",
       4, 0},
      {"FoldedHeads", folded + past + R"(
    s = torch.bmm(q, k.transpose(1, 2)).masked_fill(hidden, -inf)
    y = torch.bmm(torch.softmax(s, 2), v).reshape(b, 2, t, 3)
)",
       4, 0},
      {"TransposedWeights", folded + past + R"(
    s = torch.bmm(q, k.transpose(1, 2)).masked_fill(hidden, -inf)
    y = torch.bmm(v.transpose(1, 2), torch.softmax(s, 2).transpose(1, 2))
    y = y.transpose(1, 2).reshape(b, 2, t, 3)
)",
       4, 0},
      {"InPlace", scores + past + R"(
    s *= 0.5
    s += torch.zeros([t, t])
    s.masked_fill_(hidden, -inf)
)" + kWeigh,
       4, 0},
      {"Baddbmm", folded + past + R"(
    m = torch.zeros([t, t]).masked_fill(hidden, -inf).type_as(q)
    s = torch.baddbmm(m.unsqueeze(0), q, k.transpose(1, 2))
    y = torch.bmm(torch.softmax(s, -1), v).reshape(b, 2, t, 3)
)",
       4, 0},
      {"Einsum", past + R"(
    s = torch.einsum('bhid,bhjd->bhij', [q, k]).masked_fill(hidden, -inf)
    y = torch.einsum('bhij,bhjd->bhid', [torch.softmax(s, -1), v])
)",
       4, 0},
      {"EinsumTimeFirst", past + R"(
    s = torch.einsum('ibhd,jbhd->bhij', [q.permute(2, 0, 1, 3), k.permute(2, 0, 1, 3)])
    p = torch.softmax(s.masked_fill(hidden, -inf), -1)
    y = torch.einsum('bhij,jbhd->ibhd', [p, v.permute(2, 0, 1, 3)]).permute(1, 2, 0, 3)
)",
       4, 0},
      {"Whole", past + "    y = DOT(q, k, v, torch.logical_not(hidden))\n", 4, 0},
      {"WholeWithBias",
       past + "    y = DOT(q, k, v, torch.zeros([t, t]).masked_fill(hidden, -inf).type_as(q))\n", 4,
       0},
      {"Wide", scores + "    s = s.masked_fill((d < 0) | (d > 300), -inf)\n" + kWeigh, 300, 0},
  };
}

class Attention : public ::testing::TestWithParam<Case> {
 protected:
  ScriptedStream model(at::ScalarType dtype) const {
    const Tensor distance = torch::arange(700).unsqueeze(1) - torch::arange(700).unsqueeze(0);
    return ScriptedStream(
        attention(GetParam().body,
                  {{"table", torch::randn({9, kHeads})},
                   {"mask", ((distance >= 0) & (distance < 6)).view({1, 1, 700, 700})}},
                  dtype),
        2);
  }
};

TEST_P(Attention, StreamEqualsTheModel) {
  for (const auto dtype : {at::kFloat, at::kDouble}) {
    Random random(base_seed());
    ScriptedStream attention = model(dtype);
    expect_equal_at_random(attention, random);
  }
}

TEST_P(Attention, FramesAreEmittedWithTheirLastKey) {
  Random random(base_seed());
  const ScriptedStream attention = model(at::kDouble);
  const Timing& timing = attention.stream->timing();
  EXPECT_EQ(timing.look_ahead_frames(), Rational(GetParam().ahead));
  expect_causal_if_loud(attention, std::min<int64_t>(60, timing.receptive_field_frames() + 30),
                        random);
}

INSTANTIATE_TEST_SUITE_P(All, Attention, ::testing::ValuesIn(cases()),
                         [](const auto& info) { return std::string(info.param.name); });

// The output of a query without keys is NaN; other outputs are not affected.
TEST(AttentionRows, WithoutKeysAreNan) {
  torch::NoGradGuard guard;
  Random random(base_seed());
  const ScriptedStream model(attention(R"(
    s = torch.matmul(q, k.transpose(-2, -1)).masked_fill((d < 2) | (d > 5), -inf)
    y = torch.matmul(torch.softmax(s, -1), v)
)"),
                             2);
  for (const int64_t frames : {1, 2, 3, 50, 400}) {
    const Tensor x = model.signal(frames), expected = model.offline()(x);
    EXPECT_EQ(expected.isnan().sum().item<int64_t>(), kChannels * std::min<int64_t>(2, frames));
    const Tensor y = run(*model.stream, x, random_chunks(random, frames));
    EXPECT_TRUE(at::allclose(y, expected, 0, 1e-5, /*equal_nan=*/true));
  }
}

// Two blocks after a strided convolution, as in transformers for speech.
TEST(AttentionBlocks, OverStridedFrames) {
  const std::string block = R"(
    n = torch.layer_norm(h, [6])
    q, k, v = torch.chunk(torch.matmul(n, self.wWHICH).view(b, t, 3, 6), 3, 2)
    q, k, v = q.view(b, t, 2, 3), k.view(b, t, 2, 3), v.view(b, t, 2, 3)
    s = torch.matmul(q.transpose(1, 2), k.permute(0, 2, 3, 1)).masked_fill(hidden, -inf)
    h = h + torch.matmul(torch.softmax(s, -1), v.transpose(1, 2)).transpose(1, 2).reshape(b, t, 6)
)";
  auto numbered = [&](const char* which) {
    std::string text = block;
    return text.replace(text.find("WHICH"), 5, which);
  };
  for (const auto dtype : {at::kFloat, at::kDouble}) {
    Random random(base_seed());
    ScriptedStream model(scripted(R"(
def forward(self, x):
    h = torch.conv1d(x, self.weight, None, [4], [2]).transpose(1, 2)
    b, t, c = h.size()
    d = torch.arange(t).unsqueeze(1) - torch.arange(t).unsqueeze(0)
    hidden = (d < 0) | (d > 6)
    inf = float('inf')
)" + numbered("1") + numbered("2") + "    return h.transpose(1, 2)",
                                  {{"weight", torch::randn({6, 1, 8})},
                                   {"w1", torch::randn({6, 18})},
                                   {"w2", torch::randn({6, 18})}},
                                  dtype),
                         1);
    const Timing& timing = model.stream->timing();
    EXPECT_EQ(timing.rate(), Rational(1, 4));
    EXPECT_EQ(timing.receptive_field_frames(), 12 * 4 + 8);
    EXPECT_EQ(timing.look_ahead_frames(), Rational(5));
    expect_equal_at_random(model, random);
  }
}

// A mask that is sliced from a constant limits the length of the signal.
TEST(AttentionTables, LimitTheLengthOfTheSignal) {
  torch::NoGradGuard guard;
  Random random(base_seed());
  const Tensor d = torch::arange(500).unsqueeze(1) - torch::arange(500).unsqueeze(0);
  const ScriptedStream model(
      attention(R"(
    s = torch.matmul(q, k.transpose(-2, -1)) + self.mask[:t, :t]
    y = torch.matmul(torch.softmax(s, -1), v)
)",
                {{"mask", torch::zeros({500, 500}).masked_fill((d < 0) | (d > 20), -INFINITY)}}),
      2);
  expect_equal(*model.stream, model.offline(), model.signal(500), {500, 0});
  EXPECT_ANY_THROW(model.offline()(model.signal(501)));
  EXPECT_SAYS("a table of 500 frames", error_of([&] { model.stream->forward(model.signal(501)); }));
  expect_equal(*model.stream, model.offline(), model.signal(30), {7, 23});
}

}  // namespace
}  // namespace torchstreamer::testing
