// The parts of a tsmodel. Its models are engines of the base.
#pragma once

#include <atomic>
#include <memory>
#include <thread>

#include "base/engine_host.h"
#include "base/locked_settings.h"
#include "base/transform.h"
#include "loader/model_loader.h"
#include "model/input_objects.h"
#include "model/negotiation.h"
#include "model/properties.h"
#include "model/swap.h"

namespace torchstreamer {

/// Loads the model that the properties select and runs it. In passthrough the model analyzes the
/// audio, and its output frames become messages.
class ModelHost final : public EngineHost {
 public:
  ModelHost(TsTransform* element, const GstBaseTransformClass* parent_class)
      : loader(GST_ELEMENT(element)),
        settings(element),
        inputs(GST_ELEMENT(element), &settings),
        negotiation(&element->parent, parent_class, &loader),
        swap(element, parent_class, &loader, &negotiation, &settings),
        element_(element) {}

  std::unique_ptr<Engine> make_engine(const GstAudioInfo& in, const GstAudioInfo& out) override;
  void begin_format(const GstAudioInfo& in) override { swap.begin_format(in); }
  void before_input(GstClockTime pts) override { swap.before_input(pts); }
  void end_handover(GstClockTime pts, const GstSegment& segment) override {
    swap.end_handover(pts, segment);
  }
  bool is_analyzer() const override { return true; }
  GstAudioInfo analysis_format(const GstAudioInfo& in) override;
  void take_frame(GstBuffer* frame) override;
  void add_stats(GstStructure* stats) override;

  /// Starts or stops loading. Called before the base handles a state change. May throw.
  GstStateChangeReturn prepare_state(GstStateChange transition);
  /// Called after the base has handled a state change with this result.
  void finish_state(GstStateChange transition, GstStateChangeReturn result);

  /// Selects passthrough for output-mode=message, on which the caps depend. Has no effect after the
  /// change to PAUSED.
  void apply_output_mode();

  /// Requests the model that the properties select if audio flows; otherwise a state change loads
  /// it. `again`: loads it even if it is the current one, because the file may have changed.
  void change_model(bool again);

  /// Sets controlled inputs for the time of `buffer` if the model is called block by block: every
  /// change would load a planned model again.
  void sync_inputs(GstBuffer* buffer);
  /// Called after a change of inputs. Returns true if sync_inputs() made it, which then handles it.
  bool note_controlled_inputs();

  ModelLoader loader;
  LockedSettings<TsModelSettings> settings;
  InputObjects inputs;
  Negotiation negotiation;
  ModelSwap swap;

 private:
  GstElement* element() const { return GST_ELEMENT_CAST(element_); }
  GstBaseTransform* base() const { return &element_->parent; }
  ModelSettings model_settings() const;
  ModelSettings settings_with_context() const;
  GstStateChangeReturn prepare_paused();

  TsTransform* const element_;
  std::atomic<std::thread::id> controlling_thread_;  // set during sync_inputs()
  bool has_controlled_inputs_ = false;               // used by that thread only
};

}  // namespace torchstreamer
