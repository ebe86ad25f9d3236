#include "loader/load_job.h"

#include <system_error>
#include <thread>
#include <utility>

#include "fetch/fetch.h"
#include "loader/library_entry.h"
#include "loader/load_thread.h"
#include "process/cancellable.h"
#include "process/exit_barrier.h"

namespace torchstreamer {

LoadJob::LoadJob(GstElement* element, Owner* owner, const ModelSettings& settings,
                 EngineInput input)
    : settings_(settings),
      input_(input),
      cancellable_(g_cancellable_new(), g_object_unref),
      owner_(owner) {
  g_weak_ref_init(&element_, element);
}

LoadJob::~LoadJob() { g_weak_ref_clear(&element_); }

/// Runs `code` with the owner if the element still exists.
template <class Code>
void LoadJob::with_owner(Code&& code) {
  g_autoptr(GstObject) element = static_cast<GstObject*>(g_weak_ref_get(&element_));
  if (element) code(*owner_);
}

void LoadJob::start(const std::shared_ptr<LoadJob>& job) {
  try {
    std::thread([job] { job->run(); }).detach();
  } catch (const std::system_error&) {
    job->owner_->on_failed(*job);
  }
}

void LoadJob::cancel() { g_cancellable_cancel(cancellable_.get()); }

void LoadJob::run() {
  try {
    const ExitBarrier::CancellableHold hold(
        [cancellable = cancellable_] { g_cancellable_cancel(cancellable.get()); });
    LoadedModel loaded = load();
    with_owner([&](Owner& owner) { owner.on_loaded(*this, std::move(loaded)); });
  } catch (const Cancelled&) {  // the caller of cancel() reports it
  } catch (...) {
    with_owner([&](Owner& owner) { owner.on_failed(*this); });
  }
}

LoadedModel LoadJob::load() {
  const ModelFile file = fetch_model(
      settings_.location, settings_.fetch, cancellable_.get(),
      [&](int percent) { with_owner([&](Owner& owner) { owner.on_progress(*this, percent); }); });
  find_load_model();
  LoadedModel loaded;
  run_in_load_thread([&] {
    throw_if_cancelled(cancellable_.get());
    const ExitBarrier::Hold hold;
    loaded = load_model(settings_, file);
    prepare_engine(&loaded, input_);
  });
  return loaded;
}

}  // namespace torchstreamer
