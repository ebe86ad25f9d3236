// Positions of the entries in a zip archive, which libzip does not check.
#pragma once

#include <string>

namespace torchstreamer {

/// Returns why the archive at `path` does not begin or end like one; empty if it does. An archive
/// without a comment begins with an entry and ends with an end record.
std::string ends_fault(const std::string& path);

/// Returns why the layout of the archive at `path` is invalid; empty if it is valid: every entry,
/// which is a header, data and a data descriptor, ends where the next one begins, and the last one
/// where the directory begins; sizes and checksums in descriptors equal those in the directory.
/// torch.jit.save() and other zip writers produce such files. They look the same to every reader,
/// whereas libtorch would use an entry that the directory calls empty as the weights there.
/// PKWARE, .ZIP File Format Specification 6.3,
/// https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT
std::string layout_fault(const std::string& path);

}  // namespace torchstreamer
