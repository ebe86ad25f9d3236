// Caches that cannot be used: no folder, a folder that is not writable, a full disk.
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/statvfs.h>

#include "gst/fetch/fetch_rig.h"

namespace torchstreamer::test {
namespace {

void expect_warning(const ModelFile& file, const std::string& folder, const std::string& place) {
  for (const std::string& part :
       {"The folder " + folder + " is not used.", std::string("XDG_CACHE_HOME"), place})
    EXPECT_NE(file.warning.find(part), std::string::npos) << file.warning;
}

TEST_F(ModelFetch, UsesATemporaryFolderIfTheCacheCannotBeUsed) {
  write_bytes(folder / "file", {1});
  options.cache_folder = (folder / "file/cache").string();
  HttpServer server(serving(model, "\"1\""));
  const ModelFile file = fetch(server.uri("/m.pt"));
  expect_file(file, model);
  expect_warning(file, options.cache_folder, "in a temporary folder");
  EXPECT_NE(file.warning.find(g_strerror(ENOTDIR)), std::string::npos) << file.warning;
  EXPECT_EQ(fetch(server.uri("/m.pt")).path, file.path);
  EXPECT_EQ(server.requests()[1].header("if-none-match"), "\"1\"");
}

/// A small file system in memory.
class ModelFetchDisk : public ModelFetch {
 protected:
  ModelFetchDisk() {
    fs::create_directory(folder / "cache");
    is_mounted_ = mount("tmpfs", (folder / "cache").c_str(), "tmpfs", 0, "size=256k") == 0;
  }
  ~ModelFetchDisk() override {
    if (is_mounted_) umount2((folder / "cache").c_str(), MNT_DETACH);
  }

  void SetUp() override {
    if (!is_mounted_) GTEST_SKIP() << "needs the right to mount a file system";
  }

  /// Writes a file that leaves just the space for a file of `bytes` bytes.
  void fill_disk(size_t bytes) const {
    const fs::path cache = folder / "cache";
    struct statvfs disk;
    ASSERT_EQ(statvfs(cache.c_str(), &disk), 0);
    const size_t blocks = (bytes + disk.f_bsize - 1) / disk.f_bsize;
    ASSERT_GE(disk.f_bavail, blocks);
    write_bytes(cache / "other", Bytes((disk.f_bavail - blocks) * disk.f_bsize));
  }

 private:
  bool is_mounted_ = false;
};

TEST_F(ModelFetchDisk, PartialFilesAreRemovedFirst) {
  Answer half = {200, {{"ETag", "\"1\""}}, model};
  half.cut_bytes = 60000;
  HttpServer server([&](const Request& request) {
    return request.path == "/half" ? half : serve(request, model, "\"" + request.path + "\"");
  });
  options.retries = 0;
  const ModelFile used = fetch(server.uri("/a"));
  expect_error(server.uri("/half"), GST_RESOURCE_ERROR_READ, "");
  EXPECT_EQ(cached("uris").size(), 3u) << "the part is kept";
  expect_file(fetch(server.uri("/b")), model);
  EXPECT_EQ(fetch(server.uri("/b")).warning, "");
  EXPECT_EQ(cached("files").size(), 1u) << "the models have the same content";
  expect_file(used, model);
}

TEST_F(ModelFetchDisk, AFullDiskKeepsNoPart) {
  const Bytes large = make_model(4 * kModelBytes, 2);
  HttpServer server([&](const Request& request) {
    return serve(request, request.path == "/large" ? large : model, "\"" + request.path + "\"");
  });
  const ModelFile file = fetch(server.uri("/large"));
  expect_file(file, large);
  expect_warning(file, options.cache_folder, "in a temporary folder");
  EXPECT_NE(file.warning.find(g_strerror(ENOSPC)), std::string::npos) << file.warning;
  const ModelFile small = fetch(server.uri("/small"));
  expect_file(small, model);
  EXPECT_EQ(small.warning, "");
}

TEST_F(ModelFetchDisk, AFullDiskKeepsTheCachedFile) {
  HttpServer server(serving(model, "\"1\""));
  const ModelFile file = fetch(server.uri("/m.pt"));
  fill_disk(0);
  const ModelFile confirmed = fetch(server.uri("/m.pt"));
  EXPECT_EQ(confirmed.path, file.path);
  EXPECT_EQ(confirmed.warning, "");
  EXPECT_EQ(server.requests().size(), 2u);
}

TEST_F(ModelFetchDisk, UnusedModelsAreRemovedForStates) {
  HttpServer server([&](const Request& request) {
    const unsigned seed = static_cast<unsigned>(request.path.back());
    return serve(request, make_model(kModelBytes / 2, seed), "\"" + request.path + "\"");
  });
  const std::string unused = fetch(server.uri("/a")).path;
  const ModelFile used = fetch(server.uri("/b"));
  fill_disk(0);
  const ModelFile confirmed = fetch(server.uri("/b"));
  EXPECT_EQ(confirmed.path, used.path);
  EXPECT_EQ(confirmed.warning, "");
  EXPECT_FALSE(fs::exists(unused));
}

// The file fits on the disk, but not its state.
TEST_F(ModelFetchDisk, AFullDiskKeepsAPublishedFile) {
  HttpServer server(always({200, {}, model}));
  const Bytes other = make_model(kModelBytes / 2, 2);
  HttpServer other_server(serving(other, "\"1\""));
  const ModelFile used = fetch(other_server.uri("/used"));
  fill_disk(model.size());
  const ModelFile file = fetch(server.uri("/m.pt"));
  expect_file(file, model);
  expect_warning(file, options.cache_folder, "in a temporary folder");
  EXPECT_TRUE(read_bytes(folder / "cache/files" / sha256(model)) == model);
  expect_file(used, other);
}

}  // namespace
}  // namespace torchstreamer::test
