// Settings in archives: copies with settings, and models that contain them.
#include <torch/csrc/jit/serialization/import.h>

#include <map>

#include "expect_says.h"
#include "files/extra_file.h"
#include "files/zip_directory.h"
#include "lib/exported/exported_files.h"
#include "lib/settings/settings_text.h"
#include "lib/support/error_of.h"
#include "lib/support/model_files.h"
#include "lib/support/script_model.h"
#include "settings/parse.h"
#include "temporary_folder.h"

namespace torchstreamer::testing {
namespace {

namespace fs = std::filesystem;

/// Content and alignment of an entry.
struct Entry {
  std::string data;
  uint64_t position_modulo_64;

  bool operator==(const Entry& other) const {
    return data == other.data && position_modulo_64 == other.position_modulo_64;
  }
};

std::map<std::string, Entry> entries_of(const fs::path& path) {
  const BinaryFile file(path.string());
  std::map<std::string, Entry> entries;
  for (const ZipEntry& entry : read_zip_directory(file).entries) {
    const uint64_t at = data_position(file, entry);
    EXPECT_TRUE(
        entries.emplace(entry.name, Entry{file.text(at, entry.packed_bytes), at % 64}).second)
        << entry.name << " is there twice";
  }
  return entries;
}

class SettingsFiles : public ::testing::Test {
 protected:
  fs::path path(const std::string& name) const { return folder_ / name; }

  void embed(const fs::path& from, const fs::path& to, const std::string& settings) const {
    copy_with_extra_file(from.string(), to.string(), kSettingsName, settings);
  }

  /// Saves a module with these settings, as Python does, and returns the path.
  std::string saved(const torch::jit::Module& module, const std::string& settings) const {
    const std::string file = path("saved.pt").string();
    module.save(file, {{kSettingsName, settings}});
    return file;
  }

  const test::TemporaryFolder folder_;
};

TEST_F(SettingsFiles, CopiesDifferInTheSettingsOnly) {
  std::vector<fs::path> files = exported_files();
  for (const char* name : {"same3.script.pt", "recurrent.script.pt"})
    files.push_back(models() / name);
  std::map<std::string, int> names;
  for (const fs::path& file : files) {
    SCOPED_TRACE(file);
    embed(file, path("copy"), kAllSettings);
    EXPECT_EQ(read_settings(file.string()).json, "");
    EXPECT_EQ(read_settings(path("copy").string()).json, kAllSettings);
    auto copied = entries_of(path("copy"));
    for (const auto& [name, entry] : entries_of(file)) {
      EXPECT_EQ(copied[name], entry) << name;
      copied.erase(name);
    }
    ASSERT_EQ(copied.size(), 1u);
    const auto& [name, settings] = *copied.begin();
    EXPECT_EQ(settings.data, kAllSettings);
    EXPECT_EQ(settings.position_modulo_64, 0u);
    ++names[name.substr(name.find("extra"))];
  }
  EXPECT_GT(names["extra/torchstreamer.json"], 2);
  EXPECT_GT(names["extra_files/torchstreamer.json"], 2);
}

TEST_F(SettingsFiles, LaterSettingsReplaceEarlierOnes) {
  for (const fs::path& file : {models() / "same3.script.pt", exported_files().front()}) {
    embed(file, path("first"), kAllSettings);
    embed(path("first"), path("second"), R"({"name": "b"})");
    embed(file, path("expected"), R"({"name": "b"})");
    EXPECT_EQ(test::read_text(path("second")), test::read_text(path("expected"))) << file;
  }
}

// torch.jit.save() writes the extra files first, so that all tensors move.
TEST_F(SettingsFiles, ReplacedAtTheStartKeepTheAlignment) {
  const auto module = torch::jit::load((models() / "same3.script.pt").string());
  const Tensor x = torch::randn({1, 1, 100});
  const Tensor expected = torch::jit::Module(module)({x}).toTensor();
  for (size_t blanks = 0; blanks < 130; ++blanks) {
    SCOPED_TRACE(blanks);
    const fs::path file = saved(module, "{}" + std::string(blanks, ' '));
    auto expected_entries = entries_of(file);
    const std::string name = "saved/extra/torchstreamer.json";
    ASSERT_EQ(expected_entries.at(name).data.size(), 2 + blanks);
    embed(file, path("copy"), R"({"name": "b"})");
    expected_entries[name].data = R"({"name": "b"})";
    EXPECT_EQ(entries_of(path("copy")), expected_entries);
    if (blanks % 10 > 0) continue;
    torch::jit::ExtraFilesMap extra = {{kSettingsName, ""}};
    auto copy = torch::jit::load(path("copy").string(), at::kCPU, extra);
    EXPECT_EQ(extra[kSettingsName], R"({"name": "b"})");
    EXPECT_TRUE(at::equal(copy({x}).toTensor(), expected));
  }
}

TEST_F(SettingsFiles, FailedCopiesLeaveNothing) {
  const std::string whole = test::read_text(models() / "same3.script.pt");
  std::ofstream(path("cut")) << whole.substr(0, whole.size() / 2);
  std::ofstream(path("copy")) << "earlier";
  EXPECT_THROW(embed(path("cut"), path("copy"), "{}"), FileFault);
  EXPECT_THROW(embed(path("missing"), path("copy"), "{}"), FileFault);
  EXPECT_THROW(embed(models() / "same3.script.pt", path("no folder") / "copy", "{}"),
               std::system_error);
  EXPECT_EQ(test::read_text(path("copy")), "earlier");
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_.path()), {}), 2);
}

TEST_F(SettingsFiles, ErrorsNameTheWrongKeyThatTheFileSets) {
  const std::tuple<const char*, const char*, const char*> cases[] = {
      {R"({"method": "nope"})", "the model has no method 'nope'; it has the methods ", "method"},
      {R"({"inputs": {"nope": 1}, "layout": "bct"})", "forward() has no argument 'nope'; it has ",
       "inputs.nope"},
      {R"({"inputs": {"nope": 1}, "method": "forward"})", "has no argument 'nope'", "inputs.nope"},
      {R"({"attributes": {"nope": 1}, "output": 0})", "the model has no attribute 'nope'",
       "attributes.nope"},
      {R"({"attributes": {"training": 2}})", "'training' is of type bool", "attributes.training"},
      {R"({"output": "nope", "tail": "pad", "name": "A"})", "there is no output 'nope'", "output"},
  };
  for (const auto& [settings, reason, keys] : cases) {
    SCOPED_TRACE(settings);
    embed(models() / "same3.script.pt", path("wrong"), settings);
    const std::string file = path("wrong").string();
    for (const std::string& error :
         {error_of([&] { load_model(file); }), error_of([&] { load_stream(file); })}) {
      EXPECT_SAYS(reason, error);
      const std::string end = std::string("; the settings of the file set ") + keys;
      EXPECT_EQ(error.substr(error.size() - std::min(end.size(), error.size())), end);
    }
  }
}

TEST_F(SettingsFiles, ErrorsNameNoKeysThatTheUserSets) {
  embed(models() / "same3.script.pt", path("copy"),
        R"({"method": "forward", "layout": "bct", "name": "A"})");
  LoadOptions method, input, output;
  method.call.method = "nope";
  input.call.inputs = {{"nope", 1.0}};
  output.output = "nope";
  for (const LoadOptions& options : {method, input, output}) {
    const std::string error = error_of([&] { load_model(path("copy").string(), options); });
    EXPECT_SAYS("'nope'", error);
    EXPECT_PRED_FORMAT2(::testing::IsNotSubstring, "the settings of the file", error);
  }
}

std::string reading_error(const fs::path& file) {
  return error_of([&] { read_settings(file.string()); });
}

TEST_F(SettingsFiles, DamagedSettingsAreErrors) {
  embed(models() / "same3.script.pt", path("whole"), kAllSettings);
  const std::string whole = test::read_text(path("whole"));
  const size_t text = whole.find(kAllSettings), record = whole.rfind("PK\1\2");
  const auto written = [&](size_t at, const std::string& bytes) {
    std::string changed = whole;
    changed.replace(at, bytes.size(), bytes);
    std::ofstream(path("changed")) << changed;
    return reading_error(path("changed"));
  };
  EXPECT_EQ(written(0, ""), "");
  EXPECT_SAYS("changed': its torchstreamer.json is damaged: its", written(text + 5, "X"));
  EXPECT_SAYS("is compressed", written(record + 10, "\x08"));
  EXPECT_SAYS("at most 65536 are read", written(record + 24, std::string("\1\0\x10", 3)));
  embed(models() / "same3.script.pt", path("wrong"), R"({"window": -1})");
  EXPECT_SAYS("wrong': its torchstreamer.json: key \"window\" is -1; accepted: an integer",
              reading_error(path("wrong")));
  EXPECT_THROW(load_model(path("wrong").string()), Error);
}

// Settings in a file that is not a model are ignored: the error of reading the model names the kind
// of file.
TEST_F(SettingsFiles, OfOtherFilesAreEmpty) {
  std::ofstream(path("text")) << "no model";
  EXPECT_EQ(read_settings(path("text").string()).json, "");
  EXPECT_EQ(read_settings(path("missing").string()).json, "");
}

TEST_F(SettingsFiles, AreSettingsOfTheModel) {
  const auto settings =
      R"({"sample_rate": 16000, "channel_mask": 4, "layout": "ct", "colour": "red"})";
  const auto model = load_model(saved(scripted("def forward(self, x):\n  return x * 2"), settings));
  EXPECT_EQ(model->sample_rate_hz(), 16000);
  EXPECT_EQ(model->channel_mask(), 4u);
  ASSERT_EQ(model->warnings().size(), 1u);
  EXPECT_SAYS("\"colour\"", model->warnings()[0]);
}

TEST_F(SettingsFiles, RefuseAudioOfADifferentRate) {
  const std::string file =
      saved(scripted("def forward(self, x):\n  return x * 2"), R"({"sample_rate": 16000})");
  LoadOptions blocks;
  blocks.call.window_frames = 64;
  for (const LoadOptions& options : {LoadOptions(), blocks}) {
    const auto model = load_model(file, options);
    EXPECT_TRUE(model->start(1, 16000));
    EXPECT_TRUE(model->start(1));
    EXPECT_EQ(error_of([&] { model->start(1, 8000); }),
              "the model takes audio of 16000 Hz, not of 8000 Hz; resample it to this rate");
  }
}

TEST_F(SettingsFiles, ChooseTheOutputByItsName) {
  const std::string file =
      saved(scripted("def forward(self, x):\n  return x, x * 2, x * 3"),
            R"({"output": "third", "output_names": ["first", "second", "third"]})");
  const Tensor x = torch::randn({1, 50});
  const auto run = [&](const LoadOptions& options) {
    return *load_stream(file, options)->forward(x, true);
  };
  LoadOptions second, first;
  second.output = "second";
  first.output = "0";
  EXPECT_TRUE(at::equal(run({}), x * 3));
  EXPECT_TRUE(at::equal(run(second), x * 2));
  EXPECT_TRUE(at::equal(run(first), x));
}

TEST_F(SettingsFiles, ChooseTheMethodAndItsInputs) {
  torch::jit::Module module("m");
  module.register_attribute("unit", c10::FloatType::get(), 1.0);
  module.define(
      "def scaled(self, x, gain: float, offset: float = 0.0):\n"
      "  return x * gain + offset * self.unit\n");
  const std::string file = saved(module, R"({"method": "scaled", "attributes": {"unit": 4.0},
      "inputs": {"gain": {"default": 3, "min": -8, "max": 8}, "offset": 0.5}})");
  const Tensor x = torch::randn({1, 50});
  const auto run = [&](const NamedValues& inputs) {
    LoadOptions options;
    options.call.inputs = inputs;
    return *load_stream(file, options)->forward(x, true);
  };
  EXPECT_TRUE(at::allclose(run({}), x * 3 + 2));
  EXPECT_TRUE(at::allclose(run({{"gain", -8.0}}), x * -8 + 2));
  EXPECT_TRUE(at::allclose(run({{"offset", 1.0}}), x * 3 + 4));
  EXPECT_THROW(run({{"gain", 8.5}}), OptionError);
}

TEST_F(SettingsFiles, CallTheModelBlockByBlock) {
  const std::string file = saved(scripted(R"(
def forward(self, x):
  assert x.size(-1) == 64
  return x.mean(-1, keepdim=True))"),
                                 R"({"window": 64, "hop": 32, "tail": "drop"})");
  const auto model = load_model(file);
  EXPECT_EQ(model->window_frames(), 64);
  EXPECT_EQ(model->hop_frames(), 32);
  EXPECT_EQ(model->start(1)->frames_due(150, true), 3);
}

TEST_F(SettingsFiles, RateMayBeAnAttribute) {
  torch::jit::Module module = scripted("def forward(self, x):\n  return x * 2");
  EXPECT_EQ(load_model(saved(module, "{}"))->sample_rate_hz(), 0);
  module.register_attribute("sample_rate", c10::IntType::get(), int64_t{44100});
  const auto model = load_model(saved(module, "{}"));
  EXPECT_EQ(model->sample_rate_hz(), 44100);
  EXPECT_THROW(model->start(1, 48000), Error);
  EXPECT_NO_THROW(model->start(1, 44100));
  EXPECT_NO_THROW(model->start(1));
  EXPECT_EQ(load_model(saved(module, R"({"sample_rate": 8000})"))->sample_rate_hz(), 8000);
  module.setattr("sample_rate", int64_t{-1});
  EXPECT_EQ(load_model(saved(module, "{}"))->sample_rate_hz(), 0);
  torch::jit::Module other = scripted("def forward(self, x):\n  return x * 2");
  other.register_attribute("sample_rate", c10::FloatType::get(), 44100.0);
  EXPECT_EQ(load_model(saved(other, "{}"))->sample_rate_hz(), 0);
}

}  // namespace
}  // namespace torchstreamer::testing
