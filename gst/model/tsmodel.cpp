/**
 * SECTION:element-tsmodel
 * @title: tsmodel
 * @short_description: Runs a PyTorch model over audio, as a stream or block by block
 *
 * Runs a model from a TorchScript file or from a file of torch.export. A model that was written for
 * whole signals is planned as a stream: the output equals the model's output for the whole signal,
 * for every split of the input into buffers. Every frame is pushed with the last input frame that
 * it depends on; the look-ahead of the model is the latency of the element. Other models are called
 * block by block, see below.
 *
 * If the input is discontinuous or its format changes, the remaining output is pushed and the model
 * is reset. A gap shorter than the receptive field of the model is processed as silence and is not
 * a gap downstream. A longer gap ends the signal and resets the model, including its recurrent
 * state, although that has no finite receptive field. Tags and other serialized events keep their
 * position between the frames.
 *
 * The model's [channels, time] are the channels and frames of the audio, which must have the
 * model's number of channels. With #GstTsModel:channels each, a mono model processes every channel
 * independently; if it has several output channels, those of the first input channel come first.
 * If the model has several outputs, #GstTsModel:output selects one.
 *
 * The output rate and number of channels follow from the model. If it changes the number of
 * channels, an integer attribute `channel_mask` of the module gives their positions; without it two
 * channels are left and right, and other numbers have no positions. Operators that cannot be
 * streamed exactly are refused when the model is loaded, with the operator, its place in the model
 * and the reason.
 *
 * A model is loaded in the background during the change to PAUSED, which then ends
 * asynchronously, with PROGRESS messages. All elements of a process that run the same model share
 * one copy of its weights.
 *
 * ## Models that are called block by block
 *
 * Some models cannot be planned as a stream, because they keep a state between calls or take blocks
 * of a fixed size. With #GstTsModel:window, or with a window in the settings of the file, each call
 * of the model gets this number of frames, and the next call starts #GstTsModel:hop frames later,
 * for every split of the input into buffers. A new signal starts with the initial state. Every
 * element has its own state.
 *
 * #GstTsModel:inputs are values of arguments other than the signal. Arguments such as `sample_rate`
 * get the rate of the caps. While audio flows, new inputs of such a model are used from the next
 * call on; those of a planned model take over like a new #GstTsModel:location. Every number among
 * the inputs is a child of the element (#GstChildProxy) with the property `value`, which a control
 * binding can control for a model that is called block by block.
 *
 * If the model has a sample rate, only audio of this rate is accepted.
 *
 * ## Swapping models while audio flows
 *
 * #GstTsModel:location and the other properties that select the model may also be set in PAUSED and
 * PLAYING; those of one g_object_set() call take effect together. The next model is prepared in the
 * background, with PROGRESS messages, and takes over as #GstTsModel:swap selects:
 *
 * * drain: with the first buffer after it is ready, or with the frame at #GstTsModel:swap-time,
 *   which may be inside a buffer. The signal of the old model ends with the previous frame, its
 *   remaining output is pushed, and a new signal starts, with new caps and latency if they differ.
 * * cross: with the frame at #GstTsModel:swap-time, or one second after it is ready, inside the
 *   signal and without a seam. The new model processes the signal from one second before that
 *   frame, or longer if its receptive field is longer. Each output frame is thus that of the old or
 *   of the new model for the whole signal, except that recurrent state starts when the new model
 *   starts to process. The swap is a drain if the new model has different output caps, in reverse
 *   playback, and with the first buffer of a signal.
 *
 * If that frame is inside a gap, the first frame after the gap is used. An element message
 * `tsmodel-swap` reports the first frame of the new model (`timestamp`, `stream-time`,
 * `running-time`, `location`, `digest`). With cross, if the signal ends before that frame, the old
 * model processes the whole signal, and the new model starts with the next one.
 *
 * If the new model needs different audio, for instance a different number of channels, and upstream
 * can send it, the element requests it, and the new model takes over when it arrives. A model that
 * is set meanwhile takes over after it. If the audio does not arrive within ten seconds of other
 * audio (more than queues contain), the model that was set meanwhile takes over instead. If there
 * is none, a warning is posted, and models that are set later may take over; the requested audio is
 * then refused when it arrives, unless a different model accepts it. If the new model cannot be
 * loaded, if upstream cannot send audio for it, or if downstream does not accept its output, a
 * warning is posted and the old model continues. #GstTsModel::reload does the same for a file whose
 * content has changed.
 *
 * ## Models whose output is not audio
 *
 * With #GstTsModel:output-mode message the audio passes unchanged and without latency, and every
 * output frame of the model is an element message named `tsmodel`, with these fields:
 *
 * * #guint64 `timestamp`, `stream-time`, `running-time`, `duration`: start and duration of the
 * frame in nanoseconds
 * * #guint64 `window-timestamp`, `window-duration`: start and duration in nanoseconds of the input
 * that the frame depends on, inside the signal and without the memory of states
 * * #GST_TYPE_ARRAY of #gfloat `values`: its channels
 *
 * Gaps are forwarded. A message is posted when the last input frame that it depends on is
 * processed. A model with one output frame per sample posts one message per sample.
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
 * The output of a model for speech as messages:
 * |[
 * gst-launch-1.0 --messages filesrc location=speech.wav ! wavparse ! audioconvert ! \
 *     tsmodel location=vad.pt output-mode=message ! fakesink
 * ]|
 */
#include <algorithm>

#include "base/exceptions.h"
#include "base/package.h"
#include "base/settings.h"
#include "base/transform.h"
#include "model/host.h"

GST_DEBUG_CATEGORY(tsmodel_debug);
#define GST_CAT_DEFAULT tsmodel_debug

namespace torchstreamer {

struct GstTsModel {
  TsTransform parent;
  ModelHost* host;
};

struct GstTsModelClass {
  TsTransformClass parent_class;
};

GType gst_ts_model_get_type();

namespace {

ModelHost& host_of(gpointer object) {
  return *G_TYPE_CHECK_INSTANCE_CAST(object, gst_ts_model_get_type(), GstTsModel)->host;
}

/// The children are the numbers among the inputs.
void init_child_proxy(gpointer interface, gpointer) {
  auto* proxy = static_cast<GstChildProxyInterface*>(interface);
  proxy->get_child_by_index = [](GstChildProxy* element, guint index) {
    return host_of(element).inputs.child(index);
  };
  proxy->get_children_count = [](GstChildProxy* element) {
    return host_of(element).inputs.count();
  };
}

}  // namespace

G_DEFINE_TYPE_WITH_CODE(GstTsModel, gst_ts_model, ts_transform_get_type("GstTsModelTransform"),
                        G_IMPLEMENT_INTERFACE(GST_TYPE_CHILD_PROXY, init_child_proxy))

namespace {

const GstBaseTransformClass* parent_class() {
  return GST_BASE_TRANSFORM_CLASS(gst_ts_model_parent_class);
}

GstStateChangeReturn change_state(GstElement* element, GstStateChange transition) {
  ModelHost& host = host_of(element);
  GstStateChangeReturn prepared = GST_STATE_CHANGE_FAILURE;
  if (!run_guarded(element, ErrorContext::kLoading,
                   [&] { prepared = host.prepare_state(transition); }) ||
      prepared == GST_STATE_CHANGE_FAILURE)
    return GST_STATE_CHANGE_FAILURE;
  const GstStateChangeReturn result =
      GST_ELEMENT_CLASS(gst_ts_model_parent_class)->change_state(element, transition);
  host.finish_state(transition, result);
  return result == GST_STATE_CHANGE_SUCCESS ? prepared : result;
}

GstCaps* transform_caps(GstBaseTransform* base, GstPadDirection direction, GstCaps* caps,
                        GstCaps* filter) {
  return host_of(base).negotiation.transform_caps(direction, caps, filter);
}

gboolean query(GstBaseTransform* base, GstPadDirection direction, GstQuery* query) {
  return host_of(base).negotiation.query(direction, query);
}

/// Handles events. Caps events that arrive here have been accepted.
gboolean sink_event(GstBaseTransform* base, GstEvent* event) {
  if (GST_EVENT_TYPE(event) == GST_EVENT_CAPS || GST_EVENT_TYPE(event) == GST_EVENT_FLUSH_STOP)
    host_of(base).negotiation.reset_reported_refusals();
  return parent_class()->sink_event(base, event);
}

GstFlowReturn submit_input_buffer(GstBaseTransform* base, gboolean is_discont, GstBuffer* buffer) {
  host_of(base).sync_inputs(buffer);
  return host_of(base).swap.submit_input_buffer(is_discont, buffer);
}

void set_property(GObject* object, guint id, const GValue* value, GParamSpec* pspec) {
  bool is_set = true;
  run_guarded(GST_ELEMENT(object), ErrorContext::kNewModel, [&] {
    is_set = host_of(object).settings.change(
        [&](TsModelSettings* settings) { return set_model_property(settings, id, value); });
  });
  if (!is_set) G_OBJECT_CLASS(gst_ts_model_parent_class)->set_property(object, id, value, pspec);
}

void get_property(GObject* object, guint id, GValue* value, GParamSpec* pspec) {
  bool is_found = true;
  run_quietly(GST_ELEMENT(object),
              [&] { is_found = get_model_property(host_of(object).settings.copy(), id, value); });
  if (!is_found) G_OBJECT_CLASS(gst_ts_model_parent_class)->get_property(object, id, value, pspec);
}

/// Called once for all properties of a g_object_set() call.
void dispatch_properties_changed(GObject* object, guint count, GParamSpec** changed) {
  G_OBJECT_CLASS(gst_ts_model_parent_class)->dispatch_properties_changed(object, count, changed);
  host_of(object).apply_output_mode();
  const bool is_new_model = std::any_of(changed, changed + count, [](const GParamSpec* pspec) {
    return pspec->owner_type == gst_ts_model_get_type() && selects_model(pspec->param_id);
  });
  if (!is_new_model) return;
  const bool are_inputs = count == 1 && g_str_equal(changed[0]->name, "inputs");
  if (are_inputs && host_of(object).note_controlled_inputs()) return;
  run_quietly(GST_ELEMENT(object), [&] { host_of(object).inputs.update(); });
  host_of(object).change_model(/*again=*/false);
}

void reload(GstTsModel* self) { self->host->change_model(/*again=*/true); }

void dispose(GObject* object) {
  host_of(object).inputs.clear();
  G_OBJECT_CLASS(gst_ts_model_parent_class)->dispose(object);
}

void finalize(GObject* object) {
  delete &host_of(object);
  G_OBJECT_CLASS(gst_ts_model_parent_class)->finalize(object);
}

}  // namespace

static void gst_ts_model_class_init(GstTsModelClass* klass) {
  GST_DEBUG_CATEGORY_INIT(tsmodel_debug, "tsmodel", 0, "PyTorch models over audio");

  auto* object_class = G_OBJECT_CLASS(klass);
  object_class->set_property = set_property;
  object_class->get_property = get_property;
  object_class->dispatch_properties_changed = dispatch_properties_changed;
  object_class->dispose = dispose;
  object_class->finalize = finalize;
  install_model_properties(object_class);
  install_transform_properties(object_class);
  InputObjects::mark_as_api();
  /**
   * GstTsModel::reload:
   *
   * Loads the file again if its content has changed. The new content takes over like the model of a
   * new #GstTsModel:location.
   */
  g_signal_new_class_handler("reload", G_TYPE_FROM_CLASS(klass),
                             static_cast<GSignalFlags>(G_SIGNAL_RUN_LAST | G_SIGNAL_ACTION),
                             G_CALLBACK(reload), nullptr, nullptr, nullptr, G_TYPE_NONE, 0);

  auto* element_class = GST_ELEMENT_CLASS(klass);
  element_class->change_state = change_state;
  Negotiation::add_templates(element_class);
  gst_element_class_set_static_metadata(
      element_class, "PyTorch model", "Filter/Effect/Audio",
      "Runs a PyTorch audio model as an exact stream, or block by block", kAuthor);

  auto* transform_class = GST_BASE_TRANSFORM_CLASS(klass);
  transform_class->transform_caps = transform_caps;
  transform_class->query = query;
  transform_class->sink_event = sink_event;
  transform_class->submit_input_buffer = submit_input_buffer;
}

static void gst_ts_model_init(GstTsModel* self) {
  self->host = new ModelHost(&self->parent, parent_class());
  ts_transform_init(&self->parent, self->host);
  gst_base_transform_set_prefer_passthrough(&self->parent.parent, FALSE);
}

}  // namespace torchstreamer

GST_ELEMENT_REGISTER_DEFINE(tsmodel, "tsmodel", GST_RANK_NONE,
                            torchstreamer::gst_ts_model_get_type())
