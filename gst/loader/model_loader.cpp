#include "loader/model_loader.h"

#include "base/exceptions.h"
#include "fetch/fetch.h"
#include "loader/load_messages.h"
#include "torchstreamer/error.h"

namespace torchstreamer {
namespace {

std::string name_of(const LoadJob& job) {
  return "model " + printable_location(job.settings().location);
}

}  // namespace

/// Holds the lock of the queue. Frees removed models after unlocking, because that takes long.
class ModelLoader::Access {
 public:
  explicit Access(ModelLoader* loader) : queue_(loader->queue_), lock_(loader->mutex_) {}
  ~Access() {
    const ModelQueue::Removed removed = queue_.take_removed();
    lock_.unlock();
  }
  Access(const Access&) = delete;
  Access& operator=(const Access&) = delete;

 private:
  ModelQueue& queue_;
  std::unique_lock<std::mutex> lock_;
};

GstStateChangeReturn ModelLoader::start(const ModelSettings& settings) {
  if (is_loaded(settings)) return starting_.start(/*is_async=*/false);
  check_location(settings.location, settings.fetch);
  const std::shared_ptr<LoadJob> job = make_job(settings, {});
  std::shared_ptr<LoadJob> replaced;
  const GstStateChangeReturn result = starting_.start(/*is_async=*/true);
  {
    const Access access(this);
    queue_.start_loading(settings);
    replaced = std::exchange(job_, job);
  }
  replace_job(replaced, job);
  return result;
}

void ModelLoader::request(const ModelSettings& settings, bool reload) {
  std::shared_ptr<LoadJob> job, replaced;
  {
    const Access access(this);
    if (!starting_.is_started()) {
      if (reload) queue_.invalidate_current();
      return;
    }
    if (!reload && (settings == queue_.requested() || queue_.change_inputs(settings))) return;
    job = make_job(settings, input_);  // first, because it may throw
    if (!queue_.request(settings, reload)) job = nullptr;
    replaced = std::exchange(job_, job);
  }
  replace_job(replaced, job);
}

bool ModelLoader::change_inputs(const ModelSettings& settings) {
  const Access access(this);
  return starting_.is_started() && queue_.change_inputs(settings);
}

void ModelLoader::control_inputs(const ModelSettings& settings) {
  const Access access(this);
  if (starting_.is_started()) queue_.control_inputs(settings);
}

/// Makes a request that waited in the queue.
void ModelLoader::request_again(const std::optional<ModelSettings>& settings) {
  if (settings)
    run_guarded(element_, ErrorContext::kNewModel, [&] { request(*settings, /*reload=*/false); });
}

std::shared_ptr<LoadJob> ModelLoader::make_job(const ModelSettings& settings, EngineInput input) {
  return std::make_shared<LoadJob>(element_, static_cast<LoadJob::Owner*>(this), settings, input);
}

/// Cancels `old` and starts `job`. Either may be null.
void ModelLoader::replace_job(const std::shared_ptr<LoadJob>& old,
                              const std::shared_ptr<LoadJob>& job) {
  if (old) {
    old->cancel();
    post_progress(element_, GST_PROGRESS_TYPE_CANCELED, "Cancelled loading " + name_of(*old));
  }
  if (!job) return;
  post_progress(element_, GST_PROGRESS_TYPE_START, "Loading " + name_of(*job));
  LoadJob::start(job);
}

void ModelLoader::stop() {
  bool was_pending = false;
  std::shared_ptr<LoadJob> replaced;
  {
    const Access access(this);
    was_pending = starting_.stop();
    input_ = {};
    queue_.stop();
    replaced = std::exchange(job_, nullptr);
  }
  replace_job(replaced, nullptr);
  if (was_pending) starting_.post_done();
}

void ModelLoader::finish_stop() {
  const Access access(this);
  queue_.finish_stop();
}

void ModelLoader::unload() {
  const Access access(this);
  queue_.remove_current();
}

void ModelLoader::on_progress(const LoadJob& job, int percent) {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (job_.get() != &job) return;
  }
  post_progress(element_, GST_PROGRESS_TYPE_CONTINUE,
                "Fetching " + name_of(job) + ": " + std::to_string(percent) + " %", percent);
}

void ModelLoader::on_loaded(const LoadJob& job, LoadedModel loaded) {
  const Remarks remarks{loaded.model, loaded.cache_warning};
  unsigned run = 0;
  std::optional<ModelSettings> again;
  {
    const Access access(this);
    if (job_.get() != &job) return;
    job_.reset();
    run = starting_.run();
    if (starting_.is_pending())
      queue_.set_current(std::move(loaded));
    else
      queue_.add(std::move(loaded));
    again = queue_.take_reload();
  }
  post_remarks(element_, remarks, job.settings());
  post_progress(element_, GST_PROGRESS_TYPE_COMPLETE, "Loaded " + name_of(job));
  starting_.end(run, /*is_successful=*/true);
  request_again(again);
}

void ModelLoader::on_failed(const LoadJob& job) {
  unsigned run = 0;
  bool is_pending = false;
  {
    const Access access(this);
    if (job_.get() != &job) return;
    job_.reset();
    run = starting_.run();
    is_pending = starting_.is_pending();
    queue_.load_failed();
  }
  post_current_exception(element_, is_pending ? ErrorContext::kLoading : ErrorContext::kNewModel);
  post_progress(element_, GST_PROGRESS_TYPE_ERROR, "Could not load " + name_of(job));
  starting_.end(run, /*is_successful=*/false);
}

bool ModelLoader::is_loaded(const ModelSettings& settings) const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return queue_.current().model && queue_.current().settings == settings;
}

bool ModelLoader::is_requested(const ModelSettings& settings) const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return settings == queue_.requested();
}

std::shared_ptr<const Model> ModelLoader::model() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return queue_.current().model;
}

CurrentModel ModelLoader::current() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  const LoadedModel& current = queue_.current();
  return {current.model, current.sha256, current.group};
}

bool ModelLoader::wait_until_loaded() {
  const bool is_idle = !starting_.is_started();
  return starting_.wait() && (is_idle || model());
}

std::unique_ptr<Engine> ModelLoader::start_engine(EngineInput input) {
  std::unique_lock<std::mutex> lock(mutex_);
  input_ = input;
  const std::shared_ptr<const Model> model = queue_.current().model;
  const std::shared_ptr<Group> group = queue_.current().group;
  const NamedValues new_inputs = queue_.current().new_inputs;
  std::unique_ptr<Engine> prepared = queue_.take_engine();
  const bool fits = prepared && queue_.current().input == input;
  lock.unlock();
  if (fits) {
    if (!new_inputs.empty()) prepared->set_inputs(new_inputs);
    return prepared;
  }
  if (!model) throw Error("there is no model");
  return torchstreamer::start_engine(*model, input, group, new_inputs);
}

void ModelLoader::set_inputs(const std::function<void(const NamedValues&)>& set) {
  if (!queue_.has_new_inputs()) return;
  const std::lock_guard<std::mutex> lock(mutex_);
  queue_.set_inputs(set);
}

std::optional<NextModel> ModelLoader::next() const {
  if (!queue_.has_next()) return std::nullopt;
  const std::lock_guard<std::mutex> lock(mutex_);
  return queue_.next();
}

void ModelLoader::await_caps(const Model& next) {
  const std::lock_guard<std::mutex> lock(mutex_);
  queue_.await_caps(next);
}

ModelQueue::CapsWait ModelLoader::end_caps_wait(const Model& next) {
  const Access access(this);
  return queue_.end_caps_wait(next);
}

std::shared_ptr<const Model> ModelLoader::negotiated_model() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return queue_.negotiated_model();
}

void ModelLoader::prepare_next(const Model& next, EngineInput input) {
  std::shared_ptr<Group> group;
  NamedValues new_inputs;
  std::unique_ptr<Engine> engine;
  bool is_prepared = false;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    const LoadedModel* loaded = queue_.find_next(next);
    if (!loaded) return;
    group = loaded->group;
    new_inputs = loaded->new_inputs;
    is_prepared = !queue_.needs_engine(next, input);
    if (is_prepared && new_inputs.empty()) return;
    engine = queue_.set_engine(next, nullptr, input);
  }
  if (is_prepared)
    engine->set_inputs(new_inputs);
  else  // also frees the replaced engine
    engine = torchstreamer::start_engine(next, input, group, new_inputs);
  const std::lock_guard<std::mutex> lock(mutex_);
  engine = queue_.set_engine(next, std::move(engine), input);
}

std::optional<TakenOver> ModelLoader::take_over(const Model& next) {
  std::optional<TakenOver> taken;
  std::optional<ModelSettings> again;
  {
    const Access access(this);
    const LoadedModel* loaded = queue_.find_next(next);
    if (!loaded) return std::nullopt;
    taken = {printable_location(loaded->settings.location), loaded->sha256};
    queue_.take_over(next);  // the code from here on does not throw
    again = queue_.take_reload();
  }
  request_again(again);
  return taken;
}

void ModelLoader::drop(const Model& next) {
  const Access access(this);
  queue_.drop(next);
}

}  // namespace torchstreamer
