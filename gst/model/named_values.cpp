#include "model/named_values.h"

#include <cmath>
#include <optional>
#include <utility>

#include "torchstreamer/error.h"

namespace torchstreamer {
namespace {

std::optional<int64_t> integer_in(const GValue* value) {
  if (G_VALUE_HOLDS_INT(value)) return g_value_get_int(value);
  if (G_VALUE_HOLDS_UINT(value)) return g_value_get_uint(value);
  if (G_VALUE_HOLDS_INT64(value)) return g_value_get_int64(value);
  if (G_VALUE_HOLDS_UINT64(value) && g_value_get_uint64(value) <= G_MAXINT64)
    return g_value_get_uint64(value);
  return std::nullopt;
}

/// NaN is not accepted, because it does not equal itself.
std::optional<double> number_in(const GValue* value) {
  std::optional<double> number;
  if (G_VALUE_HOLDS_FLOAT(value)) number = g_value_get_float(value);
  if (G_VALUE_HOLDS_DOUBLE(value)) number = g_value_get_double(value);
  if (const auto integer = integer_in(value)) number = *integer;
  return number && std::isnan(*number) ? std::nullopt : number;
}

/// Functions of a container of values.
struct Container {
  guint (*size)(const GValue* container);
  const GValue* (*at)(const GValue* container, guint index);
};

std::optional<NamedValue> numbers_in(const GValue* container, Container functions) {
  std::vector<double> numbers;
  for (guint i = 0; i < functions.size(container); ++i) {
    const auto number = number_in(functions.at(container, i));
    if (!number) return std::nullopt;
    numbers.push_back(*number);
  }
  return numbers;
}

std::optional<NamedValue> named_value(const GValue* value) {
  if (G_VALUE_HOLDS_BOOLEAN(value)) return g_value_get_boolean(value) != FALSE;
  if (G_VALUE_HOLDS_STRING(value)) {
    const char* text = g_value_get_string(value);
    return std::string(text ? text : "");
  }
  if (GST_VALUE_HOLDS_ARRAY(value))
    return numbers_in(value, {gst_value_array_get_size, gst_value_array_get_value});
  if (GST_VALUE_HOLDS_LIST(value))
    return numbers_in(value, {gst_value_list_get_size, gst_value_list_get_value});
  if (const auto integer = integer_in(value)) return *integer;
  if (const auto number = number_in(value)) return *number;
  return std::nullopt;
}

OptionError unknown_value(const char* property, const char* field, const GValue* value) {
  g_autofree gchar* text = gst_value_serialize(value);
  return OptionError(std::string("property ") + property + ": the field '" + field + "' is " +
                     (text ? text : "empty") + " of the type " + G_VALUE_TYPE_NAME(value) +
                     ". It must be a number that is not NaN, a string, a boolean, or an array of "
                     "numbers.");
}

}  // namespace

NamedValues named_values(const GstStructure* structure, const char* property) {
  NamedValues values;
  for (gint i = 0; structure && i < gst_structure_n_fields(structure); ++i) {
    const char* field = gst_structure_nth_field_name(structure, i);
    const GValue* value = gst_structure_get_value(structure, field);
    auto named = named_value(value);
    if (!named) throw unknown_value(property, field, value);
    values.emplace(field, std::move(*named));
  }
  return values;
}

}  // namespace torchstreamer
