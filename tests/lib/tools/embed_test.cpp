// torchstreamer-inspect --embed: Python reads the copies.
#include "expect_says.h"
#include "lib/tools/inspect_rig.h"
#include "shell.h"

namespace torchstreamer::tools {
namespace {

// Saves a model with settings in front of its tensors.
constexpr char kSave[] = R"(
import sys, torch
class Model(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = torch.nn.Conv1d(1, 3, 5)
    def forward(self, x):
        return self.conv(x)
torch.jit.save(torch.jit.script(Model().eval()), sys.argv[1], _extra_files={'torchstreamer.json': '{"name": "old"}',
                                                                           'other.txt': 'kept'})
)";

// Compares an archive with its copy, whose settings must be those of a file.
constexpr char kCompare[] = R"(
import struct, sys, zipfile
original, copy, settings = sys.argv[1:]
settings = open(settings, 'rb').read()

def entries(path):
    bytes_of_file = open(path, 'rb').read()
    found = {}
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        for info in archive.infolist():
            name, extra = struct.unpack_from('<HH', bytes_of_file, info.header_offset + 26)
            position = info.header_offset + 30 + name + extra
            found[info.filename] = archive.read(info), info.compress_type, position % 64
    return found

expected, found = entries(original), entries(copy)
names = [name for name in found if name.endswith('/torchstreamer.json')]
assert len(names) == 1, names
assert found[names[0]] == (settings, zipfile.ZIP_STORED, 0)
expected[names[0]] = found[names[0]]
assert found == expected
import torch
if original.endswith('.pt'):
    extra = {'torchstreamer.json': ''}
    x = torch.randn(1, 1, 200)
    assert torch.equal(torch.jit.load(copy, _extra_files=extra)(x), torch.jit.load(original)(x))
    assert extra['torchstreamer.json'] == settings

def is_program(path, extra):
    try:
        torch.export.load(path, extra_files=extra)
        return True
    except Exception:
        return False

# torch 1.13 has no torch.export, and torch 2.6 does not read the files of 2.14.
if original.endswith('.pt2') and hasattr(torch, 'export') and is_program(original, {}):
    extra = {'torchstreamer.json': ''}
    assert is_program(copy, extra)
    assert extra['torchstreamer.json'] == settings.decode()
)";

class Embed : public Inspect {
 protected:
  Embed() { std::ofstream(path("settings.json")) << R"({"name": "new", "sample_rate": 16000})"; }

  Result embed(const std::string& model, const std::string& copy,
               const std::string& settings = "settings.json") const {
    return run("--embed " + path(settings) + " " + model + " " + copy);
  }

  void python(const char* program, const std::string& arguments) const {
    std::ofstream(path("program.py")) << program;
    const test::Result result =
        test::shell("/usr/bin/python3 -W ignore " + path("program.py") + " " + arguments);
    EXPECT_EQ(result.status, 0) << result.text;
  }

  void expect_copy(const std::string& original, const std::string& copy) const {
    python(kCompare, original + " " + copy + " " + path("settings.json"));
  }

  std::string exported(const std::string& name) const {
    return variable("TORCHSTREAMER_EXPORTED") + "/" + name;
  }
};

TEST_F(Embed, CopiesAreReadByPython) {
  python(kSave, path("saved.pt"));
  for (const std::string& file :
       {path("saved.pt"), model("same3"), exported("torch-2.6/speech.pt2"),
        exported("torch-2.14/speech.pt2")}) {
    const std::string copy = path("copy" + fs::path(file).extension().string());
    const Result result = embed(file, copy);
    EXPECT_EQ(result.status, 0) << result.err;
    EXPECT_EQ(result.out + result.err, "");
    expect_copy(file, copy);
    const Json report = json(copy);
    EXPECT_EQ(report["settings"]["name"], "new") << file;
    EXPECT_EQ(report["streams"], true);
  }
}

TEST_F(Embed, WritesIntoFoldersAndOverFilesAsCpDoes) {
  fs::create_directory(path("folder"));
  EXPECT_EQ(embed(model("same3"), path("folder")).status, 0);
  expect_copy(model("same3"), path("folder/same3.script.pt"));
  std::ofstream(path("earlier.pt")) << "earlier";
  fs::create_symlink("earlier.pt", path("link.pt"));
  EXPECT_EQ(embed(model("same3"), path("link.pt")).status, 0);
  EXPECT_TRUE(fs::is_symlink(path("link.pt")));
  expect_copy(model("same3"), path("earlier.pt"));
}

TEST_F(Embed, UnknownKeysAreReported) {
  std::ofstream(path("more.json")) << R"({"names": "a"})";
  const Result result = embed(model("same3"), path("copy.pt"), "more.json");
  EXPECT_EQ(result.status, 0);
  EXPECT_SAYS("unknown key \"names\"", result.err);
  EXPECT_SAYS("unknown key \"names\"", json(path("copy.pt"))["warnings"].at(0).get<std::string>());
}

TEST_F(Embed, SettingsArePrinted) {
  ASSERT_EQ(embed(model("same3"), path("copy.pt")).status, 0);
  const std::string text = run(path("copy.pt")).out;
  EXPECT_SAYS("settings          name: \"new\"\n", text);
  EXPECT_SAYS("                    sample_rate: 16000\n", text);
  EXPECT_EQ(json(path("copy.pt"))["rate_hz"], 16000);
  EXPECT_TRUE(json(model("same3"))["settings"].is_null());
}

TEST_F(Embed, OtherSampleRatesAreRefused) {
  ASSERT_EQ(embed(model("same3"), path("copy.pt")).status, 0);
  for (const char* blocks : {"", " --window 64"}) {
    EXPECT_EQ(json(path("copy.pt") + blocks + " --rate 16000")["rate_hz"], 16000);
    EXPECT_EQ(json(path("copy.pt") + blocks + " --rate 8000", 1)["refusal"]["message"],
              "the model takes audio of 16000 Hz, not of 8000 Hz; resample it to this rate");
  }
}

TEST_F(Embed, BadInputIsOneLineAndKeepsTheCopy) {
  std::ofstream(path("wrong.json")) << R"({"window": 0})";
  std::ofstream(path("broken.json")) << "{";
  std::ofstream(path("long.json")) << "{" << std::string(1 << 16, ' ') << "}";
  std::ofstream(path("text.pt")) << "not a model\n";
  std::ofstream(path("copy.pt")) << "earlier";
  fs::copy_file(model("same3"), path("model.pt"));
  fs::create_symlink("model.pt", path("link.pt"));
  const std::string good = path("model.pt"), copy = path("copy.pt");
  struct Case {
    std::string settings, model, copy, part;
  };
  for (const auto& [settings, file, to, part] :
       {Case{"wrong.json", good, copy, "key \"window\" is 0; accepted: an integer from 1"},
        Case{"broken.json", good, copy, "not valid JSON at line 1, column 2"},
        Case{"long.json", good, copy, "has more than 65536 bytes"},
        Case{"missing.json", good, copy, "missing.json' cannot be read: No such file"},
        Case{"", good, copy, "cannot be read: Is a directory"},
        Case{"settings.json", path("text.pt"), copy, "text.pt' is a text that begins"},
        Case{"settings.json", path("missing.pt"), copy, "missing.pt' cannot be opened"},
        Case{"settings.json", good, good, "are the same file"},
        Case{"settings.json", good, path("link.pt"), "are the same file"},
        Case{"settings.json", good, path(""), "are the same file"},
        Case{"settings.json", good, "/dev/null", "is not a regular file"},
        Case{"settings.json", good, path("no/copy.pt"), "copy.pt' cannot be written"},
        Case{"settings.json", good, "", "takes the settings, the model and"},
        Case{"settings.json", good, copy + " more.pt", "takes the settings, the model and"}}) {
    const Result result = embed(file, to, settings);
    SCOPED_TRACE(settings + " " + file + " " + to + "\n" + result.err);
    EXPECT_EQ(result.status, 2);
    EXPECT_SAYS(part, result.err);
    EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 1);
    EXPECT_EQ(content(copy), "earlier");
    EXPECT_EQ(content(good), content(model("same3")));
  }
}

}  // namespace
}  // namespace torchstreamer::tools
