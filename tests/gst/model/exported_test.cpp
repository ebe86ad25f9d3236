// tsmodel: programs of torch.export, from a file and from a server.
#include <gtest/gtest.h>

#include <cstdlib>

#include "gst/model/remote_rig.h"

namespace torchstreamer::test {
namespace {

fs::path exported_folder() {
  const char* folder = std::getenv("TORCHSTREAMER_EXPORTED");
  if (!folder) throw std::runtime_error("TORCHSTREAMER_EXPORTED names the folder of .pt2 files");
  return folder;
}

// Serves the programs.
Answer serve_programs(const Request& request) {
  const fs::path file = exported_folder() / request.path.substr(1);
  return fs::is_regular_file(file) ? serve(request, read_file(file), file.filename().string())
                                   : Answer{404};
}

// Runs the input of a fixture through the model at `location`.
Bytes streamed(const std::string& location) {
  const TemporaryFolder folder;
  const fs::path out = folder / "out.f32";
  const std::string launch = "filesrc location=" + (models() / "down2.in.f32").string() +
                             " ! rawaudioparse pcm-format=f32le sample-rate=44100 num-channels=1"
                             " ! tsmodel insecure-http=true retries=0 location=" +
                             location + " ! filesink location=" + out.string();
  const ObjectPtr<GstElement> pipeline(gst_parse_launch(launch.c_str(), nullptr));
  Listener listener(pipeline.get());
  gst_element_set_state(pipeline.get(), GST_STATE_PLAYING);
  EXPECT_TRUE(listener.wait_for("eos"));
  EXPECT_EQ(listener.count("error") + listener.count("warning"), 0);
  gst_element_set_state(pipeline.get(), GST_STATE_NULL);
  return read_file(out);
}

TEST(TsModelExported, RunsFromAFileAndFromAServer) {
  HttpServer server(serve_programs);
  for (const std::string file : {"torch-2.6/speech.pt2", "torch-2.14/speech.pt2"}) {
    SCOPED_TRACE(file);
    const Bytes local = streamed((exported_folder() / file).string());
    EXPECT_FALSE(local.empty());
    EXPECT_EQ(streamed(server.uri("/" + file)), local);
  }
}

TEST(TsModelExported, SaysWhyAProgramIsRefused) {
  const ErrorMessage error = load_error((exported_folder() / "torch-2.14/trimmed.pt2").string());
  expect_error(error, GST_LIBRARY_ERROR, GST_LIBRARY_ERROR_FAILED,
               "its output does not grow with the signal");
}

}  // namespace
}  // namespace torchstreamer::test
