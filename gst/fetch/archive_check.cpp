#include "fetch/archive_check.h"

#include <glib/gstdio.h>
#include <zip.h>

#include <algorithm>
#include <map>
#include <memory>
#include <mutex>
#include <tuple>
#include <vector>

#include "fetch/archive_layout.h"
#include "files/binary_file.h"
#include "files/file_kind.h"
#include "process/cancellable.h"

namespace torchstreamer {
namespace {

constexpr size_t kBlockBytes = 256 * 1024;
// Maximum ratio of unpacked bytes to the file size. Only code and its debug information are
// compressed. Generated code is compressed to a tenth at best, and a file also contains other data.
constexpr guint64 kMaxInflation = 64;
constexpr guint64 kMaxInflatedBytes = guint64{256} << 20;

template <auto Free>
struct Freer {
  template <class T>
  void operator()(T* t) const {
    Free(t);
  }
};
using Archive = std::unique_ptr<zip_t, Freer<zip_discard>>;
using ZipFile = std::unique_ptr<zip_file_t, Freer<zip_fclose>>;
using Checksum = std::unique_ptr<GChecksum, Freer<g_checksum_free>>;
using Stream = std::unique_ptr<FILE, Freer<fclose>>;

[[noreturn]] void fail_reading(const std::string& name, int reason) {
  throw ElementError(GST_RESOURCE_ERROR_READ,
                     "Model " + name + " cannot be read: " + g_strerror(reason) + ".");
}

/// `fault`: a clause without a subject, such as "is empty".
[[noreturn]] void refuse(const std::string& name, const std::string& fault,
                         const std::string& debug = "") {
  throw ElementError(GST_STREAM_ERROR, GST_STREAM_ERROR_WRONG_TYPE, name + " " + fault + ".",
                     debug);
}

[[noreturn]] void refuse_damaged(const std::string& name, const std::string& reason,
                                 const std::string& debug = "") {
  refuse(name, damaged(reason), debug);
}

Stream open(const std::string& path, const std::string& name) {
  Stream stream(g_fopen(path.c_str(), "rbe"));
  if (!stream) fail_reading(name, errno);
  return stream;
}

std::string digest(const std::string& path, const std::string& name, GCancellable* cancellable) {
  const Stream stream = open(path, name);
  const Checksum checksum(g_checksum_new(G_CHECKSUM_SHA256));
  std::vector<guchar> block(kBlockBytes);
  while (const size_t count = fread(block.data(), 1, block.size(), stream.get())) {
    g_checksum_update(checksum.get(), block.data(), static_cast<gssize>(count));
    throw_if_cancelled(cancellable);
  }
  if (ferror(stream.get())) fail_reading(name, errno);
  return g_checksum_get_string(checksum.get());
}

/// Reads one entry; libzip compares its checksum.
void read_entry(zip_t* archive, const zip_stat_t& entry, const std::string& name,
                GCancellable* cancellable) {
  const ZipFile file(zip_fopen_index(archive, entry.index, 0));
  if (!file)
    refuse_damaged(name, std::string(entry.name) + " cannot be opened", zip_strerror(archive));
  std::vector<char> block(kBlockBytes);
  guint64 bytes = 0;
  zip_int64_t count;
  while ((count = zip_fread(file.get(), block.data(), block.size())) > 0) {
    bytes += static_cast<guint64>(count);
    if (bytes > entry.size) break;
    throw_if_cancelled(cancellable);
  }
  if (count < 0 || bytes != entry.size)
    refuse_damaged(name, std::string(entry.name) + " does not match its size or checksum",
                   zip_file_strerror(file.get()));
}

zip_stat_t describe_entry(zip_t* archive, zip_uint64_t index, const std::string& name) {
  constexpr zip_uint64_t kNeeded = ZIP_STAT_NAME | ZIP_STAT_SIZE | ZIP_STAT_COMP_SIZE |
                                   ZIP_STAT_CRC | ZIP_STAT_COMP_METHOD | ZIP_STAT_ENCRYPTION_METHOD;
  zip_stat_t entry;
  if (zip_stat_index(archive, index, 0, &entry) != 0 || (entry.valid & kNeeded) != kNeeded)
    refuse_damaged(name, "its directory has wrong records", zip_strerror(archive));
  const bool is_stored = entry.comp_method == ZIP_CM_STORE && entry.size == entry.comp_size;
  if ((!is_stored && entry.comp_method != ZIP_CM_DEFLATE) || entry.encryption_method != ZIP_EM_NONE)
    refuse(name, "was not written by PyTorch: " + std::string(entry.name) +
                     " uses an unsupported compression method");
  return entry;
}

/// Refuses archives that would fill the memory when unpacked, and overlapping entries.
void check_sizes(const std::vector<zip_stat_t>& entries, guint64 file_bytes,
                 const std::string& name) {
  guint64 packed_bytes = 0, inflated_bytes = 0;
  const guint64 max_inflated_bytes = std::min(kMaxInflatedBytes, file_bytes * kMaxInflation);
  for (const zip_stat_t& entry : entries) {
    const bool is_inflated = entry.comp_method == ZIP_CM_DEFLATE;
    if (entry.comp_size > file_bytes - packed_bytes)
      refuse_damaged(name, "its entries are larger than the file");
    packed_bytes += entry.comp_size;
    if (is_inflated && entry.size > max_inflated_bytes - inflated_bytes)
      refuse(name, "was not written by PyTorch: it would unpack to far more than a model's code");
    if (is_inflated) inflated_bytes += entry.size;
  }
}

void check_archive(const std::string& path, const std::string& name, guint64 file_bytes,
                   GCancellable* cancellable) {
  if (const FileKind kind = file_kind(path); !kind.fault.empty()) refuse(name, kind.fault);
  int code = 0;
  const Archive archive(zip_open(path.c_str(), ZIP_RDONLY, &code));
  if (!archive) {
    zip_error_t error;
    zip_error_init_with_code(&error, code);
    const std::string debug = zip_error_strerror(&error);
    zip_error_fini(&error);
    refuse_damaged(name, "its directory has wrong records", debug);
  }
  std::vector<zip_stat_t> entries;
  const zip_int64_t count = zip_get_num_entries(archive.get(), 0);
  for (zip_int64_t i = 0; i < count; ++i)
    entries.push_back(describe_entry(archive.get(), static_cast<zip_uint64_t>(i), name));
  check_sizes(entries, file_bytes, name);
  for (const zip_stat_t& entry : entries) read_entry(archive.get(), entry, name, cancellable);
  if (const std::string fault = layout_fault(path); !fault.empty()) refuse(name, fault);
}

/// Digests of the files that passed the checks.
class Checked {
 public:
  /// Numbers that change when the file is written. They include the time of the last status change
  /// (ctime), because programs may set the time of the last modification (mtime).
  using Key = std::tuple<guint64, guint64, gint64, gint64, gint64, gint64, gint64>;

  static Key key(const struct stat& s, bool is_in_cache) {
    const struct timespec status = is_in_cache ? timespec{} : s.st_ctim;
    return {s.st_dev,          s.st_ino,      s.st_size,     s.st_mtim.tv_sec,
            s.st_mtim.tv_nsec, status.tv_sec, status.tv_nsec};
  }

  std::string find(const Key& key) {
    const std::lock_guard lock(mutex_);
    const auto found = digests_.find(key);
    return found == digests_.end() ? "" : found->second;
  }

  void add(const Key& key, const std::string& digest) {
    const std::lock_guard lock(mutex_);
    if (digests_.size() >= kMaxFiles) digests_.clear();
    digests_[key] = digest;
  }

 private:
  static constexpr size_t kMaxFiles = 1000;

  std::mutex mutex_;
  std::map<Key, std::string> digests_;
};

Checked& checked() {
  static Checked* const checked = new Checked;
  return *checked;
}

void compare_digest(const std::string& digest, const std::string& pin, const std::string& name) {
  if (pin.empty() || digest == pin) return;
  throw ElementError(GST_RESOURCE_ERROR_READ,
                     name + " does not match the property sha256, so it was not loaded.",
                     "its SHA-256 is " + digest + ", not " + pin);
}

}  // namespace

std::string check_model(const std::string& path, const std::string& name, const std::string& pin,
                        GCancellable* cancellable, bool is_in_cache) {
  GStatBuf status;
  if (g_stat(path.c_str(), &status) != 0) fail_reading(name, errno);
  const Checked::Key key = Checked::key(status, is_in_cache);
  std::string sha256 = checked().find(key);
  const bool is_known = !sha256.empty();
  if (!is_known) sha256 = digest(path, name, cancellable);
  compare_digest(sha256, pin, name);
  if (is_known) return sha256;
  check_archive(path, name, static_cast<guint64>(status.st_size), cancellable);
  checked().add(key, sha256);
  return sha256;
}

}  // namespace torchstreamer
