// Where the entries of a zip archive lie, which libzip does not tell.
#pragma once

#include <string>

namespace torchstreamer {

/// What is wrong with how the archive at `path` is laid out; empty where each entry, its header,
/// data and data descriptor, ends where the next one begins, the last one where the directory does,
/// and the descriptors say of sizes and checksums what the directory says. So it is as
/// torch.jit.save() and other zip writers leave it, and so two readers cannot make different things
/// of it: libtorch takes an entry that the directory calls empty for the weights that belong there.
/// PKWARE, .ZIP File Format Specification 6.3,
/// https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT
std::string layout_fault(const std::string& path);

}  // namespace torchstreamer
