#include "fetch/remote.h"

#include <gmodule.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <optional>

#include "fetch/archive_check.h"
#include "fetch/http/client.h"

GST_DEBUG_CATEGORY_STATIC(fetch_debug);
#define GST_CAT_DEFAULT fetch_debug

using namespace torchstreamer;

namespace {

using Percent = std::function<void(int percent)>;

constexpr guint kMaxWaitMs = 60000;

void init_debug() {
  static const bool is_done = [] {
    GST_DEBUG_CATEGORY_INIT(fetch_debug, "tsmodelfetch", 0, "Transfers and cache of remote models");
    return true;
  }();
  (void)is_done;
}

/// Converts byte counts to rising percentages. The counts restart at 0 with every transfer.
class RisingPercent {
 public:
  explicit RisingPercent(const Percent& progress) : progress_(progress) {}

  void report(guint64 bytes, gint64 of_bytes) {
    const gint64 all = std::max<gint64>(of_bytes, 1);
    report(of_bytes < 0 ? 0 : static_cast<int>(std::min<gint64>(bytes * 100.0 / all, 100)));
  }

  void report(int percent) {
    if (percent <= reported_) return;
    reported_ = percent;
    if (progress_) progress_(percent);
  }

 private:
  const Percent& progress_;
  int reported_ = -1;
};

/// Returns the folder that is used instead of a cache that cannot be used. It is removed when the
/// process ends. Throws StoreError.
const std::string& temporary_folder() {
  static const std::string* const folder = [] {
    g_autoptr(GError) error = nullptr;
    g_autofree gchar* path = g_dir_make_tmp("torchstreamer-XXXXXX", &error);
    if (!path) throw_store_error(error->message, /*is_disk_full=*/false);
    return new std::string(path);
  }();
  static const int is_removed_at_exit = std::atexit([] {
    std::error_code ignored;
    std::filesystem::remove_all(*folder, ignored);
  });
  (void)is_removed_at_exit;
  return *folder;
}

/// The fetch of one remote model.
class RemoteFetch {
 public:
  RemoteFetch(const std::string& uri, const FetchOptions& options, GCancellable* cancellable,
              const Percent& progress)
      : uri_(uri),
        name_(printable_location(uri)),
        options_(options),
        cancellable_(cancellable),
        percent_(progress) {}

  ModelFile run() {
    ModelFile file = in_usable_place();
    percent_.report(100);
    return file;
  }

 private:
  /// Stores the file in the first of these places that can be used: the cache, a temporary folder,
  /// the memory.
  ModelFile in_usable_place() {
    std::string warning;
    try {
      return in_folder(options_.cache_folder);
    } catch (const StoreError& error) {
      warning = "The folder " + options_.cache_folder + " is not used. " + error.what();
      GST_WARNING("%s", error.what());
    }
    ModelFile file;
    try {
      file = in_folder(temporary_folder());
      file.warning = warning + " The model is in a temporary folder until the process ends.";
    } catch (const StoreError& error) {
      GST_WARNING("%s", error.what());
      file = in_memory();
      file.warning = warning + " The model is in memory.";
    }
    return file;
  }

  ModelFile in_folder(const std::string& folder) {
    store_.emplace(folder);
    return find_or_get();
  }

  ModelFile in_memory() {
    const std::unique_ptr<StoreEntry> entry = StoreEntry::in_memory();
    get(entry.get(), /*is_cached=*/false);
    return keep(entry.get());
  }

  /// Returns the file with this digest if it is in the cache and undamaged.
  std::optional<ModelFile> find(const std::string& sha256) {
    std::optional<ModelFile> file = store_->find(sha256);
    if (!file) return file;
    try {
      check_model(file->path, name_, sha256, cancellable_, /*is_in_cache=*/true);
      return file;
    } catch (const ElementError& error) {
      GST_WARNING("%s is damaged in the cache: %s %s", name_.c_str(), error.what(),
                  error.debug().c_str());
      store_->discard(sha256);
      return std::nullopt;
    }
  }

  ModelFile find_or_get() {
    if (std::optional<ModelFile> pinned = find(options_.sha256)) return *pinned;
    const gint64 requested_us = g_get_real_time();
    const std::unique_ptr<StoreEntry> entry = store_->open(uri_, cancellable_);
    const bool is_wanted = options_.sha256.empty() || options_.sha256 == entry->sha256();
    const std::optional<ModelFile> cached = is_wanted ? find(entry->sha256()) : std::nullopt;
    // True if another thread confirmed the file while this one waited for the entry. A time in the
    // future is ignored, because the clock was set back.
    const bool is_confirmed =
        entry->confirmed_us() >= requested_us && entry->confirmed_us() <= g_get_real_time();
    if (cached && is_confirmed) return *cached;
    store_->keep_below(options_.cache_bytes);  // also removes unused parts
    const bool is_new = get(entry.get(), cached.has_value());
    if (!is_new) return *cached;
    const ModelFile file = keep(entry.get());
    store_->keep_below(options_.cache_bytes);
    return file;
  }

  /// Completes the part of `entry`. Returns false if the cached file is still valid.
  bool get(StoreEntry* entry, bool is_cached) {
    HttpClient client(options_, cancellable_);
    for (guint i = 0;; ++i) {
      try {
        const bool is_new = client.get(
            uri_, is_cached, entry,
            [this](guint64 bytes, gint64 of_bytes) { percent_.report(bytes, of_bytes); });
        if (!is_new) confirm(entry);
        return is_new;
      } catch (const TransferError& error) {
        GST_INFO("%s: %s %s", name_.c_str(), error.what(), error.debug().c_str());
        const bool is_last = i == options_.retries || (is_cached && !error.was_answered());
        if (is_last && !is_cached) throw;
        if (is_last) return use_cached(error);
        wait(i, error.wait_s());
      }
    }
  }

  /// The cached file is valid even if its confirmation cannot be stored, for example on a full
  /// disk.
  void confirm(StoreEntry* entry) {
    try {
      entry->confirm();
    } catch (const StoreError& error) {
      GST_WARNING("%s", error.what());
    }
  }

  bool use_cached(const TransferError& error) {
    GST_WARNING("%s is taken from the cache without confirmation. %s", name_.c_str(), error.what());
    return false;
  }

  void wait(guint attempt, guint server_s) {
    const guint64 ms = guint64{options_.first_wait_ms} << std::min(attempt, 16u);
    wait_ms(cancellable_,
            static_cast<guint>(std::clamp<guint64>(ms, guint64{server_s} * 1000, kMaxWaitMs)));
  }

  /// Moves the complete part to the models. Empties it if it is not a model.
  ModelFile keep(StoreEntry* entry) {
    std::string sha256;
    try {
      sha256 = check_model(entry->part_path(), name_, options_.sha256, cancellable_,
                           /*is_in_cache=*/true);
    } catch (const ElementError&) {
      entry->start_part({});
      throw;
    }
    return entry->publish(sha256);
  }

  const std::string uri_, name_;
  const FetchOptions& options_;
  GCancellable* const cancellable_;
  std::optional<ModelStore> store_;
  RisingPercent percent_;
};

}  // namespace

G_MODULE_EXPORT void torchstreamer_fetch_remote(const std::string& uri, const FetchOptions& options,
                                                GCancellable* cancellable, const Percent& progress,
                                                ModelFile* file) {
  init_debug();
  *file = RemoteFetch(uri, options, cancellable, progress).run();
}
