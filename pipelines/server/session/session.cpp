#include "server/session/session.h"

#include "server/session/sessions.h"

namespace torchstreamer::server {
namespace {

constexpr double kLate_s = 0.05;

double seconds_since(gint64 start_us) {
  return 1e-6 * static_cast<double>(g_get_monotonic_time() - start_us);
}

}  // namespace

Session::Session(Sessions* sessions, const SessionRequest& request)
    : sessions_(sessions),
      request_(request),
      id_(sessions->next_id()),
      model_(sessions->models().find(request.model)),
      start_us_(g_get_monotonic_time()),
      active_us_(start_us_) {
  pipeline_ =
      std::make_unique<Pipeline>(*model_, request.input, request.output, request.pace, this);
}

Session::~Session() = default;

void Session::reload() {
  if (auto model = sessions_->models().find(request_.model)) model_ = std::move(model);
  pipeline_->reload();
}

/// A client need not do anything while the model computes.
bool Session::is_client_awaited() const {
  return is_write_pending() || (pipeline_->has_room() && !pipeline_->is_ended());
}

void Session::check_limits() {
  if (!is_client_awaited()) mark_active();
  const Settings& settings = sessions_->settings();
  if (seconds_since(active_us_) > static_cast<double>(settings.idle_s))
    fail({SOUP_STATUS_REQUEST_TIMEOUT, "No data moved for " + std::to_string(settings.idle_s) +
                                           " seconds. Read the output while the input is sent."});
  else if (pipeline_->output_s() > static_cast<double>(settings.max_duration_s))
    fail({SOUP_STATUS_REQUEST_ENTITY_TOO_LARGE, "A session may have at most " +
                                                    std::to_string(settings.max_duration_s) +
                                                    " seconds of audio."});
}

void Session::receive(const void* data, size_t bytes) {
  mark_active();
  bytes_in_ += bytes;
  sessions_->metrics().bytes_in += bytes;
  if (bytes_in_ > sessions_->settings().max_bytes)
    fail({SOUP_STATUS_REQUEST_ENTITY_TOO_LARGE,
          "A session may receive at most " + std::to_string(sessions_->settings().max_bytes) +
              " bytes."});
  else
    pipeline_->push(data, bytes);
}

void Session::count_output(size_t bytes) {
  Metrics& metrics = sessions_->metrics();
  bytes_out_ += bytes;
  metrics.bytes_out += bytes;
  if (request_.pace != Pace::kLive || is_waiting_for_client_ || pipeline_->delay_s() < 0) return;
  metrics.delays.add(pipeline_->delay_s());
  ++metrics.live_outputs;
  if (pipeline_->delay_s() > kLate_s) ++metrics.late_outputs;
}

Ref<GBytes> Session::take_output() {
  const Ref<GstSample> sample = pipeline_->pull();
  if (!sample) return nullptr;
  GstMapInfo map;
  GstBuffer* buffer = gst_sample_get_buffer(sample.get());
  if (!gst_buffer_map(buffer, &map, GST_MAP_READ)) return nullptr;
  std::string bytes;
  GstAudioInfo info;
  if (request_.output.container == Container::kWav && !has_header_ &&
      gst_audio_info_from_caps(&info, gst_sample_get_caps(sample.get())))
    bytes = wav_header(GST_AUDIO_INFO_FORMAT(&info), info.rate, info.channels);
  has_header_ = true;
  bytes.append(reinterpret_cast<const char*>(map.data), map.size);
  gst_buffer_unmap(buffer, &map);
  count_output(bytes.size());
  return Ref<GBytes>(g_bytes_new(bytes.data(), bytes.size()));
}

void Session::finish(const std::string& result) {
  sessions_->log().info("session ended", {{"id", std::to_string(id_)},
                                          {"model", request_.model},
                                          {"kind", name_of(request_.pace)},
                                          {"address", request_.address},
                                          {"bytes_in", std::to_string(bytes_in_)},
                                          {"bytes_out", std::to_string(bytes_out_)},
                                          {"audio_s", std::to_string(pipeline_->output_s())},
                                          {"wall_s", std::to_string(seconds_since(start_us_))},
                                          {"result", result}});
  sessions_->remove(id_);
}

}  // namespace torchstreamer::server
