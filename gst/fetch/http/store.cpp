#include "fetch/http/store.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>
#include <vector>

#include "process/cancellable.h"

namespace torchstreamer {
namespace {

constexpr char kPartSuffix[] = ".part";
constexpr char kModelGroup[] = "model";
constexpr char kPartGroup[] = "part";

void make_folder(const std::string& path) {
  if (g_mkdir_with_parents(path.c_str(), 0700) != 0) fail_file(path, errno);
}

std::vector<std::string> list(const std::string& folder) {
  std::vector<std::string> paths;
  g_autoptr(GDir) dir = g_dir_open(folder.c_str(), 0, nullptr);
  while (const gchar* name = dir ? g_dir_read_name(dir) : nullptr)
    paths.push_back(folder + "/" + name);
  return paths;
}

bool is_part(const std::string& path) { return g_str_has_suffix(path.c_str(), kPartSuffix); }

bool exists(const std::string& path) { return g_access(path.c_str(), F_OK) == 0; }

/// Returns false if the file is in use.
bool remove_unused(const std::string& path) {
  const Descriptor file(::open(path.c_str(), O_RDWR | O_CLOEXEC));
  return file && lock_now(file.get(), LOCK_EX) && g_unlink(path.c_str()) == 0;
}

std::string get_string(GKeyFile* file, const char* group, const char* key) {
  g_autofree gchar* text = g_key_file_get_string(file, group, key, nullptr);
  return text ? text : "";
}

Validators get_validators(GKeyFile* file, const char* group) {
  return {get_string(file, group, "etag"), get_string(file, group, "last-modified")};
}

void set_validators(GKeyFile* file, const char* group, const Validators& validators) {
  g_key_file_set_string(file, group, "etag", validators.etag.c_str());
  g_key_file_set_string(file, group, "last-modified", validators.last_modified.c_str());
}

std::shared_ptr<void> make_lease(Descriptor file) {
  return std::make_shared<Descriptor>(std::move(file));
}

}  // namespace

std::string Validators::strong() const {
  if (etag.empty()) return last_modified;
  return g_str_has_prefix(etag.c_str(), "W/") ? "" : etag;
}

bool Validators::operator==(const Validators& other) const {
  return etag == other.etag && last_modified == other.last_modified;
}

std::unique_ptr<StoreEntry> StoreEntry::in_memory() {
  Descriptor part(memfd_create("torchstreamer", MFD_CLOEXEC));
  if (!part || fcntl(part.get(), F_SETFL, O_APPEND) != 0) fail_file("the memory", errno);
  std::string path = "/proc/self/fd/" + std::to_string(part.get());
  return std::unique_ptr<StoreEntry>(new StoreEntry(nullptr, "", std::move(path), std::move(part)));
}

StoreEntry::StoreEntry(const ModelStore* store, std::string path, std::string part_path,
                       Descriptor part)
    : store_(store),
      path_(std::move(path)),
      part_path_(std::move(part_path)),
      part_(std::move(part)) {
  struct stat status;
  if (fstat(part_.get(), &status) != 0) fail_file(part_path_, errno);
  part_bytes_ = static_cast<guint64>(status.st_size);
  load();
}

StoreEntry::~StoreEntry() {
  if (store_ && part_ && part_bytes_ == 0) g_unlink(part_path_.c_str());
}

void StoreEntry::load() {
  if (!store_) return;
  g_autoptr(GKeyFile) file = g_key_file_new();
  if (!g_key_file_load_from_file(file, path_.c_str(), G_KEY_FILE_NONE, nullptr)) return;
  sha256_ = get_string(file, kModelGroup, "sha256");
  confirmed_us_ = g_key_file_get_int64(file, kModelGroup, "confirmed-us", nullptr);
  validators_ = get_validators(file, kModelGroup);
  part_validators_ = get_validators(file, kPartGroup);
}

/// Called under the lock of the store.
void StoreEntry::save() const {
  g_autoptr(GKeyFile) file = g_key_file_new();
  g_key_file_set_string(file, kModelGroup, "sha256", sha256_.c_str());
  g_key_file_set_int64(file, kModelGroup, "confirmed-us", confirmed_us_);
  set_validators(file, kModelGroup, validators_);
  set_validators(file, kPartGroup, part_validators_);
  for (;;) {
    g_autoptr(GError) error = nullptr;
    if (g_key_file_save_to_file(file, path_.c_str(), &error)) return;
    const bool is_full = g_error_matches(error, G_FILE_ERROR, G_FILE_ERROR_NOSPC);
    if (!is_full || !store_->make_room()) throw_store_error(error->message, is_full);
  }
}

bool StoreEntry::make_room() const {
  if (!store_) return false;
  const Descriptor lock = store_->lock();
  return store_->make_room();
}

void StoreEntry::confirm() {
  const Descriptor lock = store_->lock();
  confirmed_us_ = g_get_real_time();
  save();
}

void StoreEntry::start_part(const Validators& validators) {
  // Truncates the part first, so that it never contains bytes of a different file.
  if (ftruncate(part_.get(), 0) != 0) fail_file(part_path_, errno);
  part_bytes_ = 0;
  if (!store_ || part_validators_ == validators) return;
  const Descriptor lock = store_->lock();
  part_validators_ = validators;
  save();
}

/// Releases the space of the part on a full disk.
void StoreEntry::fail_append(int reason) {
  if (is_disk_full(reason)) start_part({});
  fail_file(part_path_, reason);
}

void StoreEntry::append(const void* bytes, size_t count) {
  const char* next = static_cast<const char*>(bytes);
  while (count > 0) {
    const ssize_t written = write(part_.get(), next, count);
    const int reason = errno;
    if (written < 0 && (reason == EINTR || (is_disk_full(reason) && make_room()))) continue;
    if (written < 0) fail_append(reason);
    next += written;
    count -= static_cast<size_t>(written);
    part_bytes_ += static_cast<guint64>(written);
  }
}

ModelFile StoreEntry::publish(const std::string& sha256) {
  if (!store_) return {part_path_, sha256, make_lease(std::move(part_))};
  const Descriptor lock = store_->lock();
  const std::string target = store_->file_path(sha256);
  if (g_rename(part_path_.c_str(), target.c_str()) != 0) fail_file(target, errno);
  lock_shared(part_.get());
  sha256_ = sha256;
  confirmed_us_ = g_get_real_time();
  validators_ = std::exchange(part_validators_, {});
  save();
  return {target, sha256, make_lease(std::move(part_))};
}

ModelStore::ModelStore(std::string folder) : folder_(std::move(folder)) {
  make_folder(folder_ + "/files");
  make_folder(folder_ + "/uris");
}

Descriptor ModelStore::lock() const { return open_alone(folder_ + "/lock", nullptr); }

std::string ModelStore::file_path(const std::string& sha256) const {
  return folder_ + "/files/" + sha256;
}

std::optional<ModelFile> ModelStore::find(const std::string& sha256) const {
  if (sha256.empty()) return std::nullopt;
  const Descriptor lock = this->lock();
  const std::string path = file_path(sha256);
  Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) return std::nullopt;
  lock_shared(file.get());
  const struct timespec times[] = {{0, UTIME_NOW}, {0, UTIME_OMIT}};
  futimens(file.get(), times);
  return ModelFile{path, sha256, make_lease(std::move(file))};
}

void ModelStore::discard(const std::string& sha256) const {
  const Descriptor lock = this->lock();
  g_unlink(file_path(sha256).c_str());
}

std::unique_ptr<StoreEntry> ModelStore::open(const std::string& uri,
                                             GCancellable* cancellable) const {
  g_autofree gchar* key = g_compute_checksum_for_string(G_CHECKSUM_SHA256, uri.c_str(), -1);
  const std::string path = folder_ + "/uris/" + key;
  Descriptor part = open_alone(path + kPartSuffix, cancellable);
  // Waits for publish(), which holds this lock until the key file is written.
  const Descriptor lock = this->lock();
  return std::unique_ptr<StoreEntry>(
      new StoreEntry(this, path, path + kPartSuffix, std::move(part)));
}

std::vector<StoredFile> ModelStore::list_files() const {
  std::vector<std::string> paths = list(folder_ + "/files");
  for (const std::string& path : list(folder_ + "/uris"))
    if (is_part(path)) paths.push_back(path);
  const auto ns = [](const timespec& t) {
    return t.tv_sec * G_GINT64_CONSTANT(1000000000) + t.tv_nsec;
  };
  std::vector<StoredFile> files;
  for (const std::string& path : paths) {
    struct stat status;
    if (stat(path.c_str(), &status) != 0) continue;
    files.push_back({path, static_cast<guint64>(status.st_size),
                     std::max(ns(status.st_atim), ns(status.st_mtim))});
  }
  const auto order = [](const StoredFile& file) {
    return std::make_pair(!is_part(file.path), file.used_ns);
  };
  std::sort(files.begin(), files.end(),
            [&](const StoredFile& a, const StoredFile& b) { return order(a) < order(b); });
  return files;
}

void ModelStore::keep_below(guint64 bytes) const {
  const Descriptor lock = this->lock();
  const std::vector<StoredFile> files = list_files();
  guint64 kept_bytes = 0;
  for (const StoredFile& file : files) kept_bytes += file.bytes;
  for (const StoredFile& file : files)
    if (kept_bytes > bytes && remove_unused(file.path)) kept_bytes -= file.bytes;
  remove_useless_entries();
}

bool ModelStore::make_room() const {
  const std::vector<StoredFile> files = list_files();
  return std::any_of(files.begin(), files.end(),
                     [](const StoredFile& file) { return remove_unused(file.path); });
}

/// Removes the key files of URIs without a file and without a part.
void ModelStore::remove_useless_entries() const {
  for (const std::string& path : list(folder_ + "/uris")) {
    if (is_part(path) || exists(path + kPartSuffix)) continue;
    g_autoptr(GKeyFile) file = g_key_file_new();
    const bool is_loaded = g_key_file_load_from_file(file, path.c_str(), G_KEY_FILE_NONE, nullptr);
    const std::string sha256 = is_loaded ? get_string(file, kModelGroup, "sha256") : "";
    if (sha256.empty() || !exists(file_path(sha256))) g_unlink(path.c_str());
  }
}

}  // namespace torchstreamer
