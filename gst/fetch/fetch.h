// Fetches model files and checks them before anything in them is executed.
#pragma once

#include <gio/gio.h>
#include <gst/gst.h>

#include <functional>
#include <string>

#include "fetch/location.h"
#include "fetch/model_file.h"
#include "process/cancellable.h"
#include "process/element_error.h"

namespace torchstreamer {

/// Options of fetching a model. Most fields are properties of tsmodel with the same names. All
/// except `sha256` apply to http and https only.
struct FetchOptions {
  std::string sha256;          ///< expected digest, 64 hexadecimal digits; empty: not checked
  std::string authorization;   ///< Authorization header, such as "Bearer ...": a secret
  std::string ca_file;         ///< PEM certificates to trust; empty: those of the system
  bool insecure_http = false;  ///< allows plain http without a `sha256`
  /// Size limit of one file.
  guint64 max_bytes = guint64{4} << 30;
  /// Size limit of the cache. Models in use are never removed.
  guint64 cache_bytes = guint64{8} << 30;
  guint timeout_s = 30;  ///< time without data before giving up; 0: never
  guint retries = 4;     ///< number of retries after a failed transfer
  // No properties:
  guint first_wait_ms = 500;  ///< wait before the first retry; doubles with each retry
  std::string cache_folder;   ///< empty: torchstreamer/models in the XDG cache folder
};

/// Type of a GstContext whose field "authorization" (a string) replaces an unset property.
constexpr char kHttpContext[] = "torchstreamer.http";
/// Returns the field "authorization"; empty if `context`, which may be null, does not have it.
std::string context_authorization(const GstContext* context);

/// Throws the ElementError of fetch_model() for invalid options, or if `location` is local and
/// names no file that can be read. Does not read the file.
void check_location(const std::string& location, const FetchOptions& options);

/// Returns the file at `location`: a path, or a file://, http:// or https:// URI. Blocks; may be
/// called in any thread, because it runs its own GMainContext. Calls `progress`, which may be
/// empty, with rising values from 0 to 100 in the same thread. If the server does not send the
/// size, the values are only 0 and 100. Returns at once when `cancellable`, which may be null, is
/// cancelled. Throws ElementError or Cancelled.
ModelFile fetch_model(const std::string& location, const FetchOptions& options,
                      GCancellable* cancellable,
                      const std::function<void(int percent)>& progress = {});

}  // namespace torchstreamer
