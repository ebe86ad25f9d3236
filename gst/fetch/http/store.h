// The cache of fetched models: files by the digest of what is in them, which any number of
// processes use at once.
//
//   FOLDER/lock             held while files come, go or are taken: never for long
//   FOLDER/files/SHA256     whole models. Each is locked, shared, by those who use it; the one that
//                           was not used for the longest time goes first
//   FOLDER/uris/KEY         what is known of one URI, whose SHA-256 KEY is: a key file
//   FOLDER/uris/KEY.part    what came of it so far; its lock is the right to fetch that URI
//
// What ends with a process is the locks, never the files: a killed process leaves a part to resume.
#pragma once

#include <gio/gio.h>

#include <memory>
#include <optional>
#include <string>

#include "base/element_error.h"

namespace torchstreamer {

/// A file that is there, whole and a TorchScript archive.
struct ModelFile {
  std::string path;
  std::string sha256;           ///< of its bytes, 64 lower case digits
  std::shared_ptr<void> lease;  ///< keeps it in the cache; null for files elsewhere
};

/// By what a server tells whether a file changed; empty where it does not.
struct Validators {
  std::string etag, last_modified;

  /// What goes into If-Range: only that tells that a part belongs to the rest.
  std::string strong() const;
  bool operator==(const Validators& other) const;
};

/// An open file, with its locks.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept;
  Descriptor& operator=(Descriptor&& other) noexcept;
  ~Descriptor();
  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }

 private:
  int fd_;
};

class ModelStore;

/// One URI in the store: nobody else has it as long as this lives.
class StoreEntry {
 public:
  ~StoreEntry();
  StoreEntry(const StoreEntry&) = delete;
  StoreEntry& operator=(const StoreEntry&) = delete;

  /// The file that the URI named last, and how the server knows it; empty where there was none.
  const std::string& sha256() const { return sha256_; }
  const Validators& validators() const { return validators_; }
  /// When the server last said that it is that file: microseconds of g_get_real_time().
  gint64 confirmed_us() const { return confirmed_us_; }
  /// It said so now.
  void confirm();

  const std::string& part_path() const { return part_path_; }
  guint64 part_bytes() const { return part_bytes_; }
  const Validators& part_validators() const { return part_validators_; }
  /// The part is empty now, and what will be appended belongs to `validators`.
  void start_part(const Validators& validators);
  void append(const void* bytes, size_t count);
  /// The part is the whole file and has the digest `sha256`: puts it in place.
  ModelFile publish(const std::string& sha256);

 private:
  friend class ModelStore;
  StoreEntry(const ModelStore* store, std::string path, Descriptor part);
  void load();
  void save() const;

  const ModelStore* const store_;
  const std::string path_, part_path_;
  Descriptor part_;
  guint64 part_bytes_ = 0;
  std::string sha256_;
  gint64 confirmed_us_ = 0;
  Validators validators_, part_validators_;
};

/// All of it throws ElementError where the folder cannot be used.
class ModelStore {
 public:
  /// Makes the folder where it is missing.
  explicit ModelStore(std::string folder);

  /// The file with this digest, as used now.
  std::optional<ModelFile> find(const std::string& sha256) const;
  /// What is there under this digest is not that file.
  void discard(const std::string& sha256) const;
  /// Waits until nobody else has `uri`. Throws Cancelled, too.
  std::unique_ptr<StoreEntry> open(const std::string& uri, GCancellable* cancellable) const;
  /// Drops what was not used for the longest time until the rest, or all that is not in use, fits.
  void keep_below(guint64 bytes) const;

 private:
  friend class StoreEntry;
  Descriptor lock() const;
  std::string file_path(const std::string& sha256) const;
  void drop_useless_entries() const;

  const std::string folder_;
};

}  // namespace torchstreamer
