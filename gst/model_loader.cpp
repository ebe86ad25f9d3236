#include "model_loader.h"

#include <algorithm>
#include <exception>
#include <system_error>
#include <thread>
#include <utility>

#include "busy_threads.h"
#include "cancellable.h"
#include "crossover.h"
#include "error.h"
#include "guard.h"
#include "load_thread.h"
#include "model_cache.h"
#include "model_error.h"
#include "model_fetch.h"
#include "model_library.h"

GST_DEBUG_CATEGORY_EXTERN(tsmodel_debug);
#define GST_CAT_DEFAULT tsmodel_debug

namespace torchstreamer {
namespace {

/// Models that are kept for audio that upstream was asked for in vain.
constexpr size_t kMostGivenUp = 8;

/// Where the file changes while it is loaded, nobody knows what was.
void check_unchanged(const ModelSettings& settings, const ModelFile& file) {
  if (is_remote(settings.location)) return;
  if (fetch_model(settings.location, settings.fetch, nullptr).sha256 != file.sha256)
    throw ModelError(GST_RESOURCE_ERROR_READ, file.path + " changed while it was loaded.");
}

LoadedModel load_file(const ModelSettings& settings, const ModelFile& file) {
  LoadedModel loaded;
  loaded.settings = settings;
  loaded.sha256 = file.sha256;
  loaded.lease = file.lease;
  const LoadModel load = find_load_model();
  loaded.model = share_model(file.sha256, settings.options, [&] {
    std::unique_ptr<Model> model(load(file.path.c_str(), settings.options));
    check_unchanged(settings, file);
    return model.release();
  });
  return loaded;
}

/// A stream for the audio that is expected, so that the streaming thread need not prepare it.
void prepare_engine(LoadedModel* loaded, int channels) {
  const int only = loaded->model->channels_in();
  loaded->listening_frames = Crossover::listening_frames(loaded->model->timing());
  loaded->channels = only > 0 ? only : channels;
  if (loaded->channels > 0) loaded->engine = loaded->model->start(loaded->channels);
}

void post_progress(GstElement* element, GstProgressType type, const std::string& text,
                   int percent = -1) {
  GstMessage* message = gst_message_new_progress(GST_OBJECT(element), type, "model", text.c_str());
  if (percent >= 0)
    gst_structure_set(gst_message_writable_structure(message), "percent", G_TYPE_INT, percent,
                      nullptr);
  gst_element_post_message(element, message);
  GST_INFO_OBJECT(element, "%s", text.c_str());
}

std::string name_of(const ModelSettings& settings) {
  return "model " + printable_location(settings.location);
}

}  // namespace

/// One load in a thread of its own. Where it is given up it runs to its end and drops what it made:
/// libtorch cannot be interrupted.
struct ModelLoader::Job {
  Job(ModelLoader* loader, const ModelSettings& settings, int channels)
      : settings(settings), channels(channels), loader_(loader) {
    g_weak_ref_init(&element_, loader->element_);
  }
  ~Job() {
    g_weak_ref_clear(&element_);
    g_object_unref(cancellable);
  }
  Job(const Job&) = delete;
  Job& operator=(const Job&) = delete;

  /// Runs `code` with the loader, unless that is gone with its element.
  template <class Code>
  void with_loader(Code&& code) {
    gpointer element = g_weak_ref_get(&element_);
    if (!element) return;
    code(*loader_);
    gst_object_unref(element);
  }

  const ModelSettings settings;
  const int channels;
  GCancellable* const cancellable = g_cancellable_new();

 private:
  ModelLoader* loader_;
  GWeakRef element_;
};

bool ModelLoader::load(const ModelSettings& settings) {
  if (is_loaded(settings)) return true;
  LoadedModel loaded;
  if (!guard(element_, Task::kLoading, [&] {
        loaded = load_file(settings, fetch_model(settings.location, settings.fetch, nullptr));
        prepare_engine(&loaded, 0);
      }))
    return false;
  const std::lock_guard<std::mutex> lock(mutex_);
  std::swap(current_, loaded);  // the old one is freed outside the lock
  wanted_ = settings;
  return true;
}

GstStateChangeReturn ModelLoader::follow(const ModelSettings& settings) {
  const bool is_awaited = is_remote(settings.location) && !is_loaded(settings);
  if (!is_awaited && !load(settings)) return GST_STATE_CHANGE_FAILURE;
  if (is_awaited)
    gst_element_post_message(element_, gst_message_new_async_start(GST_OBJECT(element_)));
  std::unique_lock<std::mutex> lock(mutex_);
  ++run_;
  is_following_ = true;
  is_flushing_ = false;
  is_awaited_ = is_changing_state_ = is_awaited;
  if (!is_awaited) return GST_STATE_CHANGE_SUCCESS;
  const LoadedModel old = std::exchange(current_, {});
  wanted_ = settings;
  replace_job(std::move(lock), std::make_shared<Job>(this, settings, 0));
  return GST_STATE_CHANGE_ASYNC;
}

void ModelLoader::change(const ModelSettings& settings, bool again) {
  std::unique_lock<std::mutex> lock(mutex_);
  if (!is_following_) {
    if (again) current_.settings = {};  // the next load() loads
    return;
  }
  if (!again && settings == wanted_) return;
  wanted_ = settings;
  const bool is_running = !again && current_.model && settings == current_.settings;
  replace_job(std::move(lock),
              is_running ? nullptr : std::make_shared<Job>(this, settings, channels_));
}

/// Under the lock. `*model` becomes what is forgotten in its place, to be freed outside.
void ModelLoader::keep_given_up(std::optional<LoadedModel>* model) {
  given_up_.insert(given_up_.begin(), std::move(**model));
  model->reset();
  has_given_up_ = true;
  if (given_up_.size() <= kMostGivenUp) return;
  *model = std::move(given_up_.back());
  given_up_.pop_back();
}

/// Goes on with `job` (null: none) in place of what is under way or ready.
void ModelLoader::replace_job(std::unique_lock<std::mutex> lock, std::shared_ptr<Job> job) {
  const std::shared_ptr<Job> old = std::exchange(job_, job);
  std::optional<LoadedModel> dropped = std::exchange(next_, std::nullopt);
  if (dropped && dropped->asks_for_audio) keep_given_up(&dropped);
  has_next_ = false;
  lock.unlock();
  if (old) {
    g_cancellable_cancel(old->cancellable);
    post_progress(element_, GST_PROGRESS_TYPE_CANCELED, "Gave up " + name_of(old->settings));
  }
  if (!job) return;
  post_progress(element_, GST_PROGRESS_TYPE_START, "Loading " + name_of(job->settings));
  try {
    std::thread([job] { run(*job); }).detach();
  } catch (const std::system_error&) {
    fail(*job);
  }
}

void ModelLoader::stop() {
  std::unique_lock<std::mutex> lock(mutex_);
  ++run_;
  is_following_ = is_awaited_ = false;
  const bool was_changing_state = std::exchange(is_changing_state_, false);
  channels_ = 0;
  woken_.notify_all();
  stopped_ = std::exchange(next_, std::nullopt);
  const std::vector<LoadedModel> given_up = std::exchange(given_up_, {});
  has_given_up_ = false;
  replace_job(std::move(lock), nullptr);
  if (was_changing_state)
    gst_element_post_message(element_,
                             gst_message_new_async_done(GST_OBJECT(element_), GST_CLOCK_TIME_NONE));
}

void ModelLoader::settle() {
  std::optional<LoadedModel> old;  // freed outside the lock
  const std::lock_guard<std::mutex> lock(mutex_);
  old = std::exchange(stopped_, std::nullopt);
  if (old) std::swap(current_, *old);
}

void ModelLoader::unload() {
  LoadedModel old;  // freed outside the lock
  const std::lock_guard<std::mutex> lock(mutex_);
  std::swap(old, current_);
}

void ModelLoader::run(Job& job) {
  try {
    const ModelFile file =
        fetch_model(job.settings.location, job.settings.fetch, job.cancellable, [&](int percent) {
          job.with_loader([&](ModelLoader& loader) { loader.tell_percent(job, percent); });
        });
    find_load_model();
    const BusyThreads::Scope busy;
    LoadedModel loaded;
    run_in_load_thread([&] {
      throw_if_cancelled(job.cancellable);
      loaded = load_file(job.settings, file);
      prepare_engine(&loaded, job.channels);
    });
    job.with_loader([&](ModelLoader& loader) { loader.finish(job, std::move(loaded)); });
  } catch (const Cancelled&) {  // who cancelled it told that
  } catch (...) {
    job.with_loader([&](ModelLoader& loader) { loader.fail(job); });
  }
}

void ModelLoader::tell_percent(const Job& job, int percent) {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (job_.get() != &job) return;
  }
  post_progress(element_, GST_PROGRESS_TYPE_CONTINUE,
                "Fetching " + name_of(job.settings) + ": " + std::to_string(percent) + " %",
                percent);
}

void ModelLoader::finish(const Job& job, LoadedModel loaded) {
  std::unique_lock<std::mutex> lock(mutex_);
  if (job_.get() != &job) return;
  const std::shared_ptr<Job> done = std::exchange(job_, nullptr);
  const unsigned run = run_;
  if (is_awaited_) {
    std::swap(current_, loaded);
  } else if (loaded.model == current_.model) {
    current_.settings = loaded.settings;
  } else {
    next_ = std::move(loaded);
    has_next_ = true;
  }
  lock.unlock();
  post_progress(element_, GST_PROGRESS_TYPE_COMPLETE, "Loaded " + name_of(job.settings));
  end_wait(run, GST_STATE_CHANGE_SUCCESS);
}

/// In the handler of an exception.
void ModelLoader::fail(const Job& job) {
  std::unique_lock<std::mutex> lock(mutex_);
  if (job_.get() != &job) return;
  const std::shared_ptr<Job> done = std::exchange(job_, nullptr);
  wanted_ = current_.settings;
  const unsigned run = run_;
  const Task task = is_awaited_ ? Task::kLoading : Task::kNewModel;
  lock.unlock();
  post_current_exception(element_, task);
  post_progress(element_, GST_PROGRESS_TYPE_ERROR, "Could not load " + name_of(job.settings));
  end_wait(run, GST_STATE_CHANGE_FAILURE);
}

/// Ends (2), if that is under way in this run: data goes on, and so does the state change.
void ModelLoader::end_wait(unsigned run, GstStateChangeReturn result) {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (run != run_) return;
    is_awaited_ = false;
    woken_.notify_all();
    if (!is_changing_state_) return;
  }
  GST_STATE_LOCK(element_);
  mutex_.lock();
  const bool is_changing_state = run == run_ && std::exchange(is_changing_state_, false);
  mutex_.unlock();
  if (is_changing_state && result == GST_STATE_CHANGE_SUCCESS)
    gst_element_continue_state(element_, result);
  else if (is_changing_state)
    gst_element_abort_state(element_);
  GST_STATE_UNLOCK(element_);
  if (is_changing_state && result == GST_STATE_CHANGE_SUCCESS)
    gst_element_post_message(element_,
                             gst_message_new_async_done(GST_OBJECT(element_), GST_CLOCK_TIME_NONE));
}

bool ModelLoader::is_loaded(const ModelSettings& settings) const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return current_.model && current_.settings == settings;
}

bool ModelLoader::wants(const ModelSettings& settings) const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return settings == wanted_;
}

bool ModelLoader::is_following() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return is_following_;
}

std::shared_ptr<const Model> ModelLoader::model() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return current_.model;
}

std::pair<std::shared_ptr<const Model>, std::string> ModelLoader::model_and_sha256() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return {current_.model, current_.sha256};
}

bool ModelLoader::wait() {
  std::unique_lock<std::mutex> lock(mutex_);
  const bool is_idle = !is_following_;
  woken_.wait(lock, [&] { return !is_awaited_ || is_flushing_; });
  return !is_awaited_ && (is_idle || current_.model);
}

void ModelLoader::set_flushing(bool is_flushing) {
  const std::lock_guard<std::mutex> lock(mutex_);
  is_flushing_ = is_flushing;
  woken_.notify_all();
}

std::unique_ptr<Engine> ModelLoader::start(int channels) {
  std::unique_lock<std::mutex> lock(mutex_);
  channels_ = channels;
  const std::shared_ptr<const Model> model = current_.model;
  std::unique_ptr<Engine> ready = std::move(current_.engine);
  const bool is_ready = ready && current_.channels == channels;
  lock.unlock();
  if (is_ready) return ready;
  if (!model) throw Error("there is no model");
  return model->start(channels);
}

std::optional<NextModel> ModelLoader::next() const {
  if (!has_next_) return std::nullopt;
  const std::lock_guard<std::mutex> lock(mutex_);
  if (!next_) return std::nullopt;
  return NextModel{next_->model, next_->listening_frames, next_->asks_for_audio};
}

void ModelLoader::ask_for_audio(const Model& next) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (is_next(next)) next_->asks_for_audio = true;
}

std::shared_ptr<const Model> ModelLoader::expected() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return next_ && next_->asks_for_audio ? next_->model : current_.model;
}

std::vector<std::shared_ptr<const Model>> ModelLoader::given_up() const {
  if (!has_given_up_) return {};
  const std::lock_guard<std::mutex> lock(mutex_);
  std::vector<std::shared_ptr<const Model>> models;
  for (const LoadedModel& loaded : given_up_) models.push_back(loaded.model);
  return models;
}

std::optional<ModelSettings> ModelLoader::recall(const Model& given_up) {
  std::unique_lock<std::mutex> lock(mutex_);
  const auto found = std::find_if(given_up_.begin(), given_up_.end(), [&](const auto& loaded) {
    return loaded.model.get() == &given_up;
  });
  if (found == given_up_.end()) return std::nullopt;
  ModelSettings settings = found->settings;
  std::optional<LoadedModel> old = std::move(*found);
  given_up_.erase(found);
  std::swap(current_, *old);
  current_.asks_for_audio = false;
  if (!next_ && !job_ && old->settings == wanted_) {
    old->asks_for_audio = true;
    next_ = std::exchange(old, std::nullopt);
    has_next_ = true;
  } else {
    keep_given_up(&old);
  }
  has_given_up_ = !given_up_.empty();
  lock.unlock();  // before the old model is freed
  return settings;
}

void ModelLoader::forget_given_up() {
  std::vector<LoadedModel> old;  // freed outside the lock
  const std::lock_guard<std::mutex> lock(mutex_);
  old.swap(given_up_);
  has_given_up_ = false;
}

void ModelLoader::make_ready(const Model& next, int channels) {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (!is_next(next) || (next_->engine && next_->channels == channels)) return;
  }
  std::unique_ptr<Engine> engine = next.start(channels);
  const std::lock_guard<std::mutex> lock(mutex_);
  if (!is_next(next)) return;
  next_->engine.swap(engine);
  next_->channels = channels;
}

bool ModelLoader::is_next(const Model& model) const {
  return next_ && next_->model.get() == &model;
}

std::optional<ModelSettings> ModelLoader::take_over(const Model& next) {
  std::unique_lock<std::mutex> lock(mutex_);
  if (!is_next(next)) return std::nullopt;
  ModelSettings settings = next_->settings;
  has_next_ = false;
  std::optional<LoadedModel> old = std::exchange(next_, std::nullopt);
  std::swap(current_, *old);
  if (std::exchange(current_.asks_for_audio, false)) keep_given_up(&old);
  lock.unlock();  // before the old model is freed
  return settings;
}

void ModelLoader::drop(const Model& next) {
  std::unique_lock<std::mutex> lock(mutex_);
  if (!is_next(next)) return;
  wanted_ = current_.settings;
  replace_job(std::move(lock), nullptr);
}

}  // namespace torchstreamer
