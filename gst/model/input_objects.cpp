#include "model/input_objects.h"

#include <algorithm>
#include <string>

#include "base/exceptions.h"

namespace torchstreamer {

/// A child. Its settings are those of its parent, and are used only while the parent is referenced.
struct GstTsModelInput {
  GstObject object;
  LockedSettings<TsModelSettings>* settings;
};

struct GstTsModelInputClass {
  GstObjectClass parent_class;
};

GType gst_ts_model_input_get_type();
G_DEFINE_TYPE(GstTsModelInput, gst_ts_model_input, GST_TYPE_OBJECT)

namespace {

bool is_number(const GValue* value) {
  return G_VALUE_HOLDS_INT(value) || G_VALUE_HOLDS_UINT(value) || G_VALUE_HOLDS_INT64(value) ||
         G_VALUE_HOLDS_UINT64(value) || G_VALUE_HOLDS_FLOAT(value) || G_VALUE_HOLDS_DOUBLE(value);
}

/// Returns the number of this name, or null.
const GValue* find_number(const SharedStructure& inputs, const char* name) {
  const GValue* value = inputs ? gst_structure_get_value(inputs.get(), name) : nullptr;
  return value && is_number(value) ? value : nullptr;
}

double double_in(const GValue* number) {
  GValue value = G_VALUE_INIT;
  g_value_init(&value, G_TYPE_DOUBLE);
  g_value_transform(number, &value);
  return g_value_get_double(&value);
}

/// Sets the number of this name if there is one with a different value. It becomes a double,
/// because an integer would truncate it; models accept doubles for integers. May throw.
bool set_number(SharedStructure* inputs, const char* name, double number) {
  const GValue* old = find_number(*inputs, name);
  if (!old || double_in(old) == number) return false;
  GstStructure* changed = gst_structure_copy(inputs->get());
  gst_structure_set(changed, name, G_TYPE_DOUBLE, number, nullptr);
  *inputs = SharedStructure(changed, gst_structure_free);
  return true;
}

void set_property(GObject* object, guint, const GValue* value, GParamSpec*) {
  g_autoptr(GstObject) parent = gst_object_get_parent(GST_OBJECT(object));
  if (!parent) return;
  auto* settings = reinterpret_cast<GstTsModelInput*>(object)->settings;
  g_autofree gchar* name = gst_object_get_name(GST_OBJECT(object));
  bool is_set = false;
  run_guarded(GST_ELEMENT(parent), ErrorContext::kNewModel, [&] {
    is_set = settings->change([&](TsModelSettings* s) {
      return set_number(&s->inputs, name, g_value_get_double(value));
    });
  });
  if (is_set) g_object_notify(G_OBJECT(parent), "inputs");
}

void get_property(GObject* object, guint, GValue* value, GParamSpec*) {
  g_autoptr(GstObject) parent = gst_object_get_parent(GST_OBJECT(object));
  if (!parent) return;
  auto* settings = reinterpret_cast<GstTsModelInput*>(object)->settings;
  const SharedStructure inputs = settings->read([](const auto& s) { return s.inputs; });
  g_autofree gchar* name = gst_object_get_name(GST_OBJECT(object));
  const GValue* number = find_number(inputs, name);
  if (number) g_value_set_double(value, double_in(number));
}

std::vector<std::string> names_of_numbers(const SharedStructure& inputs) {
  std::vector<std::string> names;
  for (gint i = 0; inputs && i < gst_structure_n_fields(inputs.get()); ++i) {
    const char* name = gst_structure_nth_field_name(inputs.get(), i);
    if (find_number(inputs, name)) names.emplace_back(name);
  }
  return names;
}

}  // namespace

static void gst_ts_model_input_class_init(GstTsModelInputClass* klass) {
  auto* object_class = G_OBJECT_CLASS(klass);
  object_class->set_property = set_property;
  object_class->get_property = get_property;
  g_object_class_install_property(
      object_class, 1,
      g_param_spec_double(
          "value", "Value", "Value of the input", -G_MAXDOUBLE, G_MAXDOUBLE, 0,
          static_cast<GParamFlags>(G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS |
                                   GST_PARAM_CONTROLLABLE | GST_PARAM_MUTABLE_PLAYING)));
}

static void gst_ts_model_input_init(GstTsModelInput*) {}

void InputObjects::clear() {
  std::vector<GstObject*> children;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    children.swap(children_);
    count_ = 0;
  }
  for (GstObject* child : children) gst_object_unparent(child);
}

void InputObjects::mark_as_api() {
  gst_type_mark_as_plugin_api(gst_ts_model_input_get_type(), static_cast<GstPluginAPIFlags>(0));
}

void InputObjects::update() {
  const Changes changes = update_children();
  for (GstObject* child : changes.removed) {
    gst_child_proxy_child_removed(GST_CHILD_PROXY(element_), G_OBJECT(child),
                                  GST_OBJECT_NAME(child));
    gst_object_unparent(child);
    gst_object_unref(child);
  }
  for (GstObject* child : changes.added) {
    gst_child_proxy_child_added(GST_CHILD_PROXY(element_), G_OBJECT(child), GST_OBJECT_NAME(child));
    gst_object_unref(child);
  }
}

InputObjects::Changes InputObjects::update_children() {
  // Under the mutex, so that the last of several threads has the newest settings.
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto inputs = settings_->read([](const auto& settings) { return settings.inputs; });
  const std::vector<std::string> names = names_of_numbers(inputs);
  Changes changes;
  changes.added.reserve(names.size());
  changes.removed.reserve(children_.size());
  std::vector<GstObject*> children;
  children.reserve(names.size());  // the code below does not throw
  for (const std::string& name : names) {
    const auto has_name = [&](GstObject* child) { return name == GST_OBJECT_NAME(child); };
    const auto known = std::find_if(children_.begin(), children_.end(), has_name);
    if (known != children_.end()) {
      children.push_back(*known);
      children_.erase(known);
      continue;
    }
    gpointer child = g_object_new(gst_ts_model_input_get_type(), "name", name.c_str(), nullptr);
    static_cast<GstTsModelInput*>(child)->settings = settings_;
    gst_object_set_parent(GST_OBJECT(child), GST_OBJECT(element_));
    children.push_back(GST_OBJECT(child));
    changes.added.push_back(GST_OBJECT(gst_object_ref(child)));
  }
  for (GstObject* child : children_) changes.removed.push_back(GST_OBJECT(gst_object_ref(child)));
  children_ = std::move(children);
  count_ = children_.size();
  return changes;
}

GObject* InputObjects::child(guint index) const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return index < children_.size() ? G_OBJECT(gst_object_ref(children_[index])) : nullptr;
}

void InputObjects::sync_values(GstClockTime stream_time) const {
  for (guint i = 0; i < count_; ++i) {
    g_autoptr(GObject) object = child(i);
    if (object) gst_object_sync_values(GST_OBJECT(object), stream_time);
  }
}

}  // namespace torchstreamer
