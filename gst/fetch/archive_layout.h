// Positions of the entries in a zip archive, which libzip does not check.
#pragma once

#include <string>

namespace torchstreamer {

/// Checks that the file at `path` begins with an entry and ends with an end record, as every zip
/// archive without a comment does. Returns the fault; empty if there is none.
std::string ends_fault(const std::string& path);

/// Checks the layout of the archive at `path`. Every entry (a header, data and a data descriptor)
/// must end at the start of the next one, and the last entry at the start of the directory. Sizes
/// and checksums in descriptors must equal those in the directory. torch.jit.save() and other zip
/// writers produce such files, and every reader finds the same content in them. In other files,
/// libtorch may read weights from an entry that is empty according to the directory. Returns the
/// fault; empty if there is none. PKWARE, .ZIP File Format Specification 6.3,
/// https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT
std::string layout_fault(const std::string& path);

}  // namespace torchstreamer
