// Source of models with attention.
#pragma once

#include <torch/version.h>

#include "lib/support/script_model.h"

namespace torchstreamer::testing {

constexpr int64_t kHeads = 2, kFeatures = 3, kChannels = kHeads * kFeatures;

// Source of a model with the attention `body`, which computes `y`, of the shape of q, from q, k, v
// `[b, heads, t, features]`, the frame indices `i` `[t]` and the distances `d` `[t, t]` from each
// key (column) to each query (row).
inline std::string around(const std::string& body) {
  return R"(
def forward(self, x):
    qkv = torch.conv1d(x, self.weight)
    b, c, t = qkv.size()
    q, k, v = torch.chunk(qkv.view(b, 6, 3, t).transpose(2, 3), 3, 1)
    i = torch.arange(t)
    d = i.unsqueeze(1) - i.unsqueeze(0)
    inf = float('inf')
)" + body +
         R"(
    return y.transpose(2, 3).reshape(b, 6, t)
)";
}

// Replaces "DOT" in the body by the name of scaled_dot_product_attention() in this version of
// libtorch, and "CAUSAL" by the arguments after the mask that set is_causal.
inline std::string with_dot_product(std::string body) {
#if TORCH_VERSION_MAJOR < 2
  const char* names[][2] = {{"DOT", "torch._scaled_dot_product_attention"},
                            {"CAUSAL", "0.0, False, True"}};
  const char* first = "[0]";
#else
  const char* names[][2] = {{"DOT", "torch.scaled_dot_product_attention"}, {"CAUSAL", "0.0, True"}};
  const char* first = "";
#endif
  const bool has_product = body.find("DOT") != std::string::npos;
  for (const auto& [name, meaning] : names)
    if (const size_t at = body.find(name); at != std::string::npos)
      body.replace(at, std::string(name).size(), meaning);
  return has_product ? body.insert(body.rfind('\n'), first) : body;
}

inline torch::jit::Module attention(const std::string& body,
                                    std::map<std::string, Tensor> weights = {},
                                    at::ScalarType dtype = at::kFloat) {
  weights["weight"] = torch::randn({3 * kChannels, 2, 1});
  return scripted(around(with_dot_product(body)), weights, dtype);
}

inline void expect_equal_at_random(ScriptedStream& model, Random& random) {
  const int64_t reach = model.stream->timing().receptive_field_frames();
  for (int i = 0; i < 12; ++i) {
    const int64_t frames = i < 6 ? i + 1 : random.between(1, 3 * reach + 300);
    SCOPED_TRACE(::testing::Message() << frames << " frames");
    expect_equal_or_error(model, model.signal(frames), random_chunks(random, frames));
  }
  if (::testing::Test::HasFailure()) ADD_FAILURE() << model.stream->describe();
}

inline const char* kWeigh = R"(
    y = torch.matmul(torch.softmax(s, -1), v)
)";

}  // namespace torchstreamer::testing
