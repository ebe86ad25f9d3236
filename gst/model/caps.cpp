#include "model/caps.h"

#include <gst/audio/audio.h>

#include <algorithm>
#include <bitset>
#include <new>
#include <numeric>
#include <sstream>
#include <vector>

GST_DEBUG_CATEGORY_EXTERN(tsmodel_debug);
#define GST_CAT_DEFAULT tsmodel_debug

namespace torchstreamer {
namespace {

/// Maximum number of channels in the caps of a model that takes any number: each number needs a
/// plan.
constexpr int kMaxChannels = 64;

/// The values of a field of caps.
class ValueList {
 public:
  ValueList() { gst_value_list_init(&list_, 0); }
  ~ValueList() { g_value_unset(&list_); }
  ValueList(const ValueList&) = delete;
  ValueList& operator=(const ValueList&) = delete;

  bool empty() const { return gst_value_list_get_size(&list_) == 0; }

  void add(gint64 number) {
    GValue value = G_VALUE_INIT;
    g_value_init(&value, G_TYPE_INT);
    g_value_set_int(&value, static_cast<int>(number));
    gst_value_list_append_and_take_value(&list_, &value);
  }

  void add_range(gint64 low, gint64 high, gint64 step) {
    if (low > high) return;
    if (low == high) return add(low);
    GValue value = G_VALUE_INIT;
    g_value_init(&value, GST_TYPE_INT_RANGE);
    gst_value_set_int_range_step(&value, static_cast<int>(low), static_cast<int>(high),
                                 static_cast<int>(step));
    gst_value_list_append_and_take_value(&list_, &value);
  }

  void store(GstStructure* structure, const char* field) const {
    const bool is_single = gst_value_list_get_size(&list_) == 1;
    gst_structure_set_value(structure, field,
                            is_single ? gst_value_list_get_value(&list_, 0) : &list_);
  }

 private:
  GValue list_ = G_VALUE_INIT;
};

/// Multiplies the multiples of `step` in [low, high] by `ratio` and adds the results that are
/// integers to `mapped`. These are the results for multiples of both `step` and the denominator of
/// the ratio.
void map_range(gint64 low, gint64 high, gint64 step, Rational ratio, ValueList* mapped) {
  if (ratio.num > G_MAXINT || ratio.den > G_MAXINT) return;
  const gint64 unit = std::lcm(step, ratio.den);
  const gint64 mapped_unit = unit / ratio.den * ratio.num;
  const gint64 first = std::max<gint64>(1, ceil_div(low, unit));
  const gint64 last = std::min(floor_div(high, unit), floor_div(G_MAXINT, mapped_unit));
  mapped->add_range(first * mapped_unit, last * mapped_unit, mapped_unit);
}

void map_rates(const GValue* rates, Rational ratio, ValueList* mapped) {
  if (G_VALUE_HOLDS_INT(rates)) {
    map_range(g_value_get_int(rates), g_value_get_int(rates), 1, ratio, mapped);
  } else if (GST_VALUE_HOLDS_INT_RANGE(rates)) {
    map_range(gst_value_get_int_range_min(rates), gst_value_get_int_range_max(rates),
              gst_value_get_int_range_step(rates), ratio, mapped);
  } else if (GST_VALUE_HOLDS_LIST(rates)) {
    for (guint i = 0; i < gst_value_list_get_size(rates); ++i)
      map_rates(gst_value_list_get_value(rates, i), ratio, mapped);
  }
}

bool admits(const GstStructure* structure, const char* field, const GValue& value) {
  const GValue* possible = gst_structure_get_value(structure, field);
  return !possible || gst_value_intersect(nullptr, possible, &value);
}

bool admits(const GstStructure* structure, const char* field, int number) {
  GValue value = G_VALUE_INIT;
  g_value_init(&value, G_TYPE_INT);
  g_value_set_int(&value, number);
  return admits(structure, field, value);
}

/// Adds the rates on the other side of `model` for the rates of `structure`.
void map_rates(const Model& model, GstPadDirection direction, const GstStructure* structure,
               ValueList* mapped) {
  const Rational ratio = model.timing().rate();
  const bool is_input = direction == GST_PAD_SINK;
  const int64_t only_hz = model.sample_rate_hz();
  const Rational only_out_hz = Rational(only_hz) * ratio;
  if (only_hz == 0) {
    map_rates(gst_structure_get_value(structure, "rate"), is_input ? ratio : Rational(1) / ratio,
              mapped);
  } else if (only_out_hz.den == 1 &&
             admits(structure, "rate", is_input ? only_hz : only_out_hz.num)) {
    mapped->add(is_input ? only_out_hz.num : only_hz);
  }
}

/// Returns true if `structure` allows the sample rate of `model`.
bool admits_rate(const Model& model, const GstStructure* structure) {
  const int64_t only_hz = model.sample_rate_hz();
  return only_hz == 0 || admits(structure, "rate", static_cast<int>(only_hz));
}

struct Channels {
  int in, out;
};

/// Returns the channel counts of `model` that `structure` allows on the side of `direction`. Asks
/// the model for as few counts as possible, because each may need a plan.
std::vector<Channels> map_channels(const Model& model, GstPadDirection direction,
                                   const GstStructure* structure) {
  const int only = model.channels_in();
  std::vector<Channels> mapped;
  for (int in = only > 0 ? only : 1; in <= (only > 0 ? only : kMaxChannels); ++in) {
    if (direction == GST_PAD_SINK && !admits(structure, "channels", in)) continue;
    try {
      const Channels channels = {in, model.channels_out(in)};
      if (direction == GST_PAD_SINK || admits(structure, "channels", channels.out))
        mapped.push_back(channels);
    } catch (const std::bad_alloc&) {
      throw;  // the error does not depend on the channels
    } catch (const std::exception& error) {
      GST_DEBUG("%d channels are refused: %s", in, error.what());
    }
  }
  return mapped;
}

/// Returns the channel mask of `channels` output channels: the mask that `model` declares if it is
/// valid for this number, otherwise left and right for two channels, otherwise none.
guint64 mask_of(const Model& model, int channels) {
  const guint64 declared = model.channel_mask();
  std::vector<GstAudioChannelPosition> positions(channels);
  guint64 known = 0;  // bits that GStreamer defines
  if (std::bitset<64>(declared).count() == positions.size() &&
      gst_audio_channel_positions_from_mask(channels, declared, positions.data()) &&
      gst_audio_channel_positions_to_mask(positions.data(), channels, FALSE, &known) &&
      known == declared)
    return declared;
  return channels == 2 ? 0x3 : 0;
}

bool admits_mask(const GstStructure* structure, guint64 mask) {
  GValue value = G_VALUE_INIT;
  g_value_init(&value, GST_TYPE_BITMASK);
  gst_value_set_bitmask(&value, mask);
  return admits(structure, "channel-mask", value);
}

/// Appends `structure` with the channels of the other side, for a model that changes the number of
/// channels.
void append_changed(GstCaps* caps, const GstStructure* structure, const Model& model,
                    GstPadDirection direction, Channels channels) {
  const bool is_output = direction == GST_PAD_SINK, has_mask = channels.out > 1;
  const guint64 mask = mask_of(model, channels.out);
  if (!is_output && has_mask && !admits_mask(structure, mask)) return;
  GstStructure* other = gst_structure_copy(structure);
  gst_structure_remove_field(other, "channel-mask");
  gst_structure_set(other, "channels", G_TYPE_INT, is_output ? channels.out : channels.in, nullptr);
  if (is_output && has_mask)
    gst_structure_set(other, "channel-mask", GST_TYPE_BITMASK, mask, nullptr);
  gst_caps_append_structure(caps, other);
}

void append_mapped(GstCaps* caps, const GstStructure* structure, const Model& model,
                   GstPadDirection direction) {
  ValueList rates, kept;
  if (!gst_structure_has_field(structure, "rate")) return;
  map_rates(model, direction, structure, &rates);
  if (rates.empty()) return;
  const std::vector<Channels> mapped = map_channels(model, direction, structure);
  GstStructure* other = gst_structure_copy(structure);
  rates.store(other, "rate");
  for (const Channels& channels : mapped) {
    if (channels.in == channels.out)
      kept.add(channels.in);
    else
      append_changed(caps, other, model, direction, channels);
  }
  if (!kept.empty()) {
    kept.store(other, "channels");
    gst_caps_append_structure(caps, gst_structure_copy(other));
  }
  gst_structure_free(other);
}

std::string field_text(const GstStructure* structure, const char* field) {
  g_autofree gchar* text = gst_value_serialize(gst_structure_get_value(structure, field));
  return text ? text : "other";
}

std::string explain_channels(const Model& model, const std::string& channels) {
  std::ostringstream text;
  text << "The model does not take " << channels << " channel" << (channels == "1" ? "" : "s")
       << " but ";
  if (model.channels_in() > 0)
    text << model.channels_in();
  else
    text << "up to " << kMaxChannels;
  text << ". An audioconvert before tsmodel converts them";
  text << (model.channels_in() == 1 ? ", or channels=each runs the model on every channel." : ".");
  return text.str();
}

std::string explain_rate(const Model& model, const std::string& rate) {
  const Rational ratio = model.timing().rate();
  std::ostringstream text;
  if (model.sample_rate_hz() > 0) {
    text << "The model takes audio of " << model.sample_rate_hz() << " Hz, not of " << rate
         << " Hz. A tsresample before tsmodel converts it.";
    return text.str();
  }
  text << "The model multiplies the rate by " << ratio.num << "/" << ratio.den
       << ", which gives no integer rate for " << rate
       << " Hz. A tsresample before tsmodel can convert to a multiple of " << ratio.den
       << " Hz, or output-mode=message posts the output in messages.";
  return text.str();
}

}  // namespace

GstCaps* map_caps(const Model& model, GstPadDirection direction, const GstCaps* caps) {
  g_autoptr(GstCaps) mapped = gst_caps_new_empty();  // freed if the model throws
  for (guint i = 0; i < gst_caps_get_size(caps); ++i)
    append_mapped(mapped, gst_caps_get_structure(caps, i), model, direction);
  return static_cast<GstCaps*>(g_steal_pointer(&mapped));
}

GstCaps* accepted_caps(const Model& model, const GstCaps* caps) {
  g_autoptr(GstCaps) accepted = gst_caps_new_empty();  // freed if the model throws
  for (guint i = 0; i < gst_caps_get_size(caps); ++i) {
    const GstStructure* structure = gst_caps_get_structure(caps, i);
    if (!admits_rate(model, structure)) continue;
    ValueList channels;
    for (const Channels& taken : map_channels(model, GST_PAD_SINK, structure))
      channels.add(taken.in);
    if (channels.empty()) continue;
    GstStructure* kept = gst_structure_copy(structure);
    channels.store(kept, "channels");
    if (model.sample_rate_hz() > 0)
      gst_structure_set(kept, "rate", G_TYPE_INT, static_cast<int>(model.sample_rate_hz()),
                        nullptr);
    gst_caps_append_structure(accepted, kept);
  }
  return static_cast<GstCaps*>(g_steal_pointer(&accepted));
}

std::string explain_analysis_refusal(const Model& model, const GstCaps* caps) {
  if (gst_caps_is_empty(caps)) return "";
  const GstStructure* structure = gst_caps_get_structure(caps, 0);
  if (map_channels(model, GST_PAD_SINK, structure).empty())
    return explain_channels(model, field_text(structure, "channels"));
  return admits_rate(model, structure) ? "" : explain_rate(model, field_text(structure, "rate"));
}

std::string explain_refusal(const Model& model, const GstCaps* caps) {
  g_autoptr(GstCaps) mapped = map_caps(model, GST_PAD_SINK, caps);
  if (gst_caps_is_empty(caps) || !gst_caps_is_empty(mapped)) return "";
  const std::string refusal = explain_analysis_refusal(model, caps);
  if (!refusal.empty()) return refusal;
  return explain_rate(model, field_text(gst_caps_get_structure(caps, 0), "rate"));
}

}  // namespace torchstreamer
