// Swapping of models while audio flows.
#pragma once

#include <gst/audio/audio.h>

#include <memory>
#include <optional>
#include <string>

#include "base/locked_settings.h"
#include "base/mini_object.h"
#include "base/transform.h"
#include "loader/model_loader.h"
#include "model/negotiation.h"
#include "model/properties.h"

namespace torchstreamer {

/// Time for upstream to send audio with the requested caps. The timeout ends after
/// kCapsTimeoutAudioNs of audio with other caps (more than queues contain), but not before a
/// minimum of real time, because audio may flow faster than in real time.
class CapsTimeout {
 public:
  void start();
  /// Counts audio with other caps of this duration. Returns true if the timeout has ended.
  bool add_audio(GstClockTime duration_ns);

 private:
  GstClockTime audio_left_ns_ = 0;
  gint64 end_us_ = 0;  // time of the monotonic clock
};

/// Swaps the running model for the next model of a loader in one of these ways:
///
///     drain       the signal of the old model ends before the first frame of the new one
///     hand over   both models run until the new one continues the signal without a seam
///     format      the next model starts with new caps, which only it accepts, or which were
///                 requested for it
///
/// A message reports the first frame of the new model. Used by the streaming thread only.
class ModelSwap {
 public:
  ModelSwap(TsTransform* element, const GstBaseTransformClass* parent_class, ModelLoader* loader,
            Negotiation* negotiation, const LockedSettings<TsModelSettings>* settings)
      : element_(element),
        parent_class_(parent_class),
        loader_(loader),
        negotiation_(negotiation),
        settings_(settings) {}

  /// Swaps models if the next one is ready, or sets requested inputs, then processes `buffer`.
  /// Implements the virtual function of GstBaseTransform. Takes ownership of `buffer`.
  GstFlowReturn submit_input_buffer(gboolean is_discont, GstBuffer* buffer);

  // Functions of EngineHost.
  void begin_format(const GstAudioInfo& in);
  void before_input(GstClockTime pts);
  void end_handover(GstClockTime pts, const GstSegment& segment);

  /// Drops pending reports.
  void reset();

 private:
  /// Input of the element.
  struct Audio {
    MiniObjectPtr<GstCaps> caps;
    GstAudioInfo info;
  };

  GstBaseTransform* base() const { return &element_->parent; }
  GstElement* element() const { return GST_ELEMENT_CAST(element_); }
  SignalFlow& flow() const { return ts_transform_flow(element_); }

  void set_inputs();
  GstFlowReturn prepare_swap(const NextModel& next, GstBuffer** buffer);
  GstFlowReturn swap_at_its_time(const NextModel& next, GstBuffer** buffer, const Audio& audio);
  GstFlowReturn drain_at(const Model& next, GstClockTime running_time, GstBuffer** buffer,
                         const Audio& audio);
  GstFlowReturn push_through(GstBuffer* buffer);
  void await_audio(const Model& next, GstBuffer* buffer, const Audio& audio);

  void drain_over(const Model& next, const Audio& audio);
  void hand_over(const Model& next, const Audio& audio, GstClockTime pts);
  std::optional<TakenOver> take_over(const Model& next, const GstAudioInfo& in);
  void restart_with(TakenOver model);

  bool can_hand_over(const SwapSettings& wanted, GstBuffer* buffer) const;
  bool has_same_output(const Model& next, const Audio& audio) const;
  std::optional<GstClockTime> handover_pts(const NextModel& next, GstClockTime running_time,
                                           GstBuffer* buffer, const Audio& audio) const;
  void report(const TakenOver& model, GstClockTime pts, const GstSegment& segment) const;

  TsTransform* const element_;
  const GstBaseTransformClass* const parent_class_;
  ModelLoader* const loader_;
  Negotiation* const negotiation_;
  const LockedSettings<TsModelSettings>* const settings_;
  CapsTimeout caps_timeout_;
  std::optional<TakenOver> handing_over_;  // to be reported at the end of the handover
  std::optional<TakenOver> taken_over_;    // to be reported with the next input frame
};

}  // namespace torchstreamer
