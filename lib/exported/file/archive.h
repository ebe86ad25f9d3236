// Zip archives whose entries are read one by one.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "support/tensor.h"

struct zip;

namespace torchstreamer::exported {

/// A zip archive. Sizes in its directory are not trusted: no uncompressed entry is larger than the
/// file, and all entries together have at most 64 times its bytes; as many as its bytes if it is an
/// entry of another archive.
class Archive {
 public:
  /// Throws Error if the file cannot be read, is not a zip archive, or if its entries are too
  /// large.
  explicit Archive(const std::string& path);
  /// An archive in memory, `[bytes]`, such as an entry of another archive.
  explicit Archive(Tensor bytes);

  bool has(const std::string& name) const { return entries_.count(name) > 0; }
  /// Index of each entry, by name.
  const std::map<std::string, uint64_t>& entries() const { return entries_; }

  /// Returns the content of an entry. Throws Error if there is none, if it is damaged, or if it
  /// has more than 32 MiB.
  std::string text(const std::string& name) const;
  /// The same as uint8, `[bytes]`, of any size.
  Tensor bytes(const std::string& name) const;

 private:
  void list_entries();
  int64_t size_of(const std::string& name) const;
  void read(const std::string& name, void* to, int64_t bytes) const;

  Tensor memory_;  // undefined for a file
  std::shared_ptr<zip> zip_;
  int64_t file_bytes_ = 0;
  std::map<std::string, uint64_t> entries_;
};

}  // namespace torchstreamer::exported
