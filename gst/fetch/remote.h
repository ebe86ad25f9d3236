// Entry of the library for models over HTTP. The library links libsoup 3, which aborts every
// process that has libsoup 2. It is therefore mapped only when the first remote model is fetched.
#pragma once

#include <gio/gio.h>

#include <functional>
#include <string>

#include "fetch/fetch.h"
#include "fetch/model_file.h"

extern "C" {
/// Implements fetch_model() for an http:// or https:// URI. `options` must be checked and have a
/// cache folder.
void torchstreamer_fetch_remote(const std::string& uri, const torchstreamer::FetchOptions& options,
                                GCancellable* cancellable,
                                const std::function<void(int percent)>& progress,
                                torchstreamer::ModelFile* file);
}
