#include "loader/model_loader.h"

#include <exception>
#include <system_error>
#include <thread>
#include <utility>

#include "base/cancellable.h"
#include "base/exceptions.h"
#include "fetch/fetch.h"
#include "loader/exit_barrier.h"
#include "loader/library_entry.h"
#include "loader/load_thread.h"
#include "torchstreamer/error.h"

GST_DEBUG_CATEGORY_EXTERN(tsmodel_debug);
#define GST_CAT_DEFAULT tsmodel_debug

namespace torchstreamer {
namespace {

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
  LoadedModel loaded;
  const bool is_there = is_loaded(settings);
  if (!is_there && !guard(element_, Task::kLoading, [&] {
        loaded = load_model(settings, fetch_model(settings.location, settings.fetch, nullptr));
        prepare_engine(&loaded, 0);
      }))
    return false;
  const std::lock_guard<std::mutex> lock(mutex_);
  if (!is_there) std::swap(current_, loaded);  // the old one is freed outside the lock
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

/// Goes on with `job` (null: none) in place of what is under way or ready.
void ModelLoader::replace_job(std::unique_lock<std::mutex> lock, std::shared_ptr<Job> job) {
  const std::shared_ptr<Job> old = std::exchange(job_, job);
  const std::optional<LoadedModel> later = std::exchange(later_, std::nullopt);
  std::optional<LoadedModel> dropped;
  if (!is_promised_) set_next(&dropped);
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
  if (later_)
    stopped_ = std::exchange(later_, std::nullopt);
  else if (next_ && next_->settings == wanted_)
    stopped_ = std::exchange(next_, std::nullopt);
  is_promised_ = false;
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
      const BusyThreads::Scope busy;  // where the process exits, what waits is not loaded
      loaded = load_model(job.settings, file);
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
  std::optional<LoadedModel> next = std::move(loaded), known;
  if (is_awaited_) {
    std::swap(current_, *next);
  } else {
    const bool is_running = next->model == current_.model;
    const bool is_promised = is_promised_ && next->model == next_->model;
    if (is_running) current_.settings = next->settings;
    if (is_promised) next_->settings = next->settings;
    if (is_running || is_promised) known.swap(next);
    if (is_promised_)
      later_.swap(next);
    else
      set_next(&next);
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
  wanted_ = (next_ ? *next_ : current_).settings;
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
  return NextModel{next_->model, next_->warm_up_frames, asks_for_audio_};
}

/// Under the lock. `*next` (none: none) is the next model; it becomes the one that was, to be freed
/// outside.
void ModelLoader::set_next(std::optional<LoadedModel>* next) {
  next_.swap(*next);
  has_next_ = next_.has_value();
  asks_for_audio_ = is_promised_ = false;
}

void ModelLoader::ask_for_audio(const Model& next) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (is_next(next)) asks_for_audio_ = is_promised_ = true;
}

ModelLoader::Patience ModelLoader::end_patience(const Model& next) {
  std::optional<LoadedModel> replaced;  // freed outside the lock
  const std::lock_guard<std::mutex> lock(mutex_);
  const bool was_promised = std::exchange(is_promised_, false);
  replaced.swap(later_);
  const bool is_other_wanted = !job_ && next_ && !(next_->settings == wanted_);
  if (replaced || is_other_wanted) set_next(&replaced);
  if (!is_next(next)) return Patience::kGaveWay;
  return was_promised ? Patience::kEnded : Patience::kWasOver;
}

std::shared_ptr<const Model> ModelLoader::expected() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return next_ && asks_for_audio_ ? next_->model : current_.model;
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

std::optional<TakenOver> ModelLoader::take_over(const Model& next) {
  std::optional<LoadedModel> old;  // freed outside the lock
  const std::lock_guard<std::mutex> lock(mutex_);
  if (!is_next(next)) return std::nullopt;
  TakenOver told{printable_location(next_->settings.location), next_->sha256};
  const bool was_promised = is_promised_;
  old.swap(later_);
  set_next(&old);
  std::swap(current_, *old);
  // Who was asked for again while it could not go on any more comes back behind this one.
  if (was_promised && !next_ && !job_ && old->settings == wanted_) set_next(&old);
  return told;
}

void ModelLoader::drop(const Model& next) {
  std::optional<LoadedModel> dropped;  // freed outside the lock
  const std::lock_guard<std::mutex> lock(mutex_);
  if (!is_next(next)) return;
  dropped.swap(later_);
  set_next(&dropped);
  if (!next_ && !job_) wanted_ = current_.settings;
}

}  // namespace torchstreamer
