// Drives one element through a GstHarness and records its output in order.
#pragma once

#include <gst/audio/audio.h>
#include <gst/check/gstharness.h>

#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

namespace torchstreamer::test {

using Bytes = std::vector<uint8_t>;

struct Unref {
  void operator()(GstBuffer* buffer) const { gst_buffer_unref(buffer); }
  void operator()(GstEvent* event) const { gst_event_unref(event); }
  void operator()(GstCaps* caps) const { gst_caps_unref(caps); }
  void operator()(GstStructure* structure) const { gst_structure_free(structure); }
};
using BufferPtr = std::unique_ptr<GstBuffer, Unref>;
using EventPtr = std::unique_ptr<GstEvent, Unref>;
using CapsPtr = std::unique_ptr<GstCaps, Unref>;
using StructurePtr = std::unique_ptr<GstStructure, Unref>;

/// A buffer or an event that the element pushed.
struct Item {
  BufferPtr buffer;
  EventPtr event;
};

struct ErrorMessage {
  GQuark domain;
  int code;
  std::string text, debug;
};

/// Changes the state and waits for the end of the change. Returns its result.
GstStateChangeReturn change_state(GstElement* element, GstState state);

/// A harness of the elements in `line`. Waits until their models are loaded.
GstHarness* make_harness(const std::string& line);

/// Content of an error, a warning or an info message. Takes ownership of `message`.
ErrorMessage parse_error(GstMessage* message);

inline CapsPtr make_caps(const std::string& text) {
  return CapsPtr(gst_caps_from_string(text.c_str()));
}

inline GstAudioInfo make_info(const std::string& caps) {
  GstAudioInfo info;
  gst_audio_info_from_caps(&info, make_caps(caps).get());
  return info;
}

inline bool is_interleaved(const GstAudioInfo& info) {
  return GST_AUDIO_INFO_LAYOUT(&info) == GST_AUDIO_LAYOUT_INTERLEAVED;
}

/// A buffer of `frames`, [frames, channels] bytes, in the layout of `info`.
BufferPtr make_buffer(const GstAudioInfo& info, const Bytes& frames, GstClockTime pts);

/// The samples of `buffer` as bytes, [frames, channels] for both layouts.
Bytes read_frames(const GstAudioInfo& info, GstBuffer* buffer);

/// `count` frames of `frames`, beginning with frame `first`.
Bytes slice(const GstAudioInfo& info, const Bytes& frames, int64_t first, int64_t count);

/// Noise in any raw format; floating-point samples are finite.
Bytes make_noise(const GstAudioInfo& info, int64_t frames, unsigned seed);

class ElementRig {
 public:
  /// `settings`: properties as in a launch line, set before the element leaves NULL. Waits until a
  /// model is loaded. Throws std::runtime_error if the element does not start.
  explicit ElementRig(const std::string& factory,
                      const std::vector<std::pair<std::string, std::string>>& settings = {});
  ~ElementRig();
  ElementRig(const ElementRig&) = delete;
  ElementRig& operator=(const ElementRig&) = delete;

  /// Sends stream-start, the caps `in` and a TIME segment; downstream accepts the caps `out`.
  bool start(const std::string& in, const std::string& out = "ANY");
  bool send(GstEvent* event) { return gst_harness_push_event(harness, event); }
  bool send_caps(const std::string& in) { return send(gst_event_new_caps(make_caps(in).get())); }
  bool send_segment(GstClockTime start, GstClockTime stop, double rate = 1.0);
  void send_eos() { send(gst_event_new_eos()); }
  GstFlowReturn push(BufferPtr buffer) { return gst_harness_push(harness, buffer.release()); }
  /// Pushes `frames` in buffers of `frames_per_buffer` frames, with exact timestamps from `pts` on,
  /// or without timestamps if `pts` is NONE.
  GstFlowReturn push_all(const GstAudioInfo& info, const Bytes& frames, int64_t frames_per_buffer,
                         GstClockTime pts = 0);
  void set(const std::string& property, const std::string& value);

  /// Output since the last call.
  std::vector<Item> take() { return std::exchange(items_, {}); }
  /// The buffers of take().
  std::vector<BufferPtr> take_buffers();
  /// The frames of take_buffers(), joined.
  Bytes take_frames();
  /// Current output caps.
  GstAudioInfo out_info() const;
  GstClockTime latency_ns() const;
  StructurePtr stats() const;
  uint64_t stat(const char* name) const;
  /// Field "rate-ratio" of the statistics; "none" if there is no such field.
  std::string rate_ratio() const;

  /// Errors (or messages of `type`) since the last call.
  std::vector<ErrorMessage> take_errors(GstMessageType type = GST_MESSAGE_ERROR);
  int count_messages(GstMessageType type);

  GstElement* const element;
  GstHarness* harness = nullptr;

 private:
  static GstPadProbeReturn record(GstPad* pad, GstPadProbeInfo* info, gpointer self);

  std::vector<Item> items_;
  GstBus* bus_;
};

/// Text of the first error; empty if there is none.
std::string first_text(const std::vector<ErrorMessage>& errors);

bool has_flag(const BufferPtr& buffer, GstBufferFlags flag);

}  // namespace torchstreamer::test
