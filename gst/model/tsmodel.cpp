/**
 * SECTION:element-tsmodel
 * @title: tsmodel
 * @short_description: Runs a TorchScript model over audio, as a stream
 *
 * Streams audio through a model that was written for whole signals. The output equals the model's
 * on the whole signal, for every split of it into buffers, and every frame leaves with the last
 * input frame that it depends on. What the model looks ahead is the latency of the element.
 *
 * The signal begins anew, after what is owed of it left, where the input is discontinuous and where
 * its format changes. A gap shorter than the model's receptive field is silence to it, and no gap
 * any more downstream; a longer one ends the signal. What recurrent layers remember has no bound
 * that is known, so it is forgotten then, too. Tags and other serialised events keep their place
 * among the frames.
 *
 * The model's [channels, time] are the channels and frames of the audio, which must have the
 * model's number of channels. With #GstTsModel:channels each, a model of one channel runs over
 * every channel by itself; where it makes several of one, those of the first channel come out
 * first. Of a model with several outputs, #GstTsModel:output chooses one.
 *
 * The rate and the number of channels that come out follow from the model. Where it changes that
 * number, an integer attribute `channel_mask` of the module tells where they are heard; without it
 * two channels are left and right, and others have no positions. What cannot be streamed exactly is
 * refused when the model is loaded, with the operator, its place in the model and the reason.
 *
 * A local file is loaded when the element goes from NULL to READY, a remote one while it goes to
 * PAUSED, which then ends asynchronously. All elements of a process that run the same model share
 * one copy of its weights.
 *
 * ## Another model while audio flows
 *
 * #GstTsModel:location and the other properties that make a model may be set in PAUSED and PLAYING,
 * too; those of one g_object_set() call take effect together. The next model is made ready in the
 * background, with PROGRESS messages, and takes over as #GstTsModel:swap says:
 *
 * * drain: with the first buffer that comes then, or with the frame at #GstTsModel:swap-time, in
 *   the middle of a buffer, too. The signal of the old model ends with the frame before, what it
 *   owes leaves, and a new signal begins, with new caps and latency where they are others.
 * * cross: with the frame at #GstTsModel:swap-time, or a second after it is ready, in the middle of
 *   the signal. The new model listens from a second before, or longer where it hears farther back,
 *   so that each frame is what the one or the other model makes of the whole signal; what
 *   recurrent layers remember begins where it begins to listen. Where the new model makes other
 *   caps of the audio, in reverse, and with the first buffer of a signal, as drain.
 *
 * Where that frame lies in a gap, it is the first one behind the gap. An element message
 * `tsmodel-swap` tells with which frame (`timestamp`, `stream-time`, `running-time`, `location`,
 * `digest`). With cross, a signal that ends before that is left to the old model, and the new one
 * begins with the next signal.
 *
 * Where the new model needs other audio, of another number of channels for instance, and upstream
 * has that, it is asked for, and the new model takes over when it comes. What is set meanwhile is
 * for after that. Where it has not come after ten seconds of audio, which is more than queues hold,
 * what was set meanwhile takes over in its place, or a warning says so and what is set later may;
 * its audio is refused then, if that comes after all and nobody else takes it. A model that cannot
 * be had, or that fits no audio that upstream has and what is behind the element, is a warning, and
 * the old one goes on. #GstTsModel::reload does the same for a file whose content has changed.
 *
 * ## Models whose output is not audio
 *
 * With #GstTsModel:output-mode message the audio passes untouched and without latency, and every
 * frame that the model makes is an element message named `tsmodel`, with these fields:
 *
 * * #guint64 `timestamp`, `stream-time`, `running-time`, `duration`: when the frame begins and how
 *   long it lasts, in nanoseconds; where a window of the model begins is the model's own matter
 * * #GST_TYPE_ARRAY of #gfloat `values`: its channels
 *
 * A gap is forwarded as it is. Messages are posted when the last audio that they depend on passes.
 * A model that makes a frame of every sample makes as many messages.
 *
 * A TorchScript file is a program: load only files that you trust.
 *
 * ## Example launch lines
 * |[
 * gst-launch-1.0 filesrc location=speech.wav ! wavparse ! audioconvert ! tsresample ! \
 *     audio/x-raw,rate=16000,channels=1 ! tsmodel location=model.pt ! audioconvert ! wavenc ! \
 *     filesink location=out.wav
 * ]|
 * A mono model on a file with any number of channels:
 * |[
 * gst-launch-1.0 filesrc location=music.wav ! wavparse ! audioconvert ! \
 *     tsmodel location=mono.pt channels=each ! audioconvert ! wavenc ! filesink location=out.wav
 * ]|
 * What a model says of speech, on the bus:
 * |[
 * gst-launch-1.0 --messages filesrc location=speech.wav ! wavparse ! audioconvert ! \
 *     tsmodel location=vad.pt output-mode=message ! fakesink
 * ]|
 */
#include <gst/audio/audio.h>

#include <algorithm>
#include <string>

#include "base/elements.h"
#include "base/exceptions.h"
#include "model/messages.h"
#include "model/tsmodel.h"
#include "torchstreamer/error.h"

GST_DEBUG_CATEGORY(tsmodel_debug);
#define GST_CAT_DEFAULT tsmodel_debug

namespace torchstreamer {

G_DEFINE_TYPE(GstTsModel, gst_ts_model, ts_transform_get_type())

namespace {

enum { PROP_SWAP_TIME = kModelProperties + 1, PROP_SWAP, PROP_OUTPUT_MODE };

GType swap_mode_get_type() {
  static const GEnumValue values[] = {
      {kDrain, "The signal of the old model ends, and that of the new one begins", "drain"},
      {kCross, "Both hear the signal until the new model goes on where the old one is", "cross"},
      {0, nullptr, nullptr}};
  static const GType type = g_enum_register_static("GstTsModelSwap", values);
  return type;
}

GType output_mode_get_type() {
  static const GEnumValue values[] = {
      {kAudio, "As audio, in place of what came in", "audio"},
      {kMessage, "As element messages, while the audio passes untouched", "message"},
      {0, nullptr, nullptr}};
  static const GType type = g_enum_register_static("GstTsModelOutputMode", values);
  return type;
}

ModelSettings copy_settings(gpointer object) {
  const ObjectLock lock(object);
  return ts_model_cast(object)->priv->settings;
}

OutputMode output_mode(gpointer object) {
  const ObjectLock lock(object);
  return ts_model_cast(object)->priv->output_mode;
}

/// What to load: the properties, and what the application says of secrets in a context.
ModelSettings wanted_settings(GstElement* element) {
  ModelSettings settings = copy_settings(element);
  if (!is_remote(settings.location) || !settings.fetch.authorization.empty()) return settings;
  g_autoptr(GstContext) context = gst_element_get_context(element, kHttpContext);
  if (!context) {
    gst_element_post_message(element,
                             gst_message_new_need_context(GST_OBJECT(element), kHttpContext));
    context = gst_element_get_context(element, kHttpContext);
  }
  settings.fetch.authorization = context_authorization(context);
  return settings;
}

/// Makes ready for the transition.
GstStateChangeReturn prepare(GstElement* element, GstStateChange transition) {
  ModelLoader& loader = loader_of(element);
  switch (transition) {
    case GST_STATE_CHANGE_NULL_TO_READY: {
      const ModelSettings settings = copy_settings(element);
      const bool is_ready = is_remote(settings.location) || loader.load(settings);
      return is_ready ? GST_STATE_CHANGE_SUCCESS : GST_STATE_CHANGE_FAILURE;
    }
    case GST_STATE_CHANGE_READY_TO_PAUSED:
      ts_model_forget_told(element);
      gst_base_transform_set_passthrough(GST_BASE_TRANSFORM(element),
                                         output_mode(element) == kMessage);
      return loader.follow(wanted_settings(element));
    case GST_STATE_CHANGE_PAUSED_TO_READY:
    case GST_STATE_CHANGE_READY_TO_NULL:  // also where PAUSED was never reached
      loader.stop();                      // before pads wait for who waits for a model
      break;
    default:
      break;
  }
  return GST_STATE_CHANGE_SUCCESS;
}

/// Asks for another model, where there is audio for it: else the state changes to come do.
void change_model(GObject* object, bool again) {
  ModelLoader& loader = loader_of(object);
  guard(GST_ELEMENT(object), Task::kNewModel, [&] {
    ModelSettings settings;
    do {
      settings = copy_settings(object);
      if (!again && loader.wants(settings)) return;  // nobody is asked for a context in vain
      loader.change(loader.is_following() ? wanted_settings(GST_ELEMENT(object)) : settings, again);
    } while (!(copy_settings(object) == settings));  // who was asked, or another thread, set more
  });
}

GstStateChangeReturn change_state(GstElement* element, GstStateChange transition) {
  GstStateChangeReturn prepared = GST_STATE_CHANGE_FAILURE;
  if (!guard(element, Task::kLoading, [&] { prepared = prepare(element, transition); }) ||
      prepared == GST_STATE_CHANGE_FAILURE)
    return GST_STATE_CHANGE_FAILURE;
  const GstStateChangeReturn result =
      GST_ELEMENT_CLASS(gst_ts_model_parent_class)->change_state(element, transition);
  if (transition == GST_STATE_CHANGE_READY_TO_PAUSED) {
    if (result == GST_STATE_CHANGE_FAILURE) loader_of(element).stop();
    change_model(G_OBJECT(element), /*again=*/false);  // if set meanwhile
  }
  if (transition == GST_STATE_CHANGE_PAUSED_TO_READY ||
      transition == GST_STATE_CHANGE_READY_TO_NULL) {
    loader_of(element).settle();
    ts_model_forget_swap(element);
  }
  if (transition == GST_STATE_CHANGE_READY_TO_NULL) loader_of(element).unload();
  return result == GST_STATE_CHANGE_SUCCESS ? prepared : result;
}

std::unique_ptr<Engine> make_engine(TsTransform* self, const GstAudioInfo* in,
                                    const GstAudioInfo* out) {
  ts_model_begin_audio(&self->parent, *in);
  const std::shared_ptr<const Model> model = loader_of(self).model();
  const int channels = GST_AUDIO_INFO_CHANNELS(in);
  if (model && !listens(self) && model->channels_out(channels) != GST_AUDIO_INFO_CHANNELS(out))
    throw Error("the caps after the model have other channels than its output");
  return loader_of(self).start(channels);
}

GstAudioInfo frame_info(TsTransform* self, const GstAudioInfo* in) {
  const int channels = loader_of(self).model()->channels_out(GST_AUDIO_INFO_CHANNELS(in));
  GstAudioInfo info;
  gst_audio_info_set_format(&info, GST_AUDIO_FORMAT_F32, GST_AUDIO_INFO_RATE(in), channels,
                            nullptr);
  return info;
}

void take_frame(TsTransform* self, GstBuffer* frame) {
  gst_element_post_message(GST_ELEMENT(self),
                           new_frame_message(GST_OBJECT(self), self->parent.segment, frame));
}

void add_stats(TsTransform* self, GstStructure* stats) {
  guard_quietly(GST_ELEMENT(self), [&] {
    const auto [model, sha256] = loader_of(self).model_and_sha256();
    if (!model) return;
    gst_structure_set(stats, "model-digest", G_TYPE_STRING, sha256.c_str(), "weights-bytes",
                      G_TYPE_UINT64, static_cast<guint64>(model->weights_bytes()), nullptr);
  });
}

/// Refused caps do not come here: those that do are other ones.
gboolean sink_event(GstBaseTransform* base, GstEvent* event) {
  if (GST_EVENT_TYPE(event) == GST_EVENT_CAPS || GST_EVENT_TYPE(event) == GST_EVENT_FLUSH_STOP)
    ts_model_forget_told(base);
  return ts_model_parent_class()->sink_event(base, event);
}

/// Whether there is such a property. May throw.
bool set_one(GObject* object, guint id, const GValue* value) {
  const ObjectLock lock(object);
  TsModelPrivate& priv = *ts_model_cast(object)->priv;
  if (id == PROP_SWAP_TIME)
    priv.swap.running_time = g_value_get_uint64(value);
  else if (id == PROP_SWAP)
    priv.swap.mode = static_cast<SwapMode>(g_value_get_enum(value));
  else if (id == PROP_OUTPUT_MODE)
    priv.output_mode = static_cast<OutputMode>(g_value_get_enum(value));
  else
    return set_model_property(&priv.settings, id, value);
  return true;
}

/// The same. May throw.
bool get_one(GObject* object, guint id, GValue* value) {
  if (id == PROP_SWAP_TIME)
    g_value_set_uint64(value, ts_model_copy_swap_settings(object).running_time);
  else if (id == PROP_SWAP)
    g_value_set_enum(value, ts_model_copy_swap_settings(object).mode);
  else if (id == PROP_OUTPUT_MODE)
    g_value_set_enum(value, output_mode(object));
  else
    return get_model_property(copy_settings(object), id, value);
  return true;
}

void set_property(GObject* object, guint id, const GValue* value, GParamSpec* pspec) {
  bool is_set = true;
  guard(GST_ELEMENT(object), Task::kNewModel, [&] { is_set = set_one(object, id, value); });
  if (!is_set) G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
}

void get_property(GObject* object, guint id, GValue* value, GParamSpec* pspec) {
  bool is_there = true;
  guard_quietly(GST_ELEMENT(object), [&] { is_there = get_one(object, id, value); });
  if (!is_there) G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
}

/// What was set in one call takes effect together.
void dispatch_properties_changed(GObject* object, guint count, GParamSpec** changed) {
  G_OBJECT_CLASS(gst_ts_model_parent_class)->dispatch_properties_changed(object, count, changed);
  const bool is_other_model = std::any_of(changed, changed + count, [](const GParamSpec* pspec) {
    return pspec->owner_type == gst_ts_model_get_type() && pspec->param_id <= kModelProperties;
  });
  if (is_other_model) change_model(object, /*again=*/false);
}

void reload(GstTsModel* self) { change_model(G_OBJECT(self), /*again=*/true); }

void finalize(GObject* object) {
  delete ts_model_cast(object)->priv;
  G_OBJECT_CLASS(gst_ts_model_parent_class)->finalize(object);
}

void install_properties(GObjectClass* klass) {
  install_model_properties(klass);
  g_object_class_install_property(
      klass, PROP_SWAP_TIME,
      g_param_spec_uint64("swap-time", "Swap time",
                          "Running time of the frame with which a model that was asked for while "
                          "audio flows takes over, in nanoseconds; none: as soon as it can",
                          0, G_MAXUINT64, GST_CLOCK_TIME_NONE,
                          static_cast<GParamFlags>(G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS |
                                                   GST_PARAM_MUTABLE_PLAYING)));
  g_object_class_install_property(
      klass, PROP_SWAP,
      g_param_spec_enum("swap", "Swap", "How another model takes over while audio flows",
                        swap_mode_get_type(), kDrain,
                        static_cast<GParamFlags>(G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS |
                                                 GST_PARAM_MUTABLE_PLAYING)));
  gst_type_mark_as_plugin_api(swap_mode_get_type(), static_cast<GstPluginAPIFlags>(0));
  g_object_class_install_property(
      klass, PROP_OUTPUT_MODE,
      g_param_spec_enum("output-mode", "Output mode", "How what the model makes comes out",
                        output_mode_get_type(), kAudio,
                        static_cast<GParamFlags>(G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS |
                                                 GST_PARAM_MUTABLE_READY)));
  gst_type_mark_as_plugin_api(output_mode_get_type(), static_cast<GstPluginAPIFlags>(0));
}

}  // namespace

static void gst_ts_model_class_init(GstTsModelClass* klass) {
  GST_DEBUG_CATEGORY_INIT(tsmodel_debug, "tsmodel", 0, "TorchScript models as streams");

  auto* object_class = G_OBJECT_CLASS(klass);
  object_class->set_property = set_property;
  object_class->get_property = get_property;
  object_class->dispatch_properties_changed = dispatch_properties_changed;
  object_class->finalize = finalize;
  install_properties(object_class);
  /**
   * GstTsModel::reload:
   *
   * Looks at the file again, whose content may have changed. Another content takes over as another
   * #GstTsModel:location does.
   */
  g_signal_new_class_handler("reload", G_TYPE_FROM_CLASS(klass),
                             static_cast<GSignalFlags>(G_SIGNAL_RUN_LAST | G_SIGNAL_ACTION),
                             G_CALLBACK(reload), nullptr, nullptr, nullptr, G_TYPE_NONE, 0);

  auto* element_class = GST_ELEMENT_CLASS(klass);
  element_class->change_state = change_state;
  ts_model_add_templates(element_class);
  gst_element_class_set_static_metadata(element_class, "TorchScript model", "Filter/Effect/Audio",
                                        "Runs an offline PyTorch audio model as an exact stream",
                                        "torchstreamer");

  auto* transform_class = GST_BASE_TRANSFORM_CLASS(klass);
  transform_class->transform_caps = ts_model_transform_caps;
  transform_class->query = ts_model_query;
  transform_class->sink_event = sink_event;
  transform_class->submit_input_buffer = ts_model_submit_input_buffer;
  ts_transform_class_cast(klass)->make_engine = make_engine;
  ts_transform_class_cast(klass)->take_frame = take_frame;
  ts_transform_class_cast(klass)->frame_info = frame_info;
  ts_transform_class_cast(klass)->before_audio = ts_model_before_audio;
  ts_transform_class_cast(klass)->end_crossover = ts_model_end_crossover;
  ts_transform_class_cast(klass)->add_stats = add_stats;
}

static void gst_ts_model_init(GstTsModel* self) {
  self->priv = new TsModelPrivate(GST_ELEMENT(self));
  GstPad* sink = GST_BASE_TRANSFORM_SINK_PAD(self);
  self->priv->take_event = GST_PAD_EVENTFUNC(sink);
  gst_pad_set_event_full_function(sink, ts_model_take_event);
  gst_pad_add_probe(sink,
                    static_cast<GstPadProbeType>(GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM |
                                                 GST_PAD_PROBE_TYPE_EVENT_FLUSH),
                    ts_model_watch_events, self, nullptr);
  gst_base_transform_set_prefer_passthrough(&self->parent.parent, FALSE);
}

}  // namespace torchstreamer

GST_ELEMENT_REGISTER_DEFINE(tsmodel, "tsmodel", GST_RANK_NONE,
                            torchstreamer::gst_ts_model_get_type())
