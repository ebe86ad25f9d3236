// Models over HTTP, in a library of their own: it links libsoup 3, which ends every process that
// has libsoup 2. So only who fetches a model maps it.
#pragma once

#include <functional>
#include <string>

#include "fetch/fetch.h"

extern "C" {
/// fetch_model() for an http:// or https:// URI. `options` were checked and name a cache folder.
void torchstreamer_fetch_remote(const std::string& uri, const torchstreamer::FetchOptions& options,
                                GCancellable* cancellable,
                                const std::function<void(int percent)>& progress,
                                torchstreamer::ModelFile* file);
}
