// The GStreamer pipeline of one session.
#pragma once

#include <gst/app/app.h>

#include <atomic>
#include <deque>
#include <memory>
#include <mutex>
#include <string>

#include "server/audio/audio_format.h"
#include "server/audio/models.h"
#include "server/failure.h"

namespace torchstreamer::server {

/// Gets the events of a Pipeline, in the main context.
class PipelineListener {
 public:
  virtual ~PipelineListener() = default;
  /// has_room() has become true.
  virtual void on_room() = 0;
  /// pull() has a result, or is_over() has become true.
  virtual void on_output() = 0;
  virtual void on_failure(const Failure& failure) = 0;
};

/// Priority of a session: those that are not live yield to live ones.
enum class Pace { kLive, kFile };

/// "live" or "file".
const char* name_of(Pace pace);

/// Decodes audio, runs a model and encodes the result, in one thread of its own:
///
///   appsrc ! (decoder) ! audioconvert ! tsresample ! tsmodel ! audioconvert ! tsresample
///     ! capsfilter ! (encoder) ! appsink
///
/// Both ends are bounded: the thread waits while nobody pulls, and has_room() is false while the
/// input waits. Samples are not dithered. All functions are called in the thread of the main
/// context.
class Pipeline {
 public:
  /// `listener` must exist until the destructor. Throws Failure or std::runtime_error.
  Pipeline(const LoadedModel& model, const InputFormat& input, const OutputFormat& output,
           Pace pace, PipelineListener* listener);
  ~Pipeline();
  Pipeline(const Pipeline&) = delete;
  Pipeline& operator=(const Pipeline&) = delete;

  bool has_room() const;
  /// Appends bytes to the input. Raw audio may be cut anywhere, also inside a frame.
  void push(const void* data, size_t bytes);
  /// Marks the end of the input.
  void end();
  bool is_ended() const { return is_ended_; }

  /// Next part of the output; nullptr: none yet.
  Ref<GstSample> pull();
  bool is_over() const;

  /// Seconds of audio that have come out.
  double output_s() const { return output_s_; }
  /// CPU time of the thread in seconds.
  double cpu_s() const;
  /// Time from the arrival of the last input frame that the last output depends on to pull(), in
  /// seconds; below 0: unknown. Raw input only.
  double delay_s() const { return delay_s_; }
  /// Statistics of tsmodel.
  Ref<GstStructure> model_stats() const;
  void reload() { g_signal_emit_by_name(model_.get(), "reload"); }

 private:
  struct Link;

  void push_buffer(GstBuffer* buffer, uint64_t frames);
  GstElement* add(const char* factory);
  GstElement* append(GstElement* element);
  void build_decoder(Container container);
  void build_model(const LoadedModel& model);
  void build_encoder();
  void connect();
  void on_message(GstMessage* message);
  void measure(GstSample* sample);

  InputFormat input_;
  OutputFormat output_;
  PipelineListener* listener_;
  Ref<GstElement> pipeline_;
  Ref<GstElement> source_, sink_, model_;
  /// First element after the decoder.
  GstElement* converter_ = nullptr;
  /// Last element that was appended.
  GstElement* last_ = nullptr;
  std::shared_ptr<Link> link_;

  std::string partial_frame_;
  uint64_t input_frames_ = 0;
  bool is_ended_ = false;
  double output_s_ = 0;
  double delay_s_ = -1;

  struct Arrival {
    GstClockTime end_ns;
    gint64 time_us;
  };
  std::deque<Arrival> arrivals_;
};

}  // namespace torchstreamer::server
