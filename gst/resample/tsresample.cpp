/**
 * SECTION:element-tsresample
 * @title: tsresample
 * @short_description: Resamples audio as torchaudio.functional.resample does
 *
 * Changes the sample rate of raw audio of any format, layout and number of channels to the rate
 * of the caps downstream. The output equals `torchaudio.functional.resample` applied to the whole
 * signal. It has ceil(target * n / source) frames for n input frames, and the same bits for every
 * split of the input into buffers and on every processor.
 *
 * Every output frame is pushed with the last input frame that it depends on; the look-ahead of the
 * filter is the latency of the element. #GstTsResample:block-duration processes the input in larger
 * blocks, which adds to the latency. If the input is discontinuous by more than
 * #GstTsResample:tolerance for #GstTsResample:discont-wait, if its format changes, and if the
 * filter is changed, the remaining output of the signal is pushed and the filter is reset.
 *
 * A gap shorter than the filter is processed as silence and is not a gap downstream. Before a
 * longer gap the remaining output is pushed, then the GAP event. Buffers flagged as gaps are
 * processed as silence, regardless of their content; an output buffer is flagged if all its samples
 * are zero. Tags and other serialized events keep their exact position between the frames: a buffer
 * is split if an event belongs inside it. A flush drops waiting events except sticky ones.
 *
 * The presets "torchaudio", "kaiser-fast" and "kaiser-best" set the filter. The properties of
 * audioresample are accepted: #GstTsResample:quality and #GstTsResample:resample-method choose a
 * filter like that of audioresample, unless the properties of torchaudio are set.
 *
 * ## Example launch lines
 * |[
 * gst-launch-1.0 audiotestsrc num-buffers=100 ! tsresample ! audio/x-raw,rate=16000 ! fakesink
 * ]|
 * Blocks of 20 ms from smaller buffers:
 * |[
 * gst-launch-1.0 audiotestsrc num-buffers=100 samplesperbuffer=64 ! \
 *     tsresample block-duration=20000000 ! audio/x-raw,rate=48000 ! fakesink
 * ]|
 * A file, with a steep filter:
 * |[
 * gst-launch-1.0 filesrc location=speech.wav ! wavparse ! \
 *     tsresample resampling-method=sinc-interp-kaiser lowpass-filter-width=64 rolloff=0.95 ! \
 *     audio/x-raw,rate=48000 ! wavenc ! filesink location=speech48.wav
 * ]|
 */
#include <algorithm>
#include <string>

#include "audio/resample_engine.h"
#include "base/exceptions.h"
#include "base/locked_settings.h"
#include "base/package.h"
#include "base/settings.h"
#include "base/transform.h"
#include "resample/filter_settings.h"

using torchstreamer::Engine;
using torchstreamer::ErrorContext;
using torchstreamer::FilterSettings;
using torchstreamer::LockedSettings;
using torchstreamer::run_guarded;
using torchstreamer::audio::SampleFormat;

GST_DEBUG_CATEGORY_STATIC(tsresample_debug);
#define GST_CAT_DEFAULT tsresample_debug

namespace {

/// Creates resamplers from the properties of the element.
class ResampleHost final : public torchstreamer::EngineHost {
 public:
  explicit ResampleHost(GstElement* element) : settings(element), element_(element) {}

  std::unique_ptr<Engine> make_engine(const GstAudioInfo& in, const GstAudioInfo& out) override;

  LockedSettings<FilterSettings> settings;

 private:
  GstElement* const element_;
};

struct GstTsResample {
  TsTransform parent;
  ResampleHost* host;
};

struct GstTsResampleClass {
  TsTransformClass parent_class;
};

constexpr char kCaps[] = GST_AUDIO_CAPS_MAKE(
    GST_AUDIO_FORMATS_ALL) ", layout = (string) { interleaved, non-interleaved }";
GstStaticPadTemplate sink_template =
    GST_STATIC_PAD_TEMPLATE("sink", GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS(kCaps));
GstStaticPadTemplate src_template =
    GST_STATIC_PAD_TEMPLATE("src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS(kCaps));

GType gst_ts_resample_get_type();
G_DEFINE_TYPE_WITH_CODE(GstTsResample, gst_ts_resample,
                        ts_transform_get_type("GstTsResampleTransform"),
                        G_IMPLEMENT_INTERFACE(GST_TYPE_PRESET, nullptr))

GstTsResample* cast(gpointer object) {
  return G_TYPE_CHECK_INSTANCE_CAST(object, gst_ts_resample_get_type(), GstTsResample);
}

SampleFormat sample_format(const GstAudioFormatInfo* format) {
  SampleFormat sample;
  sample.width_bits = GST_AUDIO_FORMAT_INFO_WIDTH(format);
  sample.depth_bits = GST_AUDIO_FORMAT_INFO_DEPTH(format);
  sample.is_float = GST_AUDIO_FORMAT_INFO_IS_FLOAT(format);
  sample.is_signed = GST_AUDIO_FORMAT_INFO_IS_SIGNED(format);
  sample.is_big_endian = GST_AUDIO_FORMAT_INFO_ENDIANNESS(format) == G_BIG_ENDIAN;
  return sample;
}

std::unique_ptr<Engine> ResampleHost::make_engine(const GstAudioInfo& in, const GstAudioInfo& out) {
  const int channels = GST_AUDIO_INFO_CHANNELS(&in);
  GST_INFO_OBJECT(element_, "%d to %d Hz, %d channels of %s", GST_AUDIO_INFO_RATE(&in),
                  GST_AUDIO_INFO_RATE(&out), channels, in.finfo->name);
  const int source_hz = GST_AUDIO_INFO_RATE(&in), target_hz = GST_AUDIO_INFO_RATE(&out);
  return torchstreamer::audio::make_resample_engine(
      source_hz, target_hz, settings.copy().options(source_hz, target_hz), sample_format(in.finfo),
      channels, GST_AUDIO_INFO_LAYOUT(&in) == GST_AUDIO_LAYOUT_INTERLEAVED);
}

/// Maps every rate to every rate. Rates that `caps` list come first, because they are preferred.
GstCaps* transform_caps(GstBaseTransform*, GstPadDirection, GstCaps* caps, GstCaps* filter) {
  GstCaps* result = gst_caps_new_empty();
  for (guint i = 0; i < gst_caps_get_size(caps); ++i) {
    const GstStructure* preferred = gst_caps_get_structure(caps, i);
    if (i > 0 && gst_caps_is_subset_structure(result, preferred)) continue;
    const GValue* rate = gst_structure_get_value(preferred, "rate");
    if (rate && !GST_VALUE_HOLDS_INT_RANGE(rate))
      gst_caps_append_structure(result, gst_structure_copy(preferred));
    GstStructure* any = gst_structure_copy(preferred);
    gst_structure_set(any, "rate", GST_TYPE_INT_RANGE, 1, G_MAXINT, nullptr);
    gst_caps_append_structure(result, any);
  }
  if (!filter) return result;
  GstCaps* filtered = gst_caps_intersect_full(filter, result, GST_CAPS_INTERSECT_FIRST);
  gst_caps_unref(result);
  return filtered;
}

/// Fixates the rate to the value nearest to `hz`. gst_structure_fixate_field_nearest_int() would
/// ignore the step of a range.
void fixate_rate(GstStructure* structure, int hz) {
  const GValue* rates = gst_structure_get_value(structure, "rate");
  if (rates && GST_VALUE_HOLDS_INT_RANGE(rates)) {
    const gint64 step = gst_value_get_int_range_step(rates);
    const gint64 nearest = (hz + step / 2) / step * step;
    hz = std::clamp<gint64>(nearest, gst_value_get_int_range_min(rates),
                            gst_value_get_int_range_max(rates));
  }
  gst_structure_fixate_field_nearest_int(structure, "rate", hz);
}

GstCaps* fixate_caps(GstBaseTransform*, GstPadDirection, GstCaps* caps, GstCaps* other_caps) {
  int hz;
  if (!gst_structure_get_int(gst_caps_get_structure(caps, 0), "rate", &hz)) return other_caps;
  other_caps = gst_caps_make_writable(gst_caps_truncate(other_caps));
  fixate_rate(gst_caps_get_structure(other_caps, 0), hz);
  return gst_caps_fixate(other_caps);
}

void set_property(GObject* object, guint id, const GValue* value, GParamSpec* pspec) {
  bool is_new_filter = false, is_known = true;
  run_guarded(GST_ELEMENT(object), ErrorContext::kNewSettings, [&] {
    cast(object)->host->settings.change([&](FilterSettings* settings) {
      const FilterSettings before = *settings;
      is_known = torchstreamer::set_filter_property(settings, id, value);
      is_new_filter = !settings->is_same_filter(before);
    });
  });
  if (!is_known)
    G_OBJECT_CLASS(gst_ts_resample_parent_class)->set_property(object, id, value, pspec);
  if (is_new_filter) ts_transform_flow(&cast(object)->parent).request_new_engine();
}

void get_property(GObject* object, guint id, GValue* value, GParamSpec* pspec) {
  if (!torchstreamer::get_filter_property(cast(object)->host->settings.copy(), id, value))
    G_OBJECT_CLASS(gst_ts_resample_parent_class)->get_property(object, id, value, pspec);
}

void finalize(GObject* object) {
  delete cast(object)->host;
  G_OBJECT_CLASS(gst_ts_resample_parent_class)->finalize(object);
}

void gst_ts_resample_class_init(GstTsResampleClass* klass) {
  GST_DEBUG_CATEGORY_INIT(tsresample_debug, "tsresample", 0, "torchaudio's resampler");

  auto* object_class = G_OBJECT_CLASS(klass);
  object_class->set_property = set_property;
  object_class->get_property = get_property;
  object_class->finalize = finalize;
  torchstreamer::install_filter_properties(object_class);
  torchstreamer::install_transform_properties(object_class);

  auto* element_class = GST_ELEMENT_CLASS(klass);
  gst_element_class_add_static_pad_template(element_class, &sink_template);
  gst_element_class_add_static_pad_template(element_class, &src_template);
  gst_element_class_set_static_metadata(
      element_class, "torchaudio resampler", "Filter/Converter/Audio",
      "Resamples audio exactly as torchaudio.functional.resample does", torchstreamer::kAuthor);

  auto* transform_class = GST_BASE_TRANSFORM_CLASS(klass);
  transform_class->transform_caps = transform_caps;
  transform_class->fixate_caps = fixate_caps;
  transform_class->passthrough_on_same_caps = TRUE;
}

void gst_ts_resample_init(GstTsResample* self) {
  self->host = new ResampleHost(GST_ELEMENT(self));
  ts_transform_init(&self->parent, self->host);
}

}  // namespace

GST_ELEMENT_REGISTER_DEFINE(tsresample, "tsresample", GST_RANK_NONE, gst_ts_resample_get_type())
