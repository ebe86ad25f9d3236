// Files for the tests of fetching and checking models.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "temporary_folder.h"

namespace torchstreamer::test {

namespace fs = std::filesystem;
using Bytes = std::vector<uint8_t>;

/// One file of an archive.
struct ArchiveEntry {
  std::string name;
  Bytes content;
  bool is_deflated = false;
};

Bytes bytes_of_text(const std::string& text);
/// Random bytes, which cannot be compressed.
Bytes noise(size_t bytes, unsigned seed);

/// Entries as torch.jit.save() writes them, with these weights.
std::vector<ArchiveEntry> model_entries(const Bytes& weights);
/// A zip archive of these entries.
Bytes make_archive(const std::vector<ArchiveEntry>& entries);
/// An archive of a model with random weights.
Bytes make_model(size_t weights_bytes, unsigned seed);

std::string sha256(const Bytes& bytes);
Bytes read_bytes(const fs::path& path);
void write_bytes(const fs::path& path, const Bytes& bytes);

}  // namespace torchstreamer::test
