#include "model_fetch.h"

#include <dlfcn.h>
#include <glib/gstdio.h>

#include <algorithm>
#include <cerrno>
#include <tuple>

#include "model_check.h"
#include "model_remote.h"

namespace torchstreamer {
namespace {

using Percent = std::function<void(int percent)>;
using FetchRemote = decltype(&torchstreamer_fetch_remote);

constexpr size_t kDigestDigits = 64;

auto compared(const FetchOptions& o) {
  return std::tie(o.sha256, o.authorization, o.ca_file, o.insecure_http, o.max_bytes, o.cache_bytes,
                  o.timeout_s, o.retries, o.first_wait_ms, o.cache_folder);
}

/// `options`, the digest in lower case.
FetchOptions check_options(FetchOptions options) {
  std::string& pin = options.sha256;
  const auto is_digit = [](char c) { return g_ascii_isxdigit(c) != 0; };
  if (!pin.empty() &&
      (pin.size() != kDigestDigits || !std::all_of(pin.begin(), pin.end(), is_digit)))
    throw ModelError(GST_RESOURCE_ERROR_SETTINGS,
                     "The property sha256 is no SHA-256: that is 64 hexadecimal digits.", pin);
  std::transform(pin.begin(), pin.end(), pin.begin(), g_ascii_tolower);
  const auto is_printable = [](char c) { return g_ascii_isprint(c) != 0; };
  const std::string& authorization = options.authorization;
  if (!std::all_of(authorization.begin(), authorization.end(), is_printable))
    throw ModelError(GST_RESOURCE_ERROR_SETTINGS,
                     "The property authorization is not one line of plain text.");
  if (options.cache_folder.empty())
    options.cache_folder = std::string(g_get_user_cache_dir()) + "/torchstreamer/models";
  return options;
}

[[noreturn]] void fail_library(const char* text) {
  const char* reason = dlerror();
  throw ModelError(GST_LIBRARY_ERROR, GST_LIBRARY_ERROR_INIT, text, reason ? reason : "no reason");
}

/// Once mapped the library stays: libsoup does not survive being unloaded.
FetchRemote find_fetch_remote() {
  if (dlsym(RTLD_DEFAULT, "soup_uri_new"))
    fail_library(
        "Models cannot be fetched by a program that uses libsoup 2: it excludes libsoup 3.");
  void* library = dlopen(TORCHSTREAMER_HTTP_SONAME, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  if (!library)
    fail_library(TORCHSTREAMER_HTTP_SONAME
                 " cannot be loaded. It belongs beside libtorchstreamer; is it there, and are "
                 "libsoup 3 and libzip installed?");
  void* symbol = dlsym(library, "torchstreamer_fetch_remote");
  if (!symbol)
    fail_library(TORCHSTREAMER_HTTP_SONAME
                 " is not of the same version as the plugin. Installing torchstreamer anew puts "
                 "both in place.");
  return reinterpret_cast<FetchRemote>(symbol);
}

std::string local_path(const std::string& location) {
  if (location.empty())
    throw ModelError(GST_RESOURCE_ERROR_NOT_FOUND, "No model: the property location names none.");
  std::string path = location;
  if (gst_uri_is_valid(location.c_str())) {
    g_autoptr(GError) error = nullptr;
    g_autofree gchar* file = g_filename_from_uri(location.c_str(), nullptr, &error);
    if (!file)
      throw ModelError(
          GST_RESOURCE_ERROR_OPEN_READ,
          printable_location(location) + " is neither a path nor a file://, http or https URI.",
          error->message);
    path = file;
  }
  if (g_access(path.c_str(), R_OK) != 0) {
    const int reason = errno;
    throw ModelError(reason == ENOENT ? GST_RESOURCE_ERROR_NOT_FOUND : GST_RESOURCE_ERROR_OPEN_READ,
                     "Model " + path + " cannot be read: " + g_strerror(reason) + ".");
  }
  if (!g_file_test(path.c_str(), G_FILE_TEST_IS_REGULAR))
    throw ModelError(GST_RESOURCE_ERROR_OPEN_READ, path + " is not a file, so it is no model.");
  return path;
}

}  // namespace

bool operator==(const FetchOptions& a, const FetchOptions& b) { return compared(a) == compared(b); }

std::string context_authorization(const GstContext* context) {
  if (!context || !gst_context_has_context_type(context, kHttpContext)) return "";
  const char* text = gst_structure_get_string(gst_context_get_structure(context), "authorization");
  return text ? text : "";
}

ModelFile fetch_model(const std::string& location, const FetchOptions& options,
                      GCancellable* cancellable, const Percent& progress) {
  const FetchOptions checked = check_options(options);
  throw_if_cancelled(cancellable);
  if (is_remote(location)) {
    ModelFile file;
    find_fetch_remote()(location, checked, cancellable, progress, &file);
    return file;
  }
  const std::string path = local_path(location);
  return {path, check_model(path, path, checked.sha256, cancellable), nullptr};
}

}  // namespace torchstreamer
