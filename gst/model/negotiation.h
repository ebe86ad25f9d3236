// Caps negotiation of tsmodel.
#pragma once

#include <gst/base/gstbasetransform.h>

#include <map>
#include <memory>
#include <string>

#include "loader/model_loader.h"

namespace torchstreamer {

/// Answers which audio the models of an element accept and produce, and reports refused caps.
///
/// An answer depends on the model that runs, or on the next model while the loader waits for audio
/// that only that one accepts. Without a model any audio is possible. Queries and caps events wait
/// until a model that is loading is ready. Thread-safe.
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
  /// Explains why `model` cannot run with input `caps` and what is downstream; empty if it can. May
  /// throw.
  std::string explain_misfit(const Model& model, const GstCaps* caps) const;
  /// Returns true if upstream can send audio that fits `model` and what is downstream. May throw.
  bool can_request_audio(const Model& model) const;
  /// The model for input of fixed `caps`: the one that runs if it fits, else the next one if that
  /// fits. A next model that waits for audio comes first. Null: none is loaded.
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

  GstBaseTransform* const element_;
  const GstBaseTransformClass* const parent_class_;
  ModelLoader* const loader_;
  GstPadEventFunction parent_handle_event_;                  // of GstBaseTransform's sink pad
  std::map<std::string, GstMessageType> reported_refusals_;  // under the object lock
};

}  // namespace torchstreamer
