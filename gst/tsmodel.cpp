/**
 * SECTION:element-tsmodel
 * @title: tsmodel
 * @short_description: Runs a TorchScript model over audio, as a stream
 *
 * Streams audio through a model that was written for whole signals. The output equals the model's
 * on the whole signal, for every split of it into buffers, and every frame leaves with the last
 * input frame that it depends on. What the model looks ahead is the latency of the element.
 *
 * The model's [channels, time] are the channels and frames of the audio. The rate and the number of
 * channels that come out follow from the model. What cannot be streamed exactly is refused when the
 * model is loaded, with the reason.
 *
 * A TorchScript file is a program: load only files that you trust.
 *
 * ## Example launch line
 * |[
 * gst-launch-1.0 filesrc location=speech.wav ! wavparse ! audioconvert ! tsresample ! \
 *     audio/x-raw,rate=16000,channels=1 ! tsmodel location=model.pt ! audioconvert ! wavenc ! \
 *     filesink location=out.wav
 * ]|
 */
#include <gst/audio/audio.h>

#include <glib/gstdio.h>
#include <cerrno>
#include <cstring>
#include <map>
#include <string>
#include <tuple>

#include "elements.h"
#include "error.h"
#include "guard.h"
#include "model_caps.h"
#include "model_library.h"
#include "transform.h"

using namespace torchstreamer;

GST_DEBUG_CATEGORY_STATIC(tsmodel_debug);
#define GST_CAT_DEFAULT tsmodel_debug

namespace {

struct Settings {
  std::string location;
  Padding padding = Padding::kModel;
  std::string device = "cpu";

  bool operator==(const Settings& other) const {
    return std::tie(location, padding, device) ==
           std::tie(other.location, other.padding, other.device);
  }
};

struct Private {  // under the object lock
  Settings settings;
  std::shared_ptr<const Model> model;          // from READY on
  Settings loaded;                             // what `model` was made of
  std::map<std::string, GstMessageType> told;  // refusals of caps, once each
};

struct GstTsModel {
  TsTransform parent;
  Private* priv;
};

struct GstTsModelClass {
  TsTransformClass parent_class;
};

enum { PROP_0, PROP_LOCATION, PROP_PADDING, PROP_DEVICE };

constexpr char kCaps[] = GST_AUDIO_CAPS_MAKE(GST_AUDIO_NE(F32)) ", layout = (string) interleaved";
GstStaticPadTemplate sink_template =
    GST_STATIC_PAD_TEMPLATE("sink", GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS(kCaps));
GstStaticPadTemplate src_template =
    GST_STATIC_PAD_TEMPLATE("src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS(kCaps));

GType padding_get_type() {
  static const GEnumValue values[] = {
      {static_cast<int>(Padding::kModel), "As in the model: the output keeps its edges", "model"},
      {static_cast<int>(Padding::kValid), "None: convolutions and pools drop theirs", "valid"},
      {0, nullptr, nullptr}};
  static const GType type = g_enum_register_static("GstTsModelPadding", values);
  return type;
}

GType gst_ts_model_get_type();
G_DEFINE_TYPE(GstTsModel, gst_ts_model, ts_transform_get_type())

GstTsModel* cast(gpointer object) {
  return G_TYPE_CHECK_INSTANCE_CAST(object, gst_ts_model_get_type(), GstTsModel);
}

Settings copy_settings(gpointer object) {
  GST_OBJECT_LOCK(object);
  Settings copy = cast(object)->priv->settings;
  GST_OBJECT_UNLOCK(object);
  return copy;
}

std::shared_ptr<const Model> current_model(gpointer object) {
  GST_OBJECT_LOCK(object);
  std::shared_ptr<const Model> model = cast(object)->priv->model;
  GST_OBJECT_UNLOCK(object);
  return model;
}

bool is_loaded(gpointer object, const Settings& settings) {
  GST_OBJECT_LOCK(object);
  const Private& priv = *cast(object)->priv;
  const bool is_loaded = priv.model && priv.loaded == settings;
  GST_OBJECT_UNLOCK(object);
  return is_loaded;
}

/// The file that `location` names; empty, after an element error, where there is none.
std::string find_file(GstElement* element, const std::string& location) {
  if (location.empty()) {
    GST_ELEMENT_ERROR(element, RESOURCE, NOT_FOUND, ("No model: the property location names none."),
                      (nullptr));
    return "";
  }
  std::string path = location;
  if (gst_uri_is_valid(location.c_str())) {
    g_autoptr(GError) error = nullptr;
    g_autofree gchar* file = g_filename_from_uri(location.c_str(), nullptr, &error);
    if (!file) {
      GST_ELEMENT_ERROR(element, RESOURCE, OPEN_READ,
                        ("%s is neither a path nor a file:// URI.", location.c_str()),
                        ("%s", error->message));
      return "";
    }
    path = file;
  }
  if (g_access(path.c_str(), R_OK) != 0) {
    const int reason = errno;
    const gint code =
        reason == ENOENT ? GST_RESOURCE_ERROR_NOT_FOUND : GST_RESOURCE_ERROR_OPEN_READ;
    gst_element_message_full(
        element, GST_MESSAGE_ERROR, GST_RESOURCE_ERROR, code,
        g_strdup_printf("Model %s cannot be read: %s.", path.c_str(), g_strerror(reason)), nullptr,
        __FILE__, GST_FUNCTION, __LINE__);
    return "";
  }
  if (g_file_test(path.c_str(), G_FILE_TEST_IS_REGULAR)) return path;
  GST_ELEMENT_ERROR(element, RESOURCE, OPEN_READ,
                    ("%s is not a file, so it is no model.", path.c_str()), (nullptr));
  return "";
}

/// The model that `settings` ask for; null after an element error.
std::shared_ptr<const Model> load(GstElement* element, const Settings& settings) {
  const std::string path = find_file(element, settings.location);
  if (path.empty()) return nullptr;
  const LoadModel load_model = find_load_model(element);
  if (!load_model) return nullptr;
  std::shared_ptr<const Model> model;
  guard(element, Task::kLoading, [&] {
    LoadOptions options;
    options.padding = settings.padding;
    options.device = settings.device;
    model.reset(load_model(path.c_str(), options));
  });
  return model;
}

/// Loads what the properties ask for, unless it is loaded.
bool prepare(GstElement* element) {
  const Settings settings = copy_settings(element);
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
  const char* text = G_VALUE_HOLDS_STRING(value) ? g_value_get_string(value) : nullptr;
  GST_OBJECT_LOCK(object);
  if (GST_STATE(object) > GST_STATE_READY)
    GST_WARNING_OBJECT(object, "%s takes effect at the next READY", pspec->name);
  Settings& settings = cast(object)->priv->settings;
  switch (id) {
    case PROP_LOCATION:
      settings.location = text ? text : "";
      break;
    case PROP_PADDING:
      settings.padding = static_cast<Padding>(g_value_get_enum(value));
      break;
    case PROP_DEVICE:
      settings.device = text ? text : Settings().device;
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
  }
  GST_OBJECT_UNLOCK(object);
}

void get_property(GObject* object, guint id, GValue* value, GParamSpec* pspec) {
  const Settings settings = copy_settings(object);
  switch (id) {
    case PROP_LOCATION:
      g_value_set_string(value, settings.location.empty() ? nullptr : settings.location.c_str());
      break;
    case PROP_PADDING:
      g_value_set_enum(value, static_cast<int>(settings.padding));
      break;
    case PROP_DEVICE:
      g_value_set_string(value, settings.device.c_str());
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
  }
}

void finalize(GObject* object) {
  delete cast(object)->priv;
  G_OBJECT_CLASS(gst_ts_model_parent_class)->finalize(object);
}

void install_properties(GObjectClass* klass) {
  const auto flags = static_cast<GParamFlags>(G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS |
                                              GST_PARAM_MUTABLE_READY);
  g_object_class_install_property(
      klass, PROP_LOCATION,
      g_param_spec_string("location", "Location",
                          "The TorchScript file to run: a path or a file:// URI", nullptr, flags));
  g_object_class_install_property(
      klass, PROP_PADDING,
      g_param_spec_enum("padding", "Padding", "What the padding of the model's layers becomes",
                        padding_get_type(), static_cast<int>(Padding::kModel), flags));
  g_object_class_install_property(
      klass, PROP_DEVICE,
      g_param_spec_string("device", "Device", "Where the model runs, as PyTorch names it",
                          Settings().device.c_str(), flags));
}

void gst_ts_model_class_init(GstTsModelClass* klass) {
  GST_DEBUG_CATEGORY_INIT(tsmodel_debug, "tsmodel", 0, "TorchScript models as streams");

  auto* object_class = G_OBJECT_CLASS(klass);
  object_class->set_property = set_property;
  object_class->get_property = get_property;
  object_class->finalize = finalize;
  install_properties(object_class);
  gst_type_mark_as_plugin_api(padding_get_type(), static_cast<GstPluginAPIFlags>(0));

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
