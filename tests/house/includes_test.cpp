// Includes between folders point downwards: a folder includes only the folders in its row.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "sources.h"

namespace torchstreamer::house {
namespace {

using Folders = std::vector<std::string>;

const Folders kFoundation = {"lib/torchstreamer", "lib/time", "lib/support"};
const Folders kNetworks = {"lib/torchstreamer", "lib/time", "lib/support", "lib/network"};
const Folders kStreams = {"lib/torchstreamer", "lib/time",   "lib/support",
                          "lib/network",       "lib/frames", "lib/streams"};

Folders operator+(Folders a, const Folders& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

/// The folders that a folder may include, besides itself.
const std::map<std::string, Folders> kAllowed = {
    {"lib", {"lib/torchstreamer"}},
    {"lib/torchstreamer", {}},
    {"lib/pch", {}},
    {"lib/files", {}},
    {"lib/settings", {"lib/torchstreamer", "lib/files", "lib/support"}},
    {"lib/time", {"lib/torchstreamer"}},
    {"lib/support", {"lib/torchstreamer", "lib/time"}},
    {"lib/trust", {"lib/torchstreamer"}},
    {"lib/network", kFoundation},
    {"lib/frames", kNetworks},
    {"lib/streams", kNetworks + Folders{"lib/frames"}},
    {"lib/engine", kFoundation + Folders{"lib/frames"}},
    {"lib/audio", kFoundation + Folders{"lib/frames"}},
    {"lib/modules", kStreams + Folders{"lib/audio"}},
    {"lib/native/simd", kNetworks},
    {"lib/native/kernels", kNetworks + Folders{"lib/native/simd"}},
    {"lib/native/program", kNetworks + Folders{"lib/native/simd", "lib/native/kernels"}},
    {"lib/exported/file", {"lib/torchstreamer", "lib/support"}},
    {"lib/exported/graph", {"lib/torchstreamer", "lib/support", "lib/exported/file"}},
    {"lib/exported",
     {"lib/torchstreamer", "lib/support", "lib/files", "lib/trust", "lib/exported/file",
      "lib/exported/graph"}},
    {"lib/graph/plan", kStreams},
    {"lib/graph/lowering", kStreams + Folders{"lib/graph/plan", "lib/native/simd"}},
    {"lib/graph/attention", kStreams + Folders{"lib/graph/plan", "lib/graph/lowering"}},
    {"lib/graph/rules/support", kStreams + Folders{"lib/graph/plan", "lib/graph/lowering"}},
    {"lib/graph/rules", kStreams + Folders{"lib/graph/plan", "lib/graph/lowering",
                                           "lib/graph/attention", "lib/graph/rules/support"}},
    {"lib/graph/evaluate",
     kStreams + Folders{"lib/graph/plan", "lib/graph/lowering", "lib/graph/attention",
                        "lib/graph/rules", "lib/graph/rules/support"}},
    {"lib/graph/script", kFoundation},
    {"lib/graph/model",
     kStreams + Folders{"lib/graph/plan", "lib/graph/lowering", "lib/graph/rules",
                        "lib/graph/evaluate", "lib/graph/script", "lib/engine", "lib/files",
                        "lib/settings", "lib/exported", "lib/trust", "lib/modules",
                        "lib/native/program"}},
    {"lib/blocks/method",
     kFoundation + Folders{"lib/settings", "lib/graph/script", "lib/graph/model"}},
    {"lib/blocks", kNetworks + Folders{"lib/settings", "lib/graph/script", "lib/graph/model",
                                       "lib/modules", "lib/blocks/method"}},
    {"lib/load", kFoundation + Folders{"lib/settings", "lib/graph/model", "lib/blocks"}},
    {"lib/tools/report",
     kNetworks + Folders{"lib/settings", "lib/graph/script", "lib/graph/model", "lib/blocks"}},
    {"lib/tools/verify",
     kNetworks + Folders{"lib/graph/script", "lib/graph/model", "lib/tools/report"}},
    {"lib/tools/print", {"lib/torchstreamer", "lib/tools/report"}},
    {"lib/tools",
     kFoundation + Folders{"lib/files", "lib/settings", "lib/graph/model", "lib/blocks",
                           "lib/tools/report", "lib/tools/verify", "lib/tools/print"}},

    {"gst/process", {}},
    {"gst/base", kFoundation + Folders{"gst/process", "lib/engine", "lib/audio"}},
    {"gst/resample", {"gst/base", "lib/audio", "lib/torchstreamer", "lib/time"}},
    {"gst/fetch", {"gst/process", "lib/files"}},
    {"gst/fetch/http", {"gst/process", "gst/fetch"}},
    {"gst/loader",
     {"gst/process", "gst/base", "gst/fetch", "lib/engine", "lib/torchstreamer", "lib/time"}},
    {"gst/model",
     {"gst/process", "gst/base", "gst/fetch", "gst/loader", "lib/torchstreamer", "lib/time"}},
};

TEST(Includes, PointDownwards) {
  for (const std::string tree : {"lib", "gst"})
    for (const Source& source : sources_in(tree)) {
      ASSERT_EQ(kAllowed.count(source.folder()), 1u) << source.folder() << " has no row";
      const Folders& allowed = kAllowed.at(source.folder());
      for (const Include& include : source.includes()) {
        const std::string folder = folder_of(source, include);
        if (folder.empty() || folder == source.folder()) continue;
        EXPECT_NE(std::find(allowed.begin(), allowed.end(), folder), allowed.end())
            << source.path << " includes " << include.name << ": " << source.folder()
            << " must not include " << folder;
      }
    }
}

TEST(Includes, RowsNameExistingFolders) {
  for (const auto& [folder, allowed] : kAllowed) {
    EXPECT_TRUE(std::filesystem::is_directory(repository() / folder)) << folder;
    for (const std::string& other : allowed)
      EXPECT_EQ(kAllowed.count(other), 1u) << folder << " allows " << other;
  }
}

TEST(Includes, DoNotUseTheUmbrellaHeader) {
  for (const std::string tree : {"lib", "gst"})
    for (const Source& source : sources_in(tree))
      for (const Include& include : source.includes())
        EXPECT_NE(include.name, "torchstreamer.h") << source.path;
}

TEST(Includes, OfTheLibraryDoNotUseGlibOrGStreamer) {
  for (const Source& source : sources_in("lib"))
    for (const Include& include : source.includes())
      for (const std::string prefix : {"gst/", "glib", "gio/", "gmodule"})
        EXPECT_NE(include.name.rfind(prefix, 0), 0u) << source.path << " includes " << include.name;
}

TEST(Includes, OfFoldersWithoutTensorsDoNotUseLibtorch) {
  std::vector<Source> sources;
  for (const std::string folder :
       {"lib/time", "lib/files", "lib/settings", "lib/engine", "lib/audio", "gst"})
    for (const Source& source : sources_in(folder)) sources.push_back(source);
  for (const Source& source : sources)
    for (const Include& include : source.includes())
      for (const std::string prefix : {"ATen/", "c10/", "torch/"})
        EXPECT_NE(include.name.rfind(prefix, 0), 0u) << source.path << " includes " << include.name;
}

}  // namespace
}  // namespace torchstreamer::house
