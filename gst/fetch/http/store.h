// Cache of fetched models: files named by the digest of their content, shared by any number of
// processes.
//
//   FOLDER/lock             locked for a short time while files are added, removed or opened
//   FOLDER/files/SHA256     whole models; their users hold a shared lock; the least recently used
//                           one is removed first
//   FOLDER/uris/KEY         key file about one URI, whose SHA-256 is KEY
//   FOLDER/uris/KEY.part    bytes received so far; only the holder of its lock fetches the URI
//
// Locks are released when their process ends, but files remain. The download of a killed process
// can therefore be resumed.
#pragma once

#include <gio/gio.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "fetch/http/file_lock.h"
#include "fetch/model_file.h"

namespace torchstreamer {

/// Response headers that identify a version of a file; empty if the server does not send them.
struct Validators {
  std::string etag, last_modified;

  /// Value for If-Range, which must prove that a part and the remaining bytes belong to the same
  /// version.
  std::string strong() const;
  bool operator==(const Validators& other) const;
};

class ModelStore;

/// One URI in the store, locked against other processes and threads for the life of the object. If
/// the disk is full, its methods remove other files of the store: see ModelStore::make_room().
class StoreEntry {
 public:
  /// Returns an entry outside of any store, whose part is in memory.
  static std::unique_ptr<StoreEntry> in_memory();
  ~StoreEntry();
  StoreEntry(const StoreEntry&) = delete;
  StoreEntry& operator=(const StoreEntry&) = delete;

  /// Last known file of the URI and its validators; empty if there is none.
  const std::string& sha256() const { return sha256_; }
  const Validators& validators() const { return validators_; }
  /// Time of the last confirmation by the server, in microseconds of g_get_real_time().
  gint64 confirmed_us() const { return confirmed_us_; }
  /// Sets confirmed_us() to the current time.
  void confirm();

  const std::string& part_path() const { return part_path_; }
  guint64 part_bytes() const { return part_bytes_; }
  const Validators& part_validators() const { return part_validators_; }
  /// Empties the part. `validators` identify the version of the bytes that are appended afterwards.
  void start_part(const Validators& validators);
  void append(const void* bytes, size_t count);
  /// Moves the part, which is the whole file with the digest `sha256`, to the models.
  ModelFile publish(const std::string& sha256);

 private:
  friend class ModelStore;
  StoreEntry(const ModelStore* store, std::string path, std::string part_path, Descriptor part);
  void load();
  void save() const;
  bool make_room() const;
  [[noreturn]] void fail_append(int reason);

  const ModelStore* const store_;  // null: in memory
  const std::string path_, part_path_;
  Descriptor part_;
  guint64 part_bytes_ = 0;
  std::string sha256_;
  gint64 confirmed_us_ = 0;
  Validators validators_, part_validators_;
};

/// A model or a part in the store.
struct StoredFile {
  std::string path;
  guint64 bytes;
  gint64 used_ns;  ///< time of the last use
};

/// The store in one folder. All methods throw StoreError if the folder cannot be used.
class ModelStore {
 public:
  /// Creates the folder if it is missing.
  explicit ModelStore(std::string folder);

  /// Returns the file with this digest and sets its time of last use to now.
  std::optional<ModelFile> find(const std::string& sha256) const;
  /// Removes the file with this digest, which is damaged.
  void discard(const std::string& sha256) const;
  /// Waits until no other thread or process has an entry for `uri`. Also throws Cancelled.
  std::unique_ptr<StoreEntry> open(const std::string& uri, GCancellable* cancellable) const;
  /// Removes unused files until at most `bytes` bytes are left: parts first, then models, the least
  /// recently used ones first.
  void keep_below(guint64 bytes) const;
  /// Removes the first of these files. Returns false if all files are in use.
  bool make_room() const;

 private:
  friend class StoreEntry;
  Descriptor lock() const;
  std::string file_path(const std::string& sha256) const;
  std::vector<StoredFile> list_files() const;  // in the order of their removal
  void remove_useless_entries() const;

  const std::string folder_;
};

}  // namespace torchstreamer
