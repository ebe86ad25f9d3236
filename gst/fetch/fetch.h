// A model's file, wherever it is: checked before anything of it is executed.
#pragma once

#include <gio/gio.h>
#include <gst/gst.h>

#include <functional>
#include <string>

#include "base/cancellable.h"
#include "base/element_error.h"
#include "fetch/http/store.h"
#include "fetch/location.h"

namespace torchstreamer {

/// How a model is fetched: most are properties of tsmodel, of the same names. All but `sha256` are
/// for http and https only.
struct FetchOptions {
  std::string sha256;          ///< what the file must be, 64 hexadecimal digits; empty: anything
  std::string authorization;   ///< the header of this name, such as "Bearer ...": a secret
  std::string ca_file;         ///< PEM certificates to trust instead of the system's; empty: those
  bool insecure_http = false;  ///< takes what plain http brings without a `sha256`
  guint64 max_bytes = guint64{4} << 30;    ///< of one file
  guint64 cache_bytes = guint64{8} << 30;  ///< of all files kept; the model in use is kept always
  guint timeout_s = 30;                    ///< without a byte from the server; 0: for ever
  guint retries = 4;                       ///< of a transfer that failed
  // No properties:
  guint first_wait_ms = 500;  ///< before the first retry; each later one waits twice as long
  std::string cache_folder;   ///< empty: torchstreamer/models in the XDG cache folder
};

/// A GstContext of this type with the field "authorization" (a string) says the same as the
/// property, which comes first.
constexpr char kHttpContext[] = "torchstreamer.http";
/// That field; empty where `context`, which may be null, has none.
std::string context_authorization(const GstContext* context);

/// The file of `location`: a path, or a file://, http:// or https:// URI. Blocks; call it in any
/// thread: it runs a GMainContext of its own. `progress`, which may be empty, hears of 0 to 100
/// percent, rising, in the same thread; a server that does not tell the size makes it leap. Where
/// `cancellable`, which may be null, is cancelled this returns at once.
/// Throws ElementError or Cancelled.
ModelFile fetch_model(const std::string& location, const FetchOptions& options,
                      GCancellable* cancellable,
                      const std::function<void(int percent)>& progress = {});

}  // namespace torchstreamer
