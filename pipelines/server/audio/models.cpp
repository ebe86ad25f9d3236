#include "server/audio/models.h"

#include <gst/app/app.h>
#include <gst/audio/audio.h>

#include <filesystem>
#include <stdexcept>

namespace torchstreamer::server {
namespace {

namespace fs = std::filesystem;

constexpr int kUsualRate_hz = 48000;
/// Time between two looks at models that are loading.
constexpr guint kPoll_ms = 50;
constexpr gulong kWait_us = 5000;

/// Properties that a section must not set, because sessions depend on them.
const char* const kFixedProperties[] = {"output-mode", "swap", "swap-time", "name"};

bool is_model_file(const fs::path& path) {
  const std::string extension = path.extension().string();
  return extension == ".pt" || extension == ".pt2" || extension == ".ts";
}

/// The sections, and a model for each file of the folder that no section names.
std::map<std::string, ModelSettings> configured(const Settings& settings) {
  std::map<std::string, ModelSettings> models = settings.model_sections;
  if (settings.models.empty()) return models;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(settings.models, error))
    if (is_model_file(entry.path()))
      models.emplace(entry.path().stem().string(),
                     ModelSettings{{"location", fs::absolute(entry.path()).string()}});
  if (error)
    throw std::runtime_error("models: " + settings.models + " cannot be read: " + error.message() +
                             ".");
  return models;
}

/// The same. Throws std::runtime_error if there is none.
std::map<std::string, ModelSettings> some_configured(const Settings& settings) {
  auto models = configured(settings);
  if (models.empty())
    throw std::runtime_error("models: " + settings.models + " contains no .pt, .pt2 or .ts file.");
  return models;
}

Ref<GstElement> make_element(const char* factory) {
  GstElement* element = gst_element_factory_make(factory, nullptr);
  if (!element)
    throw std::runtime_error(std::string("The element ") + factory +
                             " is missing. Is its plugin in GST_PLUGIN_PATH?");
  return Ref<GstElement>(static_cast<GstElement*>(gst_object_ref_sink(element)));
}

/// True if the stream has ended. Throws std::runtime_error with the reason after an error.
bool take_end(GstElement* pipeline, const std::string& refusal) {
  GstBus* bus = gst_element_get_bus(pipeline);
  GstMessage* message =
      gst_bus_pop_filtered(bus, static_cast<GstMessageType>(GST_MESSAGE_EOS | GST_MESSAGE_ERROR));
  gst_object_unref(bus);
  if (!message) return false;
  g_autoptr(GError) error = nullptr;
  if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_ERROR)
    gst_message_parse_error(message, &error, nullptr);
  gst_message_unref(message);
  if (error) throw std::runtime_error(refusal + error->message);
  return true;
}

std::string string_of(const GstStructure* structure, const char* field) {
  const char* text = gst_structure_get_string(structure, field);
  return text ? text : "";
}

}  // namespace

Ref<GstElement> make_model_element(const std::string& name, const ModelSettings& settings) {
  Ref<GstElement> element = make_element("tsmodel");
  for (const auto& [property, value] : settings) {
    const std::string where = "[model " + name + "]: " + property;
    for (const char* fixed : kFixedProperties)
      if (property == fixed) throw std::runtime_error(where + " is set by the server.");
    GParamSpec* spec =
        g_object_class_find_property(G_OBJECT_GET_CLASS(element.get()), property.c_str());
    if (!spec || !(spec->flags & G_PARAM_WRITABLE))
      throw std::runtime_error(where +
                               " is not a property of tsmodel. gst-inspect-1.0 tsmodel "
                               "lists them.");
    GValue parsed = G_VALUE_INIT;
    g_value_init(&parsed, spec->value_type);
    const bool is_valid = gst_value_deserialize(&parsed, value.c_str());
    g_value_unset(&parsed);
    if (!is_valid) throw std::runtime_error(where + " cannot be \"" + value + "\".");
    gst_util_set_object_arg(G_OBJECT(element.get()), property.c_str(), value.c_str());
  }
  gst_util_set_object_arg(G_OBJECT(element.get()), "swap", "cross");
  return element;
}

LoadedModel::LoadedModel(const std::string& name, const ModelSettings& settings)
    : name_(name), settings_(settings) {
  if (!settings.count("location"))
    throw std::runtime_error("[model " + name + "]: location is not set.");
  pipeline_ =
      Ref<GstElement>(static_cast<GstElement*>(gst_object_ref_sink(gst_pipeline_new(nullptr))));
  model_ = make_model_element(name, settings);
  // A state change of tsmodel to PAUSED loads the model; the source sends nothing.
  source_ = make_element("appsrc");
  const Ref<GstElement> sink = make_element("fakesink");
  g_object_set(sink.get(), "async", FALSE, nullptr);
  for (GstElement* element : {source_.get(), model_.get(), sink.get()})
    gst_bin_add(GST_BIN(pipeline_.get()), element);
  gst_element_link_many(source_.get(), model_.get(), sink.get(), nullptr);
  gst_element_set_state(pipeline_.get(), GST_STATE_PAUSED);
}

LoadedModel::~LoadedModel() { gst_element_set_state(pipeline_.get(), GST_STATE_NULL); }

void LoadedModel::wait() {
  while (!is_loaded()) g_usleep(kWait_us);
}

bool LoadedModel::is_loaded() {
  const std::string refusal = "The model " + name_ + " cannot be used: ";
  if (state_ == State::kReady) return true;
  if (state_ == State::kLoading) {
    const auto result = gst_element_get_state(pipeline_.get(), nullptr, nullptr, 0);
    if (result == GST_STATE_CHANGE_ASYNC) return false;
    if (result == GST_STATE_CHANGE_FAILURE) {
      take_end(pipeline_.get(), refusal);
      throw std::runtime_error(refusal + "its load failed.");
    }
    state_ = try_out() ? State::kTrying : State::kReady;
  }
  if (state_ == State::kTrying && take_end(pipeline_.get(), refusal)) state_ = State::kReady;
  return state_ == State::kReady;
}

Ref<GstCaps> LoadedModel::input_caps() const {
  GstPad* pad = gst_element_get_static_pad(model_.get(), "sink");
  Ref<GstCaps> caps(gst_pad_query_caps(pad, nullptr));
  gst_object_unref(pad);
  return caps;
}

bool LoadedModel::try_out() {
  GstCaps* caps = gst_caps_truncate(input_caps().release());
  gst_structure_fixate_field_nearest_int(gst_caps_get_structure(caps, 0), "rate", kUsualRate_hz);
  const Ref<GstCaps> fixed(gst_caps_fixate(caps));
  GstAudioInfo info;
  if (!gst_audio_info_from_caps(&info, fixed.get())) return false;
  auto* source = GST_APP_SRC(source_.get());
  g_object_set(source, "format", GST_FORMAT_TIME, nullptr);
  gst_app_src_set_caps(source, fixed.get());
  const std::string silence(static_cast<size_t>(info.bpf), '\0');
  gst_app_src_push_buffer(source, gst_buffer_new_memdup(silence.data(), silence.size()));
  gst_app_src_end_of_stream(source);
  gst_element_set_state(pipeline_.get(), GST_STATE_PLAYING);
  return true;
}

ModelInfo LoadedModel::info() const {
  ModelInfo info;
  info.name = name_;
  GstStructure* stats = nullptr;
  guint64 latency_ns = 0;
  g_object_get(model_.get(), "stats", &stats, "latency", &latency_ns, nullptr);
  info.latency_ns = latency_ns;
  if (stats) {
    const Ref<GstStructure> owned(stats);
    info.digest = string_of(stats, "model-digest");
    guint64 weights_bytes = 0;
    gst_structure_get_uint64(stats, "weights-bytes", &weights_bytes);
    info.weights_bytes = weights_bytes;
  }
  const Ref<GstCaps> caps = input_caps();
  if (gst_caps_is_empty(caps.get()) || gst_caps_is_any(caps.get())) return info;
  const GstStructure* audio = gst_caps_get_structure(caps.get(), 0);
  gst_structure_get_int(audio, "rate", &info.rate_hz);
  gst_structure_get_int(audio, "channels", &info.channels);
  return info;
}

Models::Models(const Settings& settings) {
  for (const auto& [name, model] : some_configured(settings))
    models_[name] = std::make_shared<LoadedModel>(name, model);
  for (const auto& [name, model] : models_) model->wait();
}

std::shared_ptr<LoadedModel> Models::find(const std::string& name) const {
  const auto found = models_.find(name);
  return found == models_.end() ? nullptr : found->second;
}

std::vector<ModelInfo> Models::infos() const {
  std::vector<ModelInfo> infos;
  for (const auto& [name, model] : models_) infos.push_back(model->info());
  return infos;
}

std::vector<std::string> Models::names() const {
  std::vector<std::string> names;
  for (const auto& [name, model] : models_) names.push_back(name);
  return names;
}

void Models::reload(const Settings& settings, Warn warn, std::function<void()> done) {
  const auto wanted = some_configured(settings);
  for (auto it = models_.begin(); it != models_.end();)
    it = wanted.count(it->first) ? std::next(it) : models_.erase(it);
  warn_ = std::move(warn);
  done_ = std::move(done);
  pending_.clear();
  for (const auto& [name, model] : wanted) {
    try {
      pending_[name] = std::make_shared<LoadedModel>(name, model);
    } catch (const std::exception& error) {
      warn_(error.what());
    }
  }
  timer_.reset(g_timeout_source_new(kPoll_ms));
  g_source_set_callback(
      timer_.get(),
      [](gpointer self) -> gboolean {
        static_cast<Models*>(self)->take_over();
        return G_SOURCE_CONTINUE;
      },
      this, nullptr);
  g_source_attach(timer_.get(), nullptr);
}

void Models::take_over() {
  for (auto it = pending_.begin(); it != pending_.end();) {
    try {
      if (!it->second->is_loaded()) {
        ++it;
        continue;
      }
      models_[it->first] = it->second;
    } catch (const std::exception& error) {
      warn_(error.what());
    }
    it = pending_.erase(it);
  }
  if (!pending_.empty()) return;
  timer_.reset();
  done_();
}

}  // namespace torchstreamer::server
