// torchstreamer-inspect with models that are called block by block.
#include <torch/csrc/jit/api/module.h>

#include "expect_says.h"
#include "lib/tools/inspect_rig.h"

namespace torchstreamer::tools {
namespace {

class InspectBlocks : public Inspect {
 protected:
  static std::string block_file(const std::string& name) {
    return variable("TORCHSTREAMER_MODELS") + "/blocks/" + name + ".pt";
  }
};

TEST_F(InspectBlocks, PrintsTheCalls) {
  const Json report = json(block_file("vad") + " --window 512");
  EXPECT_EQ(report["method"], "forward(Tensor x, int sr) -> Tensor");
  EXPECT_EQ(report["layout"], "[C, T]");
  EXPECT_EQ(report["rate_hz"], 16000);
  EXPECT_EQ(report["window_frames"], 512);
  EXPECT_EQ(report["hop_frames"], 512);
  EXPECT_EQ(report["tail"], "pad");
  EXPECT_EQ(report["frames_for_each_window"], 1);
  EXPECT_EQ(report["most_windows_in_a_call"], 1);
  EXPECT_EQ(report["keeps_state"], true);
  EXPECT_EQ(report["rate"], exact(Rational(1, 512)));
  EXPECT_EQ(report["look_ahead"]["frames"], exact(Rational(511)));
  EXPECT_GT(report["bytes_per_stream"], 512 * 4);
  EXPECT_EQ(report["interface"]["methods"].size(), 3u);

  const Result text = run(block_file("vad") + " --window 512");
  for (const char* part : {"is called block by block\n", "forward(Tensor x, int sr) -> Tensor",
                           "1 channel at 16000 Hz, as [C, T]", "512 frames, 32.0 ms", "31.2/s",
                           "kept from call to call", "Methods:\n", "audio_forward("})
    EXPECT_SAYS(part, text.out);
}

struct Verified {
  const char* arguments;
  const char* file;
  bool is_batch;
};

TEST_F(InspectBlocks, ComparesWithAPlainLoop) {
  const Verified cases[] = {{" --window 256 --rate 8000", "vad", false},
                            {" --window 4500", "keyword_cells", false},
                            {" --window 8000", "keyword_score", false},
                            {" --window 64 --method encode", "autoencoder", false},
                            {" --window 150 --hop 1 --seed 3", "amp", true},
                            {" --window 4000 --hop 1500 --tail drop", "classifier", true},
                            {" --window 64 --tail short", "stateful_amp", false},
                            {" --window 100", "explicit", false},
                            {" --window 100 --input gain=0.5 --input 'context=zeros(1, 1, 8)'",
                             "explicit_tensors", false},
                            {" --window 32 --input gain=[0.5] --output 1", "knobs", false}};
  for (const Verified& c : cases) {
    SCOPED_TRACE(c.file);
    const Json certificate = json(block_file(c.file) + c.arguments + " --verify")["certificate"];
    EXPECT_EQ(certificate["holds"], true) << certificate;
    EXPECT_GE(certificate["signals"], 5);
    EXPECT_EQ(certificate["bit_identical_signals"], certificate["signals"]);
    EXPECT_EQ(certificate["tolerance"], c.is_batch ? 1e-6 : 0.0);
  }
  const Result text = run(block_file("vad") + " --window 512 --verify");
  EXPECT_EQ(text.status, 0);
  EXPECT_SAYS("Verified against a plain loop over the model, seed 1", text.out);
  EXPECT_SAYS("bit-identical for all ways of cutting", text.out);
  EXPECT_SAYS("holds", text.out);
}

// The rate has a default, and the model takes no other.
TEST_F(InspectBlocks, UsesTheDefaultOfTheRate) {
  const test::TemporaryFolder folder;
  const std::string path = (folder / "model.pt").string();
  torch::jit::Module module("m");
  module.define(R"(
def forward(self, x, sr: int = 16000):
  assert sr == 16000, "takes 16000 Hz"
  return x * 2.0
)");
  module.save(path);
  const Json report = json(path + " --window 32 --verify");
  EXPECT_EQ(report["certificate"]["holds"], true);
  const Result wrong = run(path + " --window 32 --rate 8000");
  EXPECT_NE(wrong.status, 0);
  EXPECT_SAYS("takes 16000 Hz", wrong.out + wrong.err);
}

TEST_F(InspectBlocks, ReportsLengthsThatTheModelRejects) {
  const test::TemporaryFolder folder;
  const std::string path = (folder / "model.pt").string();
  torch::jit::Module module("m");
  module.register_attribute("calls", c10::IntType::get(), int64_t{0});
  module.define(R"(
def forward(self, x):
  self.calls = self.calls + 1
  assert self.calls < 4, "takes three blocks"
  return x * 2.0
)");
  module.save(path);
  const Json certificate = json(path + " --window 32 --verify")["certificate"];
  EXPECT_EQ(certificate["failures"], 0) << certificate;
  EXPECT_EQ(certificate["longest_frames"], 96) << certificate;
  EXPECT_GE(certificate["rejected_by_model"], 2) << certificate;
  const Result result = run(path + " --window 32 --verify");
  EXPECT_EQ(result.status, 0);
  for (const char* part : {"; the model rejects ", "frames: ", "takes three blocks",
                           "bit-identical for all ways of cutting"})
    EXPECT_SAYS(part, result.out);
}

TEST_F(InspectBlocks, DoesNotCompareShortTailsThatTheModelRejects) {
  const test::TemporaryFolder folder;
  const std::string path = (folder / "model.pt").string();
  torch::jit::Module module("m");
  module.define(R"(
def forward(self, x):
  assert x.size(-1) == 32, "takes 32 frames"
  return x * 2.0
)");
  module.save(path);
  const Json certificate = json(path + " --window 32 --tail short --verify")["certificate"];
  EXPECT_EQ(certificate["holds"], true) << certificate;
  EXPECT_GE(certificate["signals"], 3) << certificate;
  EXPECT_GE(certificate["rejected_by_model"], 2) << certificate;
  EXPECT_SAYS("takes 32 frames", certificate["rejection"].get<std::string>());
}

// The model returns its state, and takes audio between -1 and 1 only.
TEST_F(InspectBlocks, VerifiesAStateThatIsTheOutput) {
  const test::TemporaryFolder folder;
  const std::string path = (folder / "model.pt").string();
  torch::jit::Module module("m");
  module.register_buffer("sum", torch::zeros({1}));
  module.define(R"(
def forward(self, x):
  assert bool(x.abs().max() <= 1.0), "takes audio between -1 and 1"
  self.sum += x.abs().mean()
  return self.sum
)");
  module.save(path);
  EXPECT_EQ(json(path + " --window 32 --verify")["certificate"]["holds"], true);
}

TEST_F(InspectBlocks, RunsHooks) {
  const std::string file = variable("TORCHSTREAMER_MODELS") + "/families/context_hooked.script.pt";
  EXPECT_EQ(json(file + " --window 400 --verify")["certificate"]["holds"], true);
}

TEST_F(InspectBlocks, NamesTheWindow) {
  const Result refused = run(block_file("vad"));
  EXPECT_EQ(refused.status, 1);
  EXPECT_SAYS("window=512 calls it block by block", refused.out);
  const Result size = run(block_file("vad") + " --window 500");
  EXPECT_EQ(size.status, 1);
  EXPECT_SAYS("Provided number of samples is 500", size.out);
  const Result hop = run(block_file("amp") + " --window 150 --hop 151");
  EXPECT_EQ(hop.status, 2);
  EXPECT_SAYS("hop is 151 frames; it can be 0 to 150", hop.err);
  const Result drawing = run(block_file("amp") + " --window 150 --dot");
  EXPECT_EQ(drawing.status, 2);
  EXPECT_SAYS("--dot draws the network of a plan", drawing.err);
}

}  // namespace
}  // namespace torchstreamer::tools
