// Streams of all families of nets in tests/data, scripted and traced, equal the models.
#include "expect_says.h"
#include "lib/support/error_of.h"
#include "lib/support/model_files.h"

namespace torchstreamer::testing {
namespace {

class Families : public ::testing::TestWithParam<ModelFile> {};

// Nets whose other outputs do not accept signals as short as the first output does.
bool has_other_outputs(const ModelFile& file) {
  return file.name.find("idiom_named") != std::string::npos ||
         file.name.find("idiom_list_out") != std::string::npos;
}

// Expects an Error if the model itself fails for the signal; an empty signal may give no output.
void expect_equal_or_refused(LoadedModel& model, const Tensor& x, Random& random) {
  const auto chunks = random_chunks(random, x.size(1));
  SCOPED_TRACE(::testing::Message() << x.size(1) << " frames in " << chunks.size() << " pushes");
  bool is_taken = true;
  try {
    torch::NoGradGuard guard;
    model.offline()(x);
  } catch (const std::exception&) {
    is_taken = false;
  }
  try {
    if (is_taken)
      expect_equal(*model.stream, model.offline(), x, chunks);
    else if ((run(*model.stream, x, chunks).defined() || x.size(1) > 0) &&
             !has_other_outputs(model.file))
      ADD_FAILURE() << "the model fails for this signal, the stream does not";
  } catch (const Error& e) {
    EXPECT_FALSE(is_taken) << e.what();
  }
}

TEST_P(Families, StreamEqualsTheModel) {
  LoadedModel model(GetParam());
  // Signals shorter than the receptive field are tested separately.
  const int64_t reach = model.stream->timing().receptive_field_frames();
  for (int i = 0; i < 25 && !HasFailure(); ++i) {
    const unsigned seed = base_seed() + i;
    SCOPED_TRACE(::testing::Message() << "TORCHSTREAMER_SEED=" << seed);
    Random random(seed);
    int64_t frames = i < 15 ? reach + random.between(0, 300) : random.between(0, i % 5 ? 60 : 3);
    while (i % 5 && frames > 60 && !model.holds_for(frames)) ++frames;
    expect_equal_or_refused(model, model.signal(frames), random);
  }
  if (HasFailure()) ADD_FAILURE() << model.stream->describe();
}

int64_t equal_frames(const Tensor& a, const Tensor& b, double tolerance) {
  int64_t n = 0;
  const int64_t both = std::min(a.size(1), b.size(1));
  const Tensor near = (a.narrow(1, 0, both) - b.narrow(1, 0, both)).abs().le(tolerance).all(0);
  while (n < both && near[n].item<bool>()) ++n;
  return n;
}

// Number of output frames that do not depend on the frames of `x` after the first `n`, nor on the
// length of the signal. Clears `is_sure` if the model does not accept some of the tested lengths:
// the real number may then be smaller.
int64_t certain_frames(const LoadedModel& model, const Tensor& x, int64_t n, bool& is_sure) {
  const int64_t reach = model.stream->timing().receptive_field_frames();
  const Tensor y = model.offline()(x);
  const double tolerance = 1e-5 * y.abs().max().item<double>();
  Tensor changed = x.clone();
  changed.narrow(1, n, x.size(1) - n).fill_(std::nan(""));
  int64_t certain;
  try {
    certain = equal_frames(y, model.offline()(changed), tolerance);
  } catch (const std::exception&) {  // NaN is not a valid index into a table
    changed.narrow(1, n, x.size(1) - n).copy_(x.narrow(1, 0, 1) * -0.7 + 0.01);
    certain = equal_frames(y, model.offline()(changed), tolerance);
  }
  for (int64_t end = n; end < std::min(n + 20, x.size(1)); ++end) {
    if (!model.holds_for(end)) {
      is_sure = is_sure && end > reach + 20;
      continue;
    }
    try {
      certain = std::min(certain, equal_frames(y, model.offline()(x.narrow(1, 0, end)), tolerance));
    } catch (const std::exception&) {
      is_sure = false;
    }
  }
  return certain;
}

TEST_P(Families, FramesAreEmittedWithTheLastFrameTheyDependOn) {
  if (GetParam().family == "transformer")
    GTEST_SKIP() << "a weight of zero times NaN is NaN; attention_test.cpp tests this";
  torch::NoGradGuard guard;
  LoadedModel model(GetParam());
  Random random(base_seed());
  const int64_t reach = model.stream->timing().receptive_field_frames();
  for (int i = 0; i < 5; ++i) {
    const int64_t n = random.between(1, reach + 40);
    int64_t frames = n + reach + 40;
    while (!model.holds_for(frames)) ++frames;
    const Tensor x = model.signal(frames);
    int64_t emitted = 0;
    for (int64_t at = 0, step; at < n; at += step) {
      step = std::min(n - at, random.between(1, 7));
      if (const auto y = model.stream->forward(x.narrow(1, at, step))) emitted += y->size(1);
    }
    model.stream->reset();
    bool is_sure = true;
    const int64_t certain = certain_frames(model, x, n, is_sure);
    EXPECT_TRUE(is_sure ? emitted == certain : emitted <= certain)
        << emitted << " of " << certain << " frames after " << n << " of " << frames << "\n"
        << model.stream->describe();
  }
}

INSTANTIATE_TEST_SUITE_P(Models, Families, ::testing::ValuesIn(model_files()), name_of);

// A script and a trace have the same operators.
TEST(Families, LoadWithoutANumberOfChannels) {
  for (const ModelFile& file : model_files()) {
    if (file.name.find(".trace.") != std::string::npos) continue;
    LoadOptions options;
    options.layout = call_of(file).layout;
    EXPECT_NO_THROW(load_stream(models() / file.name, options)) << file.name;
  }
}

TEST(Families, AllAreTested) {
  std::set<std::string> families;
  for (const ModelFile& file : model_files()) families.insert(file.family);
  EXPECT_EQ(families.size(), 18u);
  EXPECT_GE(model_files().size(), 350u);
}

TEST(Refusals, NameOperatorPlaceAndReason) {
  const auto rows = rows_of("refused.txt");
  ASSERT_GE(rows.size(), 50u);
  for (const auto& row : rows) {
    SCOPED_TRACE(row[0]);
    const std::string error = error_of([&] { load_stream(models() / row[0]); });
    for (size_t i = 1; i < row.size(); ++i) EXPECT_SAYS(row[i], error);
  }
}

}  // namespace
}  // namespace torchstreamer::testing
