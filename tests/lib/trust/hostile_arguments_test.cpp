// Arguments for which operators of libtorch would end the process, or never end.
#include "expect_says.h"
#include "lib/support/script_model.h"
#include "support/exceptions.h"
#include "torchstreamer/tensor.h"
#include "trust/checked_operators.h"

namespace torchstreamer::testing {
namespace {

// Runs a TorchScript expression of `x` [2, 4, 8], of a picture `p` [1, 4, 6, 6], of bins `z` [2, 4,
// 8], of an empty tensor `e` [0, 4] and of the lists `none` and `huge`, whose integer is 2^62.
// Returns the text of its exception, or "".
std::string error_of_call(const std::string& expression) {
  check_operators();
  auto module = scripted(
      "def forward(self, x, p, z, e, none: List[int], huge: List[int]):\n  return " + expression);
  const Tensor x = torch::arange(64.).reshape({2, 4, 8}).to(at::kFloat);
  const c10::List<int64_t> none, huge({int64_t{1} << 62});
  try {
    module.forward(
        {x, torch::ones({1, 4, 6, 6}), torch::complex(x, x), torch::ones({0, 4}), none, huge});
  } catch (const std::exception& e) {
    return message_of(e);
  }
  return "";
}

struct Call {
  std::string expression;
  std::string error;  ///< part of the message; empty if the arguments are right
};

void PrintTo(const Call& call, std::ostream* out) { *out << call.expression; }

class HostileArguments : public ::testing::TestWithParam<Call> {};

// The process lives.
TEST_P(HostileArguments, RaiseAnException) {
  const auto& [expression, error] = GetParam();
  const std::string text = error_of_call(expression);
  EXPECT_SAYS(error, text);
  EXPECT_EQ(error.empty(), text.empty()) << text;
}

const Call kPads[] = {
    {"torch.reflection_pad1d(x, none)", "its argument 'padding' has 0 integers; it needs 2"},
    {"torch.reflection_pad2d(x, none)", "its argument 'padding' has 0 integers; it needs 4"},
    {"torch.replication_pad3d(p, [1])", "its argument 'padding' has 1 integers; it needs 6"},
    {"torch.reflection_pad1d(x, [-huge[0], -huge[0]])", "'padding' is -4611686018427387904; "},
    {"torch.pad(x, huge + huge, 'reflect')", "its argument 'pad' is 4611686018427387904; "},
    {"torch.reflection_pad1d(x, [3, 2])", ""},
    {"torch.constant_pad_nd(torch.ones([3], dtype=4), [1, 0], huge[0])", ""},
    {"torch.replication_pad2d(p, [1, 2, 3, 4])", ""},
    {"torch.pad(x, [3, -2], 'replicate')", ""},
};

const Call kTransforms[] = {
    {"torch._fft_r2c(x, none, 0, True)", "it transforms 0 axes of [2, 4, 8]"},
    {"torch._fft_r2c(x, [7], 0, True)", "its argument 'dim' is 7; it needs different axes of [2, "},
    {"torch._fft_r2c(x, [-5], 0, True)", "its argument 'dim' is -5; it needs different axes"},
    {"torch._fft_r2c(z, [2], 0, True)", "it transforms numbers that are not real"},
    {"torch._fft_c2c(z, huge, 0, True)", "its argument 'dim' is 4611686018427387904; it needs"},
    {"torch._fft_c2c(z, [1, 1], 0, True)", "its argument 'dim' is 1; it needs different axes"},
    {"torch._fft_c2c(x, [2], 0, True)", "it transforms real numbers as complex ones"},
    {"torch._fft_c2r(z, none, 0, 4)", "it transforms 0 axes of [2, 4, 8]"},
    {"torch._fft_c2r(z, [2], 0, 100)", "its argument 'last_dim_size' is 100; 1 to 15 are"},
    {"torch._fft_r2c(x, [0, 2], 0, True)", ""},
    {"torch._fft_c2c(z, [1, 2], 0, True)", ""},
    {"torch._fft_c2r(z, [2], 0, 14)", ""},
    {"torch.stft(x[0], 8, return_complex=True)", ""},
};

const Call kShuffles[] = {
    {"torch.native_channel_shuffle(x, 1000)",
     "'groups' is 1000; it has to divide the channels of "},
    {"torch.native_channel_shuffle(x, 0)", "'groups' is 0; it has to divide the channels of "},
    {"torch.channel_shuffle(e, 2)", "'groups' is 2; it has to divide the channels of [0, 4]"},
    {"torch.pixel_shuffle(p, huge[0])", "'upscale_factor' is 4611686018427387904; 1 to 32768 are"},
    {"torch.pixel_shuffle(p, 1 << 40)", "'upscale_factor' is 1099511627776; 1 to 32768 are"},
    {"torch.pixel_unshuffle(p, 0)", "'downscale_factor' is 0; 1 to 32768 are supported"},
    {"torch.repeat_interleave(x, huge[0])", "its result has 2.95148e+20 elements"},
    {"torch.repeat_interleave(torch.full([4], huge[0], dtype=4))", "its result has 1.84467e+19 "},
    {"torch.combinations(x[0, 0], 17)", "it has too many combinations"},
    {"torch.channel_shuffle(x, 2)", ""},
    {"torch.pixel_shuffle(p, 2)", ""},
    {"torch.pixel_unshuffle(p, 2)", ""},
    {"torch.repeat_interleave(x, 3)", ""},
    {"torch.repeat_interleave(x, torch.tensor([1, 2]), 0)", ""},
    {"torch.combinations(x[0, 0], 2)", ""},
};

const Call kNorms[] = {
    {"torch._weight_norm(x, x[0, 0, :0], 0)", "v [2, 4, 8], g [0] and dim 0; it needs an element"},
    {"torch._weight_norm(e, e, 0)", "v [0, 4], g [0, 4] and dim 0; it needs an element"},
    {"torch.native_batch_norm(e, None, None, None, None, True, 0.1, 0.1)", "channels of [0, 4]"},
    {"torch.native_batch_norm(x, None, None, None, None, False, 0.1, 0.1)",
     "it normalises without 'running_mean', which only training allows"},
    {"torch.native_batch_norm(x, x, None, None, None, True, 0.1, 0.1)",
     "its argument 'weight' has 64 elements for 4 channels"},
    {"torch._weight_norm(x, torch.ones([2, 1, 1]), 0)", ""},
    {"torch._weight_norm(x, x[0, 0, 0], -1)", ""},
    {"torch.native_batch_norm(x, x[0, :, 0], None, None, None, True, 0.1, 0.1)", ""},
    {"torch.native_batch_norm(x, None, None, x[0, :, 0], x[1, :, 0], False, 0.1, 0.1)", ""},
};

const Call kRecurrent[] = {
    {"torch.gru_cell(x[0], x[0], x[0], x[0], None, None)", "its weight of [4, 8] does not fit a "},
    {"torch.lstm_cell(x[0], [x[0], x[0]], x[0], x[0], None, None)", "its weight of [4, 8] does "},
    {"torch.rnn_tanh(x[0], torch.zeros([2], dtype=4), x, [x[0, :, :4], x[0, :, :4]], False, 2, 0., "
     "False, False)",
     "its batch_sizes do not fit data of [4, 8]"},
    {"torch.lstm(x, [x[:1], x[:1]], [x[0], x[0]], False, 2, 0., False, False, False)",
     "its state of [1, 4, 8] does not fit 2 layers"},
    {"torch.gru(x, x[:1], [x[0], x[0]], False, 1, 0., False, False, False)",
     "its weight of [4, 8] does not fit a state of [1, 4, 8]"},
    {"torch.gru_cell(x[0], x[0], torch.ones([24, 8]), torch.ones([24, 8]))", ""},
    {"torch.lstm(x, [x[:1], x[:1]], [torch.ones([32, 8]), torch.ones([32, 8])], False, 1, 0., "
     "False, False, False)",
     ""},
    {"torch.rnn_tanh(x[0], torch.tensor([3, 1]), x[:1, :3], [torch.ones([8, 8]), torch.ones([8, "
     "8])], False, 1, 0., False, False)",
     ""},
};

const Call kSizes[] = {
    {"torch.__interpolate(p, None, [2.0][1:], 'nearest', None, None)",
     "its argument 'scale_factor' has 0 numbers for 2 axes"},
    {"torch.adaptive_max_pool2d(p, [1 << 40, 0])", "its result has 1.09951e+12 windows"},
    {"torch._local_scalar_dense(e)", "it reads an element of an empty tensor"},
    {"torch._reshape_alias(x, [4], [100])", "it is a view beyond the end of the tensor"},
    {"x.as_strided_([4], [1], huge[0] // 2)", "it is a view beyond the end of the tensor"},
    {"torch._convolution(p, p, None, [1], [1], [1], True, [1], huge[0], False, False, True)",
     "its argument 'groups' is 4611686018427387904; "},
    {"torch.nanmedian(x[:1].expand([3, 4, 8]), 0)", "is expanded"},
    {"torch.norm(x, None, [0], False, out=torch.empty([4, 8], dtype=0))", "its output is Byte"},
    {"torch.__interpolate(p, None, [2.0, 2.0], 'nearest', None, None)", ""},
    {"torch.adaptive_max_pool2d(p, [2, 3])", ""},
    {"torch._local_scalar_dense(x[0, 0, 0])", ""},
    {"x.as_strided([4, 2], [1, 8], 1)", ""},
    {"torch.nanmedian(x.transpose(0, 1), 0)", ""},
    {"torch.norm(x, None, [0], False, out=torch.empty([4, 8]))", ""},
};

const Call kOthers[] = {
    {"torch.factorial(huge[0])", "its argument is 4611686018427387904; at most 1048576 are"},
    {"[0] * huge[0]", "it makes a list of 4.61169e+18 elements; at most "},
    {"[0] * (1 << 20) * (1 << 20)", "it makes a list of 1.09951e+12 elements; at most "},
    {"'a'.rsplit('')", "it looks for an empty text"},
    {"'a'.zfill(-2 * huge[0])", "its width is -9223372036854775808; at most 1048576 are"},
    {"x.random_(2 * huge[0] - 1, None)", "its argument 'from' is 9223372036854775807"},
    {"torch.factorial(5)", ""},
    {"[0] * 7", ""},
    {"x.random_(1, 7)", ""},
};

// libtorch uses them as indices.
const Call kEnumerations[] = {
    {"torch._to_copy(x, dtype=128)", "its argument 'dtype' is 128, which is not one of its values"},
    {"torch.nansum(x, [0], dtype=-1)",
     "its argument 'dtype' is -1, which is not one of its values"},
    {"torch._to_copy(x, memory_format=4)", "its argument 'memory_format' is 4, which is not one"},
    {"torch.empty_like(x, layout=99)", "its argument 'layout' is 99, which is not one of its"},
    {"torch._to_copy(x, dtype=7, memory_format=0)", ""},
};

const Call kOutputs[] = {
    {"torch.log_sigmoid_forward(x, output=torch.empty([2, 4, 8]), "
     "buffer=torch.empty([1]).expand([2, "
     "4, 8]))",
     "its output 'buffer' has several elements in one place"},
    {"torch.add(x, x, out=torch.empty([2, 4, 16])[:, :, 8:])", ""},
};

INSTANTIATE_TEST_SUITE_P(OfPads, HostileArguments, ::testing::ValuesIn(kPads));
INSTANTIATE_TEST_SUITE_P(OfTransforms, HostileArguments, ::testing::ValuesIn(kTransforms));
INSTANTIATE_TEST_SUITE_P(OfShuffles, HostileArguments, ::testing::ValuesIn(kShuffles));
INSTANTIATE_TEST_SUITE_P(OfNorms, HostileArguments, ::testing::ValuesIn(kNorms));
INSTANTIATE_TEST_SUITE_P(OfRecurrentLayers, HostileArguments, ::testing::ValuesIn(kRecurrent));
INSTANTIATE_TEST_SUITE_P(OfSizes, HostileArguments, ::testing::ValuesIn(kSizes));
INSTANTIATE_TEST_SUITE_P(OfNumbersAndTexts, HostileArguments, ::testing::ValuesIn(kOthers));
INSTANTIATE_TEST_SUITE_P(OfEnumerations, HostileArguments, ::testing::ValuesIn(kEnumerations));
INSTANTIATE_TEST_SUITE_P(OfOutputs, HostileArguments, ::testing::ValuesIn(kOutputs));

// libtorch releases several outputs that are arguments before it returns them.
TEST(Outputs, OfSeveralTensorsAreReturned) {
  check_operators();
  auto module = scripted(
      "def forward(self, x):\n  return torch.nanmedian(x, 0, False, values=torch.empty([8]), "
      "indices=torch.empty([8], dtype=4))");
  const Tensor x = torch::arange(24.).reshape({3, 8}).to(at::kFloat);
  const auto outputs = module.forward({x}).toTuple();
  EXPECT_TRUE(outputs->elements()[0].toTensor().equal(x[1]));
  EXPECT_TRUE(outputs->elements()[1].toTensor().equal(torch::ones({8}, at::kLong)));
}

}  // namespace
}  // namespace torchstreamer::testing
