// Comparison of settings: equal settings select the same model.
#include "loader/settings.h"

#include <gtest/gtest.h>

#include <vector>

namespace torchstreamer::test {
namespace {

TEST(ModelSettings, DifferIfAnOptionOfLoadingDiffers) {
  std::vector<ModelSettings> settings(16);
  settings[1].options.padding = Padding::kValid;
  settings[2].options.channels = 2;
  settings[3].options.each_channel = true;
  settings[4].options.output = "1";
  settings[5].options.execution = Execution::kReference;
  settings[6].options.device = "cuda";
  settings[7].location = "other.pt";
  settings[8].fetch.sha256 = "0123";
  settings[9].options.max_memory_frames = 48000;
  settings[10].options.call.method = "encode";
  settings[11].options.call.inputs = {{"gain", 1.0}};
  settings[12].options.call.attributes = {{"gain", 1.0}};
  settings[13].options.call.window_frames = 512;
  settings[14].options.call.hop_frames = 256;
  settings[15].options.call.tail = Tail::kDrop;
  for (size_t i = 0; i < settings.size(); ++i)
    for (size_t j = 0; j < settings.size(); ++j)
      EXPECT_EQ(settings[i] == settings[j], i == j) << i << " and " << j;
}

TEST(ModelSettings, AreEqualIfOnlyOptionsOfFetchingDiffer) {
  ModelSettings settings;
  settings.fetch.authorization = "Bearer secret";
  settings.fetch.ca_file = "ca.pem";
  settings.fetch.insecure_http = true;
  settings.fetch.max_bytes = 1;
  settings.fetch.cache_bytes = 1;
  settings.fetch.timeout_s = 1;
  settings.fetch.retries = 1;
  EXPECT_TRUE(settings == ModelSettings());
}

}  // namespace
}  // namespace torchstreamer::test
