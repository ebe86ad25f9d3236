// Native execution of whole models: it equals the reference, its bits depend only on the signal,
// and NaN affects only its receptive field.
#include <map>
#include <thread>

#include "lib/native/program/run_program.h"

namespace torchstreamer::testing {
namespace {

// ---- the reference

class NativeModels : public ::testing::TestWithParam<ModelFile> {};

/// The output; undefined, and `fails` true, if the stream ends with an Error.
Tensor run_or_fail(BaseStream& stream, const Tensor& x, const std::vector<int64_t>& chunks,
                   bool& fails) {
  try {
    const Tensor y = run(stream, x, chunks);
    fails = false;
    return y;
  } catch (const Error&) {
    fails = true;
    return {};
  }
}

TEST_P(NativeModels, EqualTheReference) {
  LoadedModel native(GetParam());
  LoadedModel reference(GetParam(), Padding::kModel, Execution::kReference);
  ASSERT_EQ(program_of(reference), nullptr);
  const int64_t reach = native.stream->timing().receptive_field_frames();
  int compared = 0;
  double scale = 0;  // peak of all outputs so far; short signals may be quiet and come last
  for (int i = 0; i < 6 && !HasFailure(); ++i) {
    const unsigned seed = base_seed() + i;
    Random random(seed);
    const int64_t frames =
        held_length(native, i < 4 ? reach + random.between(60, 300) : random.between(0, 60));
    SCOPED_TRACE(::testing::Message() << "TORCHSTREAMER_SEED=" << seed << ", " << frames);
    const Tensor x = native.signal(frames);
    const auto chunks = random_chunks(random, frames);
    bool fails = false, reference_fails = false;
    const Tensor y = run_or_fail(*native.stream, x, chunks, fails);
    const Tensor expected = run_or_fail(*reference.stream, x, chunks, reference_fails);
    ASSERT_EQ(fails, reference_fails);
    ASSERT_EQ(y.defined(), expected.defined());
    if (!y.defined()) continue;
    ++compared;
    ASSERT_EQ(y.sizes(), expected.sizes());
    scale = std::max(scale, expected.abs().max().item<double>());
    EXPECT_LE((y - expected).abs().max().item<double>(), 1e-6 * scale) << "scale " << scale;
  }
  EXPECT_GT(compared, 0);
  if (HasFailure()) ADD_FAILURE() << native.stream->describe();
}

INSTANTIATE_TEST_SUITE_P(Models, NativeModels, ::testing::ValuesIn(float_files()), name_of);

// ---- bits

/// Expects equal bits for `chunkings` different chunkings of one signal.
void expect_one_output(const native::Program& program, const LoadedModel& model, int64_t frames,
                       int chunkings, Random& random) {
  const Timing& timing = model.network->timing();
  const Tensor x = model.signal(frames).t().contiguous();
  const auto whole = run_program(program, timing, x, {frames});
  for (int i = 1; i < chunkings; ++i) {
    const auto kind = i == 1 ? Chunks::kOnes : i == 2 ? Chunks::kPrimes : Chunks::kRandom;
    const auto chunks = chunks_of(kind, random, frames);
    ASSERT_TRUE(have_equal_bits(run_program(program, timing, x, chunks), whole))
        << frames << " frames in " << chunks.size() << " pushes, the first of " << chunks[0];
  }
}

TEST(NativeBits, DoNotDependOnTheChunking) {
  // Least number of models per family of tests/data that run without libtorch. Models with
  // operators of libtorch are equal only within rounding, because libtorch chooses kernels by the
  // size of a push.
  const std::map<std::string, int> kLeastModels = {
      {"basic", 64},         {"bigvgan", 10},    {"demucs", 10},    {"hifigan", 7},
      {"pools", 18},         {"spectral", 16},   {"recurrent", 11}, {"resampling", 26},
      {"python_idioms", 30}, {"seanet", 9},      {"stacks", 28},    {"tasnet", 9},
      {"tcn", 11},           {"transformer", 1}, {"vad", 11},       {"wavenet", 8}};
  SCOPED_TRACE(::testing::Message() << "TORCHSTREAMER_SEED=" << base_seed());
  Random random(base_seed());
  std::map<std::string, int> models;
  for (const ModelFile& file : float_files()) {
    SCOPED_TRACE(file.name);
    const LoadedModel model(file);
    const native::Program* program = program_of(model);
    if (!program || has_fallback(*program)) continue;
    ++models[file.family];
    const int64_t reach = model.network->timing().receptive_field_frames();
    expect_one_output(*program, model, held_length(model, reach + random.between(0, 300)), 60,
                      random);
    // More frames than the network processes at once.
    const int64_t blocks = 2 * program->block_frames() + 300;
    expect_one_output(*program, model, held_length(model, reach + blocks), 20, random);
    expect_one_output(*program, model, held_length(model, random.between(1, 40)), 20, random);
  }
  for (const auto& [family, least] : kLeastModels) EXPECT_GE(models[family], least) << family;
  int all = 0;
  for (const auto& [family, count] : models) all += count;
  std::printf("%d of %zu models run without libtorch\n", all, float_files().size());
  EXPECT_GE(all, 280);
}

// ---- engines

constexpr const char* kConvolutionalModels[] = {
    "families/tcn_chomp.script.pt", "families/wavenet_sum.script.pt",
    "families/seanet_encoder_causal.script.pt", "families/hifigan_v1.script.pt",
    "families/demucs_plain.script.pt"};
constexpr const char* kRecurrentModels[] = {"families/seanet_encoder_lstm.script.pt",
                                            "families/recurrent_amp.script.pt"};

std::unique_ptr<Model> load(const std::string& name) {
  return std::unique_ptr<Model>(torchstreamer_load_model((models() / name).c_str(), {}));
}

int channels_of(const Model& model) { return std::max(1, model.channels_in()); }

/// Interleaved noise.
std::vector<float> noise(int64_t samples) {
  const Tensor x = torch::randn({samples});
  return {x.data_ptr<float>(), x.data_ptr<float>() + samples};
}

/// Output of a new engine for `x` in pushes of `chunk` frames, without a final push.
std::vector<float> run_engine(const Model& model, const std::vector<float>& x, int64_t chunk) {
  const int channels = channels_of(model), channels_out = model.channels_out(channels);
  const auto engine = model.start(channels);
  const int64_t frames = static_cast<int64_t>(x.size()) / channels;
  std::vector<float> y(model.timing().frames_out(frames, false) * channels_out + 1);
  float* out = y.data();
  for (int64_t at = 0; at < frames; at += chunk) {
    const int64_t some = std::min(chunk, frames - at);
    const int64_t due = engine->frames_due(some, false);
    const void* in_planes[] = {x.data() + at * channels};
    void* out_planes[] = {out};
    engine->push(in_planes, some, false, out_planes);
    out += due * channels_out;
  }
  return y;
}

class NativeEngines : public ::testing::TestWithParam<const char*> {};
class ConvolutionalEngines : public NativeEngines {};

// More frames than the engine keeps for an offline run.
constexpr int64_t kFrames = graph::Guards::kKeptFrames + 2000;

TEST_P(NativeEngines, HaveEqualBitsInParallel) {
  const auto model = load(GetParam());
  const auto x = noise(kFrames * channels_of(*model)), z = noise(kFrames * channels_of(*model));
  const auto expected_x = run_engine(*model, x, 480), expected_z = run_engine(*model, z, 64);
  for (int i = 0; i < 3; ++i) {
    std::vector<float> of_x, of_z;
    std::thread other([&] { of_z = run_engine(*model, z, 64); });
    of_x = run_engine(*model, x, 480);
    other.join();
    EXPECT_TRUE(have_equal_bits(of_x, expected_x));
    EXPECT_TRUE(have_equal_bits(of_z, expected_z));
  }
}

// A NaN affects at most the outputs whose receptive field contains it; other outputs have the same
// bits as without it.
TEST_P(ConvolutionalEngines, NanAffectsOnlyItsReceptiveField) {
  const auto model = load(GetParam());
  SCOPED_TRACE(::testing::Message() << "TORCHSTREAMER_SEED=" << base_seed());
  Random random(base_seed());
  const int channels = channels_of(*model), channels_out = model->channels_out(channels);
  auto x = noise(kFrames * channels);
  for (const int64_t chunk : {64, 480, 1000}) {
    const auto before = run_engine(*model, x, chunk);
    const int64_t frame = random.between(0, kFrames / 2);
    const int64_t at = frame * channels + random.between(0, channels - 1);
    const float sample = std::exchange(x[at], std::nanf(""));
    const auto after = run_engine(*model, x, chunk);
    x[at] = sample;
    const int64_t frames_out = static_cast<int64_t>(after.size()) / channels_out;
    int64_t affected = 0;
    for (int64_t t = 0; t < frames_out; ++t) {
      const bool is_same = std::memcmp(&after[t * channels_out], &before[t * channels_out],
                                       channels_out * sizeof(float)) == 0;
      const Span span = model->timing().depends({t, t});
      affected += !is_same;
      ASSERT_TRUE(is_same || (span.first <= frame && frame <= span.last))
          << "output frame " << t << " is affected; input frame " << frame << " is NaN";
    }
    EXPECT_GT(affected, 0);
  }
}

std::string name_of_path(const ::testing::TestParamInfo<const char*>& info) {
  return std::filesystem::path(info.param).stem().stem().string();
}

INSTANTIATE_TEST_SUITE_P(Convolutional, NativeEngines, ::testing::ValuesIn(kConvolutionalModels),
                         name_of_path);
INSTANTIATE_TEST_SUITE_P(Recurrent, NativeEngines, ::testing::ValuesIn(kRecurrentModels),
                         name_of_path);
INSTANTIATE_TEST_SUITE_P(Convolutional, ConvolutionalEngines,
                         ::testing::ValuesIn(kConvolutionalModels), name_of_path);

}  // namespace
}  // namespace torchstreamer::testing
