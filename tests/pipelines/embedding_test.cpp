// Runs the programs of pipelines/embedding as a user does; their output equals the offline model.
#include <glib.h>
#include <gst/app/app.h>
#include <sys/wait.h>

#include <csignal>
#include <filesystem>
#include <fstream>

#include "expect_says.h"
#include "lib/support/script_model.h"
#include "temporary_folder.h"

namespace torchstreamer::testing {
namespace {

namespace fs = std::filesystem;

/// Path of the program of this name, built by meson.
std::string program(const std::string& name) {
  const char* path = std::getenv(("EMBEDDING_" + name).c_str());
  if (!path) throw std::runtime_error("EMBEDDING_" + name + " is not set to the program");
  return path;
}

std::vector<float> read_floats(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(file), {}};
  std::vector<float> values(bytes.size() / sizeof(float));
  std::memcpy(values.data(), bytes.data(), values.size() * sizeof(float));
  return values;
}

class Embedding : public ::testing::Test {
 protected:
  std::string path(const std::string& file) const { return (folder_ / file).string(); }

  /// Runs `command` with in.f32 as input and out.f32 as output. Returns its status and messages.
  std::pair<int, std::string> run(const std::string& command) {
    const std::string line = "timeout 60 " + command + " < " + path("in.f32") + " > " +
                             path("out.f32") + " 2> " + path("log");
    const int status = std::system(line.c_str());
    std::ifstream log(path("log"));
    return {status, {std::istreambuf_iterator<char>(log), {}}};
  }

  void expect_the_model(const std::string& command) {
    torch::NoGradGuard guard;
    torch::manual_seed(base_seed());
    ScriptedStream model(
        scripted("def forward(self, x):\n"
                 "  return torch.conv1d(x, self.weight, None, [1], [3]).tanh()",
                 {{"weight", torch::randn({1, 1, 7})}}));
    model.module.save(path("model.pt"));
    const Tensor x = model.signal(16000 + 77);
    std::ofstream(path("in.f32"), std::ios::binary)
        .write(static_cast<const char*>(x.data_ptr()), x.numel() * sizeof(float));

    const auto [status, log] = run(command);
    ASSERT_EQ(status, 0) << log;
    const std::vector<float> y = read_floats(path("out.f32"));
    const Expected expected = expected_of(model.offline(), x);
    ASSERT_EQ(static_cast<int64_t>(y.size()), expected.y.numel());
    expect_within_rounding(torch::tensor(y).unsqueeze(0), expected);
  }

  /// `command` with the "leaks" tracer of GStreamer.
  std::string traced(const std::string& command) const {
    return "env GST_TRACERS=leaks GST_DEBUG=GST_TRACER:7 GST_DEBUG_FILE=" + path("leaks") + " " +
           command;
  }

  void expect_no_leaks() {
    std::ifstream log(path("leaks"));
    const std::string text{std::istreambuf_iterator<char>(log), {}};
    const std::string alive = "object-alive, type-name=(string)";
    ASSERT_PRED_FORMAT2(::testing::IsSubstring, alive + "%s", text) << "the tracer did not run";
    EXPECT_PRED_FORMAT2(::testing::IsNotSubstring, alive + "Gst", text);
  }

  void expect_error(const std::string& command, const std::string& text) {
    std::ofstream(path("in.f32")) << "0123";
    const auto [status, log] = run(command);
    EXPECT_NE(status, 0);
    EXPECT_SAYS(text, log);
  }

  const test::TemporaryFolder folder_;
};

TEST_F(Embedding, TheLibraryAlone) {
  expect_the_model(program("LIBRARY") + " " + path("model.pt"));
  expect_error(program("LIBRARY") + " " + path("none.pt"), "none.pt");
}

TEST_F(Embedding, AppsrcInC) {
  expect_the_model(traced(program("APPSRC") + " " + path("model.pt") + " 16000"));
  expect_no_leaks();
  expect_error(program("APPSRC") + " " + path("none.pt") + " 16000", "none.pt cannot be read");
}

TEST_F(Embedding, AppsrcInPython) {
  expect_the_model(program("APPSRC_PYTHON") + " " + path("model.pt") + " 16000");
  expect_error(program("APPSRC_PYTHON") + " " + path("none.pt") + " 16000",
               "none.pt cannot be read");
}

/// Runs rtsp_server on a free port; the destructor stops it.
class RtspServer {
 public:
  /// `line`: the command; its words must not contain spaces.
  explicit RtspServer(const std::string& line) {
    gchar** command = g_strsplit(line.c_str(), " ", -1);
    GError* error = nullptr;
    const auto flags = static_cast<GSpawnFlags>(G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_SEARCH_PATH);
    const bool is_started =
        g_spawn_async_with_pipes(nullptr, command, nullptr, flags, nullptr, nullptr, &process_,
                                 nullptr, &out_, nullptr, &error);
    g_strfreev(command);
    if (!is_started) throw std::runtime_error(error->message);
    for (char c; read(out_, &c, 1) == 1 && c != '\n';) address += c;
  }
  ~RtspServer() {
    kill(process_, SIGTERM);
    int status = 0;
    waitpid(process_, &status, 0);
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << "rtsp_server failed";
    close(out_);
  }

  std::string address;

 private:
  GPid process_ = 0;
  int out_ = -1;
};

/// One second of audio that a client receives; less, and a failure, after an error.
std::vector<float> receive(const std::string& address) {
  const std::string launch = "rtspsrc latency=50 protocols=tcp location=" + address +
                             " ! rtpL16depay ! audioconvert ! audio/x-raw,format=F32LE "
                             "! appsink name=sink sync=false";
  GstElement* pipeline = gst_parse_launch(launch.c_str(), nullptr);
  GstElement* sink = gst_bin_get_by_name(GST_BIN(pipeline), "sink");
  gst_element_set_state(pipeline, GST_STATE_PLAYING);
  std::vector<float> received;
  while (received.size() < 48000) {
    GstSample* sample = gst_app_sink_try_pull_sample(GST_APP_SINK(sink), 10 * GST_SECOND);
    if (!sample) break;
    GstMapInfo map;
    gst_buffer_map(gst_sample_get_buffer(sample), &map, GST_MAP_READ);
    const auto* samples = reinterpret_cast<const float*>(map.data);
    received.insert(received.end(), samples, samples + map.size / sizeof(float));
    gst_buffer_unmap(gst_sample_get_buffer(sample), &map);
    gst_sample_unref(sample);
  }
  GstBus* bus = gst_element_get_bus(pipeline);
  if (GstMessage* message = gst_bus_pop_filtered(bus, GST_MESSAGE_ERROR)) {
    GError* error;
    gst_message_parse_error(message, &error, nullptr);
    ADD_FAILURE() << error->message;
    g_error_free(error);
    gst_message_unref(message);
  }
  gst_element_set_state(pipeline, GST_STATE_NULL);
  gst_object_unref(bus);
  gst_object_unref(sink);
  gst_object_unref(pipeline);
  return received;
}

// The model computes the absolute value of a tone, so the received audio is never negative.
TEST_F(Embedding, RtspServer) {
  gst_init(nullptr, nullptr);
  scripted("def forward(self, x):\n  return x.abs()").save(path("model.pt"));
  {
    const RtspServer server(traced(program("RTSP_SERVER") + " " + path("model.pt") + " 0"));
    ASSERT_PRED_FORMAT2(::testing::IsSubstring, "rtsp://127.0.0.1:", server.address);
    for (int client = 0; client < 2; ++client) {
      const std::vector<float> received = receive(server.address);
      ASSERT_GE(received.size(), 48000u);
      const auto [least, most] = std::minmax_element(received.begin(), received.end());
      EXPECT_GE(*least, -1e-3f);
      EXPECT_NEAR(*most, 0.8f, 1e-2f);  // the volume of audiotestsrc
    }
  }
  expect_no_leaks();
}

}  // namespace
}  // namespace torchstreamer::testing
