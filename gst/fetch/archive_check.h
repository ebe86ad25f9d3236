// Checks of model files before libtorch, which trusts its input, reads them.
#pragma once

#include <gio/gio.h>

#include <string>

#include "process/element_error.h"

namespace torchstreamer {

/// Returns the SHA-256, in lower-case digits, of the model file at `path`. `name`: name of
/// the file in error texts. Reads the whole file on the first call in a process; later calls return
/// the same digest until the file changes. A file of the cache (`is_in_cache`), which no other
/// program writes to, counts as changed if its content was written. Any other file counts as
/// changed if any part of its status differs. Throws ElementError if the digest is not `pin` (lower
/// case; empty: any), or if the file is not an undamaged archive with a program, see file_kind().
/// Throws Cancelled.
std::string check_model(const std::string& path, const std::string& name, const std::string& pin,
                        GCancellable* cancellable, bool is_in_cache = false);

}  // namespace torchstreamer
