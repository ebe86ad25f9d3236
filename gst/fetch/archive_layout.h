// Positions of the entries in a zip archive, which libzip does not check.
#pragma once

#include <string>

namespace torchstreamer {

/// Returns why the layout of the archive at `path` is invalid, as a clause without a subject; empty
/// if it is valid: every entry, which is a header, data and a data descriptor, ends where the next
/// one begins, and the last one where the directory begins; sizes and checksums in descriptors
/// equal those in the directory; the file ends with the end record. torch.jit.save() and other zip
/// writers produce such files. They look the same to every reader, whereas libtorch would use an
/// entry that the directory calls empty as the weights there.
std::string layout_fault(const std::string& path);

}  // namespace torchstreamer
