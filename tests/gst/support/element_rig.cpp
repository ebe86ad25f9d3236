#include "gst/support/element_rig.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <vector>

namespace torchstreamer::test {
namespace {

GstElement* make_element(const std::string& factory) {
  GstElement* element = gst_element_factory_make(factory.c_str(), nullptr);
  if (!element) g_error("no element %s; see GST_PLUGIN_PATH", factory.c_str());
  return element;
}

int sample_bytes(const GstAudioInfo& info) { return GST_AUDIO_INFO_WIDTH(&info) / 8; }

using MessagePtr = std::unique_ptr<GstMessage, decltype(&gst_message_unref)>;

/// Removes the messages of a type. The others stay on the bus.
std::vector<MessagePtr> take_messages(GstBus* bus, GstMessageType type) {
  std::vector<MessagePtr> taken;
  std::vector<GstMessage*> others;
  while (GstMessage* message = gst_bus_pop(bus)) {
    if (GST_MESSAGE_TYPE(message) == type)
      taken.emplace_back(message, gst_message_unref);
    else
      others.push_back(message);
  }
  for (GstMessage* message : others) gst_bus_post(bus, message);
  return taken;
}

}  // namespace

BufferPtr make_buffer(const GstAudioInfo& info, const Bytes& frames, GstClockTime pts) {
  BufferPtr buffer(gst_buffer_new_allocate(nullptr, frames.size(), nullptr));
  const int64_t count = frames.size() / GST_AUDIO_INFO_BPF(&info);
  if (is_interleaved(info)) {
    gst_buffer_fill(buffer.get(), 0, frames.data(), frames.size());
  } else {
    const int width = sample_bytes(info), channels = GST_AUDIO_INFO_CHANNELS(&info);
    Bytes planes(frames.size());
    for (int64_t t = 0; t < count; ++t)
      for (int c = 0; c < channels; ++c)
        std::memcpy(&planes[(c * count + t) * width], &frames[(t * channels + c) * width], width);
    gst_buffer_fill(buffer.get(), 0, planes.data(), planes.size());
    gst_buffer_add_audio_meta(buffer.get(), &info, count, nullptr);
  }
  GST_BUFFER_PTS(buffer.get()) = pts;
  GST_BUFFER_DURATION(buffer.get()) =
      gst_util_uint64_scale_round(count, GST_SECOND, GST_AUDIO_INFO_RATE(&info));
  return buffer;
}

Bytes read_frames(const GstAudioInfo& info, GstBuffer* buffer) {
  GstAudioBuffer audio;
  if (!gst_audio_buffer_map(&audio, &info, buffer, GST_MAP_READ)) g_error("buffer not mapped");
  const int width = sample_bytes(info), channels = GST_AUDIO_INFO_CHANNELS(&info);
  const int64_t count = audio.n_samples;
  Bytes frames(count * GST_AUDIO_INFO_BPF(&info));
  if (is_interleaved(info)) {
    if (count > 0) std::memcpy(frames.data(), audio.planes[0], frames.size());
  } else {
    for (int64_t t = 0; t < count; ++t)
      for (int c = 0; c < channels; ++c)
        std::memcpy(&frames[(t * channels + c) * width],
                    static_cast<uint8_t*>(audio.planes[c]) + t * width, width);
  }
  gst_audio_buffer_unmap(&audio);
  return frames;
}

Bytes slice(const GstAudioInfo& info, const Bytes& frames, int64_t first, int64_t count) {
  const int64_t bpf = GST_AUDIO_INFO_BPF(&info);
  return Bytes(frames.begin() + first * bpf, frames.begin() + (first + count) * bpf);
}

Bytes make_noise(const GstAudioInfo& info, int64_t frames, unsigned seed) {
  std::mt19937 random(seed);
  Bytes bytes(frames * GST_AUDIO_INFO_BPF(&info));
  if (!GST_AUDIO_FORMAT_INFO_IS_FLOAT(info.finfo)) {
    for (uint8_t& byte : bytes) byte = random();
    return bytes;
  }
  const int width = sample_bytes(info);
  std::uniform_real_distribution<double> level(-1, 1);
  for (size_t at = 0; at < bytes.size(); at += width) {
    const double value = level(random);
    const float narrow = static_cast<float>(value);
    const void* sample = &narrow;
    if (width == 8) sample = &value;
    std::memcpy(&bytes[at], sample, width);
    if (GST_AUDIO_FORMAT_INFO_ENDIANNESS(info.finfo) != G_BYTE_ORDER)
      std::reverse(bytes.begin() + at, bytes.begin() + at + width);
  }
  return bytes;
}

ErrorMessage parse_error(GstMessage* message) {
  GError* error;
  gchar* debug;
  if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_WARNING)
    gst_message_parse_warning(message, &error, &debug);
  else if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_INFO)
    gst_message_parse_info(message, &error, &debug);
  else
    gst_message_parse_error(message, &error, &debug);
  const ErrorMessage parsed = {error->domain, error->code, error->message, debug ? debug : ""};
  g_error_free(error);
  g_free(debug);
  gst_message_unref(message);
  return parsed;
}

GstStateChangeReturn change_state(GstElement* element, GstState state) {
  const GstStateChangeReturn result = gst_element_set_state(element, state);
  if (result != GST_STATE_CHANGE_ASYNC) return result;
  return gst_element_get_state(element, nullptr, nullptr, GST_CLOCK_TIME_NONE);
}

GstHarness* make_harness(const std::string& line) {
  GstElement* bin = gst_parse_bin_from_description(line.c_str(), TRUE, nullptr);
  gst_object_ref_sink(bin);
  change_state(bin, GST_STATE_PAUSED);
  GstHarness* harness = gst_harness_new_with_element(bin, "sink", "src");
  gst_object_unref(bin);
  return harness;
}

ElementRig::ElementRig(const std::string& factory,
                       const std::vector<std::pair<std::string, std::string>>& settings)
    : element(make_element(factory)), bus_(gst_bus_new()) {
  gst_element_set_bus(element, bus_);
  set("discont-wait", "0");  // every jump of timestamps ends the signal at once
  for (const auto& [property, value] : settings) set(property, value);
  // The harness aborts if an element does not change to PLAYING at once.
  if (change_state(element, GST_STATE_PAUSED) != GST_STATE_CHANGE_SUCCESS)
    throw std::runtime_error(factory + " does not start: " + first_text(take_errors()));
  take_messages(bus_, GST_MESSAGE_PROGRESS);  // those about the first model
  harness = gst_harness_new_with_element(element, "sink", "src");
  GstPad* pad = gst_element_get_static_pad(element, "src");
  gst_pad_add_probe(
      pad,
      static_cast<GstPadProbeType>(GST_PAD_PROBE_TYPE_BUFFER | GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM |
                                   GST_PAD_PROBE_TYPE_EVENT_FLUSH),
      record, this, nullptr);
  gst_object_unref(pad);
}

ElementRig::~ElementRig() {
  gst_harness_teardown(harness);
  gst_element_set_bus(element, nullptr);
  gst_object_unref(element);
  gst_object_unref(bus_);
}

GstPadProbeReturn ElementRig::record(GstPad*, GstPadProbeInfo* info, gpointer self) {
  Item item;
  if (info->type & GST_PAD_PROBE_TYPE_BUFFER)
    item.buffer.reset(gst_buffer_ref(GST_PAD_PROBE_INFO_BUFFER(info)));
  else
    item.event.reset(gst_event_ref(GST_PAD_PROBE_INFO_EVENT(info)));
  static_cast<ElementRig*>(self)->items_.push_back(std::move(item));
  return GST_PAD_PROBE_OK;
}

bool ElementRig::start(const std::string& in, const std::string& out) {
  gst_harness_set_sink_caps_str(harness, out.c_str());
  return send(gst_event_new_stream_start("test")) && send_caps(in) &&
         send_segment(0, GST_CLOCK_TIME_NONE);
}

bool ElementRig::send_segment(GstClockTime start, GstClockTime stop, double rate) {
  GstSegment segment;
  gst_segment_init(&segment, GST_FORMAT_TIME);
  segment.rate = rate;
  segment.start = start;
  segment.stop = stop;
  segment.time = start;
  return send(gst_event_new_segment(&segment));
}

GstFlowReturn ElementRig::push_all(const GstAudioInfo& info, const Bytes& frames,
                                   int64_t frames_per_buffer, GstClockTime pts) {
  const int64_t count = frames.size() / GST_AUDIO_INFO_BPF(&info);
  for (int64_t first = 0; first < count; first += frames_per_buffer) {
    const int64_t size = std::min(frames_per_buffer, count - first);
    const GstClockTime since =
        gst_util_uint64_scale_round(first, GST_SECOND, GST_AUDIO_INFO_RATE(&info));
    const GstClockTime at = GST_CLOCK_TIME_IS_VALID(pts) ? pts + since : pts;
    const GstFlowReturn flow = push(make_buffer(info, slice(info, frames, first, size), at));
    if (flow != GST_FLOW_OK) return flow;
  }
  return GST_FLOW_OK;
}

void ElementRig::set(const std::string& property, const std::string& value) {
  gst_util_set_object_arg(G_OBJECT(element), property.c_str(), value.c_str());
}

std::vector<BufferPtr> ElementRig::take_buffers() {
  std::vector<BufferPtr> buffers;
  for (Item& item : take())
    if (item.buffer) buffers.push_back(std::move(item.buffer));
  return buffers;
}

Bytes ElementRig::take_frames() {
  const GstAudioInfo info = out_info();
  Bytes frames;
  for (const BufferPtr& buffer : take_buffers()) {
    const Bytes more = read_frames(info, buffer.get());
    frames.insert(frames.end(), more.begin(), more.end());
  }
  return frames;
}

GstAudioInfo ElementRig::out_info() const {
  GstPad* pad = gst_element_get_static_pad(element, "src");
  CapsPtr caps(gst_pad_get_current_caps(pad));
  gst_object_unref(pad);
  GstAudioInfo info;
  gst_audio_info_init(&info);
  if (caps) gst_audio_info_from_caps(&info, caps.get());
  return info;
}

GstClockTime ElementRig::latency_ns() const {
  guint64 latency_ns;
  g_object_get(element, "latency", &latency_ns, nullptr);
  return latency_ns;
}

StructurePtr ElementRig::stats() const {
  GstStructure* stats;
  g_object_get(element, "stats", &stats, nullptr);
  return StructurePtr(stats);
}

uint64_t ElementRig::stat(const char* name) const {
  guint64 value = 0;
  gst_structure_get_uint64(stats().get(), name, &value);
  return value;
}

std::string ElementRig::rate_ratio() const {
  int num, den;
  if (!gst_structure_get_fraction(stats().get(), "rate-ratio", &num, &den)) return "none";
  return std::to_string(num) + "/" + std::to_string(den);
}

std::vector<ErrorMessage> ElementRig::take_errors(GstMessageType type) {
  std::vector<ErrorMessage> errors;
  std::vector<MessagePtr> messages = take_messages(bus_, type);
  for (MessagePtr& message : messages) errors.push_back(parse_error(message.release()));
  return errors;
}

int ElementRig::count_messages(GstMessageType type) {
  int count = 0;
  while (GstMessage* message = gst_bus_pop_filtered(bus_, type)) {
    ++count;
    gst_message_unref(message);
  }
  return count;
}

std::string first_text(const std::vector<ErrorMessage>& errors) {
  return errors.empty() ? "" : errors[0].text;
}

bool has_flag(const BufferPtr& buffer, GstBufferFlags flag) {
  return GST_BUFFER_FLAG_IS_SET(buffer.get(), flag);
}

}  // namespace torchstreamer::test
