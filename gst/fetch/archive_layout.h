// Positions of the entries in a zip archive, which libzip does not check.
#pragma once

#include <string>

namespace torchstreamer {

/// Returns the fault of the layout of the archive at `path`, as a clause without a subject; empty
/// if the layout is valid:
/// - Every entry (header, data, data descriptor) ends at the start of the next entry, and the last
///   one at the start of the directory.
/// - Sizes and checksums in descriptors equal those in the directory.
/// - The file ends with the end record.
/// torch.jit.save() and other zip writers produce such files, and readers that use the directory
/// find the same data in them. In other files, libtorch could read weights from bytes that no entry
/// contains.
std::string layout_fault(const std::string& path);

}  // namespace torchstreamer
