/**
 * SECTION:element-tsresample
 * @title: tsresample
 * @short_description: Resamples audio as torchaudio.functional.resample does
 *
 * Changes the sample rate of raw audio of any format, layout and number of channels to the rate
 * that downstream asks for. The output equals `torchaudio.functional.resample` of the whole signal,
 * with the same bits for every split of it into buffers and on every processor, and has
 * ceil(target * n / source) frames for n frames in.
 *
 * Every output frame leaves with the last input frame that it depends on; what the filter looks
 * ahead is the latency of the element. #GstTsResample:block-duration collects input first, for
 * fewer and larger pushes, and adds to the latency. The signal, and with it the filter, begins anew
 * where the input is discontinuous by more than #GstTsResample:tolerance, where its format changes
 * and with another filter; what is owed of the signal before leaves first.
 *
 * A gap shorter than the filter is silence to it, and no gap any more downstream. Behind a longer
 * one nothing of the signal before it is left: what is owed leaves, then the GAP event. Buffers
 * flagged as gaps are silence whatever they hold; what comes out is flagged where it is silent to
 * the bit. Tags and other serialised events keep their place among the frames to the frame, so that
 * a buffer is cut where one belongs inside it; a flush drops those that wait, but for the sticky
 * ones.
 *
 * The presets "torchaudio", "kaiser-fast" and "kaiser-best" set the quality.
 *
 * ## Example launch lines
 * |[
 * gst-launch-1.0 audiotestsrc num-buffers=100 ! tsresample ! audio/x-raw,rate=16000 ! fakesink
 * ]|
 * Pushes of 20 ms, whatever the buffers are:
 * |[
 * gst-launch-1.0 audiotestsrc num-buffers=100 samplesperbuffer=64 ! \
 *     tsresample block-duration=20000000 ! audio/x-raw,rate=48000 ! fakesink
 * ]|
 * A file, with a sharp filter:
 * |[
 * gst-launch-1.0 filesrc location=speech.wav ! wavparse ! \
 *     tsresample resampling-method=sinc-interp-kaiser lowpass-filter-width=64 rolloff=0.95 ! \
 *     audio/x-raw,rate=48000 ! wavenc ! filesink location=speech48.wav
 * ]|
 */
#include <algorithm>
#include <string>

#include "audio/resample_engine.h"
#include "base/elements.h"
#include "base/exceptions.h"
#include "base/transform.h"

using torchstreamer::Engine;
using torchstreamer::guard;
using torchstreamer::ObjectLock;
using torchstreamer::Task;
using torchstreamer::audio::ResampleOptions;
using torchstreamer::audio::SampleFormat;

GST_DEBUG_CATEGORY_STATIC(tsresample_debug);
#define GST_CAT_DEFAULT tsresample_debug

namespace {

struct GstTsResample {
  TsTransform parent;
  ResampleOptions* settings;  // under the object lock
};

struct GstTsResampleClass {
  TsTransformClass parent_class;
};

enum { PROP_0, PROP_RESAMPLING_METHOD, PROP_LOWPASS_FILTER_WIDTH, PROP_ROLLOFF, PROP_BETA };

/// The enum's values index it.
constexpr const char* kMethods[] = {"sinc_interp_hann", "sinc_interp_kaiser"};

constexpr char kCaps[] = GST_AUDIO_CAPS_MAKE(
    GST_AUDIO_FORMATS_ALL) ", layout = (string) { interleaved, non-interleaved }";
GstStaticPadTemplate sink_template =
    GST_STATIC_PAD_TEMPLATE("sink", GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS(kCaps));
GstStaticPadTemplate src_template =
    GST_STATIC_PAD_TEMPLATE("src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS(kCaps));

GType method_get_type() {
  static const GEnumValue values[] = {{0, "Sinc, Hann window", "sinc-interp-hann"},
                                      {1, "Sinc, Kaiser window", "sinc-interp-kaiser"},
                                      {0, nullptr, nullptr}};
  static const GType type = g_enum_register_static("GstTsResampleMethod", values);
  return type;
}

GType gst_ts_resample_get_type();
G_DEFINE_TYPE_WITH_CODE(GstTsResample, gst_ts_resample, ts_transform_get_type(),
                        G_IMPLEMENT_INTERFACE(GST_TYPE_PRESET, nullptr))

GstTsResample* cast(gpointer object) {
  return G_TYPE_CHECK_INSTANCE_CAST(object, gst_ts_resample_get_type(), GstTsResample);
}

ResampleOptions copy_settings(gpointer object) {
  const ObjectLock lock(object);
  return *cast(object)->settings;
}

std::unique_ptr<Engine> make_engine(TsTransform* self, const GstAudioInfo* in,
                                    const GstAudioInfo* out) {
  const GstAudioFormatInfo* format = in->finfo;
  SampleFormat sample;
  sample.width_bits = GST_AUDIO_FORMAT_INFO_WIDTH(format);
  sample.depth_bits = GST_AUDIO_FORMAT_INFO_DEPTH(format);
  sample.is_float = GST_AUDIO_FORMAT_INFO_IS_FLOAT(format);
  sample.is_signed = GST_AUDIO_FORMAT_INFO_IS_SIGNED(format);
  sample.is_big_endian = GST_AUDIO_FORMAT_INFO_ENDIANNESS(format) == G_BIG_ENDIAN;
  GST_INFO_OBJECT(self, "%d to %d Hz, %d channels of %s", GST_AUDIO_INFO_RATE(in),
                  GST_AUDIO_INFO_RATE(out), GST_AUDIO_INFO_CHANNELS(in), format->name);
  return torchstreamer::audio::make_resample_engine(
      GST_AUDIO_INFO_RATE(in), GST_AUDIO_INFO_RATE(out), copy_settings(self), sample,
      GST_AUDIO_INFO_CHANNELS(in), GST_AUDIO_INFO_LAYOUT(in) == GST_AUDIO_LAYOUT_INTERLEAVED);
}

/// Every rate maps to every rate. A rate of its own is a wish and comes first; a range is none.
GstCaps* transform_caps(GstBaseTransform*, GstPadDirection, GstCaps* caps, GstCaps* filter) {
  GstCaps* result = gst_caps_new_empty();
  for (guint i = 0; i < gst_caps_get_size(caps); ++i) {
    const GstStructure* wish = gst_caps_get_structure(caps, i);
    if (i > 0 && gst_caps_is_subset_structure(result, wish)) continue;
    const GValue* rate = gst_structure_get_value(wish, "rate");
    if (rate && !GST_VALUE_HOLDS_INT_RANGE(rate))
      gst_caps_append_structure(result, gst_structure_copy(wish));
    GstStructure* any = gst_structure_copy(wish);
    gst_structure_set(any, "rate", GST_TYPE_INT_RANGE, 1, G_MAXINT, nullptr);
    gst_caps_append_structure(result, any);
  }
  if (!filter) return result;
  GstCaps* filtered = gst_caps_intersect_full(filter, result, GST_CAPS_INTERSECT_FIRST);
  gst_caps_unref(result);
  return filtered;
}

/// GStreamer's own nearest-int fixation ignores the step of a range.
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

/// Whether the options are others then. May throw.
bool set_option(GObject* object, guint id, const GValue* value, GParamSpec* pspec) {
  const ObjectLock lock(object);
  ResampleOptions& settings = *cast(object)->settings;
  const ResampleOptions before = settings;
  switch (id) {
    case PROP_RESAMPLING_METHOD:
      settings.resampling_method = kMethods[g_value_get_enum(value)];
      break;
    case PROP_LOWPASS_FILTER_WIDTH:
      settings.lowpass_filter_width = g_value_get_int(value);
      break;
    case PROP_ROLLOFF:
      settings.rolloff = g_value_get_double(value);
      break;
    case PROP_BETA:
      settings.beta = g_value_get_double(value);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
  }
  return !(settings == before);
}

void set_property(GObject* object, guint id, const GValue* value, GParamSpec* pspec) {
  bool is_other = false;
  guard(GST_ELEMENT(object), Task::kNewSettings,
        [&] { is_other = set_option(object, id, value, pspec); });
  if (is_other) ts_transform_renew_engine(ts_transform_cast(object));
}

void get_property(GObject* object, guint id, GValue* value, GParamSpec* pspec) {
  const ResampleOptions settings = copy_settings(object);
  switch (id) {
    case PROP_RESAMPLING_METHOD:
      g_value_set_enum(value, settings.resampling_method == kMethods[0] ? 0 : 1);
      break;
    case PROP_LOWPASS_FILTER_WIDTH:
      g_value_set_int(value, settings.lowpass_filter_width);
      break;
    case PROP_ROLLOFF:
      g_value_set_double(value, settings.rolloff);
      break;
    case PROP_BETA:
      g_value_set_double(value, settings.beta);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
  }
}

void finalize(GObject* object) {
  delete cast(object)->settings;
  G_OBJECT_CLASS(gst_ts_resample_parent_class)->finalize(object);
}

void install_properties(GObjectClass* klass) {
  const ResampleOptions defaults;
  const auto flags = static_cast<GParamFlags>(G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS |
                                              GST_PARAM_MUTABLE_PLAYING);
  g_object_class_install_property(
      klass, PROP_RESAMPLING_METHOD,
      g_param_spec_enum("resampling-method", "Resampling method", "Window of the sinc filter",
                        method_get_type(), 0, flags));
  g_object_class_install_property(
      klass, PROP_LOWPASS_FILTER_WIDTH,
      g_param_spec_int("lowpass-filter-width", "Lowpass filter width",
                       "Zero crossings of the sinc on either side: more is sharper, slower and "
                       "later",
                       1, 4096, defaults.lowpass_filter_width, flags));
  g_object_class_install_property(
      klass, PROP_ROLLOFF,
      g_param_spec_double("rolloff", "Roll-off",
                          "Cutoff as a fraction of the lower Nyquist frequency", 0.001, 1.0,
                          defaults.rolloff, flags));
  g_object_class_install_property(klass, PROP_BETA,
                                  g_param_spec_double("beta", "Beta", "Shape of the Kaiser window",
                                                      -88.0, 88.0, defaults.beta, flags));
}

void gst_ts_resample_class_init(GstTsResampleClass* klass) {
  GST_DEBUG_CATEGORY_INIT(tsresample_debug, "tsresample", 0, "torchaudio's resampler");

  auto* object_class = G_OBJECT_CLASS(klass);
  object_class->set_property = set_property;
  object_class->get_property = get_property;
  object_class->finalize = finalize;
  install_properties(object_class);
  gst_type_mark_as_plugin_api(method_get_type(), static_cast<GstPluginAPIFlags>(0));

  auto* element_class = GST_ELEMENT_CLASS(klass);
  gst_element_class_add_static_pad_template(element_class, &sink_template);
  gst_element_class_add_static_pad_template(element_class, &src_template);
  gst_element_class_set_static_metadata(
      element_class, "torchaudio resampler", "Filter/Converter/Audio",
      "Resamples audio exactly as torchaudio.functional.resample does", "torchstreamer");

  auto* transform_class = GST_BASE_TRANSFORM_CLASS(klass);
  transform_class->transform_caps = transform_caps;
  transform_class->fixate_caps = fixate_caps;
  transform_class->passthrough_on_same_caps = TRUE;
  ts_transform_class_cast(klass)->make_engine = make_engine;
}

void gst_ts_resample_init(GstTsResample* self) { self->settings = new ResampleOptions; }

}  // namespace

GST_ELEMENT_REGISTER_DEFINE(tsresample, "tsresample", GST_RANK_NONE, gst_ts_resample_get_type())
