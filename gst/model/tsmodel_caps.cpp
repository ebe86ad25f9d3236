#include <string>

#include "base/exceptions.h"
#include "model/model_caps.h"
#include "model/tsmodel.h"

namespace torchstreamer {
namespace {

constexpr int kMostAnswers = 10;  // to a question while models change
constexpr char kCaps[] = GST_AUDIO_CAPS_MAKE(GST_AUDIO_NE(F32)) ", layout = (string) interleaved";
GstStaticPadTemplate sink_template =
    GST_STATIC_PAD_TEMPLATE("sink", GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS(kCaps));
GstStaticPadTemplate src_template =
    GST_STATIC_PAD_TEMPLATE("src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS(kCaps));

}  // namespace

void ts_model_add_templates(GstElementClass* klass) {
  gst_element_class_add_static_pad_template(klass, &sink_template);
  gst_element_class_add_static_pad_template(klass, &src_template);
}

void ts_model_forget_told(gpointer object) {
  const ObjectLock lock(object);
  ts_model_cast(object)->priv->told.clear();
}

void ts_model_post(gpointer object, GstMessageType type, const std::string& text, gchar* debug) {
  gst_element_message_full(GST_ELEMENT(object), type, GST_STREAM_ERROR, GST_STREAM_ERROR_FORMAT,
                           g_strdup(text.c_str()), debug, __FILE__, GST_FUNCTION, __LINE__);
}

GstCaps* ts_model_map_caps(gpointer object, const Model& model, GstPadDirection direction,
                           const GstCaps* caps) {
  return listens(object) ? accepted_caps(model, caps) : model_caps(model, direction, caps);
}

std::string ts_model_explain_refusal(gpointer object, const Model& model, const GstCaps* caps) {
  return listens(object) ? explain_channel_refusal(model, caps) : explain_refusal(model, caps);
}

/// Without a model nothing is known yet, so anything is possible. Where upstream was asked for
/// other audio, that is what the element takes, and besides what flows and what only the model that
/// runs takes.
GstCaps* ts_model_transform_caps(GstBaseTransform* base, GstPadDirection direction, GstCaps* caps,
                                 GstCaps* filter) {
  const GstCaps* audio = direction == GST_PAD_SINK ? caps : filter;  // that comes, or may
  const std::shared_ptr<const Model> model =
      audio && gst_caps_is_fixed(audio) ? ts_model_for(base, audio) : loader_of(base).expected();
  GstCaps* mapped = nullptr;
  if (!model)
    mapped = gst_static_pad_template_get_caps(&src_template);
  else if (!guard_quietly(GST_ELEMENT(base),
                          [&] { mapped = ts_model_map_caps(base, *model, direction, caps); }))
    mapped = gst_caps_new_empty();
  if (!filter) return mapped;
  GstCaps* filtered = gst_caps_intersect_full(filter, mapped, GST_CAPS_INTERSECT_FIRST);
  gst_caps_unref(mapped);
  return filtered;
}

namespace {

/// Why `model` can take none of `caps`; empty where it can, or where nothing is known. May throw.
std::string explain(gpointer object, const std::shared_ptr<const Model>& model, GstCaps* caps) {
  if (!model || gst_caps_is_empty(caps)) return "";
  g_autoptr(GstCaps) possible = gst_static_pad_template_get_caps(&sink_template);
  g_autoptr(GstCaps) audio = gst_caps_intersect(caps, possible);
  if (gst_caps_is_empty(audio))
    return "tsmodel takes interleaved " GST_AUDIO_NE(F32) ". An audioconvert before it makes that.";
  return ts_model_explain_refusal(object, *model, audio);
}

/// Whether `text` was not told yet, or only with less weight. Remembers it. May throw.
bool is_news(gpointer object, const std::string& text, GstMessageType type) {
  const ObjectLock lock(object);
  const auto [told, is_new] = ts_model_cast(object)->priv->told.emplace(text, type);
  const bool is_news = is_new || (type == GST_MESSAGE_ERROR && told->second != type);
  if (is_news) told->second = type;
  return is_news;
}

/// Posts why `model` can take none of `caps`, where that is so: upstream says no more than that
/// it is not negotiated.
void tell_refusal(gpointer object, const std::shared_ptr<const Model>& model, GstCaps* caps,
                  GstMessageType type) {
  const auto tell = [&] {
    const std::string text = explain(object, model, caps);
    if (text.empty() || !is_news(object, text, type)) return;
    ts_model_post(object, type, text, gst_caps_to_string(caps));
  };
  if (type == GST_MESSAGE_ERROR)
    guard(GST_ELEMENT(object), Task::kSettings, tell);
  else
    guard_quietly(GST_ELEMENT(object), tell);
}

/// GstBaseTransform asks several times on the way to an answer. Where another model took over
/// between, it would be none.
gboolean answer_of_one_model(GstBaseTransform* base, GstPadDirection direction, GstQuery* query) {
  const ModelLoader& loader = loader_of(base);
  for (int i = 0;; ++i) {
    const std::shared_ptr<const Model> model = loader.model(), expected = loader.expected();
    const gboolean is_answered = ts_model_parent_class()->query(base, direction, query);
    const bool is_of_one = loader.model() == model && loader.expected() == expected;
    if (is_of_one || i == kMostAnswers) return is_answered;
  }
}

}  // namespace

/// What depends on the model waits for it; where it does not come, all may be. Upstream that is
/// refused here sends no caps and gives up, so this may be the last chance to tell.
gboolean ts_model_query(GstBaseTransform* base, GstPadDirection direction, GstQuery* query) {
  const bool is_about_caps =
      GST_QUERY_TYPE(query) == GST_QUERY_CAPS || GST_QUERY_TYPE(query) == GST_QUERY_ACCEPT_CAPS;
  if (is_about_caps) loader_of(base).wait();
  const gboolean is_answered = is_about_caps
                                   ? answer_of_one_model(base, direction, query)
                                   : ts_model_parent_class()->query(base, direction, query);
  // Before PAUSED, when pads are linked, questions are idle.
  if (!is_answered || direction != GST_PAD_SINK || !loader_of(base).is_following())
    return is_answered;
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
  if (asked && !is_accepted)
    tell_refusal(base, loader_of(base).expected(), asked, GST_MESSAGE_WARNING);
  return is_answered;
}

/// In front of GstBaseTransform's function. Where the model does not come upstream stops as it does
/// at a flush: caps that were refused would be an error of its own, and what is wrong was told.
GstFlowReturn ts_model_take_event(GstPad* pad, GstObject* self, GstEvent* event) {
  ModelLoader& loader = loader_of(self);
  const bool is_caps = GST_EVENT_TYPE(event) == GST_EVENT_CAPS;
  if (is_caps && !(loader.wait() && loader.model())) {
    gst_event_unref(event);
    return GST_FLOW_FLUSHING;
  }
  if (ts_model_cast(self)->priv->take_event(pad, self, event)) return GST_FLOW_OK;
  return is_caps ? GST_FLOW_NOT_NEGOTIATED : GST_FLOW_ERROR;
}

/// Sees caps before GstPad asks whether they are acceptable and, where not, drops them.
GstPadProbeReturn ts_model_watch_events(GstPad* pad, GstPadProbeInfo* info, gpointer self) {
  GstEvent* event = GST_PAD_PROBE_INFO_EVENT(info);
  switch (GST_EVENT_TYPE(event)) {
    case GST_EVENT_FLUSH_START:
    case GST_EVENT_FLUSH_STOP:
      loader_of(self).set_flushing(GST_EVENT_TYPE(event) == GST_EVENT_FLUSH_START);
      break;
    case GST_EVENT_CAPS:
      if (!loader_of(self).wait()) break;
      GstCaps* caps;
      gst_event_parse_caps(event, &caps);
      tell_refusal(self, ts_model_for(GST_BASE_TRANSFORM(self), caps), caps, GST_MESSAGE_ERROR);
      break;
    default:
      break;
  }
  return GST_PAD_PROBE_OK;
}

}  // namespace torchstreamer
