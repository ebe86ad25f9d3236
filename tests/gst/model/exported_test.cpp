// tsmodel: programs of torch.export, from a file and from a server.
#include <gtest/gtest.h>
#include <zip.h>

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

/// Writes a program that uses an object of a class of C++.
void write_program_with_object(const fs::path& file) {
  fs::copy_file(exported_folder() / "torch-2.14/static.pt2", file);
  const char* name = "static/models/model.json";
  zip_t* archive = zip_open(file.c_str(), 0, nullptr);
  ASSERT_NE(archive, nullptr);
  zip_stat_t entry;
  ASSERT_EQ(zip_stat(archive, name, 0, &entry), 0);
  std::string program(entry.size, ' ');
  zip_file_t* reader = zip_fopen(archive, name, 0);
  ASSERT_EQ(zip_fread(reader, program.data(), entry.size), zip_int64_t(entry.size));
  zip_fclose(reader);
  const std::string inputs = "\"input_specs\": [";
  ASSERT_NE(program.find(inputs), std::string::npos);
  program.insert(program.find(inputs) + inputs.size(),
                 R"({"custom_obj": {"arg": {"name": "q", "class_fqn": "my.Queue"},)"
                 R"( "custom_obj_name": "q"}}, )");
  zip_source_t* source = zip_source_buffer(archive, program.data(), program.size(), 0);
  ASSERT_EQ(zip_file_replace(archive, entry.index, source, 0), 0);
  ASSERT_EQ(zip_set_file_compression(archive, entry.index, ZIP_CM_STORE, 0), 0);
  ASSERT_EQ(zip_close(archive), 0);
}

// load_error() also checks that the element runs a different file afterwards.
TEST(TsModelTrust, OfOperatorsRefusesProgramsAndObjects) {
  const Settings operators = {{"trust", "operators"}};
  const ErrorMessage script = load_error(model_path("blocks/forked.pt"), operators);
  expect_error(script, GST_LIBRARY_ERROR, GST_LIBRARY_ERROR_FAILED, "prim::fork");
  expect_error(script, GST_LIBRARY_ERROR, GST_LIBRARY_ERROR_FAILED,
               "set trust=program if you trust the file");
  const TemporaryFolder folder;
  write_program_with_object(folder / "object.pt2");
  for (const Settings& settings : {operators, Settings()})
    expect_error(load_error((folder / "object.pt2").string(), settings), GST_STREAM_ERROR,
                 GST_STREAM_ERROR_WRONG_TYPE, "custom object of the class my.Queue");
}

TEST(TsModelTrust, OfOperatorsRunsAProgramAfterARefusedOne) {
  ElementRig rig("tsmodel", at("same3.script.pt", {{"trust", "operators"}}));
  Listener listener(rig.element);
  rig.set("location", model_path("blocks/forked.pt"));
  ASSERT_TRUE(listener.wait_for("progress error"));
  const Fixture f = fixture("gain2.script.pt");
  rig.set("location", model_path(f.file));
  ASSERT_TRUE(listener.wait_for("progress complete"));
  expect_close(stream(&rig, f, 100), f);
}

}  // namespace
}  // namespace torchstreamer::test
