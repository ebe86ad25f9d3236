// NaN and infinity in the input affect only output frames whose receptive field contains them. A
// recurrence, whose receptive field would be unbounded, is reset after them; for this test its
// field is its own frame.
#include <algorithm>
#include <cmath>
#include <regex>

#include "frames/finite.h"
#include "lib/support/model_files.h"
#include "lib/support/script_model.h"

namespace torchstreamer::testing {
namespace {

constexpr double kBad[] = {NAN, INFINITY, -INFINITY};

/// `x` with NaN or infinity in a few samples or in short runs of samples.
Tensor spoil(const Tensor& x, Random& random) {
  Tensor bad = x.clone();
  for (int64_t i = random.between(1, 3); i > 0; --i) {
    const int64_t frames = random.flip() ? 1 : random.between(1, 12);
    const int64_t at = random.between(0, x.size(1) - 1);
    bad[random.between(0, x.size(0) - 1)].slice(0, at, at + frames).fill_(kBad[i % 3]);
  }
  return bad;
}

/// Mask `[T]` of the output frames whose receptive field contains only finite frames of `x`.
Tensor unspoilt(const Timing& timing, const Tensor& x, int64_t frames_out) {
  const Tensor bad = x.isfinite().logical_not().any(0);
  Tensor is_good = torch::ones({frames_out}, torch::kBool);
  for (int64_t t = 0; t < frames_out; ++t) {
    const Span span = timing.depends({t, t});
    is_good[t] =
        !bad.slice(0, std::max<int64_t>(0, span.first), std::max<int64_t>(0, span.last + 1))
             .any()
             .item<bool>();
  }
  return is_good;
}

struct Result {
  Tensor y;
  int64_t recoveries = 0;  ///< during this signal
};

Result run_counted(LayerStream& stream, const Tensor& x, const std::vector<int64_t>& chunks) {
  const int64_t before = stream.recoveries();
  const Tensor y = run(stream, x, chunks);
  return {y, stream.recoveries() - before};
}

/// True for streams with recurrences: after a bad frame their output is finite, but differs from
/// the output for the clean signal.
bool is_recurrent(const BaseStream& stream) {
  return std::regex_search(stream.describe(), std::regex("lstm|gru|rnn|cum(sum|prod|max|min|exp)"));
}

class NotFinite : public ::testing::TestWithParam<ModelFile> {};

TEST_P(NotFinite, AffectsOnlyItsReceptiveField) {
  torch::NoGradGuard guard;
  LoadedModel native(GetParam());
  LoadedModel reference(GetParam(), Padding::kModel, Execution::kReference);
  const Timing& timing = native.stream->timing();
  int64_t good_frames = 0, refused = 0;
  for (int i = 0; i < 2 && !HasFailure(); ++i) {
    const unsigned seed = base_seed() + i;
    Random random(seed);
    int64_t frames = timing.receptive_field_frames() + random.between(200, 400);
    while (!native.holds_for(frames)) ++frames;
    SCOPED_TRACE(::testing::Message() << "TORCHSTREAMER_SEED=" << seed << ", " << frames);
    const Tensor x = native.signal(frames), bad = spoil(x, random);
    const auto chunks = random_chunks(random, frames);
    Result result, other, expected;
    try {
      result = run_counted(*native.stream, bad, chunks);
    } catch (const Error& e) {  // NaN is not a valid index into a table
      EXPECT_ANY_THROW(native.offline()(bad)) << e.what();
      EXPECT_THROW(run(*reference.stream, bad, chunks), Error);
      ++refused;
      continue;
    }
    other = run_counted(*native.stream, bad, random_chunks(random, frames));
    expected = run_counted(*reference.stream, bad, random_chunks(random, frames));
    EXPECT_EQ(result.recoveries, other.recoveries) << "for a different chunking";
    EXPECT_EQ(result.recoveries, expected.recoveries) << "for the reference";

    const Tensor is_good = unspoilt(timing, bad, result.y.size(1));
    good_frames += is_good.sum().item<int64_t>();
    const auto good = [&](const Tensor& y) { return y.masked_select(is_good); };
    EXPECT_TRUE(is_finite(good(result.y)));
    EXPECT_TRUE(is_finite(good(expected.y)));
    const double tolerance = testing::tolerance(x);
    EXPECT_TRUE(is_close(good(other.y), good(result.y), tolerance)) << "for a different chunking";
    EXPECT_TRUE(is_close(good(expected.y), good(result.y), tolerance)) << "for the reference";
    if (is_recurrent(*native.stream)) continue;
    EXPECT_EQ(result.recoveries, 0);
    const Tensor clean = run(*native.stream, x, chunks);
    EXPECT_TRUE(is_close(good(result.y), good(clean), tolerance));
  }
  EXPECT_GT(good_frames + refused, 0) << "nothing was compared";
  if (HasFailure()) ADD_FAILURE() << native.stream->describe();
}

/// All models but traces, which give the same networks as scripts.
std::vector<ModelFile> scripts() {
  std::vector<ModelFile> files = model_files();
  const auto is_trace = [](const ModelFile& file) {
    return file.name.find(".trace.") != std::string::npos;
  };
  files.erase(std::remove_if(files.begin(), files.end(), is_trace), files.end());
  return files;
}

INSTANTIATE_TEST_SUITE_P(Models, NotFinite, ::testing::ValuesIn(scripts()), name_of);

// ---- resets of recurrences, and their count

/// Output of the stream of `expression` for `x` `[1, T]`; expects the same for every chunking.
Result scan(const std::string& expression, const Tensor& x) {
  ScriptedStream model(scripted("def forward(self, x):\n  return " + expression));
  Random random(base_seed());
  const Result whole = run_counted(*model.stream, x, {x.size(1)});
  for (int i = 0; i < 5; ++i) {
    const Result cut = run_counted(*model.stream, x, random_chunks(random, x.size(1)));
    EXPECT_TRUE(is_close(cut.y, whole.y, 1e-6)) << cut.y << whole.y;
    EXPECT_EQ(cut.recoveries, whole.recoveries);
  }
  return whole;
}

Tensor row(std::initializer_list<float> values) {
  return torch::tensor(std::vector<float>(values)).unsqueeze(0);
}

// Each frame after which a state is not finite counts as one recovery.
TEST(Recoveries, SumsAreReset) {
  const auto [y, recoveries] = scan("x.cumsum(2)", row({1, 2, NAN, 3, 4, INFINITY, -INFINITY, 5}));
  EXPECT_TRUE(is_close(y, row({1, 3, NAN, 3, 7, INFINITY, -INFINITY, 5}), 0)) << y;
  EXPECT_EQ(recoveries, 3);
}

TEST(Recoveries, ProductsAreReset) {
  const auto [y, recoveries] = scan("x.cumprod(2)", row({2, 3, NAN, 5, 7}));
  EXPECT_TRUE(is_close(y, row({2, 6, NAN, 5, 35}), 0)) << y;
  EXPECT_EQ(recoveries, 1);
}

TEST(Recoveries, ExtremesAreReset) {
  const auto [most, of_most] = scan("x.cummax(2)[0]", row({1, 5, INFINITY, 3, 2, NAN, 1, -4}));
  EXPECT_TRUE(is_close(most, row({1, 5, INFINITY, 3, 3, NAN, 1, 1}), 0)) << most;
  EXPECT_EQ(of_most, 2);
  const auto [place, of_place] = scan("x.cummax(2)[1].float()", row({1, 5, NAN, 3, 2, 4}));
  EXPECT_TRUE(is_close(place, row({0, 1, 2, 3, 3, 5}), 0)) << place;
  EXPECT_EQ(of_place, 1);
  const auto [least, of_least] = scan("x.cummin(2)[0]", row({1, -5, -INFINITY, 3, 2}));
  EXPECT_TRUE(is_close(least, row({1, -5, -INFINITY, 3, 2}), 0)) << least;
  EXPECT_EQ(of_least, 1);
}

// The other channel continues.
TEST(Recoveries, OnlyTheAffectedChannelIsReset) {
  ScriptedStream model(scripted("def forward(self, x):\n  return x.cumsum(2)"), 2);
  const Tensor x = torch::ones({2, 4});
  x[1][1] = NAN;
  const Result result = run_counted(*model.stream, x, {1, 3});
  const Tensor expected = at::cat({row({1, 2, 3, 4}), row({1, NAN, 1, 2})});
  EXPECT_TRUE(is_close(result.y, expected, 0)) << result.y;
  EXPECT_EQ(result.recoveries, 1);
}

/// Recoveries of an engine after a signal with `bad` frames of NaN.
int64_t engine_recoveries(const std::string& name, const LoadOptions& options, int channels,
                          int64_t bad) {
  const std::unique_ptr<Model> model(torchstreamer_load_model((models() / name).c_str(), options));
  const auto engine = model->start(channels);
  const int64_t frames = 9000;  // more than is kept for an offline run
  std::vector<float> x(frames * channels, 0.1f);
  for (int64_t i = 0; i < bad; ++i) x[(100 + 7 * i) * channels] = NAN;
  std::vector<float> y(engine->frames_due(frames, false) * model->channels_out(channels) + 1);
  const void* in[] = {x.data()};
  void* out[] = {y.data()};
  engine->push(in, frames, false, out);
  const int64_t recoveries = engine->recoveries();
  engine->reset();
  EXPECT_EQ(engine->recoveries(), recoveries) << "a reset must keep the count";
  return recoveries;
}

TEST(Recoveries, EnginesReportThem) {
  constexpr char kModel[] = "families/recurrent_amp.script.pt";
  EXPECT_EQ(engine_recoveries(kModel, {}, 1, 0), 0);
  EXPECT_EQ(engine_recoveries(kModel, {}, 1, 5), 5);
  LoadOptions reference;
  reference.execution = Execution::kReference;
  EXPECT_EQ(engine_recoveries(kModel, reference, 1, 5), 5);
  LoadOptions each;
  each.each_channel = true;
  EXPECT_EQ(engine_recoveries(kModel, each, 2, 5), 5);
  EXPECT_GT(engine_recoveries("families/recurrent_double.script.pt", {}, 2, 5), 0);
}

}  // namespace
}  // namespace torchstreamer::testing
