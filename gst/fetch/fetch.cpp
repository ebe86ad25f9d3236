#include "fetch/fetch.h"

#include <dlfcn.h>
#include <glib/gstdio.h>
#include <gmodule.h>

#include <algorithm>
#include <cerrno>

#include "fetch/archive_check.h"
#include "fetch/remote.h"
#include "process/exit_barrier.h"
#include "process/shared_library.h"

namespace torchstreamer {
namespace {

using Percent = std::function<void(int percent)>;
using FetchRemote = decltype(&torchstreamer_fetch_remote);

constexpr size_t kDigestDigits = 64;

/// Returns `options` with the digest in lower case and a cache folder.
FetchOptions checked_options(FetchOptions options) {
  std::string& pin = options.sha256;
  const auto is_digit = [](char c) { return g_ascii_isxdigit(c) != 0; };
  if (!pin.empty() &&
      (pin.size() != kDigestDigits || !std::all_of(pin.begin(), pin.end(), is_digit)))
    throw ElementError(GST_RESOURCE_ERROR_SETTINGS,
                       "The property sha256 is not a SHA-256, which has 64 hexadecimal digits.",
                       pin);
  std::transform(pin.begin(), pin.end(), pin.begin(), g_ascii_tolower);
  const auto is_printable = [](char c) { return g_ascii_isprint(c) != 0; };
  const std::string& authorization = options.authorization;
  if (!std::all_of(authorization.begin(), authorization.end(), is_printable))
    throw ElementError(GST_RESOURCE_ERROR_SETTINGS,
                       "The property authorization is not one line of plain text.");
  if (options.cache_folder.empty())
    options.cache_folder = std::string(g_get_user_cache_dir()) + "/torchstreamer/models";
  return options;
}

/// libsoup 2 and 3 register types with the same names, and plugins may have loaded either.
void require_no_libsoup2() {
  void* library = dlopen("libsoup-2.4.so.1", RTLD_LAZY | RTLD_NOLOAD);
  if (!library) return;
  dlclose(library);
  throw ElementError(GST_LIBRARY_ERROR, GST_LIBRARY_ERROR_INIT,
                     "Models cannot be fetched by a program that uses libsoup 2, because libsoup 3 "
                     "cannot be loaded beside it.",
                     "libsoup-2.4.so.1 is loaded");
}

/// Maps libsoup through GModule and never unmaps it. The initialisation of libsoup opens a module,
/// for which GModule takes its own lock before the lock of the dynamic linker. If dlopen() mapped
/// libsoup as a dependency of our library, the locks would be taken in the opposite order, which
/// can deadlock with a thread that loads a plugin. The path is absolute, because GModule looks up a
/// bare name in the current folder first.
void map_libsoup() {
  const auto flags = static_cast<GModuleFlags>(G_MODULE_BIND_LAZY | G_MODULE_BIND_LOCAL);
  g_module_open(LIBSOUP_PATH, flags);
}

FetchRemote find_fetch_remote() {
  require_no_libsoup2();
  static const auto found = [] {
    map_libsoup();
    void* symbol = find_symbol(TORCHSTREAMER_HTTP_SONAME, "torchstreamer_fetch_remote",
                               "Install it beside libtorchstreamer, with libsoup 3 and libzip.");
    ExitBarrier::register_at_exit();
    return reinterpret_cast<FetchRemote>(symbol);
  }();
  return found;
}

std::string local_path(const std::string& location) {
  if (location.empty())
    throw ElementError(GST_RESOURCE_ERROR_NOT_FOUND,
                       "There is no model: the property location is empty.");
  std::string path = location;
  if (gst_uri_is_valid(location.c_str())) {
    // The error of GLib is not shown, because it quotes the URI, which may contain secrets.
    g_autofree gchar* host = nullptr;
    g_autofree gchar* file = g_filename_from_uri(location.c_str(), &host, nullptr);
    if (!file)
      throw ElementError(
          GST_RESOURCE_ERROR_OPEN_READ,
          printable_location(location) + " is neither a path nor a file://, http or https URI.");
    if (host && *host && g_strcmp0(host, "localhost") != 0)
      throw ElementError(GST_RESOURCE_ERROR_OPEN_READ,
                         printable_location(location) + " names the host " + host +
                             ", which is not this machine. The URI of a local file has three "
                             "slashes: file://" +
                             file + ".");
    path = file;
  }
  if (g_access(path.c_str(), R_OK) != 0) {
    const int reason = errno;
    throw ElementError(
        reason == ENOENT ? GST_RESOURCE_ERROR_NOT_FOUND : GST_RESOURCE_ERROR_OPEN_READ,
        "Model " + path + " cannot be read: " + g_strerror(reason) + ".");
  }
  if (!g_file_test(path.c_str(), G_FILE_TEST_IS_REGULAR))
    throw ElementError(GST_RESOURCE_ERROR_OPEN_READ, path + " is not a regular file.");
  return path;
}

}  // namespace

std::string context_authorization(const GstContext* context) {
  if (!context || !gst_context_has_context_type(context, kHttpContext)) return "";
  const char* text = gst_structure_get_string(gst_context_get_structure(context), "authorization");
  return text ? text : "";
}

void check_location(const std::string& location, const FetchOptions& options) {
  checked_options(options);
  if (!is_remote(location)) local_path(location);
}

ModelFile fetch_model(const std::string& location, const FetchOptions& options,
                      GCancellable* cancellable, const Percent& progress) {
  const FetchOptions checked = checked_options(options);
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
