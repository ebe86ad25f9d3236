#include "model/negotiation.h"

#include <gst/audio/audio.h>

#include <utility>
#include <vector>

#include "base/exceptions.h"
#include "model/caps.h"
#include "model/messages.h"
#include "process/exit_barrier.h"

namespace torchstreamer {
namespace {

constexpr int kMaxQueries = 10;  // maximum number of repetitions of a query while models change
constexpr char kCaps[] = GST_AUDIO_CAPS_MAKE(GST_AUDIO_NE(F32)) ", layout = (string) interleaved";
GstStaticPadTemplate sink_template =
    GST_STATIC_PAD_TEMPLATE("sink", GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS(kCaps));
GstStaticPadTemplate src_template =
    GST_STATIC_PAD_TEMPLATE("src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS(kCaps));

/// The caps of a query that was refused; null for other queries.
GstCaps* refused_caps(GstQuery* query) {
  GstCaps *caps = nullptr, *result = nullptr;
  gboolean is_accepted = TRUE;
  if (GST_QUERY_TYPE(query) == GST_QUERY_CAPS) {
    gst_query_parse_caps(query, &caps);
    gst_query_parse_caps_result(query, &result);
    is_accepted = !result || !gst_caps_is_empty(result);
  } else if (GST_QUERY_TYPE(query) == GST_QUERY_ACCEPT_CAPS) {
    gst_query_parse_accept_caps(query, &caps);
    gst_query_parse_accept_caps_result(query, &is_accepted);
  }
  return is_accepted ? nullptr : caps;
}

}  // namespace

Negotiation::Negotiation(GstBaseTransform* element, const GstBaseTransformClass* parent_class,
                         ModelLoader* loader)
    : element_(element),
      parent_class_(parent_class),
      loader_(loader),
      parent_handle_event_(GST_PAD_EVENTFUNC(GST_BASE_TRANSFORM_SINK_PAD(element))) {
  GstPad* sink = GST_BASE_TRANSFORM_SINK_PAD(element);
  gst_pad_set_event_full_function_full(sink, handle_event, this, nullptr);
  gst_pad_add_probe(sink,
                    static_cast<GstPadProbeType>(GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM |
                                                 GST_PAD_PROBE_TYPE_EVENT_FLUSH),
                    watch_event, this, nullptr);
}

void Negotiation::add_templates(GstElementClass* klass) {
  gst_element_class_add_static_pad_template(klass, &sink_template);
  gst_element_class_add_static_pad_template(klass, &src_template);
}

// Models and caps

GstCaps* Negotiation::map(const Model& model, GstPadDirection direction,
                          const GstCaps* caps) const {
  const ExitBarrier::Hold hold;
  return gst_base_transform_is_passthrough(element_) ? accepted_caps(model, caps)
                                                     : map_caps(model, direction, caps);
}

std::string Negotiation::explain_refusal(const Model& model, const GstCaps* caps) const {
  const ExitBarrier::Hold hold;
  return gst_base_transform_is_passthrough(element_) ? explain_analysis_refusal(model, caps)
                                                     : torchstreamer::explain_refusal(model, caps);
}

std::string Negotiation::explain_misfit(const Model& model, const GstCaps* caps) const {
  const std::string refusal = explain_refusal(model, caps);
  if (!refusal.empty()) return refusal;
  g_autoptr(GstCaps) output = map(model, GST_PAD_SINK, caps);
  g_autoptr(GstCaps) accepted =
      gst_pad_peer_query_caps(GST_BASE_TRANSFORM_SRC_PAD(element_), output);
  if (!gst_caps_is_empty(accepted)) return "";
  g_autofree gchar* text = gst_caps_to_string(output);
  return std::string("No element downstream of tsmodel accepts the output of the model, ") + text +
         ".";
}

bool Negotiation::can_request_audio(const Model& model) const {
  GstPad *sink = GST_BASE_TRANSFORM_SINK_PAD(element_), *src = GST_BASE_TRANSFORM_SRC_PAD(element_);
  g_autoptr(GstCaps) possible = gst_pad_get_pad_template_caps(src);
  g_autoptr(GstCaps) accepted = gst_pad_peer_query_caps(src, possible);
  g_autoptr(GstCaps) wanted = map(model, GST_PAD_SRC, accepted);
  g_autoptr(GstCaps) sent = gst_pad_peer_query_caps(sink, wanted);
  return !gst_caps_is_empty(sent);
}

bool Negotiation::is_current(const GstCaps* caps) const {
  g_autoptr(GstCaps) current = gst_pad_get_current_caps(GST_BASE_TRANSFORM_SINK_PAD(element_));
  return current && gst_caps_is_equal(current, caps);
}

std::shared_ptr<const Model> Negotiation::model_for(const GstCaps* caps) const {
  std::shared_ptr<const Model> model = loader_->model();
  const std::optional<NextModel> next = loader_->next();
  if (!model || !next || is_current(caps)) return model;
  const bool is_next_first = next->awaits_caps;
  for (const auto& candidate :
       {is_next_first ? next->model : model, is_next_first ? model : next->model}) {
    bool fits = false;
    run_quietly(GST_ELEMENT(element_), [&] { fits = explain_misfit(*candidate, caps).empty(); });
    if (fits) return candidate;
  }
  return model;
}

/// While the loader waits for different audio, the element accepts that audio, the current audio,
/// and the audio that only the running model accepts.
GstCaps* Negotiation::transform_caps(GstPadDirection direction, GstCaps* caps,
                                     GstCaps* filter) const {
  const GstCaps* input = direction == GST_PAD_SINK ? caps : filter;
  const std::shared_ptr<const Model> model =
      input && gst_caps_is_fixed(input) ? model_for(input) : loader_->negotiated_model();
  GstCaps* mapped = nullptr;
  if (!model)
    mapped = gst_static_pad_template_get_caps(&src_template);
  else if (!run_quietly(GST_ELEMENT(element_), [&] { mapped = map(*model, direction, caps); }))
    mapped = gst_caps_new_empty();
  if (!filter) return mapped;
  GstCaps* filtered = gst_caps_intersect_full(filter, mapped, GST_CAPS_INTERSECT_FIRST);
  gst_caps_unref(mapped);
  return filtered;
}

// Reports

void Negotiation::reset_reported_refusals() {
  const ObjectLock lock(element_);
  reported_refusals_.clear();
}

/// Stores `text` as reported. Returns true if it was not reported yet, or only as a warning. May
/// throw.
bool Negotiation::is_new_report(const std::string& text, GstMessageType type) {
  const ObjectLock lock(element_);
  const auto [reported, is_first] = reported_refusals_.emplace(text, type);
  const bool is_new = is_first || (type == GST_MESSAGE_ERROR && reported->second != type);
  if (is_new) reported->second = type;
  return is_new;
}

/// Posts the reason if `model`, which may be null, accepts none of `caps`. Upstream would report
/// only that it is not negotiated.
void Negotiation::report_refusal(const std::shared_ptr<const Model>& model, GstCaps* caps,
                                 GstMessageType type) {
  const auto report = [&] {
    if (!model || gst_caps_is_empty(caps)) return;
    g_autoptr(GstCaps) possible = gst_static_pad_template_get_caps(&sink_template);
    g_autoptr(GstCaps) audio = gst_caps_intersect(caps, possible);
    const std::string text =
        gst_caps_is_empty(audio)
            ? "tsmodel accepts interleaved " GST_AUDIO_NE(F32) ". An audioconvert before it "
              "converts to it."
            : explain_refusal(*model, audio);
    if (text.empty() || !is_new_report(text, type)) return;
    post_caps_message(GST_ELEMENT(element_), type, text, gst_caps_to_string(caps));
  };
  if (type == GST_MESSAGE_ERROR)
    run_guarded(GST_ELEMENT(element_), ErrorContext::kSettings, report);
  else
    run_quietly(GST_ELEMENT(element_), report);
}

/// Posts the reported reasons as errors if upstream ends without caps that were accepted: it did
/// not find any. Its own error does not contain the reasons.
void Negotiation::report_end_without_caps() {
  g_autoptr(GstCaps) caps = gst_pad_get_current_caps(GST_BASE_TRANSFORM_SINK_PAD(element_));
  if (caps) return;
  std::vector<std::string> texts;
  {
    const ObjectLock lock(element_);
    for (auto& [reported, type] : reported_refusals_)
      if (std::exchange(type, GST_MESSAGE_ERROR) == GST_MESSAGE_WARNING) texts.push_back(reported);
  }
  for (const std::string& text : texts)
    post_caps_message(GST_ELEMENT(element_), GST_MESSAGE_ERROR, text,
                      g_strdup("upstream ended without audio that the model accepts"));
}

// Queries and events

/// GstBaseTransform maps caps several times to answer a query. If a different model took over
/// meanwhile, the answer could be inconsistent, and the query is repeated.
gboolean Negotiation::consistent_query(GstPadDirection direction, GstQuery* query) const {
  for (int i = 0;; ++i) {
    const std::shared_ptr<const Model> model = loader_->model(),
                                       expected = loader_->negotiated_model();
    const gboolean is_answered = parent_class_->query(element_, direction, query);
    const bool is_consistent = loader_->model() == model && loader_->negotiated_model() == expected;
    if (is_consistent || i == kMaxQueries) return is_answered;
  }
}

/// Also reports the reason for a refusal, because upstream may then stop without sending caps.
gboolean Negotiation::query(GstPadDirection direction, GstQuery* query) {
  if (GST_QUERY_TYPE(query) != GST_QUERY_CAPS && GST_QUERY_TYPE(query) != GST_QUERY_ACCEPT_CAPS)
    return parent_class_->query(element_, direction, query);
  loader_->wait_until_loaded();
  const gboolean is_answered = consistent_query(direction, query);
  // Before PAUSED, while pads are linked, refusals are not reported.
  if (!is_answered || direction != GST_PAD_SINK || !loader_->is_started()) return is_answered;
  GstCaps* refused = refused_caps(query);
  if (refused) report_refusal(loader_->negotiated_model(), refused, GST_MESSAGE_WARNING);
  return is_answered;
}

/// Runs before GstBaseTransform's function. If loading the model has failed, upstream is stopped as
/// by a flush: the error has been posted already, and refused caps would cause a second one.
GstFlowReturn Negotiation::handle_event(GstPad* pad, GstObject* element, GstEvent* event) {
  const auto& self = *static_cast<Negotiation*>(pad->eventdata);
  const bool is_caps = GST_EVENT_TYPE(event) == GST_EVENT_CAPS;
  if (is_caps && !(self.loader_->wait_until_loaded() && self.loader_->model())) {
    gst_event_unref(event);
    return GST_FLOW_FLUSHING;
  }
  if (self.parent_handle_event_(pad, element, event)) return GST_FLOW_OK;
  return is_caps ? GST_FLOW_NOT_NEGOTIATED : GST_FLOW_ERROR;
}

/// Probe of the sink pad, which receives caps before GstPad drops those that are not accepted.
GstPadProbeReturn Negotiation::watch_event(GstPad*, GstPadProbeInfo* info, gpointer data) {
  auto& self = *static_cast<Negotiation*>(data);
  GstEvent* event = GST_PAD_PROBE_INFO_EVENT(info);
  switch (GST_EVENT_TYPE(event)) {
    case GST_EVENT_FLUSH_START:
    case GST_EVENT_FLUSH_STOP:
      self.loader_->set_flushing(GST_EVENT_TYPE(event) == GST_EVENT_FLUSH_START);
      break;
    case GST_EVENT_CAPS:
      if (!self.loader_->wait_until_loaded()) break;
      GstCaps* caps;
      gst_event_parse_caps(event, &caps);
      self.report_refusal(self.model_for(caps), caps, GST_MESSAGE_ERROR);
      break;
    case GST_EVENT_EOS:
      run_guarded(GST_ELEMENT(self.element_), ErrorContext::kSettings,
                  [&] { self.report_end_without_caps(); });
      break;
    default:
      break;
  }
  return GST_PAD_PROBE_OK;
}

}  // namespace torchstreamer
