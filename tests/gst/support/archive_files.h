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
/// Bytes that do not shrink.
Bytes noise(size_t bytes, unsigned seed);

/// What torch.jit.save() writes, with `weights` for weights.
std::vector<ArchiveEntry> model_entries(const Bytes& weights);
/// A zip archive of them.
Bytes make_archive(const std::vector<ArchiveEntry>& entries);
/// A whole archive of a model.
Bytes make_model(size_t weights_bytes, unsigned seed);

std::string sha256(const Bytes& bytes);
Bytes read_bytes(const fs::path& path);
void write_bytes(const fs::path& path, const Bytes& bytes);

}  // namespace torchstreamer::test
