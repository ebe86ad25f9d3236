// Fuzzes one element, FUZZ_ELEMENT, with random buffers, events, queries, properties and states: no
// crash and no critical GLib message. tsmodel runs the models in FUZZ_MODELS, which are separated
// by colons.
#include <fuzzer/FuzzedDataProvider.h>
#include <gst/audio/audio.h>
#include <gst/check/gstharness.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <utility>

#include "call_properties.h"
#include "elements.h"

extern "C" {
GST_PLUGIN_STATIC_DECLARE(FUZZ_ELEMENT);
}

namespace {

constexpr char kElement[] = G_STRINGIFY(FUZZ_ELEMENT);
const bool is_model = g_str_equal(kElement, "tsmodel");

constexpr const char* kFormats[] = {"F32LE", "S16LE", "U8", "S24LE", "F64LE", "S32BE"};
constexpr int kRates[] = {8000, 11025, 16000, 44100, 48000};

class Player {
 public:
  Player(const uint8_t* data, size_t bytes) : data_(data, bytes) {
    element_ = gst_element_factory_make(kElement, nullptr);
    gst_element_set_bus(element_, bus_);
    if (is_model) g_object_set(element_, "location", models()[0].c_str(), nullptr);
    change_state(element_, GST_STATE_PAUSED);
    harness_ = gst_harness_new_with_element(element_, "sink", "src");
    gst_harness_set_drop_buffers(harness_, TRUE);
    gst_audio_info_init(&info_);
    begin();
  }
  ~Player() {
    gst_harness_teardown(harness_);
    gst_element_set_bus(element_, nullptr);
    gst_object_unref(element_);
    gst_object_unref(bus_);
  }

  void play() {
    for (int i = 0; i < 64 && data_.remaining_bytes() > 0; ++i) play_one();
  }

 private:
  int number(int low, int high) { return data_.ConsumeIntegralInRange<int>(low, high); }
  GstClockTime time() {
    const int kind = number(0, 7);
    if (kind == 0) return GST_CLOCK_TIME_NONE;
    if (kind == 1) return data_.ConsumeIntegral<uint64_t>() >> 2;
    return number(0, 3000) * GST_MSECOND;
  }

  void begin() {
    gst_harness_push_event(harness_, gst_event_new_stream_start("fuzz"));
    send_caps();
    send_segment();
  }

  void cycle() {
    gst_element_set_state(element_, data_.ConsumeBool() ? GST_STATE_READY : GST_STATE_NULL);
    if (is_model) g_object_set(element_, "output-mode", number(0, 1), nullptr);
    if (data_.ConsumeBool()) set_property();
    change_state(element_, GST_STATE_PLAYING);
    begin();
  }

  void change_model() {
    const int model = number(0, static_cast<int>(models().size()) - 1);
    const bool is_other = model != std::exchange(model_, model);
    g_object_set(element_, "location", models()[model].c_str(), "swap", number(0, 1), nullptr);
    if (is_other) wait_for_model();
  }

  void reload() {
    g_signal_emit_by_name(element_, "reload");
    wait_for_model();
  }

  /// Waits for the end of loading if the element loads in the background; without it a run would
  /// not be repeatable.
  void wait_for_model() {
    if (GST_STATE(element_) < GST_STATE_PAUSED) return;
    for (GstProgressType type = GST_PROGRESS_TYPE_START; type == GST_PROGRESS_TYPE_START;) {
      GstMessage* message = gst_bus_timed_pop_filtered(bus_, GST_SECOND / 2, GST_MESSAGE_PROGRESS);
      if (!message) return;
      gst_message_parse_progress(message, &type, nullptr, nullptr);
      gst_message_unref(message);
    }
  }

  GstCaps* random_caps() {
    // Mostly caps that the models accept.
    const bool is_any = !is_model || number(0, 7) == 0;
    const bool is_planar = is_any && data_.ConsumeBool();
    return gst_caps_new_simple("audio/x-raw", "format", G_TYPE_STRING,
                               is_any ? data_.PickValueInArray(kFormats) : kFormats[0], "rate",
                               G_TYPE_INT, data_.PickValueInArray(kRates), "channels", G_TYPE_INT,
                               number(1, 2), "layout", G_TYPE_STRING,
                               is_planar ? "non-interleaved" : "interleaved", nullptr);
  }

  void send_caps() {
    GstCaps* caps = random_caps();
    gst_audio_info_from_caps(&info_, caps);
    // Downstream accepts any output of a model, or the caps of the input at a random rate.
    GstCaps* other = is_model ? gst_caps_new_any() : gst_caps_copy(caps);
    if (!is_model)
      gst_caps_set_simple(other, "rate", G_TYPE_INT, data_.PickValueInArray(kRates), nullptr);
    gst_harness_set_sink_caps(harness_, other);
    gst_harness_push_event(harness_, gst_event_new_caps(caps));
    gst_caps_unref(caps);
  }

  void send_segment() {
    GstSegment segment;
    gst_segment_init(&segment, GST_FORMAT_TIME);
    constexpr double kSpeeds[] = {1, 2, 0.5, -1};
    segment.rate = data_.PickValueInArray(kSpeeds);
    segment.start = number(0, 1000) * GST_MSECOND;
    if (data_.ConsumeBool()) segment.stop = segment.start + number(0, 1000) * GST_MSECOND;
    gst_harness_push_event(harness_, gst_event_new_segment(&segment));
  }

  void push() {
    const int frames = number(0, 3000);
    // Sometimes not a whole number of frames.
    const gsize bytes = frames * GST_AUDIO_INFO_BPF(&info_) + (number(0, 9) == 0 ? 1 : 0);
    GstBuffer* buffer = gst_buffer_new_allocate(nullptr, bytes, nullptr);
    gst_buffer_memset(buffer, 0, data_.ConsumeIntegral<uint8_t>(), bytes);
    if (GST_AUDIO_INFO_LAYOUT(&info_) == GST_AUDIO_LAYOUT_NON_INTERLEAVED && frames > 0 &&
        number(0, 9) > 0)
      gst_buffer_add_audio_meta(buffer, &info_, frames, nullptr);
    GST_BUFFER_PTS(buffer) = time();
    GST_BUFFER_DURATION(buffer) = time();
    constexpr GstBufferFlags kFlags[] = {GST_BUFFER_FLAG_DISCONT, GST_BUFFER_FLAG_GAP,
                                         GST_BUFFER_FLAG_RESYNC};
    if (data_.ConsumeBool()) GST_BUFFER_FLAG_SET(buffer, data_.PickValueInArray(kFlags));
    gst_harness_push(harness_, buffer);
  }

  void send_event(int kind) {
    switch (kind) {
      case 0:
        gst_harness_push_event(harness_, gst_event_new_eos());
        gst_harness_push_event(harness_, gst_event_new_stream_start("more"));
        send_segment();
        break;
      case 1:
        gst_harness_push_event(harness_, gst_event_new_gap(number(0, 2000) * GST_MSECOND, time()));
        break;
      case 2:
        gst_harness_push_event(harness_, gst_event_new_flush_start());
        gst_harness_push_event(harness_, gst_event_new_flush_stop(data_.ConsumeBool()));
        send_segment();
        break;
      case 3:
        gst_harness_push_event(harness_,
                               gst_event_new_segment_done(GST_FORMAT_TIME, number(0, 1000)));
        break;
      case 4:
        gst_harness_push_event(
            harness_, gst_event_new_tag(gst_tag_list_new(GST_TAG_TITLE, "title", nullptr)));
        break;
      case 5:
        gst_harness_push_event(harness_, gst_event_new_custom(GST_EVENT_CUSTOM_DOWNSTREAM,
                                                              gst_structure_new_empty("fuzz")));
        break;
      default:
        gst_harness_push_upstream_event(harness_, gst_event_new_reconfigure());
    }
  }

  void set_property() {
    switch (number(0, 5)) {
      case 0:
        g_object_set(element_, "block-duration", static_cast<guint64>(number(0, 1 << 26)), nullptr);
        break;
      case 1:
        g_object_set(element_, "processing-latency", time(), nullptr);
        break;
      case 2:
        g_object_set(element_, "tolerance", static_cast<guint64>(number(0, 1 << 30)), nullptr);
        break;
      default:
        is_model ? set_model_property() : set_filter_property();
    }
  }

  void set_filter_property() {
    switch (number(0, 2)) {
      case 0:
        g_object_set(element_, "lowpass-filter-width", number(1, 64), nullptr);
        break;
      case 1:
        g_object_set(element_, "rolloff", number(1, 1000) / 1000.0, nullptr);
        break;
      default:
        g_object_set(element_, "resampling-method", number(0, 1), nullptr);
    }
  }

  void set_model_property() {
    switch (number(0, 9)) {
      case 0:
        g_object_set(element_, "swap-time", time(), nullptr);
        break;
      case 1:
        return reload();
      case 2:  // seldom, because most values load a model
        set_call_property(element_, data_);
        // No message: the same value, or a block model that gets new inputs while it runs.
        if (gst_bus_have_pending(bus_)) wait_for_model();
        break;
      default:
        change_model();
    }
  }

  void query() {
    GstStructure* stats = nullptr;
    guint64 latency_ns;
    g_object_get(element_, "stats", &stats, "latency", &latency_ns, nullptr);
    gst_structure_free(stats);
    gst_harness_query_latency(harness_);
    GstCaps* filter = random_caps();
    GstCaps* caps = gst_pad_query_caps(harness_->sinkpad, filter);
    gst_caps_unref(filter);
    gst_caps_unref(caps);
  }

  void play_one() {
    gst_bus_set_flushing(bus_, TRUE);  // drops all messages
    gst_bus_set_flushing(bus_, FALSE);
    switch (number(0, 12)) {
      case 12:
        if (number(0, 3) == 0) return cycle();
        return push();
      case 0:
        return send_caps();
      case 1:
        return send_segment();
      case 2:
        return set_property();
      case 3:
        return query();
      case 4:
      case 5:
        return send_event(number(0, 6));
      default:
        return push();
    }
  }

  FuzzedDataProvider data_;
  GstBus* const bus_ = gst_bus_new();
  GstElement* element_;
  int model_ = 0;
  GstHarness* harness_;
  GstAudioInfo info_;
};

}  // namespace

extern "C" int LLVMFuzzerInitialize(int* argc, char*** argv) {
  gst_init(nullptr, nullptr);
  GST_PLUGIN_STATIC_REGISTER(FUZZ_ELEMENT);
  if (is_model) keep_models(kElement);
  // The fuzzer saves the input when abort() raises a signal.
  g_log_set_default_handler(
      [](const gchar* domain, GLogLevelFlags level, const gchar* message, gpointer) {
        if ((level & G_LOG_LEVEL_MASK) > G_LOG_LEVEL_CRITICAL) return;
        std::fprintf(stderr, "%s: %s\n", domain, message);
        std::abort();
      },
      nullptr);
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t bytes) {
  Player(data, bytes).play();
  return 0;
}
