// tsmodel: model files, and the libraries that a model needs.
#include <gmodule.h>
#include <gtest/gtest.h>
#include <unistd.h>
#include <fstream>
#include <iostream>

#include "expect_says.h"
#include "gst/support/gst_main.h"
#include "gst/support/model_rig.h"
#include "gst/support/player.h"
#include "temporary_folder.h"

namespace torchstreamer::test {
namespace {

class Folder : public testing::Test {
 protected:
  std::string write(const std::string& name, const Bytes& bytes) {
    std::ofstream(folder_ / name, std::ios::binary)
        .write(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    return (folder_ / name).string();
  }

  const TemporaryFolder folder_;
};

class BadFile : public Folder {};

TEST_F(BadFile, MissingFilesAreNotFound) {
  expect_error(load_error(""), GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NOT_FOUND, "location");
  expect_error(load_error("/no/such/model.pt"), GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NOT_FOUND,
               "/no/such/model.pt");
  expect_error(load_error("file:///no/such%20model.pt"), GST_RESOURCE_ERROR,
               GST_RESOURCE_ERROR_NOT_FOUND, "/no/such model.pt");
}

// Not in the background: gst-launch-1.0 waits for ever for the end of a state change if an error is
// posted before its main loop runs.
TEST_F(BadFile, MissingFilesFailTheStateChangeAtOnce) {
  GstElement* element = gst_element_factory_make("tsmodel", nullptr);
  for (const char* location : {"", "/no/such/model.pt", "file://m/net.pt", "gopher://m/net.pt"}) {
    g_object_set(element, "location", location, nullptr);
    EXPECT_EQ(gst_element_set_state(element, GST_STATE_READY), GST_STATE_CHANGE_SUCCESS);
    EXPECT_EQ(gst_element_set_state(element, GST_STATE_PAUSED), GST_STATE_CHANGE_FAILURE);
  }
  gst_element_set_state(element, GST_STATE_NULL);
  gst_object_unref(element);
}

TEST_F(BadFile, FoldersAndOtherSchemesCannotBeOpened) {
  expect_error(load_error(folder_.path().string()), GST_RESOURCE_ERROR,
               GST_RESOURCE_ERROR_OPEN_READ, "not a regular file");
  expect_error(load_error("gopher://host/model.pt"), GST_RESOURCE_ERROR,
               GST_RESOURCE_ERROR_OPEN_READ, "file://");
}

TEST_F(BadFile, FilesThatAreNotModelsHaveTheWrongType) {
  const std::string text = "This is a text, not a model.\n";
  Bytes noise(5000);
  std::mt19937 random(1);
  for (uint8_t& byte : noise) byte = random();
  Bytes truncated = read_file(models() / "same3.script.pt");
  truncated.resize(truncated.size() / 2);
  Bytes flipped = read_file(models() / "same3.script.pt");
  for (size_t i = 100; i < flipped.size(); i += 97) flipped[i] ^= 0x55;
  for (const std::string& path :
       {write("text.pt", Bytes(text.begin(), text.end())), write("empty.pt", {}),
        write("noise.pt", noise), write("truncated.pt", truncated), write("flipped.pt", flipped)})
    expect_error(load_error(path), GST_STREAM_ERROR, GST_STREAM_ERROR_WRONG_TYPE, path);
}

TEST_F(BadFile, RefusalsNameOperatorAndLine) {
  const ErrorMessage error = load_error(model_path("refused.script.pt"));
  expect_error(error, GST_LIBRARY_ERROR, GST_LIBRARY_ERROR_FAILED, "group_norm");
  expect_error(error, GST_LIBRARY_ERROR, GST_LIBRARY_ERROR_FAILED, ".py");
}

TEST_F(BadFile, UnavailableDevicesAreSettingsErrors) {
  for (const char* device : {"abacus", "xla"}) {
    const ErrorMessage error = load_error(model_path("same3.script.pt"), {{"device", device}});
    expect_error(error, GST_LIBRARY_ERROR, GST_LIBRARY_ERROR_SETTINGS,
                 std::string("device '") + device + "' is not available");
    EXPECT_EQ(error.text.find('\n'), std::string::npos) << error.text;
  }
}

TEST(TsModel, UsesNewPropertiesInTheNextStateCycle) {
  ElementRig rig("tsmodel", at("same3.script.pt"));
  for (const char* file : {"down2.script.pt", "gain2.script.pt", "same3.script.pt"}) {
    gst_element_set_state(rig.element, GST_STATE_READY);
    rig.set("location", model_path(file));
    ASSERT_EQ(change_state(rig.element, GST_STATE_PLAYING), GST_STATE_CHANGE_SUCCESS);
    const Fixture f = fixture(file);
    expect_close(stream(&rig, f, 100), f);
  }
}

/// Lines of /proc/self/maps with libraries of torch.
std::string mapped_torch() {
  std::ifstream maps("/proc/self/maps");
  std::string line, found;
  while (std::getline(maps, line))
    for (const char* name : {"libtorch", "libc10"})
      if (line.find(name) != std::string::npos) found += line + "\n";
  return found;
}

/// Prints the mapped libraries of torch after the scan of the plugins, with a tsmodel at NULL, and
/// after a pipeline with tsresample.
int print_maps() {
  if (!gst_element_factory_make("tsmodel", nullptr)) return 1;
  const Reached reached =
      play("audiotestsrc num-buffers=5 ! tsresample ! audio/x-raw,rate=16000 ! fakesink name=end");
  if (!reached.is_eos) return 1;
  std::cout << mapped_torch();
  return 0;
}

/// Prints the error of the state change to PAUSED.
int print_error() {
  GstElement* element = gst_element_factory_make("tsmodel", nullptr);
  if (!element) return 1;
  GstBus* bus = gst_bus_new();
  gst_element_set_bus(element, bus);
  g_object_set(element, "location", model_path("same3.script.pt").c_str(), nullptr);
  change_state(element, GST_STATE_PAUSED);
  const ErrorMessage error = only_error(bus);
  std::cout << g_quark_to_string(error.domain) << " " << error.code << ": " << error.text;
  return 0;
}

/// Output of this program with `flag`, in a new process, which has not loaded models yet, with a
/// new registry in `folder`.
std::string run_in_new_process(const char* flag, const fs::path& folder,
                               const std::string& plugins = g_getenv("GST_PLUGIN_PATH")) {
  const std::string registry = folder / "registry.bin";
  const std::string printed =
      run_self(flag, {{"GST_REGISTRY", registry.c_str()},
                      {"GST_REGISTRY_FORK", "no"},
                      {"GST_PLUGIN_PATH", plugins.c_str()},
                      {"LD_LIBRARY_PATH", nullptr}});  // that of meson contains the library
  EXPECT_TRUE(fs::exists(registry)) << "the plugins were not scanned";
  return printed;
}

TEST_F(Folder, TorchIsNotMappedBeforeAModelIsLoaded) {
  EXPECT_EQ(run_in_new_process("--print-maps", folder_.path()), "");
  ElementRig rig("tsmodel", at("same3.script.pt"));
  EXPECT_NE(mapped_torch(), "");
}

/// Prints the number of threads after a model was run.
int print_threads() {
  const Fixture f = fixture("blocks.script.pt");
  {
    ElementRig rig("tsmodel", at(f.file));
    stream(&rig, f, 100);
  }
  int threads = 0;
  for (const auto& entry : fs::directory_iterator("/proc/self/task")) threads += entry.exists();
  std::cout << threads;
  return 0;
}

TEST(TsModel, HasAtMostOneThreadForEachProcessor) {
  const std::string printed = run_self("--print-threads", {{"OMP_NUM_THREADS", "99999"}});
  constexpr int kOtherThreads = 16;  // of GStreamer and the loader
  EXPECT_LE(std::stoi(printed), 2 * static_cast<int>(g_get_num_processors()) + kOtherThreads);
}

/// Fetches a model while this thread looks up symbols, as loading a plugin does.
int fetch_among_modules() {
  alarm(20);
  GstElement* element = gst_element_factory_make("tsmodel", nullptr);
  GstBus* bus = gst_bus_new();
  gst_element_set_bus(element, bus);
  g_object_set(element, "location", "http://127.0.0.1:1/model.pt", "insecure-http", TRUE, "retries",
               0, nullptr);
  gst_element_set_state(element, GST_STATE_PAUSED);
  GModule* self = g_module_open(nullptr, G_MODULE_BIND_LAZY);
  GstMessage* message = nullptr;
  for (gpointer symbol; !message; message = gst_bus_pop_filtered(bus, GST_MESSAGE_ERROR))
    g_module_symbol(self, "main", &symbol);
  std::cout << parse_error(message).text << "\n";
  gst_element_set_state(element, GST_STATE_NULL);
  gst_object_unref(element);
  gst_object_unref(bus);
  return 0;
}

TEST(TsModel, TheFirstFetchDoesNotBlockLoadingOfPlugins) {
  const std::string printed = run_self("--fetch-among-modules");
  EXPECT_SAYS("127.0.0.1", printed);
}

TEST_F(Folder, APluginWithoutItsLibraryNamesTheExpectedFolder) {
  GstPlugin* plugin = gst_registry_find_plugin(gst_registry_get(), "tsmodel");
  ASSERT_NE(plugin, nullptr);
  const fs::path plugins = folder_ / "lib" / "gstreamer-1.0";
  fs::create_directories(plugins);
  fs::copy_file(gst_plugin_get_filename(plugin), plugins / "libgsttsmodel.so");
  gst_object_unref(plugin);
  const std::string printed = run_in_new_process("--print-error", folder_.path(), plugins);
  const std::string kind = g_quark_to_string(GST_LIBRARY_ERROR) + std::string(" ") +
                           std::to_string(GST_LIBRARY_ERROR_INIT);
  EXPECT_EQ(printed.rfind(kind, 0), 0u) << printed;
  EXPECT_SAYS("one folder above the plugins", printed);
}

}  // namespace
}  // namespace torchstreamer::test

int main(int argc, char** argv) {
  using namespace torchstreamer::test;
  return run_gst_tests(argc, argv,
                       {{"--print-maps", print_maps},
                        {"--print-error", print_error},
                        {"--print-threads", print_threads},
                        {"--fetch-among-modules", fetch_among_modules}});
}
