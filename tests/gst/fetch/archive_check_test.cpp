// check_model() accepts the files that torch.jit.save() wrote and rejects damaged ones. libtorch
// loads those damaged files that pass, without a crash.
#include "fetch/archive_check.h"

#include <gst/gst.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <iterator>
#include <random>

#include "expect_says.h"
#include "fetch/fetch.h"
#include "files/extra_file.h"
#include "gst/support/archive_files.h"
#include "lib/support/file_cases.h"
#include "process/cancellable.h"
#include "torchstreamer/error.h"
#include "torchstreamer/load.h"

namespace torchstreamer::test {
namespace {

class ModelCheck : public testing::Test {
 protected:
  /// The error for a file with these bytes; empty if the file is accepted.
  std::string refusal(const Bytes& bytes) {
    write_bytes(path, bytes);
    try {
      check_model(path, "NAME", "", nullptr);
      return "";
    } catch (const ElementError& error) {
      EXPECT_EQ(error.domain(), GST_STREAM_ERROR);
      EXPECT_EQ(error.code(), GST_STREAM_ERROR_WRONG_TYPE);
      EXPECT_EQ(std::string(error.what()).find("NAME"), 0u) << error.what();
      return error.what();
    }
  }

  void expect_refusal(const Bytes& bytes, const std::string& part) {
    const std::string text = refusal(bytes);
    EXPECT_SAYS(part, text);
  }

  void expect_refusal(const std::vector<ArchiveEntry>& entries, const std::string& part) {
    expect_refusal(make_archive(entries), part);
  }

  const TemporaryFolder folder;
  const std::string path = (folder / "model.pt").string();
  const std::vector<ArchiveEntry> good = model_entries(noise(1000, 1));
};

std::vector<fs::path> fixtures() {
  std::vector<fs::path> paths;
  for (const auto& entry : fs::directory_iterator(std::getenv("TORCHSTREAMER_MODELS")))
    if (entry.path().extension() == ".pt") paths.push_back(entry.path());
  std::sort(paths.begin(), paths.end());
  return paths;
}

TEST_F(ModelCheck, AcceptsFilesOfTorchJitSave) {
  ASSERT_GT(fixtures().size(), 100u);
  for (const fs::path& model : fixtures())
    EXPECT_EQ(check_model(model.string(), "NAME", "", nullptr), sha256(read_bytes(model)));
  EXPECT_EQ(refusal(make_archive(good)), "");
}

TEST_F(ModelCheck, AcceptsFilesOfTorchExport) {
  int files = 0;
  for (const auto& entry :
       fs::recursive_directory_iterator(std::getenv("TORCHSTREAMER_EXPORTED"))) {
    if (entry.path().extension() != ".pt2") continue;
    EXPECT_EQ(check_model(entry.path().string(), "NAME", "", nullptr),
              sha256(read_bytes(entry.path())));
    ++files;
  }
  EXPECT_GT(files, 30);
}

TEST_F(ModelCheck, AcceptsCopiesWithSettings) {
  const fs::path exported = std::getenv("TORCHSTREAMER_EXPORTED");
  const fs::path script = fs::path(std::getenv("TORCHSTREAMER_MODELS")) / "same3.script.pt";
  const std::string settings = "{\"name\": \"a\"}";
  for (const fs::path& model :
       {script, exported / "torch-2.6/speech.pt2", exported / "torch-2.14/speech.pt2"}) {
    copy_with_extra_file(model.string(), path, "torchstreamer.json", settings);
    EXPECT_EQ(refusal(read_bytes(path)), "") << model;
  }
}

TEST_F(ModelCheck, RefusesArchivesWithoutAnExportedProgram) {
  const ArchiveEntry format = {"m/archive_format", bytes_of_text("pt2")};
  const ArchiveEntry library = {"m/data/aotinductor/model/a.so", noise(100, 1)};
  EXPECT_EQ(refusal(make_archive({format, {"m/models/model.json", bytes_of_text("{}")}})), "");
  expect_refusal({format}, "without its program");
  expect_refusal({format, library}, "package of AOTInductor");
}

/// True if this process maps libsoup.
bool maps_soup() {
  std::ifstream maps("/proc/self/maps");
  const std::string all(std::istreambuf_iterator<char>(maps), {});
  return all.find("libsoup") != std::string::npos;
}

TEST_F(ModelCheck, LocalFilesNeedNoHttp) {
  for (const char* name : {"tsresample", "tsmodel"}) {
    GstElement* element = gst_element_factory_make(name, nullptr);
    ASSERT_TRUE(element) << name;
    gst_object_unref(gst_object_ref_sink(element));
  }
  write_bytes(path, make_archive(good));
  EXPECT_EQ(fetch_model(path, {}, nullptr).path, path);
  EXPECT_FALSE(maps_soup());
  FetchOptions options;
  options.cache_folder = (folder / "cache").string();
  EXPECT_THROW(fetch_model("http://127.0.0.1:1/m.pt", options, nullptr), ElementError);
  EXPECT_TRUE(maps_soup()) << "maps_soup() does not recognise libsoup";
}

TEST_F(ModelCheck, RefusesFilesThatAreNotArchives) {
  for (const Bytes& bytes : {Bytes(), bytes_of_text("a text\n"), bytes_of_text("PK\3\4"),
                             noise(5000, 1), Bytes(5000, 0)})
    EXPECT_NE(refusal(bytes), "");
  expect_refusal(noise(5000, 1), "is not in a format of PyTorch");
}

TEST_F(ModelCheck, RefusesTruncatedAndExtendedFiles) {
  const Bytes whole = make_archive(good);
  for (size_t bytes = 0; bytes < whole.size(); bytes += 7)
    EXPECT_NE(refusal(Bytes(whole.begin(), whole.begin() + static_cast<long>(bytes))), "") << bytes;
  Bytes longer = whole;
  longer.push_back(0);
  expect_refusal(longer, "is damaged");
}

// The texts are those of the library.
TEST_F(ModelCheck, NamesFilesOfOtherKinds) {
  const fs::path models = std::getenv("TORCHSTREAMER_MODELS");
  for (const auto& [name, fault] : other_files())
    EXPECT_EQ(refusal(read_bytes(models / "others" / name)), "NAME " + fault + ".") << name;
  for (const auto& [content, fault] : written_files(models / "same3.script.pt"))
    EXPECT_EQ(refusal(bytes_of_text(content)), "NAME " + fault + ".");
}

TEST_F(ModelCheck, RefusesArchivesWithMissingEntries) {
  for (size_t i : {0, 2, 3, 4}) {
    std::vector<ArchiveEntry> entries = good;
    entries.erase(entries.begin() + static_cast<long>(i));
    EXPECT_NE(refusal(make_archive(entries)), "") << good[i].name;
  }
  std::vector<ArchiveEntry> entries = good;
  entries[4].name = "m/.data/version";
  EXPECT_EQ(refusal(make_archive(entries)), "");
  entries[4].name = "other/version";
  expect_refusal(entries, "no version");
}

TEST_F(ModelCheck, RefusesDuplicateEntries) {
  // No library writes such an archive. Renames an entry, so that two have the same name.
  std::vector<ArchiveEntry> entries = good;
  entries.push_back({"m/versiom", bytes_of_text("4\n")});
  Bytes bytes = make_archive(entries);
  const std::string from = "m/versiom";
  for (auto at = bytes.begin();
       (at = std::search(at, bytes.end(), from.begin(), from.end())) != bytes.end();)
    at[static_cast<long>(from.size()) - 1] = 'n';
  expect_refusal(bytes, "its directory has an entry twice");
}

TEST_F(ModelCheck, RefusesArchiveBombs) {
  std::vector<ArchiveEntry> entries = good;
  entries[2].content.assign(20 << 20, 'x');
  expect_refusal(entries, "unpack");
  entries[1].content = noise(1 << 20, 1);
  EXPECT_EQ(refusal(make_archive(entries)), "") << "it is small compared with the weights";
}

/// Writes `bytes` as the unpacked size of entry `name` into both headers of the entry.
void claim_size(Bytes* archive, const std::string& name, uint32_t bytes) {
  for (size_t i = 0; i + 46 < archive->size(); ++i) {
    const bool is_entry = std::memcmp(&(*archive)[i], "PK\1\2", 4) == 0 &&
                          std::memcmp(&(*archive)[i + 46], name.data(), name.size()) == 0;
    if (is_entry) std::memcpy(&(*archive)[i + 24], &bytes, 4);
    const bool is_file = std::memcmp(&(*archive)[i], "PK\3\4", 4) == 0 &&
                         std::memcmp(&(*archive)[i + 30], name.data(), name.size()) == 0;
    if (is_file) std::memcpy(&(*archive)[i + 22], &bytes, 4);
  }
}

TEST_F(ModelCheck, RefusesWrongSizes) {
  for (uint32_t bytes : {0u, 2999u, 3001u, 30000u, 0x7fffffffu}) {
    Bytes archive = make_archive(good);
    claim_size(&archive, "m/code/__torch__.py", bytes);
    EXPECT_NE(refusal(archive), "") << bytes;
    archive = make_archive(good);
    claim_size(&archive, "m/data/0", bytes);
    EXPECT_NE(refusal(archive), "") << bytes;
  }
}

// libtorch would read weights beyond the end of the empty entry.
TEST_F(ModelCheck, RefusesWeightsThatAreEmptyInTheDirectory) {
  Bytes bytes = read_bytes(fs::path(std::getenv("TORCHSTREAMER_MODELS")) / "same3.script.pt");
  EXPECT_EQ(refusal(bytes), "");
  const std::string weights = "/data/1";
  const auto name = std::find_end(bytes.begin(), bytes.end(), weights.begin(), weights.end());
  const std::string head = "PK\1\2";
  const auto entry = std::find_end(bytes.begin(), name, head.begin(), head.end());
  std::fill(entry + 16, entry + 28, 0);  // checksum and sizes
  const std::string text = refusal(bytes);
  // libzip detects this from version 1.11 on.
  EXPECT_TRUE(text.find("disagree") != std::string::npos ||
              text.find("damaged") != std::string::npos)
      << text;
}

TEST_F(ModelCheck, RefusesFlippedBitsInTheContent) {
  const Bytes whole = make_archive(good);
  const Bytes& weights = good[1].content;
  const auto at = std::search(whole.begin(), whole.end(), weights.begin(), weights.end());
  ASSERT_NE(at, whole.end());
  for (size_t bit = 0; bit < weights.size() * 8; bit += 37) {
    Bytes flipped = whole;
    flipped[static_cast<size_t>(at - whole.begin()) + bit / 8] ^= 1 << bit % 8;
    expect_refusal(flipped, "m/data/0 does not match its size or checksum");
  }
}

TEST_F(ModelCheck, ReadsAChangedFileAgain) {
  Bytes bytes = make_archive(good);
  EXPECT_EQ(refusal(bytes), "");
  bytes[200] ^= 1;
  EXPECT_NE(refusal(bytes), "");
}

TEST_F(ModelCheck, IsCancelled) {
  write_bytes(path, make_archive(good));
  GCancellable* cancellable = g_cancellable_new();
  g_cancellable_cancel(cancellable);
  EXPECT_THROW(check_model(path, "NAME", "", cancellable), Cancelled);
  g_object_unref(cancellable);
}

/// Flips some bits, in the whole file or in the directory at its end.
Bytes damage(Bytes bytes, std::mt19937* random) {
  const size_t flips = 1 + (*random)() % 3;
  const size_t range = (*random)() % 2 ? bytes.size() : std::min<size_t>(bytes.size(), 1000);
  for (size_t i = 0; i < flips; ++i)
    bytes[bytes.size() - 1 - (*random)() % range] ^= 1 << (*random)() % 8;
  return bytes;
}

TEST_F(ModelCheck, LibtorchDoesNotCrashOnAcceptedFiles) {
  constexpr unsigned kSeed = 1;
  constexpr int kPassed = 60;
  SCOPED_TRACE("seed " + std::to_string(kSeed));
  std::mt19937 random(kSeed);
  const std::vector<fs::path> models = fixtures();
  int passed = 0, loaded = 0, tried = 0;
  for (; passed < kPassed; ++tried) {
    const fs::path& model = models[random() % models.size()];
    const Bytes damaged = damage(read_bytes(model), &random);
    if (!refusal(damaged).empty()) continue;
    ++passed;
    SCOPED_TRACE(model.string() + ", " + std::to_string(tried));
    try {
      load_stream(path);
      ++loaded;
    } catch (const Error&) {  // an error, not a crash
    }
  }
  std::printf("%d of %d damaged files passed, %d of them still stream\n", passed, tried, loaded);
}

}  // namespace
}  // namespace torchstreamer::test
