#include "base/signal_flow.h"

#include <algorithm>
#include <utility>

#include "base/buffers.h"
#include "base/exceptions.h"
#include "torchstreamer/error.h"

GST_DEBUG_CATEGORY_EXTERN(ts_transform_debug);
#define GST_CAT_DEFAULT ts_transform_debug

namespace torchstreamer {
namespace {

GstElement* element(TsTransform* self) { return GST_ELEMENT_CAST(self); }

const TsTransformClass* class_of(TsTransform* self) {
  return ts_transform_class_cast(G_OBJECT_GET_CLASS(self));
}

int64_t block_frames(TsTransform* self, int in_hz) {
  const GstClockTime block_ns = copy_settings(self).block_ns;
  return std::max<int64_t>(1, gst_util_uint64_scale_round(block_ns, in_hz, GST_SECOND));
}

/// With a new engine. May throw.
Flow make_flow(TsTransform* self, const GstAudioInfo& in, const GstAudioInfo& out) {
  const bool is_aside = gst_base_transform_is_passthrough(&self->parent);
  const int in_hz = GST_AUDIO_INFO_RATE(&in);
  std::unique_ptr<Engine> engine = class_of(self)->make_engine(self, &in, &out);
  const Rational aside_hz = Rational(in_hz) * engine->timing().rate();
  const Timeline timeline(in_hz, is_aside ? aside_hz : Rational(GST_AUDIO_INFO_RATE(&out)));
  return Flow{in,
              is_aside ? class_of(self)->frame_info(self, &in) : out,
              timeline,
              std::move(engine),
              BlockAdapter(in, block_frames(self, in_hz)),
              is_aside};
}

/// Tells what runs now, and of its latency where that is new.
void announce(TsTransform* self) {
  std::optional<Flow>& flow = self->priv->flow;
  std::optional<StreamFacts> facts;
  if (flow)
    guard_quietly(element(self), [&] {
      facts.emplace(*flow->engine, GST_AUDIO_INFO_RATE(&flow->in), flow->blocks.block_frames());
      flow->memory_frames = facts->receptive_field_frames;
      if (flow->is_aside) facts->latency_ns = 0;
    });
  if (!self->priv->stats.set_stream(facts)) return;
  GST_INFO_OBJECT(self, "latency %" GST_TIME_FORMAT, GST_TIME_ARGS(self->priv->stats.latency_ns()));
  gst_element_post_message(element(self), gst_message_new_latency(GST_OBJECT_CAST(self)));
}

/// Where an engine has become another one, that one goes on by itself.
void end_crossover(TsTransform* self) {
  Flow& flow = *self->priv->flow;
  if (!flow.crossover || !flow.crossover->is_done()) return;
  const GstClockTime pts = flow.crossover->has_handed_over()
                               ? flow.timeline.pts_of_frame_out(flow.crossover->first_frame())
                               : GST_CLOCK_TIME_NONE;
  flow.engine = std::exchange(flow.crossover, nullptr)->take_engine();
  announce(self);
  if (class_of(self)->end_crossover) class_of(self)->end_crossover(self, pts);
}

/// What one push made: the frames that became certain, and what to tell of it.
struct Pushed {
  GstBuffer* buffer = nullptr;  // null: no frames
  Progress progress;
};

/// Pushes the frames of `in` (null: none) through the engine, as far as their blocks are full. May
/// throw.
void push(TsTransform* self, GstBuffer* in, bool final, Pushed* pushed) {
  Flow& flow = *self->priv->flow;
  Progress& progress = pushed->progress;
  const Planes input(in, flow.in, GST_MAP_READ);
  progress.in_hz = GST_AUDIO_INFO_RATE(&flow.in);
  progress.frames_in = input.frames();
  const BlockAdapter::Frames frames = flow.blocks.push(input, final);
  progress.waiting_frames = flow.blocks.waiting_frames();
  progress.held_bytes = flow.engine->held_bytes();
  if (frames.frames == 0 && !final) return;
  progress.frames_out = flow.engine->frames_due(frames.frames, final);
  if (progress.frames_out > 0)
    pushed->buffer = allocate_frames(&self->parent, flow.out, progress.frames_out);
  const Planes output(pushed->buffer, flow.out, GST_MAP_WRITE);
  const int64_t recoveries = flow.engine->recoveries();
  const GstClockTime begin_ns = gst_util_get_timestamp();
  flow.engine->push(frames.planes, frames.frames, final, output.data());
  progress.compute_ns = gst_util_get_timestamp() - begin_ns;
  progress.recoveries = flow.engine->recoveries() - recoveries;
  progress.held_bytes = flow.engine->held_bytes();
  GST_DEBUG_OBJECT(
      self,
      "push: %" G_GINT64_FORMAT " frames in, %" G_GINT64_FORMAT " out, %" G_GUINT64_FORMAT " ns%s",
      frames.frames, progress.frames_out, *progress.compute_ns, final ? ", end of signal" : "");
}

/// The signal of a push that threw is lost, and so are its frames; the stream goes on with the next
/// one.
void lose_signal(TsTransform* self) {
  Flow& flow = *self->priv->flow;
  guard_quietly(element(self), [&] { flow.engine->reset(); });
  end_crossover(self);
  flow.blocks.clear();
  flow.departures.end_signal();
  flow.timeline.restart();
  self->priv->stats.add({});
}

/// Takes `buffer`.
void depart_one_by_one(Flow& flow, GstBuffer* buffer, int64_t frames) {
  const gsize bytes = gst_buffer_get_size(buffer) / frames;
  for (int64_t i = 0; i < frames; ++i)
    flow.departures.add(gst_buffer_copy_region(buffer, GST_BUFFER_COPY_MEMORY, i * bytes, bytes), 1,
                        flow.out, &flow.timeline, nullptr, GST_CLOCK_TIME_NONE);
  gst_buffer_unref(buffer);
}

/// Lets the frames of a push depart. May throw.
void depart(TsTransform* self, GstBuffer* in, Pushed* pushed) {
  Flow& flow = *self->priv->flow;
  flow.timeline.take(in ? GST_BUFFER_PTS(in) : GST_CLOCK_TIME_NONE, pushed->progress.frames_in);
  self->priv->stats.add(pushed->progress);
  if (!pushed->buffer) return;
  if (in && GST_BUFFER_FLAG_IS_SET(in, GST_BUFFER_FLAG_GAP) && is_silent(pushed->buffer, flow.out))
    GST_BUFFER_FLAG_SET(pushed->buffer, GST_BUFFER_FLAG_GAP);
  GstBuffer* made = std::exchange(pushed->buffer, nullptr);
  if (flow.is_aside)
    depart_one_by_one(flow, made, pushed->progress.frames_out);
  else
    flow.departures.add(made, pushed->progress.frames_out, flow.out, &flow.timeline, in,
                        flow.arrived_pts);
}

GstFlowReturn run_engine(TsTransform* self, GstBuffer* in, bool final) {
  Pushed pushed;
  // A signal that is too short for the model is lost, too, but nobody did wrong.
  const bool may_be_short = final && self->priv->flow->engine->frames_out() == 0;
  bool is_too_short = false;
  const bool is_guarded = guard(element(self), Task::kStreaming, [&] {
    try {
      push(self, in, final, &pushed);
    } catch (const Error&) {
      if (!may_be_short) throw;
      is_too_short = true;
      return post_current_exception(element(self), Task::kShortSignal);
    }
    end_crossover(self);
    depart(self, in, &pushed);
  });
  if (is_guarded && !is_too_short) return GST_FLOW_OK;
  gst_clear_buffer(&pushed.buffer);
  lose_signal(self);
  return is_too_short ? GST_FLOW_OK : GST_FLOW_ERROR;
}

}  // namespace

TransformSettings copy_settings(TsTransform* self) {
  const ObjectLock lock(self);
  return self->priv->settings;
}

bool open(TsTransform* self, const GstAudioInfo& in, const GstAudioInfo& out) {
  std::optional<Flow>& flow = self->priv->flow;
  const GstClockTime next_pts = flow ? flow->timeline.next_pts() : GST_CLOCK_TIME_NONE;
  self->priv->wants_new_engine = false;
  flow.reset();
  bool is_open = true;
  const bool has_engine =
      !gst_base_transform_is_passthrough(&self->parent) || class_of(self)->take_frame;
  if (has_engine) {
    is_open = guard(element(self), Task::kSettings, [&] { flow = make_flow(self, in, out); });
    if (flow) flow->timeline.restart(next_pts);
  }
  announce(self);
  return is_open;
}

GstFlowReturn renew(TsTransform* self) {
  std::optional<Flow>& flow = self->priv->flow;
  std::optional<Flow> next;
  if (!guard(element(self), Task::kNewSettings,
             [&] { next = make_flow(self, flow->in, flow->out); }))
    return GST_FLOW_OK;
  const GstFlowReturn result = drain(self);
  next->timeline.restart(flow->timeline.next_pts());
  flow = std::move(next);
  announce(self);
  return result;
}

bool cross_over(TsTransform* self, GstClockTime pts) {
  std::optional<Flow>& flow = self->priv->flow;
  const Handover::FrameBytes bytes{GST_AUDIO_INFO_BPF(&flow->in), GST_AUDIO_INFO_BPF(&flow->out)};
  std::unique_ptr<Handover> crossover;
  if (!guard(element(self), Task::kNewSettings, [&] {
        std::unique_ptr<Engine> next = class_of(self)->make_engine(self, &flow->in, &flow->out);
        crossover =
            std::make_unique<Handover>(std::move(flow->engine), std::move(next),
                                       flow->timeline.frames_in() - flow->blocks.waiting_frames(),
                                       flow->timeline.frame_out_at(pts), bytes);
      }))
    return false;
  flow->crossover = crossover.get();
  flow->engine = std::move(crossover);
  announce(self);
  return true;
}

GstFlowReturn process(TsTransform* self, GstBuffer* buffer) {
  return run_engine(self, buffer, false);
}

GstFlowReturn observe(TsTransform* self, GstBuffer* buffer) {
  const GstFlowReturn result = process(self, buffer);
  next_buffer(self);
  return result;
}

GstBuffer* next_buffer(TsTransform* self) {
  std::optional<Flow>& flow = self->priv->flow;
  while (GstMiniObject* object = flow ? flow->departures.next() : nullptr) {
    if (GST_IS_EVENT(object)) {
      gst_pad_push_event(GST_BASE_TRANSFORM_SRC_PAD(self), GST_EVENT_CAST(object));
    } else if (flow->is_aside) {
      class_of(self)->take_frame(self, GST_BUFFER_CAST(object));
      gst_mini_object_unref(object);
    } else {
      return GST_BUFFER_CAST(object);
    }
  }
  return nullptr;
}

GstFlowReturn push_buffer(TsTransform* self, GstBuffer* buffer) {
  const GstClockTime pts = GST_BUFFER_PTS(buffer), duration = GST_BUFFER_DURATION(buffer);
  std::atomic<GstClockTime>& position_ns = self->priv->position_ns;
  if (self->parent.segment.rate < 0)  // from piece to piece: within one the later frames are behind
    position_ns = std::min<GstClockTime>(position_ns, pts);
  else if (GST_CLOCK_TIME_IS_VALID(pts))
    position_ns = GST_CLOCK_TIME_IS_VALID(duration) ? pts + duration : pts;
  return gst_pad_push(GST_BASE_TRANSFORM_SRC_PAD(self), buffer);
}

GstFlowReturn push_departures(TsTransform* self) {
  GstFlowReturn result = GST_FLOW_OK;
  while (GstBuffer* buffer = next_buffer(self)) {
    const GstFlowReturn flow = push_buffer(self, buffer);
    if (result == GST_FLOW_OK) result = flow;
  }
  return result;
}

GstFlowReturn drain(TsTransform* self) {
  std::optional<Flow>& flow = self->priv->flow;
  if (!flow || flow->timeline.frames_in() == 0) return push_departures(self);
  GstFlowReturn result = run_engine(self, nullptr, true);
  flow->departures.end_signal();
  const GstFlowReturn pushed = push_departures(self);
  if (result == GST_FLOW_OK) result = pushed;
  flow->timeline.restart();
  self->priv->stats.add_reset();
  if (result != GST_FLOW_OK) GST_DEBUG_OBJECT(self, "tail: %s", gst_flow_get_name(result));
  return result;
}

void forget(TsTransform* self) {
  self->priv->position_ns = GST_CLOCK_TIME_NONE;
  std::optional<Flow>& flow = self->priv->flow;
  if (!flow) return;
  guard(element(self), Task::kStreaming, [&] { flow->engine->reset(); });
  end_crossover(self);
  flow->blocks.clear();
  flow->departures.abandon(GST_BASE_TRANSFORM_SRC_PAD(self));
  if (flow->timeline.frames_in() > 0) self->priv->stats.add_reset();
  flow->timeline.restart(GST_CLOCK_TIME_NONE);
}

}  // namespace torchstreamer
