#include "server/audio/pipeline.h"

#include <pthread.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <ctime>
#include <stdexcept>

#include "server/audio/fresh_threads.h"

namespace torchstreamer::server {
namespace {

constexpr guint64 kMaxInputBytes = 256 * 1024;
/// Larger messages are divided: the output has a limit of buffers.
constexpr size_t kMaxBufferBytes = 32 * 1024;
/// A buffer of a few samples takes more memory than the samples.
constexpr guint64 kMaxInputBuffers = 1024;
constexpr guint kMaxOutputBuffers = 16;
/// Nice level of the threads of sessions that are not live.
constexpr int kFileNice = 5;

double seconds(const timespec& time) {
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

}  // namespace

/// The part of a pipeline that its threads reach; it lives until the last of them has left it.
struct Pipeline::Link {
  /// Main thread only; nullptr: the pipeline is gone.
  Pipeline* pipeline = nullptr;
  Pace pace = Pace::kLive;
  std::atomic<bool> is_room_posted{false}, is_output_posted{false};
  std::mutex mutex;
  bool has_clock = false;
  clockid_t clock{};

  using Event = void (PipelineListener::*)();

  /// Calls a function of the listener in the main context, once for many posts.
  static void post(const std::shared_ptr<Link>& link, std::atomic<bool>* is_posted, Event event) {
    if (is_posted->exchange(true)) return;
    struct Call {
      std::shared_ptr<Link> link;
      std::atomic<bool>* is_posted;
      Event event;
    };
    g_idle_add_full(
        G_PRIORITY_DEFAULT,
        [](gpointer data) -> gboolean {
          const auto& call = *static_cast<Call*>(data);
          call.is_posted->store(false);
          if (Pipeline* pipeline = call.link->pipeline) (pipeline->listener_->*call.event)();
          return G_SOURCE_REMOVE;
        },
        new Call{link, is_posted, event}, [](gpointer data) { delete static_cast<Call*>(data); });
  }

  /// Keeps the nice level of a file session from the sessions after it.
  void create_thread(GstMessage* message) const {
    const GValue* task = gst_message_get_stream_status_object(message);
    if (pace == Pace::kFile && task && G_VALUE_HOLDS(task, GST_TYPE_TASK))
      use_fresh_thread(GST_TASK(g_value_get_object(task)));
  }

  void enter_thread() {
    if (pace == Pace::kFile) setpriority(PRIO_PROCESS, static_cast<id_t>(gettid()), kFileNice);
    const std::lock_guard lock(mutex);
    has_clock = pthread_getcpuclockid(pthread_self(), &clock) == 0;
  }

  /// The clock of a thread that has ended must not be read.
  void leave_thread() {
    const std::lock_guard lock(mutex);
    has_clock = false;
  }

  static std::shared_ptr<Link>& of(gpointer data) {
    return *static_cast<std::shared_ptr<Link>*>(data);
  }
  static void destroy(gpointer data) { delete static_cast<std::shared_ptr<Link>*>(data); }
};

const char* name_of(Pace pace) { return pace == Pace::kLive ? "live" : "file"; }

Pipeline::Pipeline(const LoadedModel& model, const InputFormat& input, const OutputFormat& output,
                   Pace pace, PipelineListener* listener)
    : input_(input),
      output_(output),
      listener_(listener),
      pipeline_(static_cast<GstElement*>(gst_object_ref_sink(gst_pipeline_new(nullptr)))),
      link_(std::make_shared<Link>()) {
  link_->pipeline = this;
  link_->pace = pace;
  build_decoder(input.container);
  build_model(model);
  build_encoder();
  connect();
  gst_element_set_state(pipeline_.get(), GST_STATE_PLAYING);
}

Pipeline::~Pipeline() {
  link_->pipeline = nullptr;
  GstBus* bus = gst_element_get_bus(pipeline_.get());
  gst_bus_remove_watch(bus);
  gst_object_unref(bus);
  // A push of a large model may last; the main thread does not wait for it.
  gst_element_call_async(
      pipeline_.get(),
      [](GstElement* pipeline, gpointer) { gst_element_set_state(pipeline, GST_STATE_NULL); },
      nullptr, nullptr);
}

GstElement* Pipeline::add(const char* factory) {
  GstElement* element = gst_element_factory_make(factory, nullptr);
  if (!element)
    throw Failure(SOUP_STATUS_NOT_IMPLEMENTED,
                  std::string("The server lacks the GStreamer element ") + factory + ".");
  gst_bin_add(GST_BIN(pipeline_.get()), element);
  return element;
}

GstElement* Pipeline::append(GstElement* element) {
  if (last_ && !gst_element_link(last_, element))
    throw std::runtime_error("the elements of a session cannot be linked");
  return last_ = element;
}

void Pipeline::build_decoder(Container container) {
  source_.reset(static_cast<GstElement*>(gst_object_ref(append(add("appsrc")))));
  const bool is_raw = container == Container::kRaw;
  g_object_set(source_.get(), "max-bytes", kMaxInputBytes, "format",
               is_raw ? GST_FORMAT_TIME : GST_FORMAT_BYTES, nullptr);
  if (is_raw) gst_app_src_set_caps(GST_APP_SRC(source_.get()), input_.raw.caps().get());
  for (const std::string& factory : decoder_elements(container)) append(add(factory.c_str()));
  converter_ = add("audioconvert");
  GstPad* pad = gst_element_get_static_pad(last_, "src");
  if (pad) {
    gst_object_unref(pad);
    append(converter_);
  } else {
    decode_first_pad(last_, converter_);
    last_ = converter_;
  }
}

void Pipeline::build_model(const LoadedModel& model) {
  append(add("tsresample"));
  model_ = make_model_element(model.info().name, model.settings());
  gst_bin_add(GST_BIN(pipeline_.get()), model_.get());
  append(model_.get());
}

void Pipeline::build_encoder() {
  gst_util_set_object_arg(G_OBJECT(converter_), "dithering", "none");
  GstElement* converter = append(add("audioconvert"));
  gst_util_set_object_arg(G_OBJECT(converter), "dithering", "none");
  append(add("tsresample"));
  GstElement* filter = append(add("capsfilter"));
  g_object_set(filter, "caps", output_.raw.caps().get(), nullptr);
  for (const std::string& factory : encoder_elements(output_.container))
    append(add(factory.c_str()));
  sink_.reset(static_cast<GstElement*>(gst_object_ref(append(add("appsink")))));
  g_object_set(sink_.get(), "sync", FALSE, "max-buffers", kMaxOutputBuffers, nullptr);
}

void Pipeline::connect() {
  GstAppSrcCallbacks source{};
  source.need_data = [](GstAppSrc*, guint, gpointer data) {
    const auto& link = Link::of(data);
    Link::post(link, &link->is_room_posted, &PipelineListener::on_room);
  };
  gst_app_src_set_callbacks(GST_APP_SRC(source_.get()), &source, new std::shared_ptr<Link>(link_),
                            Link::destroy);
  GstAppSinkCallbacks sink{};
  sink.new_sample = [](GstAppSink*, gpointer data) {
    const auto& link = Link::of(data);
    Link::post(link, &link->is_output_posted, &PipelineListener::on_output);
    return GST_FLOW_OK;
  };
  sink.eos = [](GstAppSink*, gpointer data) {
    const auto& link = Link::of(data);
    Link::post(link, &link->is_output_posted, &PipelineListener::on_output);
  };
  gst_app_sink_set_callbacks(GST_APP_SINK(sink_.get()), &sink, new std::shared_ptr<Link>(link_),
                             Link::destroy);
  GstBus* bus = gst_element_get_bus(pipeline_.get());
  gst_bus_set_sync_handler(
      bus,
      [](GstBus*, GstMessage* message, gpointer data) {
        if (GST_MESSAGE_TYPE(message) != GST_MESSAGE_STREAM_STATUS) return GST_BUS_PASS;
        GstStreamStatusType type;
        gst_message_parse_stream_status(message, &type, nullptr);
        if (type == GST_STREAM_STATUS_TYPE_CREATE) Link::of(data)->create_thread(message);
        if (type == GST_STREAM_STATUS_TYPE_ENTER) Link::of(data)->enter_thread();
        if (type == GST_STREAM_STATUS_TYPE_LEAVE) Link::of(data)->leave_thread();
        return GST_BUS_PASS;
      },
      new std::shared_ptr<Link>(link_), Link::destroy);
  gst_bus_add_watch(
      bus,
      [](GstBus*, GstMessage* message, gpointer self) -> gboolean {
        static_cast<Pipeline*>(self)->on_message(message);
        return G_SOURCE_CONTINUE;
      },
      this);
  gst_object_unref(bus);
}

void Pipeline::on_message(GstMessage* message) {
  if (GST_MESSAGE_TYPE(message) != GST_MESSAGE_ERROR) return;
  g_autoptr(GError) error = nullptr;
  gst_message_parse_error(message, &error, nullptr);
  const GstObject* origin = GST_MESSAGE_SRC(message);
  if (origin == GST_OBJECT(model_.get()) || origin == GST_OBJECT(source_.get()))
    listener_->on_failure({SOUP_STATUS_INTERNAL_SERVER_ERROR, error->message});
  else
    listener_->on_failure({SOUP_STATUS_UNSUPPORTED_MEDIA_TYPE,
                           std::string("The audio cannot be decoded: ") + error->message});
}

bool Pipeline::has_room() const {
  auto* source = GST_APP_SRC(source_.get());
  return gst_app_src_get_current_level_bytes(source) < kMaxInputBytes &&
         gst_app_src_get_current_level_buffers(source) < kMaxInputBuffers;
}

void Pipeline::push(const void* data, size_t bytes) {
  if (is_ended_) return;
  partial_frame_.append(static_cast<const char*>(data), bytes);
  size_t frame_bytes = 1;
  if (input_.container == Container::kRaw)
    frame_bytes = static_cast<size_t>(gst_audio_format_get_info(input_.raw.sample)->width / 8 *
                                      input_.raw.channels);
  const size_t whole_bytes = partial_frame_.size() / frame_bytes * frame_bytes;
  const size_t block_bytes = kMaxBufferBytes / frame_bytes * frame_bytes;
  for (size_t i = 0; i < whole_bytes; i += block_bytes) {
    const size_t count = std::min(block_bytes, whole_bytes - i);
    push_buffer(gst_buffer_new_memdup(&partial_frame_[i], count), count / frame_bytes);
  }
  partial_frame_.erase(0, whole_bytes);
}

void Pipeline::push_buffer(GstBuffer* buffer, uint64_t frames) {
  if (input_.container == Container::kRaw) {
    const auto time = [&](uint64_t frame) {
      return gst_util_uint64_scale(frame, GST_SECOND, static_cast<guint64>(input_.raw.rate));
    };
    GST_BUFFER_PTS(buffer) = time(input_frames_);
    input_frames_ += frames;
    GST_BUFFER_DURATION(buffer) = time(input_frames_) - GST_BUFFER_PTS(buffer);
    arrivals_.push_back({time(input_frames_), g_get_monotonic_time()});
  }
  gst_app_src_push_buffer(GST_APP_SRC(source_.get()), buffer);
}

void Pipeline::end() {
  if (!is_ended_) gst_app_src_end_of_stream(GST_APP_SRC(source_.get()));
  is_ended_ = true;
}

Ref<GstSample> Pipeline::pull() {
  Ref<GstSample> sample(gst_app_sink_try_pull_sample(GST_APP_SINK(sink_.get()), 0));
  if (sample) measure(sample.get());
  return sample;
}

bool Pipeline::is_over() const { return gst_app_sink_is_eos(GST_APP_SINK(sink_.get())); }

void Pipeline::measure(GstSample* sample) {
  const GstBuffer* buffer = gst_sample_get_buffer(sample);
  if (!GST_BUFFER_PTS_IS_VALID(buffer) || !GST_BUFFER_DURATION_IS_VALID(buffer)) return;
  const GstClockTime end_ns = GST_BUFFER_PTS(buffer) + GST_BUFFER_DURATION(buffer);
  output_s_ = 1e-9 * static_cast<double>(end_ns);
  guint64 latency_ns = 0;
  g_object_get(model_.get(), "latency", &latency_ns, nullptr);
  while (arrivals_.size() > 1 && arrivals_.front().end_ns < end_ns + latency_ns)
    arrivals_.pop_front();
  if (!arrivals_.empty())
    delay_s_ = 1e-6 * static_cast<double>(g_get_monotonic_time() - arrivals_.front().time_us);
}

double Pipeline::cpu_s() const {
  const std::lock_guard lock(link_->mutex);
  timespec time;
  return link_->has_clock && clock_gettime(link_->clock, &time) == 0 ? seconds(time) : 0;
}

Ref<GstStructure> Pipeline::model_stats() const {
  GstStructure* stats = nullptr;
  g_object_get(model_.get(), "stats", &stats, nullptr);
  return Ref<GstStructure>(stats);
}

}  // namespace torchstreamer::server
