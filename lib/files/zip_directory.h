// Directories of zip archives.
#pragma once

#include <string>
#include <vector>

#include "files/binary_file.h"

namespace torchstreamer {

/// An entry as the directory describes it.
struct ZipEntry {
  static constexpr uint16_t kStored = 0;         ///< a method
  static constexpr uint16_t kHasDescriptor = 8;  ///< a bit of the flags

  std::string name;
  uint16_t flags = 0;
  uint16_t method = kStored;
  uint32_t crc = 0;
  uint64_t packed_bytes = 0, bytes = 0;
  uint64_t at = 0;  ///< position of its local header
  /// Its record in the directory: the position and size in the file, and the field in it that
  /// contains `at`, as a position in the record and a size.
  uint64_t record_at = 0, record_bytes = 0;
  uint64_t at_field = 0, at_field_bytes = 4;
};

struct ZipDirectory {
  uint64_t begin = 0;  ///< position in the file
  std::vector<ZipEntry> entries;
};

/// Returns true if the file begins with the header of an entry.
bool is_zip(const BinaryFile& file);

/// Returns true if the file ends with an end record without a comment, as libtorch writes it.
bool has_zip_end(const BinaryFile& file);

/// Reads the directory. Throws FileFault if it is missing or damaged.
ZipDirectory read_zip_directory(const BinaryFile& file);

/// Returns the position of the data of an entry. Throws FileFault if there is no such entry.
uint64_t data_position(const BinaryFile& file, const ZipEntry& entry);

}  // namespace torchstreamer
