// torchstreamer-inspect: runs the program and compares its report with the library.
#include <ATen/ATen.h>

#include "expect_says.h"
#include "graph/model/script_model.h"
#include "lib/tools/inspect_rig.h"
#include "network/network.h"
#include "tools/report/report.h"

namespace torchstreamer::tools {
namespace {

TEST_F(Inspect, ReportsTheFiguresOfTheLibrary) {
  for (const char* name : {"stack", "multiple", "recurrent", "up3", "unbatched", "residual"}) {
    SCOPED_TRACE(name);
    const Json report = json(model(name) + " --rate 16000");
    const auto stream = load_stream(model(name));
    const Timing& timing = stream->timing();
    EXPECT_EQ(report["streams"], true);
    EXPECT_EQ(report["rate"], exact(timing.rate()));
    EXPECT_EQ(report["look_ahead"]["frames"], exact(timing.look_ahead_frames()));
    EXPECT_EQ(report["receptive_field"]["frames"],
              exact(Rational(timing.receptive_field_frames())));
    EXPECT_EQ(report["receptive_field"]["ms"], timing.receptive_field_frames() / 16.0);
    const int64_t first = report["first_output_frames"];
    EXPECT_GT(timing.frames_out(first, false), 0);
    EXPECT_EQ(timing.frames_out(first - 1, false), 0);

    const auto y = stream->forward(at::zeros({report["channels_in"].get<int64_t>(), 4800}));
    EXPECT_EQ(report["channels_out"], y->size(0));
    EXPECT_GE(report["memory_per_stream"]["bytes"], stream->held_bytes());

    // The last process is the whole network.
    const Json last = report["processes"].back();
    EXPECT_EQ(last["rate"], report["rate"]);
    EXPECT_EQ(last["look_ahead_frames"], report["look_ahead"]["frames"]);
    EXPECT_EQ(last["receptive_field_frames"], timing.receptive_field_frames());
  }
}

TEST_F(Inspect, ReportsTheMemoryOfStreams) {
  const Json memory = json(model("same3") + " --execution reference")["memory_per_stream"];
  // Two frames of history and one frame for the padding at the end.
  EXPECT_GE(memory["bytes"], 2 * 4);
  EXPECT_LE(memory["bytes"], 4 * 4);
  EXPECT_EQ(memory["chunk_frames"], 480);
  EXPECT_EQ(memory["settled_bytes"], memory["bytes"]);
  // A plan for lengths of a multiple keeps the first input and output frames for an offline run at
  // the end.
  const Json guarded =
      json(model("families/guard_u_net") + " --execution reference")["memory_per_stream"];
  EXPECT_GE(guarded["bytes"], guarded["settled_bytes"].get<int>() + 2 * 4 * 8000);
  EXPECT_LE(guarded["bytes"],
            guarded["settled_bytes"].get<int>() + 2 * 4 * graph::Guards::kKeptFrames);
  EXPECT_LT(guarded["settled_bytes"], 2000);
  // No length violates a guard of "blocks": only the history is kept.
  const Json blocks = json(model("blocks") + " --execution reference")["memory_per_stream"];
  EXPECT_LT(blocks["bytes"], 2000);
  // All output frames of an input frame are emitted at once: nothing is kept.
  EXPECT_EQ(json(model("up3") + " --execution reference")["memory_per_stream"]["bytes"], 0);
  // Native streams allocate their working memory at the start and keep it.
  const Json native = json(model("same3"))["memory_per_stream"];
  EXPECT_EQ(native["settled_bytes"], native["bytes"]);
  EXPECT_LE(native["bytes"], 9800);
}

TEST_F(Inspect, ReportsWhichProcessesAreNative) {
  for (const bool is_native : {true, false}) {
    const Json report = json(model("same3") + (is_native ? "" : " --execution reference"));
    for (const Json& process : report["processes"]) EXPECT_EQ(process["native"], is_native);
  }
  EXPECT_SAYS("by the kernels of this library", run(model("same3")).out);
}

TEST_F(Inspect, CountsMultiplyAdds) {
  const Json conv = json(model("same3") + " --rate 1000");
  EXPECT_EQ(conv["parameters"], 4);
  EXPECT_EQ(conv["multiply_adds_per_second"], 3 * 1000);
  EXPECT_EQ(conv["processes"][2]["operator"], "aten::conv1d");
  EXPECT_EQ(conv["processes"][2]["look_ahead_frames"], exact(Rational(1)));
  EXPECT_EQ(conv["processes"][0]["inputs"], Json({"input"}));
  // 4 taps for every second frame.
  EXPECT_EQ(json(model("down2") + " --rate 1000")["multiply_adds_per_second"], 4 * 500);
  // Two LSTM layers of 5 units with 3 and 5 input features, a GRU of 3 units with 5 features.
  EXPECT_EQ(json(model("recurrent") + " --rate 1")["multiply_adds_per_second"],
            4 * 5 * (3 + 5) + 4 * 5 * (5 + 5) + 3 * 3 * (5 + 3));
  // A matrix of 6 x 4 for each frame.
  EXPECT_EQ(json(model("shapes") + " --rate 1")["multiply_adds_per_second"], 24);
}

TEST_F(Inspect, ReportsModuleAndSourceOfProcesses) {
  const Json report = json(model("blocks"));
  bool found = false;
  for (const Json& process : report["processes"]) {
    const std::string path = process["module"], source = process["source"];
    found = found ||
            (process["operator"] == "aten::conv1d" && path.find("1.conv") != std::string::npos &&
             source.find("basic_models.py:") != std::string::npos);
  }
  EXPECT_TRUE(found) << report.dump(2);
}

TEST_F(Inspect, PrintsAReadableReport) {
  const Result result = run(model("stack") + " --rate 48000");
  EXPECT_EQ(result.status, 0);
  for (const char* text :
       {"streams\n", "2 channels at 48000 Hz", "2 channels at 32000 Hz, rate ratio 2/3",
        "look-ahead        23/2 frames, 0.24 ms", "receptive field   25 frames, 0.52 ms",
        "parameters        366", "5.38 M/s", "for each stream, without the weights",
        "pushes of 480 (10 ms)", "Conv1d(2 -> 8, kernel 7, stride 3", "aten::conv_transpose1d"})
    EXPECT_NE(result.out.find(text), std::string::npos) << text << " in\n" << result.out;
}

TEST_F(Inspect, ReportsAllPartsOfRefusals) {
  const Result text = run(model("refused_GroupNorm"));
  EXPECT_EQ(text.status, 1);
  EXPECT_NE(text.out.find("refused"), std::string::npos);
  for (const std::string name : {"refused_GroupNorm", "refused_Bidirectional"}) {
    const Json report = json(model(name), 1);
    EXPECT_EQ(report["streams"], false);
    try {
      load_model(model(name));
      FAIL() << "not refused";
    } catch (const Refusal& e) {
      EXPECT_EQ(report["refusal"]["operator"], e.subject());
      EXPECT_EQ(report["refusal"]["module"], e.path());
      EXPECT_EQ(report["refusal"]["source"], e.source());
      EXPECT_EQ(report["refusal"]["reason"], e.reason());
      EXPECT_EQ(report["refusal"]["message"], e.what());
      EXPECT_NE(run(model(name)).out.find(e.what()), std::string::npos);
    }
  }
  EXPECT_EQ(run("--dot " + model("refused_GroupNorm")).status, 1);
}

TEST_F(Inspect, VerifiesGoodModels) {
  for (const char* name : {"stack", "multiple", "recurrent", "unbatched", "double", "pointwise"}) {
    SCOPED_TRACE(name);
    const Json report = json(model(name) + " --verify --seed 5");
    const Json certificate = report["certificate"];
    EXPECT_EQ(certificate["holds"], true);
    EXPECT_EQ(certificate["seed"], 5);
    ASSERT_EQ(certificate["types"].size(), 2u);
    for (const Json& type : certificate["types"]) {
      EXPECT_EQ(type["holds"], true) << type.dump(2);
      EXPECT_EQ(type["failures"], 0);
      EXPECT_GE(type["cases"], 30);
      const double own = type["own_error"], allowed = type["allowed_error"];
      EXPECT_LE(type["worst_error"].get<double>(), allowed);
      EXPECT_NEAR(allowed, std::max(type["tolerance"].get<double>(), 2 * own), 1e-12);
      EXPECT_EQ(type["tolerance"], type["type"] == "float64" ? 1e-12 : 1e-6);
      EXPECT_EQ(type["signals_with_wrong_bits"], 0);
      if (type["type"] == "float32" && report["type"] == "float32") {
        EXPECT_EQ(type["signals_without_float64"], 0);
        EXPECT_GT(own, 0);
      }
      EXPECT_GT(type["longest_frames"],
                2 * report["processes"].back()["receptive_field_frames"].get<int>());
    }
    EXPECT_EQ(certificate["first_output_frames"], report["first_output_frames"]);
    EXPECT_EQ(certificate["least_first_output_frames"], report["first_output_frames"]);
  }
  EXPECT_EQ(run(model("stack") + " --verify --seed 5").out,
            run(model("stack") + " --verify --seed 5").out);
}

// The model's own float32 run is wrong by more than 1e-6: the stream may be wrong by twice as much.
TEST_F(Inspect, VerifiesAModelWithLargeRoundingErrors) {
  const std::string phase = variable("TORCHSTREAMER_MODELS") + "/others/phase.pt";
  const Json certificate = json(phase + " --verify")["certificate"];
  EXPECT_EQ(certificate["holds"], true);
  const Json type = certificate["types"][0];
  EXPECT_GT(type["own_error"], 1e-6);
  EXPECT_EQ(type["allowed_error"], 2 * type["own_error"].get<double>());
  EXPECT_SAYS("the model's own float32 run has", run(phase + " --verify").out);
}

TEST_F(Inspect, VerifiesAttentionOverAllEarlierFrames) {
  const std::string causal = model("refused_CausalAttention");
  EXPECT_EQ(run(causal).status, 1);
  const Json certificate = json(causal + " --max-memory-frames 3000 --verify")["certificate"];
  EXPECT_EQ(certificate["holds"], true) << certificate.dump(2);
  EXPECT_LE(certificate["types"][0]["longest_frames"], 3000);
}

TEST_F(Inspect, OptionsTakeEffect) {
  EXPECT_EQ(json(model("same3") + " --padding valid")["first_output_frames"], 3);
  EXPECT_EQ(json(model("same3") + " --padding model")["first_output_frames"], 2);
  EXPECT_EQ(json(model("pointwise") + " --channels 6")["channels_out"], 6);
  EXPECT_EQ(json(model("same3") + " --channels 2", 1)["streams"], false);
  EXPECT_EQ(run(model("same3") + " --output 3").status, 2);
  EXPECT_EQ(json(model("pointwise"))["layout"], "[B, C, T]");
  EXPECT_EQ(json(model("pointwise") + " --layout tbc")["layout"], "[T, B, C]");
  EXPECT_EQ(json(model("unbatched"))["layout"], "[C, T]");
  EXPECT_EQ(json(model("same3") + " --complex-output channels")["channels_out"], 1);
}

TEST_F(Inspect, DrawsTheNetwork) {
  const Result result = run("--dot " + model("multiple"));
  EXPECT_EQ(result.status, 0);
  EXPECT_EQ(result.out.rfind("digraph \"", 0), 0u);
  for (const char* text : {"input -> p0;", "p0 -> p1;", "-> output;", "aten::conv1d\\ndown"})
    EXPECT_NE(result.out.find(text), std::string::npos) << text << " in\n" << result.out;
  // The quotes of every line are balanced.
  int64_t quotes = 0;
  for (size_t i = 0; i < result.out.size(); ++i) {
    if (result.out[i] == '\\') ++i;
    quotes += result.out[i] == '"' && result.out[i - 1] != '\\';
    if (result.out[i] == '\n') {
      ASSERT_EQ(quotes % 2, 0) << result.out;
    }
  }
  const std::string dot = "dot -Tsvg " + path("out") + " > " + path("svg");
  EXPECT_EQ(std::system(dot.c_str()), 0) << "dot of graphviz is missing or fails";
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
  for (const char* option :
       {"--rate", "--padding", "--channels", "--output", "--device", "--max-memory-frames",
        "--verify", "--seed", "--json", "--dot", "--version"})
    EXPECT_NE(help.out.find(option), std::string::npos) << option;
  const Result version = run("--version");
  EXPECT_EQ(version.status, 0);
  EXPECT_EQ(version.out.rfind("torchstreamer-inspect ", 0), 0u);
}

// The output of the model's print() goes to stderr.
TEST_F(Inspect, ThePrintOfAModelIsNotInTheReport) {
  const std::string prints = variable("TORCHSTREAMER_MODELS") + "/others/prints.pt";
  EXPECT_EQ(json(prints)["streams"], true);
  EXPECT_SAYS("it prints", content(path("err")));
}

TEST_F(Inspect, ARefusedSignatureIsStatus1) {
  const Json report = json(variable("TORCHSTREAMER_MODELS") + "/others/no_forward.pt", 1);
  EXPECT_EQ(report["refusal"]["operator"], "forward()");
}

TEST_F(Inspect, BadInputIsOneLineAndStatus2) {
  std::ofstream(path("text.pt")) << "not a model\n";
  std::ofstream(path("empty.pt"));
  std::ofstream(path("cut.pt")) << content(model("stack")).substr(0, 700);
  const std::string good = model("same3");
  struct Case {
    std::string arguments, part;
  };
  for (const auto& [arguments, part] : {Case{path("missing.pt"), "missing.pt"},
                                        Case{path("text.pt"), "is a text that begins"},
                                        Case{path("empty.pt"), "is empty"},
                                        Case{path("cut.pt"), "cut.pt"},
                                        Case{folder_.path().string(), folder_.path().string()},
                                        Case{"", "no model"},
                                        Case{good + " " + good, "only one model is accepted"},
                                        Case{good + " --frobnicate", "--frobnicate"},
                                        Case{good + " -x", "-x"},
                                        Case{good + " --verify=3", "takes no value"},
                                        Case{good + " --rate", "--rate requires a value"},
                                        Case{good + " --rate 0", "--rate"},
                                        Case{good + " --rate 48k", "48k"},
                                        Case{good + " --rate -1", "-1"},
                                        Case{good + " --rate 99999999999999999999", "--rate"},
                                        Case{good + " --channels 0", "--channels"},
                                        Case{good + " --channels ''", "--channels"},
                                        Case{good + " --output -1", "no output -1"},
                                        Case{good + " --window 0", "--window"},
                                        Case{good + " --hop x", "--hop"},
                                        Case{good + " --hop 3", "hop is set without window"},
                                        Case{good + " --tail cut", "pad, drop or short"},
                                        Case{good + " --seed x", "--seed"},
                                        Case{good + " --padding circular", "circular"},
                                        Case{good + " --layout bt", "takes auto, bct, ct, t, btc,"},
                                        Case{good + " --complex-output 2", "refuse or channels"},
                                        Case{good + " --max-memory-frames 0", "from 1 to"},
                                        Case{good + " --json --dot", "--json"},
                                        Case{good + " --padding valid --verify", "--verify"},
                                        Case{good + " --device nowhere", "nowhere"}}) {
    const Result result = run(arguments);
    SCOPED_TRACE(arguments + "\n" + result.err);
    EXPECT_EQ(result.status, 2);
    EXPECT_EQ(result.out, "");
    EXPECT_NE(result.err.find(part), std::string::npos) << part;
    EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 1);
  }
}

}  // namespace
}  // namespace torchstreamer::tools
