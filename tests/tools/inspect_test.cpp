// torchstreamer-inspect: the program as users run it, what it says against the library, and its
// certificate against streams that are wrong.

#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <torch/nn/modules/conv.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "graph/model/script_model.h"
#include "network/network.h"
#include "streams/attention.h"
#include "streams/conv.h"
#include "streams/conv_transpose.h"
#include "streams/pad.h"
#include "streams/pointwise.h"
#include "streams/windowed.h"
#include "temporary_folder.h"
#include "tools/report.h"
#include "tools/verify.h"
#include "torchstreamer/modules.h"

namespace torchstreamer::tools {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  if (!value) throw std::runtime_error(std::string(name) + " is not set");
  return value;
}

std::string model(const std::string& name) {
  return variable("TORCHSTREAMER_MODELS") + "/" + name + ".script.pt";
}

std::string content(const fs::path& file) {
  std::ifstream in(file);
  return {std::istreambuf_iterator<char>(in), {}};
}

/// A folder that goes with the test.
class Inspect : public ::testing::Test {
 protected:
  struct Result {
    int status;
    std::string out, err;
  };

  Result run(const std::string& arguments) const {
    const std::string command = variable("TORCHSTREAMER_INSPECT") + " " + arguments + " > " +
                                path("out") + " 2> " + path("err");
    const int status = std::system(command.c_str());
    return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, content(path("out")),
            content(path("err"))};
  }

  std::string path(const std::string& name) const { return (folder_ / name).string(); }

  Json json(const std::string& arguments, int status = 0) const {
    const Result result = run(arguments + " --json");
    EXPECT_EQ(result.status, status) << result.err;
    return Json::parse(result.out);
  }

  const test::TemporaryFolder folder_;
};

Json exact(Rational r) { return {{"num", r.num}, {"den", r.den}}; }

TEST_F(Inspect, TellsWhatTheLibraryTells) {
  for (const char* name : {"stack", "multiple", "recurrent", "up3", "unbatched", "residual"}) {
    SCOPED_TRACE(name);
    const Json said = json(model(name) + " --rate 16000");
    const auto stream = load_stream(model(name));
    const Timing& timing = stream->timing();
    EXPECT_EQ(said["streams"], true);
    EXPECT_EQ(said["rate"], exact(timing.rate()));
    EXPECT_EQ(said["look_ahead"]["frames"], exact(timing.look_ahead_frames()));
    EXPECT_EQ(said["receptive_field"]["frames"], exact(Rational(timing.receptive_field_frames())));
    EXPECT_EQ(said["receptive_field"]["ms"], timing.receptive_field_frames() / 16.0);
    const int64_t first = said["first_output_frames"];
    EXPECT_GT(timing.frames_out(first, false), 0);
    EXPECT_EQ(timing.frames_out(first - 1, false), 0);

    const auto y = stream->forward(at::zeros({said["channels_in"].get<int64_t>(), 4800}));
    EXPECT_EQ(said["channels_out"], y->size(0));
    EXPECT_GE(said["memory_per_stream"]["bytes"], stream->held_bytes());

    // The last process is the whole network.
    const Json last = said["processes"].back();
    EXPECT_EQ(last["rate"], said["rate"]);
    EXPECT_EQ(last["look_ahead_frames"], said["look_ahead"]["frames"]);
    EXPECT_EQ(last["receptive_field_frames"], timing.receptive_field_frames());
  }
}

TEST_F(Inspect, MemoryIsWhatStreamsKeep) {
  const Json memory = json(model("same3") + " --execution reference")["memory_per_stream"];
  // Two frames of history and one that the pad keeps for the end.
  EXPECT_GE(memory["bytes"], 2 * 4);
  EXPECT_LE(memory["bytes"], 4 * 4);
  EXPECT_EQ(memory["chunk_frames"], 480);
  EXPECT_EQ(memory["settled_bytes"], memory["bytes"]);
  // What has guards keeps the beginning of the signal, in and out, for an offline run at its end.
  const Json blocks = json(model("blocks") + " --execution reference")["memory_per_stream"];
  EXPECT_GE(blocks["bytes"], blocks["settled_bytes"].get<int>() + 2 * 4 * 8000);
  EXPECT_LE(blocks["bytes"], blocks["settled_bytes"].get<int>() + 2 * 4 * 8192);
  EXPECT_LT(blocks["settled_bytes"], 2000);
  // Every run of an input leaves at once: nothing stays.
  EXPECT_EQ(json(model("up3") + " --execution reference")["memory_per_stream"]["bytes"], 0);
  // Native streams have all that they work in from the beginning, and it stays.
  const Json native = json(model("same3"))["memory_per_stream"];
  EXPECT_EQ(native["settled_bytes"], native["bytes"]);
  EXPECT_LE(native["bytes"], 9800);
}

TEST_F(Inspect, SaysWhatIsComputedByWhom) {
  for (const bool is_native : {true, false}) {
    const Json said = json(model("same3") + (is_native ? "" : " --execution reference"));
    for (const Json& process : said["processes"]) EXPECT_EQ(process["native"], is_native);
  }
  EXPECT_PRED_FORMAT2(::testing::IsSubstring, "by the kernels of this library",
                      run(model("same3")).out);
}

TEST_F(Inspect, CountsWhatCanBeCountedByHand) {
  const Json conv = json(model("same3") + " --rate 1000");
  EXPECT_EQ(conv["parameters"], 4);
  EXPECT_EQ(conv["multiply_adds_per_second"], 3 * 1000);
  EXPECT_EQ(conv["processes"][2]["operator"], "aten::conv1d");
  EXPECT_EQ(conv["processes"][2]["look_ahead_frames"], exact(Rational(1)));
  EXPECT_EQ(conv["processes"][0]["inputs"], Json({"input"}));
  // Every second frame: 4 taps.
  EXPECT_EQ(json(model("down2") + " --rate 1000")["multiply_adds_per_second"], 4 * 500);
  // Two LSTM layers of 5 on 3 and 5 features, a GRU of 3 on 5.
  EXPECT_EQ(json(model("recurrent") + " --rate 1")["multiply_adds_per_second"],
            4 * 5 * (3 + 5) + 4 * 5 * (5 + 5) + 3 * 3 * (5 + 3));
  // A matrix of 6 x 4 for each frame.
  EXPECT_EQ(json(model("shapes") + " --rate 1")["multiply_adds_per_second"], 24);
}

TEST_F(Inspect, SaysWhereAProcessStands) {
  const Json said = json(model("blocks"));
  bool found = false;
  for (const Json& process : said["processes"]) {
    const std::string path = process["module"], source = process["source"];
    found = found ||
            (process["operator"] == "aten::conv1d" && path.find("1.conv") != std::string::npos &&
             source.find("make_models.py:") != std::string::npos);
  }
  EXPECT_TRUE(found) << said.dump(2);
}

TEST_F(Inspect, PrintsForPeople) {
  const Result result = run(model("stack") + " --rate 48000");
  EXPECT_EQ(result.status, 0);
  for (const char* text :
       {"streams\n", "2 channels at 48000 Hz", "2 channels at 32000 Hz, rate ratio 2/3",
        "look-ahead        23/2 frames, 0.24 ms", "receptive field   25 frames, 0.52 ms",
        "parameters        366", "5.38 M/s", "a stream beside the weights", "pushes of 480 (10 ms)",
        "Conv1d(2 -> 8, kernel 7, stride 3", "aten::conv_transpose1d"})
    EXPECT_NE(result.out.find(text), std::string::npos) << text << " in\n" << result.out;
}

TEST_F(Inspect, RefusalsAreWhole) {
  const Result text = run(model("refused_GroupNorm"));
  EXPECT_EQ(text.status, 1);
  EXPECT_NE(text.out.find("refused"), std::string::npos);
  for (const std::string name : {"refused_GroupNorm", "refused_Bidirectional"}) {
    const Json said = json(model(name), 1);
    EXPECT_EQ(said["streams"], false);
    try {
      load_stream(model(name));
      FAIL() << "not refused";
    } catch (const Refusal& e) {
      EXPECT_EQ(said["refusal"]["operator"], e.subject());
      EXPECT_EQ(said["refusal"]["module"], e.path());
      EXPECT_EQ(said["refusal"]["source"], e.source());
      EXPECT_EQ(said["refusal"]["reason"], e.reason());
      EXPECT_EQ(said["refusal"]["message"], e.what());
      EXPECT_NE(run(model(name)).out.find(e.what()), std::string::npos);
    }
  }
  EXPECT_EQ(run("--dot " + model("refused_GroupNorm")).status, 1);
}

TEST_F(Inspect, VerifiesGoodModels) {
  for (const char* name : {"stack", "multiple", "recurrent", "unbatched", "double", "pointwise"}) {
    SCOPED_TRACE(name);
    const Json said = json(model(name) + " --verify --seed 5");
    const Json certificate = said["certificate"];
    EXPECT_EQ(certificate["holds"], true);
    EXPECT_EQ(certificate["seed"], 5);
    ASSERT_EQ(certificate["types"].size(), 2u);
    for (const Json& type : certificate["types"]) {
      EXPECT_EQ(type["holds"], true) << type.dump(2);
      EXPECT_EQ(type["failures"], 0);
      EXPECT_GE(type["cases"], 30);
      EXPECT_LE(type["worst_error"], type["type"] == "float64" ? 1e-12 : 1e-6);
      EXPECT_GT(type["longest_frames"],
                2 * said["processes"].back()["receptive_field_frames"].get<int>());
    }
    EXPECT_EQ(certificate["first_output_frames"], said["first_output_frames"]);
    EXPECT_EQ(certificate["least_first_output_frames"], said["first_output_frames"]);
  }
  EXPECT_EQ(run(model("stack") + " --verify --seed 5").out,
            run(model("stack") + " --verify --seed 5").out);
}

TEST_F(Inspect, OptionsReachThePlan) {
  EXPECT_EQ(json(model("same3") + " --padding valid")["first_output_frames"], 3);
  EXPECT_EQ(json(model("same3") + " --padding model")["first_output_frames"], 2);
  EXPECT_EQ(json(model("pointwise") + " --channels 6")["channels_out"], 6);
  EXPECT_EQ(json(model("same3") + " --channels 2", 1)["streams"], false);
  EXPECT_EQ(run(model("same3") + " --output 3").status, 2);
}

TEST_F(Inspect, DrawsTheNetwork) {
  const Result result = run("--dot " + model("multiple"));
  EXPECT_EQ(result.status, 0);
  EXPECT_EQ(result.out.rfind("digraph \"", 0), 0u);
  for (const char* text : {"input -> p0;", "p0 -> p1;", "-> output;", "aten::conv1d\\ndown"})
    EXPECT_NE(result.out.find(text), std::string::npos) << text << " in\n" << result.out;
  // Every quote closes.
  int64_t quotes = 0;
  for (size_t i = 0; i < result.out.size(); ++i) {
    if (result.out[i] == '\\') ++i;
    quotes += result.out[i] == '"' && result.out[i - 1] != '\\';
    if (result.out[i] == '\n') {
      ASSERT_EQ(quotes % 2, 0) << result.out;
    }
  }
  const std::string dot = "dot -Tsvg " + path("out") + " > " + path("svg");
  EXPECT_EQ(std::system(dot.c_str()), 0) << "graphviz is needed";
}

TEST_F(Inspect, NamesOfFilesAreEscaped) {
  const std::string odd = path("a \"quoted\" \\ model.pt");
  fs::copy_file(model("same3"), odd);
  EXPECT_EQ(json("'" + odd + "'")["model"], odd);
  const Result dot = run("--dot '" + odd + "'");
  EXPECT_NE(dot.out.find("a \\\"quoted\\\" \\\\ model.pt\" {"), std::string::npos) << dot.out;
}

TEST_F(Inspect, HelpAndVersion) {
  const Result help = run("--help");
  EXPECT_EQ(help.status, 0);
  for (const char* option : {"--rate", "--padding", "--channels", "--output", "--device",
                             "--verify", "--seed", "--json", "--dot", "--version"})
    EXPECT_NE(help.out.find(option), std::string::npos) << option;
  const Result version = run("--version");
  EXPECT_EQ(version.status, 0);
  EXPECT_EQ(version.out.rfind("torchstreamer-inspect ", 0), 0u);
}

TEST_F(Inspect, BadInputIsOneLineAndStatus2) {
  std::ofstream(path("text.pt")) << "not a model\n";
  std::ofstream(path("empty.pt"));
  std::ofstream(path("cut.pt")) << content(model("stack")).substr(0, 700);
  const std::string good = model("same3");
  struct Case {
    std::string arguments, says;
  };
  for (const auto& [arguments, says] : {Case{path("missing.pt"), "missing.pt"},
                                        Case{path("text.pt"), "not a TorchScript file"},
                                        Case{path("empty.pt"), "not a TorchScript file"},
                                        Case{path("cut.pt"), "cut.pt"},
                                        Case{folder_.path().string(), folder_.path().string()},
                                        Case{"", "no model"},
                                        Case{good + " " + good, "one model at a time"},
                                        Case{good + " --frobnicate", "--frobnicate"},
                                        Case{good + " -x", "-x"},
                                        Case{good + " --verify=3", "takes no value"},
                                        Case{good + " --rate", "--rate needs a value"},
                                        Case{good + " --rate 0", "--rate"},
                                        Case{good + " --rate 48k", "48k"},
                                        Case{good + " --rate -1", "-1"},
                                        Case{good + " --rate 99999999999999999999", "--rate"},
                                        Case{good + " --channels 0", "--channels"},
                                        Case{good + " --channels ''", "--channels"},
                                        Case{good + " --output -1", "--output"},
                                        Case{good + " --seed x", "--seed"},
                                        Case{good + " --padding circular", "circular"},
                                        Case{good + " --json --dot", "--json"},
                                        Case{good + " --padding valid --verify", "--verify"},
                                        Case{good + " --device nowhere", "nowhere"}}) {
    const Result result = run(arguments);
    SCOPED_TRACE(arguments + "\n" + result.err);
    EXPECT_EQ(result.status, 2);
    EXPECT_EQ(result.out, "");
    EXPECT_NE(result.err.find(says), std::string::npos) << says;
    EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 1);
  }
}

// The certificate itself.

const Format kMono{at::kFloat, at::kCPU, {1}};

LayerPtr conv(std::vector<float> taps) {
  const int64_t kernel = static_cast<int64_t>(taps.size());
  return conv1d_layer(at::tensor(taps).view({1, 1, kernel}), {}, 1, 1, 1);
}

graph::OfflineRule offline_conv(std::vector<float> taps) {
  return [weight = at::tensor(taps).view({1, 1, -1})](const Tensor& x) {
    return at::conv1d(x.unsqueeze(0), weight.to(x.scalar_type())).squeeze(0);
  };
}

LayerPtr pointwise(PointwiseRule rule) { return pointwise_layer(std::move(rule), "it"); }
Tensor as_it_is(const Tensor& x) { return x.clone(); }

TEST(Certificate, HoldsForTheSame) {
  const TypeCertificate c = compare(conv({1, 2, 3}), offline_conv({1, 2, 3}), kMono, 1);
  EXPECT_TRUE(c.holds());
  EXPECT_EQ(c.failures, 0);
  EXPECT_EQ(c.rejected, 2);  // 1 and 2 frames
  EXPECT_EQ(c.shortest_frames, 3);
}

TEST(Certificate, FailsForWrongValues) {
  const TypeCertificate c = compare(conv({1, 2, 3.0001f}), offline_conv({1, 2, 3}), kMono, 1);
  EXPECT_FALSE(c.holds());
  EXPECT_EQ(c.failures, c.cases);
  EXPECT_NEAR(c.worst_error, 2e-5, 2e-5);
  EXPECT_NE(c.failure.find("differ"), std::string::npos) << c.failure;
}

TEST(Certificate, TellsTheRoundingOfTheModel) {
  // The same rule in whatever type comes in.
  const auto model = offline_conv({0.1f, 0.2f, 0.3f});
  const TypeCertificate c = compare(conv({0.1f, 0.2f, 0.3f}), model, kMono, 1, model);
  ASSERT_TRUE(c.own_error);
  EXPECT_GT(*c.own_error, 0);
  EXPECT_LT(*c.own_error, 1e-6);
}

TEST(Certificate, NeedsTheTypeOfTheModel) {
  Certificate c;
  c.types.resize(2);
  c.types[0].not_run = "it fails";
  c.types[1].dtype = at::kDouble;
  c.types[1].signals = 1;
  EXPECT_FALSE(c.holds());
  c.own_type = at::kDouble;
  EXPECT_TRUE(c.holds());
}

TEST(Certificate, FailsForValuesThatAreNone) {
  const auto nan = pointwise([](const Tensors& in) { return in[0] * std::nan(""); });
  EXPECT_FALSE(compare(nan, as_it_is, kMono, 1).holds());
}

TEST(Certificate, FailsForAnotherLength) {
  const auto shorter = [](const Tensor& x) { return x.slice(1, 1); };
  const TypeCertificate c =
      compare(pointwise([](const Tensors& in) { return in[0] + 0; }), shorter, kMono, 1);
  EXPECT_FALSE(c.holds());
  EXPECT_NE(c.failure.find("the stream gives"), std::string::npos) << c.failure;
}

TEST(Certificate, FailsWhereTheStreamEndsWithAnError) {
  const auto broken = pointwise([](const Tensors& in) -> Tensor {
    if (in[0].size(0) > 2) throw Error("too many");
    return in[0];
  });
  const TypeCertificate c = compare(broken, as_it_is, kMono, 1);
  EXPECT_FALSE(c.holds());
  EXPECT_NE(c.failure.find("too many"), std::string::npos) << c.failure;
}

TEST(Certificate, FailsWhereNothingWasCompared) {
  const auto rejects = [](const Tensor& x) -> Tensor { throw Error("no"); };
  const TypeCertificate c = compare(conv({1}), rejects, kMono, 1);
  EXPECT_FALSE(c.holds());
  EXPECT_EQ(c.signals, 0);
  EXPECT_GT(c.rejected, 0);
}

TEST(Certificate, SeesThatBitsDependOnTheCut) {
  const auto depends = pointwise([](const Tensors& in) {
    return in[0] * (1 + 1e-7 * static_cast<double>(in[0].size(0) % 5));
  });
  const TypeCertificate c = compare(depends, as_it_is, kMono, 1);
  EXPECT_TRUE(c.holds()) << c.failure;
  EXPECT_LT(c.identical, c.signals);
  EXPECT_GT(c.worst_difference, 0);
  const TypeCertificate same = compare(conv({2}), offline_conv({2}), kMono, 1);
  EXPECT_EQ(same.identical, same.signals);
}

TEST(Certificate, KnowsWhenTheFirstOutputCouldLeave) {
  const Delay tight = measure_delay(conv({1, 2, 3}), offline_conv({1, 2, 3}), kMono, 1);
  EXPECT_EQ(tight.first_output_frames, 3);
  EXPECT_EQ(tight.least_frames, 3);
  // It waits for two frames more than it shows, which the padding gives at the end.
  PadOptions pad;
  pad.right_frames = 2;
  pad.least_right_frames = pad.most_right_frames = 2;
  pad.after = at::zeros({2, 1});
  const auto oldest = [](const Tensor& x) { return x.slice(0, 0, x.size(0) - 2).clone(); };
  const LayerPtr late = Network::chain({pad1d_layer(pad), window_layer(3, 1, oldest, "oldest")});
  EXPECT_TRUE(compare(late, as_it_is, kMono, 1).holds());
  const Delay waits = measure_delay(late, as_it_is, kMono, 1);
  EXPECT_EQ(waits.first_output_frames, 3);
  EXPECT_EQ(waits.least_frames, 1);
  // Not a number times zero is not a number: noise tells.
  const auto masked = [](const Tensor& x) {
    return at::matmul(x, at::eye(x.size(1), x.options()));
  };
  const Delay noise =
      measure_delay(pointwise([](const Tensors& in) { return in[0] * 1; }), masked, kMono, 1);
  EXPECT_EQ(noise.first_output_frames, 1);
  EXPECT_EQ(noise.least_frames, 1);
  // A stream that is too early cannot be right, and no least is told.
  const Delay early = measure_delay(
      pointwise([](const Tensors& in) { return in[0] * 1; }),
      [](const Tensor& x) { return x.flip({1}); }, kMono, 1);
  EXPECT_EQ(early.first_output_frames, 1);
  EXPECT_FALSE(early.least_frames);
}

TEST(Certificate, OneTypeThatFailsIsEnough) {
  Certificate certificate;
  EXPECT_FALSE(certificate.holds());  // nothing was compared
  TypeCertificate good;
  good.signals = good.cases = 1;
  certificate.types = {good, good};
  certificate.types[1].dtype = at::kDouble;
  EXPECT_TRUE(certificate.holds());
  certificate.types[1].not_run = "float64 cannot be";
  EXPECT_TRUE(certificate.holds());
  certificate.types[1] = good;
  certificate.types[1].failures = 1;
  EXPECT_FALSE(certificate.holds());
}

// What the figures are made of.

TEST(Figures, HeldBytesAreThoseOfTheHistory) {
  Conv1dStream stream(torch::nn::Conv1d(torch::nn::Conv1dOptions(3, 2, 5)));
  EXPECT_EQ(stream.held_bytes(), 0);
  stream.forward(at::zeros({3, 2}));
  EXPECT_EQ(stream.held_bytes(), 2 * 3 * 4);
  stream.forward(at::zeros({3, 1000}));
  EXPECT_EQ(stream.held_bytes(), 4 * 3 * 4);
  stream.reset();
  EXPECT_EQ(stream.held_bytes(), 0);
}

/// After 100 frames of same3, a convolution of kernel 3.
int64_t held_bytes_of_same3(Execution execution) {
  LoadOptions options;
  options.execution = execution;
  const std::unique_ptr<Model> same3(torchstreamer_load_model(model("same3").c_str(), options));
  const auto engine = same3->start(1);
  std::vector<float> in(100), out(100);
  const void* from = in.data();
  void* to = out.data();
  engine->push(&from, 100, false, &to);
  return engine->held_bytes();
}

TEST(Figures, AnEngineTellsWhatItsStreamHolds) {
  // The reference holds nothing but what it needs later: two frames of history, and what the pad
  // keeps for the end.
  const int64_t needed_bytes = held_bytes_of_same3(Execution::kReference);
  EXPECT_GE(needed_bytes, 2 * 4);
  EXPECT_LE(needed_bytes, 4 * 4);
  const int64_t native_bytes = held_bytes_of_same3(Execution::kNative);
  EXPECT_GE(native_bytes, needed_bytes);
  EXPECT_LE(native_bytes, 9800);  // of what it works in, in blocks
}

TEST(Figures, MultiplyAddsOfNetworks) {
  const Tensor ones = at::ones({2, 4, 6});  // both kinds of convolution read it in their own way
  EXPECT_EQ(conv1d_layer(ones, {}, 2, 1, 1)->multiply_adds_per_frame({{at::kFloat, at::kCPU, {4}}}),
            48);
  EXPECT_EQ(
      conv1d_layer(ones, {}, 2, 1, 1)->multiply_adds_per_frame({{at::kFloat, at::kCPU, {3, 4}}}),
      3 * 48);
  EXPECT_EQ(conv_transpose1d_layer(ones, {}, 5, 0, 1, 1)
                ->multiply_adds_per_frame({{at::kFloat, at::kCPU, {2}}}),
            10);  // 48 / 5, rounded up
  const auto product = pointwise([](const Tensors& in) {
    return at::matmul(in[0], at::ones({3, 7})) + at::tanh(at::ones({7}));
  });
  EXPECT_EQ(product->multiply_adds_per_frame({{at::kFloat, at::kCPU, {3}}}), 21);
  // A query, 5 keys of 3 channels and their values.
  AttentionOptions window;
  window.reach = {{-4, 0}};
  const AttentionRule sums = [](const Tensor& q, const Tensor& k, const Tensor& v, int64_t,
                                int64_t) { return at::matmul(at::matmul(q, k.t()), v); };
  EXPECT_EQ(attention1d_layer(sums, window)
                ->multiply_adds_per_frame(std::vector<Format>(3, {at::kFloat, at::kCPU, {3}})),
            2 * 5 * 3);
  // Down by 2 and up by 2: half of the first for each output frame of the second.
  const auto chain = Network::chain({conv1d_layer(at::ones({1, 1, 4}), {}, 2, 1, 1),
                                     conv_transpose1d_layer(at::ones({1, 1, 4}), {}, 2, 0, 1, 1)});
  EXPECT_EQ(chain->multiply_adds_per_frame({kMono}), 2 + 2);
}

TEST(Figures, FirstFramesIsTheLeast) {
  for (const int64_t least : {1, 2, 3, 4, 5, 100, 4097})
    EXPECT_EQ(first_frames([&](int64_t n) { return n >= least; }), least);
  EXPECT_FALSE(first_frames([](int64_t) { return false; }));
}

}  // namespace
}  // namespace torchstreamer::tools
