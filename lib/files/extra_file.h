// Extra files in archives of torch: `_extra_files` of torch.jit.save(), `extra_files` of
// torch.export.save().
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace torchstreamer {

/// Returns the content of the extra file `name` of the archive at `path`; none if it has no such
/// file. Throws FileFault if the archive or the extra file is damaged, or if the extra file is
/// compressed or has more than `most_bytes`.
std::optional<std::string> read_extra_file(const std::string& path, const std::string& name,
                                           uint64_t most_bytes);

/// Writes a copy of the archive at `from` with this extra file to the path `to`. An existing file
/// at `to` is replaced when the copy is complete. Throws FileFault if the archive is damaged,
/// std::system_error if the copy cannot be written; `to` is then unchanged.
void copy_with_extra_file(const std::string& from, const std::string& to, const std::string& name,
                          const std::string& content);

}  // namespace torchstreamer
