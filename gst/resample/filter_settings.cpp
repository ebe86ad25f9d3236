#include "resample/filter_settings.h"

#include <algorithm>
#include <cmath>

namespace torchstreamer {
namespace {

using audio::ResampleOptions;

enum {
  PROP_0,
  PROP_RESAMPLING_METHOD,
  PROP_LOWPASS_FILTER_WIDTH,
  PROP_ROLLOFF,
  PROP_BETA,
  PROP_QUALITY,
  PROP_RESAMPLE_METHOD,
  PROP_SINC_FILTER_MODE,
  PROP_SINC_FILTER_AUTO_THRESHOLD,
  PROP_SINC_FILTER_INTERPOLATION
};

/// Indexed by the values of GstTsResampleMethod.
constexpr const char* kMethods[] = {"sinc_interp_hann", "sinc_interp_kaiser"};
constexpr int kMaxWidth = 4096;

// The main lobe of the Blackman-Nuttall window ends at the fourth multiple of the inverse of its
// length, that of the Kaiser window at sqrt(1 + (beta / pi)^2).
const double kBlackmanNuttallBeta = G_PI * std::sqrt(15);

GType method_get_type() {
  static const GEnumValue values[] = {{0, "Sinc, Hann window", "sinc-interp-hann"},
                                      {1, "Sinc, Kaiser window", "sinc-interp-kaiser"},
                                      {0, nullptr, nullptr}};
  static const GType type = g_enum_register_static("GstTsResampleMethod", values);
  return type;
}

/// Number of zero crossings on each side of a filter of `taps` input frames.
int width_of(double taps, double rolloff) {
  return std::max(1, static_cast<int>(std::lround(taps / 2 * rolloff)));
}

/// Expresses the filter of audioresample, see FilterSettings.
ResampleOptions stock_options(GstAudioResamplerMethod method, gint quality, gint source_hz,
                              gint target_hz) {
  ResampleOptions options;
  if (method < GST_AUDIO_RESAMPLER_METHOD_BLACKMAN_NUTTALL) {
    options.lowpass_filter_width = method == GST_AUDIO_RESAMPLER_METHOD_CUBIC ? 2 : 1;
    return options;
  }
  GstStructure* stock = gst_structure_new_empty("options");
  gst_audio_resampler_options_set_quality(method, quality, source_hz, target_hz, stock);
  gint taps = 0;
  gdouble attenuation_db = 0, bandwidth = 1;
  gst_structure_get(stock, GST_AUDIO_RESAMPLER_OPT_CUTOFF, G_TYPE_DOUBLE, &options.rolloff,
                    nullptr);
  gst_structure_get(stock, GST_AUDIO_RESAMPLER_OPT_N_TAPS, G_TYPE_INT, &taps, nullptr);
  gst_structure_get(stock, GST_AUDIO_RESAMPLER_OPT_STOP_ATTENUATION, G_TYPE_DOUBLE, &attenuation_db,
                    GST_AUDIO_RESAMPLER_OPT_TRANSITION_BANDWIDTH, G_TYPE_DOUBLE, &bandwidth,
                    nullptr);
  gst_structure_free(stock);
  options.resampling_method = kMethods[1];
  if (method == GST_AUDIO_RESAMPLER_METHOD_BLACKMAN_NUTTALL) {
    options.beta = kBlackmanNuttallBeta;
    options.lowpass_filter_width = width_of(taps, options.rolloff);
  } else {
    options.beta = 0.1102 * (attenuation_db - 8.7);  // Kaiser's formulas for more than 50 dB
    const double kaiser_taps = (attenuation_db - 8) / (2.285 * 2 * G_PI * bandwidth) + 1;
    options.lowpass_filter_width = width_of(kaiser_taps, options.rolloff);
  }
  return options;
}

constexpr auto kFlags = static_cast<GParamFlags>(G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS |
                                                 GST_PARAM_MUTABLE_PLAYING);

/// Adds the arguments of torchaudio.
void install_torchaudio_properties(GObjectClass* klass) {
  const ResampleOptions defaults;
  g_object_class_install_property(
      klass, PROP_RESAMPLING_METHOD,
      g_param_spec_enum("resampling-method", "Resampling method", "Window of the sinc filter",
                        method_get_type(), 0, kFlags));
  g_object_class_install_property(
      klass, PROP_LOWPASS_FILTER_WIDTH,
      g_param_spec_int(
          "lowpass-filter-width", "Lowpass filter width",
          "Zero crossings of the sinc on either side: more give a steeper filter, more "
          "computing time and more latency",
          1, kMaxWidth, defaults.lowpass_filter_width, kFlags));
  g_object_class_install_property(
      klass, PROP_ROLLOFF,
      g_param_spec_double(
          "rolloff", "Roll-off",
          "Cutoff frequency as a fraction of the lower of the two Nyquist frequencies", 0.001, 1.0,
          defaults.rolloff, kFlags));
  g_object_class_install_property(
      klass, PROP_BETA,
      g_param_spec_double("beta", "Beta",
                          "Shape parameter of the Kaiser window, unused with the Hann window",
                          -88.0, 88.0, defaults.beta, kFlags));
  gst_type_mark_as_plugin_api(method_get_type(), static_cast<GstPluginAPIFlags>(0));
}

/// Adds the properties of audioresample.
void install_stock_properties(GObjectClass* klass) {
  const FilterSettings none;
  g_object_class_install_property(
      klass, PROP_QUALITY,
      g_param_spec_int("quality", "Quality",
                       "Filter like that of audioresample with this quality, if set",
                       GST_AUDIO_RESAMPLER_QUALITY_MIN, GST_AUDIO_RESAMPLER_QUALITY_MAX,
                       GST_AUDIO_RESAMPLER_QUALITY_DEFAULT, kFlags));
  g_object_class_install_property(
      klass, PROP_RESAMPLE_METHOD,
      g_param_spec_enum("resample-method", "Resample method",
                        "Filter like that of audioresample with this method, if set",
                        GST_TYPE_AUDIO_RESAMPLER_METHOD, GST_AUDIO_RESAMPLER_METHOD_KAISER,
                        kFlags));
  g_object_class_install_property(
      klass, PROP_SINC_FILTER_MODE,
      g_param_spec_enum("sinc-filter-mode", "Sinc filter mode",
                        "Property of audioresample without effect",
                        GST_TYPE_AUDIO_RESAMPLER_FILTER_MODE, none.filter_mode, kFlags));
  g_object_class_install_property(
      klass, PROP_SINC_FILTER_AUTO_THRESHOLD,
      g_param_spec_uint("sinc-filter-auto-threshold", "Sinc filter auto threshold",
                        "Property of audioresample without effect, in bytes", 0, G_MAXUINT,
                        none.auto_threshold_bytes, kFlags));
  g_object_class_install_property(
      klass, PROP_SINC_FILTER_INTERPOLATION,
      g_param_spec_enum("sinc-filter-interpolation", "Sinc filter interpolation",
                        "Property of audioresample without effect",
                        GST_TYPE_AUDIO_RESAMPLER_FILTER_INTERPOLATION, none.interpolation, kFlags));
}

}  // namespace

ResampleOptions FilterSettings::options(gint source_hz, gint target_hz) const {
  ResampleOptions options;
  if (quality || resample_method)
    options =
        stock_options(static_cast<GstAudioResamplerMethod>(
                          resample_method.value_or(GST_AUDIO_RESAMPLER_METHOD_KAISER)),
                      quality.value_or(GST_AUDIO_RESAMPLER_QUALITY_DEFAULT), source_hz, target_hz);
  if (method) options.resampling_method = kMethods[*method];
  if (width) options.lowpass_filter_width = *width;
  if (rolloff) options.rolloff = *rolloff;
  if (beta) options.beta = *beta;
  return options;
}

// The options depend only on which of the rates is lower.
bool FilterSettings::is_same_filter(const FilterSettings& other) const {
  return options(1, 2) == other.options(1, 2) && options(2, 1) == other.options(2, 1);
}

void install_filter_properties(GObjectClass* klass) {
  install_torchaudio_properties(klass);
  install_stock_properties(klass);
}

bool set_filter_property(FilterSettings* settings, guint id, const GValue* value) {
  switch (id) {
    case PROP_RESAMPLING_METHOD:
      settings->method = g_value_get_enum(value);
      break;
    case PROP_LOWPASS_FILTER_WIDTH:
      settings->width = g_value_get_int(value);
      break;
    case PROP_ROLLOFF:
      settings->rolloff = g_value_get_double(value);
      break;
    case PROP_BETA:
      settings->beta = g_value_get_double(value);
      break;
    case PROP_QUALITY:
      settings->quality = g_value_get_int(value);
      break;
    case PROP_RESAMPLE_METHOD:
      settings->resample_method = g_value_get_enum(value);
      break;
    case PROP_SINC_FILTER_MODE:
      settings->filter_mode = g_value_get_enum(value);
      break;
    case PROP_SINC_FILTER_AUTO_THRESHOLD:
      settings->auto_threshold_bytes = g_value_get_uint(value);
      break;
    case PROP_SINC_FILTER_INTERPOLATION:
      settings->interpolation = g_value_get_enum(value);
      break;
    default:
      return false;
  }
  return true;
}

bool get_filter_property(const FilterSettings& settings, guint id, GValue* value) {
  const ResampleOptions defaults;
  switch (id) {
    case PROP_RESAMPLING_METHOD:
      g_value_set_enum(value, settings.method.value_or(0));
      break;
    case PROP_LOWPASS_FILTER_WIDTH:
      g_value_set_int(value, settings.width.value_or(defaults.lowpass_filter_width));
      break;
    case PROP_ROLLOFF:
      g_value_set_double(value, settings.rolloff.value_or(defaults.rolloff));
      break;
    case PROP_BETA:
      g_value_set_double(value, settings.beta.value_or(defaults.beta));
      break;
    case PROP_QUALITY:
      g_value_set_int(value, settings.quality.value_or(GST_AUDIO_RESAMPLER_QUALITY_DEFAULT));
      break;
    case PROP_RESAMPLE_METHOD:
      g_value_set_enum(value, settings.resample_method.value_or(GST_AUDIO_RESAMPLER_METHOD_KAISER));
      break;
    case PROP_SINC_FILTER_MODE:
      g_value_set_enum(value, settings.filter_mode);
      break;
    case PROP_SINC_FILTER_AUTO_THRESHOLD:
      g_value_set_uint(value, settings.auto_threshold_bytes);
      break;
    case PROP_SINC_FILTER_INTERPOLATION:
      g_value_set_enum(value, settings.interpolation);
      break;
    default:
      return false;
  }
  return true;
}

}  // namespace torchstreamer
