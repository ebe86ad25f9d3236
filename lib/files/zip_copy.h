// Copies of zip archives with one entry replaced.
#pragma once

#include <string>

#include "files/output_file.h"
#include "files/zip_directory.h"

namespace torchstreamer {

/// CRC-32 of zip archives.
uint32_t zip_checksum(const std::string& bytes);

/// Writes a copy of the archive whose last entry is `name` with this content. It replaces an entry
/// of this name. The other entries are copied as they are, and the positions of their data are the
/// same modulo 64: torch.save() aligns tensors, so that they can be mapped into memory. Throws
/// FileFault if the archive is damaged.
void copy_zip_with(const BinaryFile& file, const std::string& name, const std::string& content,
                   OutputFile& out);

}  // namespace torchstreamer
