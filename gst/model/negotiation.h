// Caps negotiation of tsmodel.
#pragma once

#include <gst/base/gstbasetransform.h>

#include <map>
#include <memory>
#include <string>

#include "loader/model_loader.h"

namespace torchstreamer {

/// Negotiates the audio that the models of an element accept and produce, and reports refused caps.
///
/// An answer depends on the running model, or on the next model while the loader waits for audio
/// that only the next model accepts. Without a model any audio is accepted. Queries and caps events
/// wait while a model is loading. Thread-safe.
class Negotiation {
 public:
  /// `parent_class`: the class whose virtual functions the element overrides.
  Negotiation(GstBaseTransform* element, const GstBaseTransformClass* parent_class,
              ModelLoader* loader);

  static void add_templates(GstElementClass* klass);

  // Virtual functions of the element.
  GstCaps* transform_caps(GstPadDirection direction, GstCaps* caps, GstCaps* filter) const;
  gboolean query(GstPadDirection direction, GstQuery* query);

  /// Maps `caps` on the side of `direction` through `model`. In passthrough: the part of `caps`
  /// that `model` accepts. May throw.
  GstCaps* map(const Model& model, GstPadDirection direction, const GstCaps* caps) const;
  /// Explains why `model` cannot run with input `caps` and the elements downstream; empty if it
  /// can. May throw.
  std::string explain_misfit(const Model& model, const GstCaps* caps) const;
  /// Returns true if upstream can send audio that fits `model` and the elements downstream. May
  /// throw.
  bool can_request_audio(const Model& model) const;
  /// Returns the model for input of fixed `caps`: the running model if it accepts them, otherwise
  /// the next model if it accepts them. A next model that waits for audio is tried first. Null if
  /// no model is loaded.
  std::shared_ptr<const Model> model_for(const GstCaps* caps) const;

  /// Allows refusals that were reported to be reported again.
  void reset_reported_refusals();

 private:
  static GstFlowReturn handle_event(GstPad* pad, GstObject* element, GstEvent* event);
  static GstPadProbeReturn watch_event(GstPad* pad, GstPadProbeInfo* info, gpointer self);

  bool is_current(const GstCaps* caps) const;
  std::string explain_refusal(const Model& model, const GstCaps* caps) const;
  gboolean consistent_query(GstPadDirection direction, GstQuery* query) const;
  bool is_new_report(const std::string& text, GstMessageType type);
  void report_refusal(const std::shared_ptr<const Model>& model, GstCaps* caps,
                      GstMessageType type);
  void report_end_without_caps();

  GstBaseTransform* const element_;
  const GstBaseTransformClass* const parent_class_;
  ModelLoader* const loader_;
  GstPadEventFunction parent_handle_event_;                  // of GstBaseTransform's sink pad
  std::map<std::string, GstMessageType> reported_refusals_;  // under the object lock
};

}  // namespace torchstreamer
