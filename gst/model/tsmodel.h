// The parts of tsmodel, for each other.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "base/transform.h"
#include "loader/model_loader.h"
#include "loader/settings.h"

namespace torchstreamer {

enum OutputMode { kAudio, kMessage };
enum SwapMode { kDrain, kCross };

/// How and when another model takes over.
struct SwapSettings {
  SwapMode mode = kDrain;
  GstClockTime running_time = GST_CLOCK_TIME_NONE;  // NONE: as soon as possible
};

struct TsModelPrivate {
  explicit TsModelPrivate(GstElement* element) : loader(element) {}

  ModelLoader loader;
  GstPadEventFunction take_event = nullptr;  // of the sink pad, as GstBaseTransform has it
  // Under the object lock:
  ModelSettings settings;
  SwapSettings swap;
  OutputMode output_mode = kAudio;
  std::map<std::string, GstMessageType> told;  // refusals of caps, once each
  // Streaming thread:
  GstClockTime patience_ns = 0;        // so much audio may come before that which was asked for
  gint64 patient_until_us = 0;         // and it may come until then, on the monotonic clock
  std::optional<TakenOver> crossing;   // to be told when it crossed
  std::optional<TakenOver> took_over;  // to be told with the frame that comes
};

struct GstTsModel {
  TsTransform parent;
  TsModelPrivate* priv;
};

struct GstTsModelClass {
  TsTransformClass parent_class;
};

GType gst_ts_model_get_type();

inline GstTsModel* ts_model_cast(gpointer object) {
  return G_TYPE_CHECK_INSTANCE_CAST(object, gst_ts_model_get_type(), GstTsModel);
}

inline ModelLoader& loader_of(gpointer object) { return ts_model_cast(object)->priv->loader; }

/// Whether the model only listens. Set when the element starts.
inline bool listens(gpointer object) {
  return gst_base_transform_is_passthrough(GST_BASE_TRANSFORM(object));
}

/// The virtual functions that it overrides and calls.
inline const GstBaseTransformClass* ts_model_parent_class() {
  return GST_BASE_TRANSFORM_CLASS(g_type_class_peek(ts_transform_get_type()));
}

// tsmodel_caps.cpp: what may flow.

GstCaps* ts_model_transform_caps(GstBaseTransform* base, GstPadDirection direction, GstCaps* caps,
                                 GstCaps* filter);
gboolean ts_model_query(GstBaseTransform* base, GstPadDirection direction, GstQuery* query);
/// The function of the sink pad.
GstFlowReturn ts_model_take_event(GstPad* pad, GstObject* self, GstEvent* event);
/// A probe of the sink pad.
GstPadProbeReturn ts_model_watch_events(GstPad* pad, GstPadProbeInfo* info, gpointer self);
void ts_model_add_templates(GstElementClass* klass);
/// What was told of refused caps may be told again.
void ts_model_forget_told(gpointer object);
/// What comes out of `model`, or comes in, for `caps` on the side of `direction`. May throw.
GstCaps* ts_model_map_caps(gpointer object, const Model& model, GstPadDirection direction,
                           const GstCaps* caps);
/// Why `model` can take none of `caps`; empty where it can. May throw.
std::string ts_model_explain_refusal(gpointer object, const Model& model, const GstCaps* caps);
void ts_model_post(gpointer object, GstMessageType type, const std::string& text, gchar* debug);

// tsmodel_swap.cpp: which model gets it.

SwapSettings ts_model_copy_swap_settings(gpointer object);
/// The model through which audio of these caps, fixed ones, runs or would run: the one that runs
/// where it can, but the next one where that waits for such audio or only it can. Null: none.
std::shared_ptr<const Model> ts_model_for(GstBaseTransform* base, const GstCaps* caps);
/// This audio comes from now on: the model takes over that it is for. Streaming thread.
void ts_model_begin_audio(GstBaseTransform* base, const GstAudioInfo& info);
void ts_model_end_crossover(TsTransform* self, GstClockTime pts);
/// Tells which model the frame at `pts` is the first one for, if it is one.
void ts_model_before_audio(TsTransform* self, GstClockTime pts);
/// Nothing is to be told any more.
void ts_model_forget_swap(gpointer object);
GstFlowReturn ts_model_submit_input_buffer(GstBaseTransform* base, gboolean is_discont,
                                           GstBuffer* buffer);

}  // namespace torchstreamer
