// torchstreamer-inspect with methods, arguments and attributes.
#include <torch/csrc/jit/api/module.h>
#include <torch/csrc/jit/serialization/import.h>
#include <torch/types.h>

#include "expect_says.h"
#include "lib/tools/inspect_rig.h"

namespace torchstreamer::tools {
namespace {

class InspectCall : public Inspect {
 protected:
  void SetUp() override {
    torch::jit::Module module("m");
    module.register_parameter("kernel", torch::ones({1}), false);
    module.register_buffer("table", torch::tensor({0.5, 2.0}));
    module.register_attribute("level", c10::FloatType::get(), 1.0);
    module.register_attribute("taps", c10::ListType::ofInts(), c10::List<int64_t>({1, 2}));
    module.register_attribute("_names", c10::ListType::ofStrings(),
                              c10::List<std::string>({"dry", "wet"}));
    add_states(module);
    module.define(R"(
def forward(self, x, gain, sr: int, depth: int = 3, unused: float = 0.5):
  return {"wet": torch.tanh(x * gain) * self.level * (sr / 8000.0), "dry": x * depth}

def encode(self, x):
  return torch.avg_pool1d(x, 4)

def set_level(self, level: float):
  self.level = level
)");
    module.eval();
    module.save(file_);
  }

  static void add_states(torch::jit::Module& module) {
    using c10::TensorType;
    const torch::Tensor small = torch::ones({2}), large = torch::zeros({2, 1, 64});
    module.register_attribute("states", c10::ListType::ofTensors(),
                              c10::List<torch::Tensor>({small, large}));
    module.register_attribute("pair",
                              c10::TupleType::create({TensorType::get(), c10::IntType::get()}),
                              std::tuple(large, int64_t{3}));
    c10::Dict<std::string, torch::Tensor> cache;
    cache.insert("h", small);
    module.register_attribute(
        "cache", c10::DictType::create(c10::StringType::get(), TensorType::get()), cache);
    module.register_attribute("last", c10::OptionalType::ofTensor(), c10::IValue());
    module.register_attribute("many", c10::ListType::ofInts(),
                              c10::List<int64_t>(std::vector<int64_t>(100, 7)));
  }

  const std::string file_ = path("effect.pt");
};

TEST_F(InspectCall, ListsMethodsArgumentsAndAttributes) {
  const Json report = json(file_ + " --input gain=0.5 --attribute level=2 --rate 16000");
  EXPECT_EQ(report["streams"], true);
  const Json& listed = report["interface"];
  EXPECT_EQ(listed["method"], "forward");
  EXPECT_EQ(listed["methods"].size(), 3u);
  EXPECT_NE(
      std::find(listed["methods"].begin(), listed["methods"].end(), "encode(Tensor x) -> Tensor"),
      listed["methods"].end());
  EXPECT_EQ(listed["arguments"], Json::parse(R"([
    {"name": "x", "type": "Tensor", "origin": "signal", "value": null},
    {"name": "gain", "type": "Tensor", "origin": "given", "value": 0.5},
    {"name": "sr", "type": "int", "origin": "sample rate", "value": null},
    {"name": "depth", "type": "int", "origin": "default", "value": 3},
    {"name": "unused", "type": "float", "origin": "no effect", "value": null}])"));
  EXPECT_EQ(listed["attributes"], Json::parse(R"([
    {"name": "table", "type": "Tensor", "value": [0.5, 2.0], "can_be_set": false},
    {"name": "level", "type": "float", "value": 1.0, "can_be_set": true},
    {"name": "taps", "type": "List[int]", "value": [1, 2], "can_be_set": false},
    {"name": "states", "type": "List[Tensor]",
     "value": [[1.0, 1.0], {"shape": [2, 1, 64], "dtype": "Float"}], "can_be_set": false},
    {"name": "pair", "type": "Tuple[Tensor, int]",
     "value": [{"shape": [2, 1, 64], "dtype": "Float"}, 3], "can_be_set": false},
    {"name": "cache", "type": "Dict[str, Tensor]", "value": {"h": [1.0, 1.0]},
     "can_be_set": false},
    {"name": "last", "type": "Optional[Tensor]", "value": null, "can_be_set": false},
    {"name": "many", "type": "List[int]",
     "value": [7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, "..."], "can_be_set": false},
    {"name": "_names", "type": "List[str]", "value": ["dry", "wet"], "can_be_set": false}])"));
}

TEST_F(InspectCall, TrustsKnownOperatorsOnly) {
  EXPECT_EQ(json(file_ + " --trust operators --input gain=0.5 --rate 16000")["streams"], true);
  torch::jit::Module module("m");
  module.define("def forward(self, x):\n  return x + torch.from_file('f', False, 4)\n");
  module.save(path("reads.pt"));
  const Json report = json(path("reads.pt") + " --trust operators", 1);
  EXPECT_EQ(report["refusal"]["operator"], "aten::from_file");
}

TEST_F(InspectCall, ListsArgumentsThatMustBeSet) {
  const Json report = json(file_, 1);
  EXPECT_EQ(report["streams"], false);
  EXPECT_EQ(report["interface"]["arguments"][1]["origin"], "must be set");
  const Result text = run(file_);
  EXPECT_EQ(text.status, 1);
  for (const char* part :
       {"it needs a value of its argument 'gain' of type Tensor; set it with inputs", "Methods:\n",
        "encode(Tensor x) -> Tensor", "Arguments of forward():\n", "--input gain=VALUE",
        "Attributes:\n", "--attribute level=VALUE"})
    EXPECT_SAYS(part, text.out);
}

TEST_F(InspectCall, TriesLikelyRates) {
  torch::jit::Module module("m");
  module.define(R"(
def forward(self, x, sr: int):
  assert sr == 16000, "16 kHz only"
  return x * 2
)");
  module.save(path("rate.pt"));
  EXPECT_EQ(json(path("rate.pt"))["rate_hz"], 16000);
  EXPECT_EQ(json(path("rate.pt") + " --rate 8000", 1)["streams"], false);
}

TEST_F(InspectCall, PrintsNoInterfaceOfAPlainModel) {
  EXPECT_EQ(run(model("same3")).out.find("Methods:"), std::string::npos);
}

TEST_F(InspectCall, VerifiesTheCall) {
  for (const std::string options :
       {"--input gain=0.5", "--input gain=[0.25] --input depth=2 --output dry",
        "--input 'gain=zeros(1)' --attribute level=0.5", "--method encode"}) {
    SCOPED_TRACE(options);
    EXPECT_EQ(json(file_ + " --verify " + options)["certificate"]["holds"], true);
  }
}

TEST_F(InspectCall, ReportsWrongValues) {
  const std::pair<std::string, std::string> cases[] = {
      {"--input gain", "--input takes NAME=VALUE, not 'gain'"},
      {"--input =1", "--input takes NAME=VALUE, not '=1'"},
      {"--input gian=1",
       "forward() has no argument 'gian'; it has x: Tensor, gain: Tensor, sr: int, depth: int, "
       "unused: float"},
      {"--input gain=1 --input depth=0.5",
       "the argument 'depth' of forward() is of type int and takes an integer, not 0.5"},
      {"--input gain=1 --input 'depth=\"3\"'",
       "the argument 'depth' of forward() is of type int and takes an integer, not '3'"},
      {"--input gain=1 --output wed",
       "there is no output 'wed': the model has 2 outputs, counted from 0: wet, dry"},
      {"--input gain=1 --attribute levl=1",
       "the model has no attribute 'levl'; can be set: level: float"},
      {"--input gain=1 --attribute taps=1",
       "the attribute 'taps' is of type List[int] and the model has no method set_taps() to set "
       "it; can be set: level: float"},
  };
  for (const auto& [options, error] : cases) {
    const Result result = run(options + " " + file_);
    EXPECT_EQ(result.status, 2) << options;
    EXPECT_EQ(result.err, "torchstreamer-inspect: " + error + "\n");
  }
  const Result result = run("--method enode " + file_);
  EXPECT_EQ(result.status, 2);
  EXPECT_SAYS("the model has no method 'enode'; it has the methods ", result.err);
}

TEST_F(InspectCall, NamesTheKeyOfWrongSettings) {
  const std::string copy = path("copy.pt");
  torch::jit::load(file_).save(
      copy, {{"torchstreamer.json", R"({"inputs": {"nope": 1}, "layout": "bct"})"}});
  const Result result = run(copy);
  EXPECT_EQ(result.status, 2);
  EXPECT_SAYS("forward() has no argument 'nope'; it has x: Tensor", result.err);
  EXPECT_SAYS("; the settings of the file set inputs.nope\n", result.err);
}

TEST_F(InspectCall, OffersNoValueForTypesThatHaveNone) {
  torch::jit::Module module("m");
  module.define(R"(
def forward(self, x, state: Dict[str, Tensor]):
  return x * state["a"]
)");
  module.save(path("dict.pt"));
  EXPECT_EQ(json(path("dict.pt"), 1)["interface"]["arguments"][1]["origin"], "cannot be given");
  const Result text = run(path("dict.pt"));
  EXPECT_SAYS("for which no value can be given", text.out);
  EXPECT_PRED_FORMAT2(::testing::IsNotSubstring, "--input state", text.out);
}

}  // namespace
}  // namespace torchstreamer::tools
