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
 * The rate and the number of channels that come out follow from the model. What cannot be streamed
 * exactly is refused when the model is loaded, with the operator, its place in the model and the
 * reason. These properties take effect when the element goes from NULL or READY upwards.
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
 */
#include <gst/audio/audio.h>

#include <map>
#include <string>

#include "elements.h"
#include "error.h"
#include "guard.h"
#include "model_caps.h"
#include "model_file.h"
#include "model_library.h"
#include "model_settings.h"
#include "transform.h"

using namespace torchstreamer;

GST_DEBUG_CATEGORY_STATIC(tsmodel_debug);
#define GST_CAT_DEFAULT tsmodel_debug

namespace {

struct Private {  // under the object lock
  ModelSettings settings;
  std::shared_ptr<const Model> model;          // from READY on
  ModelSettings loaded;                        // what `model` was made of
  std::map<std::string, GstMessageType> told;  // refusals of caps, once each
};

struct GstTsModel {
  TsTransform parent;
  Private* priv;
};

struct GstTsModelClass {
  TsTransformClass parent_class;
};

constexpr char kCaps[] = GST_AUDIO_CAPS_MAKE(GST_AUDIO_NE(F32)) ", layout = (string) interleaved";
GstStaticPadTemplate sink_template =
    GST_STATIC_PAD_TEMPLATE("sink", GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS(kCaps));
GstStaticPadTemplate src_template =
    GST_STATIC_PAD_TEMPLATE("src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS(kCaps));

GType gst_ts_model_get_type();
G_DEFINE_TYPE(GstTsModel, gst_ts_model, ts_transform_get_type())

GstTsModel* cast(gpointer object) {
  return G_TYPE_CHECK_INSTANCE_CAST(object, gst_ts_model_get_type(), GstTsModel);
}

ModelSettings copy_settings(gpointer object) {
  GST_OBJECT_LOCK(object);
  ModelSettings copy = cast(object)->priv->settings;
  GST_OBJECT_UNLOCK(object);
  return copy;
}

std::shared_ptr<const Model> current_model(gpointer object) {
  GST_OBJECT_LOCK(object);
  std::shared_ptr<const Model> model = cast(object)->priv->model;
  GST_OBJECT_UNLOCK(object);
  return model;
}

bool is_loaded(gpointer object, const ModelSettings& settings) {
  GST_OBJECT_LOCK(object);
  const Private& priv = *cast(object)->priv;
  const bool is_loaded = priv.model && priv.loaded == settings;
  GST_OBJECT_UNLOCK(object);
  return is_loaded;
}

/// The model that `settings` ask for; null after an element error.
std::shared_ptr<const Model> load(GstElement* element, const ModelSettings& settings) {
  const std::string path = find_model_file(element, settings.location);
  if (path.empty()) return nullptr;
  const LoadModel load_model = find_load_model(element);
  if (!load_model) return nullptr;
  std::shared_ptr<const Model> model;
  guard(element, Task::kLoading, [&] { model.reset(load_model(path.c_str(), settings.options)); });
  return model;
}

/// Loads what the properties ask for, unless it is loaded.
bool prepare(GstElement* element) {
  const ModelSettings settings = copy_settings(element);
  if (is_loaded(element, settings)) return true;
  std::shared_ptr<const Model> model = load(element, settings);
  if (!model) return false;
  GST_OBJECT_LOCK(element);
  cast(element)->priv->model.swap(model);  // the old one is freed outside the lock
  cast(element)->priv->loaded = settings;
  GST_OBJECT_UNLOCK(element);
  return true;
}

void unload(GstElement* element) {
  std::shared_ptr<const Model> model;  // freed outside the lock
  GST_OBJECT_LOCK(element);
  model.swap(cast(element)->priv->model);
  GST_OBJECT_UNLOCK(element);
}

void forget_told(gpointer object) {
  GST_OBJECT_LOCK(object);
  cast(object)->priv->told.clear();
  GST_OBJECT_UNLOCK(object);
}

GstStateChangeReturn change_state(GstElement* element, GstStateChange transition) {
  const bool goes_up = transition == GST_STATE_CHANGE_NULL_TO_READY ||
                       transition == GST_STATE_CHANGE_READY_TO_PAUSED;
  if (goes_up && !prepare(element)) return GST_STATE_CHANGE_FAILURE;
  if (goes_up) forget_told(element);
  const GstStateChangeReturn result =
      GST_ELEMENT_CLASS(gst_ts_model_parent_class)->change_state(element, transition);
  if (transition == GST_STATE_CHANGE_READY_TO_NULL) unload(element);
  return result;
}

std::unique_ptr<Engine> make_engine(TsTransform* self, const GstAudioInfo* in,
                                    const GstAudioInfo* out) {
  const std::shared_ptr<const Model> model = current_model(self);
  const int channels = GST_AUDIO_INFO_CHANNELS(in);
  if (model->channels_out(channels) != GST_AUDIO_INFO_CHANNELS(out))
    throw Error("the caps after the model have other channels than its output");
  return model->start(channels);
}

/// Without a model nothing is known yet, so anything is possible.
GstCaps* transform_caps(GstBaseTransform* base, GstPadDirection direction, GstCaps* caps,
                        GstCaps* filter) {
  const std::shared_ptr<const Model> model = current_model(base);
  GstCaps* mapped = nullptr;
  if (!model)
    mapped = gst_static_pad_template_get_caps(&src_template);
  else if (!guard_quietly(GST_ELEMENT(base), [&] { mapped = model_caps(*model, direction, caps); }))
    mapped = gst_caps_new_empty();
  if (!filter) return mapped;
  GstCaps* filtered = gst_caps_intersect_full(filter, mapped, GST_CAPS_INTERSECT_FIRST);
  gst_caps_unref(mapped);
  return filtered;
}

/// Why the element can take none of `caps`; empty where it can, or where nothing is known.
std::string explain(gpointer object, GstCaps* caps) {
  const std::shared_ptr<const Model> model = current_model(object);
  if (!model || gst_caps_is_empty(caps)) return "";
  g_autoptr(GstCaps) possible = gst_static_pad_template_get_caps(&sink_template);
  g_autoptr(GstCaps) audio = gst_caps_intersect(caps, possible);
  if (gst_caps_is_empty(audio))
    return "tsmodel takes interleaved " GST_AUDIO_NE(F32) ". An audioconvert before it makes that.";
  std::string text;
  guard_quietly(GST_ELEMENT(object), [&] { text = explain_refusal(*model, audio); });
  return text;
}

/// Whether `text` was not told yet, or only with less weight. Remembers it.
bool is_news(gpointer object, const std::string& text, GstMessageType type) {
  GST_OBJECT_LOCK(object);
  const auto [told, is_new] = cast(object)->priv->told.emplace(text, type);
  const bool is_news = is_new || (type == GST_MESSAGE_ERROR && told->second != type);
  if (is_news) told->second = type;
  GST_OBJECT_UNLOCK(object);
  return is_news;
}

/// Posts why the element can take none of `caps`, where that is so: upstream says no more than that
/// it is not negotiated.
void tell_refusal(gpointer object, GstCaps* caps, GstMessageType type) {
  const std::string text = explain(object, caps);
  if (text.empty() || !is_news(object, text, type)) return;
  gst_element_message_full(GST_ELEMENT(object), type, GST_STREAM_ERROR, GST_STREAM_ERROR_FORMAT,
                           g_strdup(text.c_str()), gst_caps_to_string(caps), __FILE__, GST_FUNCTION,
                           __LINE__);
}

/// Before PAUSED, when pads are linked, questions are idle.
bool is_negotiating(gpointer object) {
  GST_OBJECT_LOCK(object);
  const bool is_negotiating = GST_STATE(object) >= GST_STATE_PAUSED;
  GST_OBJECT_UNLOCK(object);
  return is_negotiating;
}

/// Upstream that is refused here sends no caps and gives up, so this may be the last chance to
/// tell.
gboolean query(GstBaseTransform* base, GstPadDirection direction, GstQuery* query) {
  const gboolean is_answered =
      GST_BASE_TRANSFORM_CLASS(gst_ts_model_parent_class)->query(base, direction, query);
  if (!is_answered || direction != GST_PAD_SINK || !is_negotiating(base)) return is_answered;
  GstCaps *asked = nullptr, *answer = nullptr;
  gboolean is_accepted = FALSE;
  if (GST_QUERY_TYPE(query) == GST_QUERY_CAPS) {
    gst_query_parse_caps(query, &asked);
    gst_query_parse_caps_result(query, &answer);
    is_accepted = !answer || !gst_caps_is_empty(answer);
  } else if (GST_QUERY_TYPE(query) == GST_QUERY_ACCEPT_CAPS) {
    gst_query_parse_accept_caps(query, &asked);
    gst_query_parse_accept_caps_result(query, &is_accepted);
  }
  if (asked && !is_accepted) tell_refusal(base, asked, GST_MESSAGE_WARNING);
  return is_answered;
}

/// Sees caps before GstPad asks whether they are acceptable and, where not, drops them.
GstPadProbeReturn watch_caps(GstPad* pad, GstPadProbeInfo* info, gpointer self) {
  GstEvent* event = GST_PAD_PROBE_INFO_EVENT(info);
  if (GST_EVENT_TYPE(event) == GST_EVENT_CAPS) {
    GstCaps* caps;
    gst_event_parse_caps(event, &caps);
    tell_refusal(self, caps, GST_MESSAGE_ERROR);
  }
  return GST_PAD_PROBE_OK;
}

/// Refused caps do not come here: those that do are other ones.
gboolean sink_event(GstBaseTransform* base, GstEvent* event) {
  if (GST_EVENT_TYPE(event) == GST_EVENT_CAPS || GST_EVENT_TYPE(event) == GST_EVENT_FLUSH_STOP)
    forget_told(base);
  return GST_BASE_TRANSFORM_CLASS(gst_ts_model_parent_class)->sink_event(base, event);
}

void set_property(GObject* object, guint id, const GValue* value, GParamSpec* pspec) {
  GST_OBJECT_LOCK(object);
  if (GST_STATE(object) > GST_STATE_READY)
    GST_WARNING_OBJECT(object, "%s takes effect at the next READY", pspec->name);
  const bool is_set = set_model_property(&cast(object)->priv->settings, id, value);
  GST_OBJECT_UNLOCK(object);
  if (!is_set) G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
}

void get_property(GObject* object, guint id, GValue* value, GParamSpec* pspec) {
  if (!get_model_property(copy_settings(object), id, value))
    G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
}

void finalize(GObject* object) {
  delete cast(object)->priv;
  G_OBJECT_CLASS(gst_ts_model_parent_class)->finalize(object);
}

void gst_ts_model_class_init(GstTsModelClass* klass) {
  GST_DEBUG_CATEGORY_INIT(tsmodel_debug, "tsmodel", 0, "TorchScript models as streams");

  auto* object_class = G_OBJECT_CLASS(klass);
  object_class->set_property = set_property;
  object_class->get_property = get_property;
  object_class->finalize = finalize;
  install_model_properties(object_class);

  auto* element_class = GST_ELEMENT_CLASS(klass);
  element_class->change_state = change_state;
  gst_element_class_add_static_pad_template(element_class, &sink_template);
  gst_element_class_add_static_pad_template(element_class, &src_template);
  gst_element_class_set_static_metadata(element_class, "TorchScript model", "Filter/Effect/Audio",
                                        "Runs an offline PyTorch audio model as an exact stream",
                                        "torchstreamer");

  auto* transform_class = GST_BASE_TRANSFORM_CLASS(klass);
  transform_class->transform_caps = transform_caps;
  transform_class->query = query;
  transform_class->sink_event = sink_event;
  ts_transform_class_cast(klass)->make_engine = make_engine;
}

void gst_ts_model_init(GstTsModel* self) {
  self->priv = new Private;
  gst_pad_add_probe(GST_BASE_TRANSFORM_SINK_PAD(self), GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM,
                    watch_caps, self, nullptr);
  gst_base_transform_set_prefer_passthrough(&self->parent.parent, FALSE);
}

}  // namespace

GST_ELEMENT_REGISTER_DEFINE(tsmodel, "tsmodel", GST_RANK_NONE, gst_ts_model_get_type())
