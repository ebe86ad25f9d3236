// Whether a file is a TorchScript archive: asked before libtorch, which trusts what it reads, sees
// it.
#pragma once

#include <gio/gio.h>

#include <string>

#include "base/element_error.h"

namespace torchstreamer {

/// The SHA-256, in lower case digits, of the TorchScript archive at `path`, which errors call
/// `name`. Reads all of it, once in a process as long as it stays the same file: one of the cache
/// (`is_in_cache`), which nobody else writes to, until its content is written, any other one until
/// anything about it changes. Throws ElementError where it has another digest than `pin` (lower
/// case; empty: any) or is not an archive as torch.jit.save() writes it, whole and undamaged;
/// Cancelled.
std::string check_model(const std::string& path, const std::string& name, const std::string& pin,
                        GCancellable* cancellable, bool is_in_cache = false);

}  // namespace torchstreamer
