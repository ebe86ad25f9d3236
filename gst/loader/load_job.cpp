#include "loader/load_job.h"

#include <system_error>
#include <thread>
#include <utility>

#include "base/cancellable.h"
#include "fetch/fetch.h"
#include "loader/exit_barrier.h"
#include "loader/library_entry.h"
#include "loader/load_thread.h"

namespace torchstreamer {

LoadJob::LoadJob(GstElement* element, Owner* owner, const ModelSettings& settings,
                 EngineInput input)
    : settings_(settings), input_(input), cancellable_(g_cancellable_new()), owner_(owner) {
  g_weak_ref_init(&element_, element);
}

LoadJob::~LoadJob() {
  g_weak_ref_clear(&element_);
  g_object_unref(cancellable_);
}

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

void LoadJob::cancel() { g_cancellable_cancel(cancellable_); }

void LoadJob::run() {
  try {
    LoadedModel loaded = load();
    with_owner([&](Owner& owner) { owner.on_loaded(*this, std::move(loaded)); });
  } catch (const Cancelled&) {  // the caller of cancel() reports it
  } catch (...) {
    with_owner([&](Owner& owner) { owner.on_failed(*this); });
  }
}

LoadedModel LoadJob::load() {
  const ModelFile file = fetch_model(
      settings_.location, settings_.fetch, cancellable_,
      [&](int percent) { with_owner([&](Owner& owner) { owner.on_progress(*this, percent); }); });
  find_load_model();
  const ExitBarrier::Hold hold;
  LoadedModel loaded;
  run_in_load_thread([&] {
    throw_if_cancelled(cancellable_);
    const ExitBarrier::Hold hold;  // throws if the process exits: a queued model is not loaded
    loaded = load_model(settings_, file);
    prepare_engine(&loaded, input_);
  });
  return loaded;
}

}  // namespace torchstreamer
