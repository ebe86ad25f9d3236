// Fixtures of the tests of models from a server.
#pragma once

#include <gtest/gtest.h>

#include "gst/support/http_server.h"
#include "gst/support/listener.h"
#include "gst/support/model_rig.h"

namespace torchstreamer::test {

struct UnrefObject {
  void operator()(gpointer object) const { gst_object_unref(object); }
};
template <class T>
using ObjectPtr = std::unique_ptr<T, UnrefObject>;

/// Serves the models; "/stall/..." stops after 100 bytes, "/slow/..." sends 40 pieces with pauses.
inline Answer serve_models(const Request& request) {
  const fs::path file = models() / fs::path(request.path).filename();
  if (!fs::is_regular_file(file)) return {404};
  Answer answer = serve(request, read_file(file), file.filename().string());
  if (request.path.rfind("/stall/", 0) == 0) answer.stall_bytes = 100;
  if (request.path.rfind("/slow/", 0) == 0) answer.drip_bytes = 1 + answer.body.size() / 40;
  return answer;
}

class TsModelRemote : public testing::Test {
 protected:
  /// Properties of a tsmodel that runs `file` of the server.
  Settings from_server(const std::string& file) const {
    return {{"location", server_.uri("/" + file)}, {"insecure-http", "true"}, {"retries", "0"}};
  }

  HttpServer server_{serve_models};
};

/// One element without a harness: a harness needs elements that change to PLAYING synchronously.
class Lone {
 public:
  explicit Lone(const Settings& settings)
      : element(gst_element_factory_make("tsmodel", nullptr)), bus_(gst_bus_new()) {
    gst_element_set_bus(element.get(), bus_.get());
    listener = std::make_unique<Listener>(element.get());
    for (const auto& [name, value] : settings) set(name, value);
    sink.reset(gst_element_get_static_pad(element.get(), "sink"));
  }
  ~Lone() {
    gst_element_set_state(element.get(), GST_STATE_NULL);
    listener.reset();
    gst_element_set_bus(element.get(), nullptr);
  }

  void set(const std::string& name, const std::string& value) {
    gst_util_set_object_arg(G_OBJECT(element.get()), name.c_str(), value.c_str());
  }
  GstStateChangeReturn go(GstState state) { return gst_element_set_state(element.get(), state); }
  /// Waits for the end of the state change; returns its result.
  GstStateChangeReturn result() {
    return gst_element_get_state(element.get(), nullptr, nullptr, 20 * GST_SECOND);
  }
  /// Text of the posted error.
  std::string error() { return only_error(bus_.get()).text; }
  bool send_start(int channels) {
    return gst_pad_send_event(sink.get(), gst_event_new_stream_start("test")) &&
           gst_pad_send_event(sink.get(), gst_event_new_caps(make_caps(audio(channels)).get()));
  }

  ObjectPtr<GstElement> element;
  std::unique_ptr<Listener> listener;
  ObjectPtr<GstPad> sink;

 private:
  ObjectPtr<GstBus> bus_;
};

/// Changes the state to PAUSED and back; returns the error, if any.
inline std::string pause(const Settings& settings) {
  Lone lone(settings);
  EXPECT_EQ(lone.go(GST_STATE_PAUSED), GST_STATE_CHANGE_ASYNC);
  return lone.result() == GST_STATE_CHANGE_SUCCESS ? "" : lone.error();
}

inline Settings operator+(Settings a, const Settings& b) {
  for (const auto& setting : b) a.push_back(setting);
  return a;
}

}  // namespace torchstreamer::test
