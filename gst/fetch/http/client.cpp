#include "fetch/http/client.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace torchstreamer {
namespace {

constexpr int kMaxRedirects = 10;
constexpr size_t kBlockBytes = 256 * 1024;
constexpr guint kTooManyRequests = 429;  // libsoup has no name for it
constexpr guint64 kMaxWaitSeconds = 60;

struct Unref {
  void operator()(gpointer object) const { g_object_unref(object); }
  void operator()(GUri* uri) const { g_uri_unref(uri); }
};
template <class T>
using Ref = std::unique_ptr<T, Unref>;

std::string print(GUri* uri) {
  g_autofree gchar* text = g_uri_to_string(uri);
  return printable_location(text);
}

std::string get_header(SoupMessageHeaders* headers, const char* name) {
  const char* value = soup_message_headers_get_one(headers, name);
  return value ? value : "";
}

Validators get_validators(SoupMessageHeaders* headers) {
  return {get_header(headers, "ETag"), get_header(headers, "Last-Modified")};
}

bool can_resume(const StoreEntry& entry) {
  return entry.part_bytes() > 0 && !entry.part_validators().strong().empty();
}

/// Adds headers that request the file only if it has changed, and only its missing part.
void add_conditions(SoupMessageHeaders* headers, bool is_cached, const StoreEntry& entry) {
  const Validators& cached = entry.validators();
  if (is_cached && !cached.etag.empty())
    soup_message_headers_replace(headers, "If-None-Match", cached.etag.c_str());
  else if (is_cached && !cached.last_modified.empty())
    soup_message_headers_replace(headers, "If-Modified-Since", cached.last_modified.c_str());
  if (!can_resume(entry)) return;
  soup_message_headers_set_range(headers, static_cast<goffset>(entry.part_bytes()), -1);
  soup_message_headers_replace(headers, "If-Range", entry.part_validators().strong().c_str());
}

bool is_redirect(guint status) {
  return status == SOUP_STATUS_MOVED_PERMANENTLY || status == SOUP_STATUS_FOUND ||
         status == SOUP_STATUS_SEE_OTHER || status == SOUP_STATUS_TEMPORARY_REDIRECT ||
         status == SOUP_STATUS_PERMANENT_REDIRECT;
}

/// Returns true if a later request may succeed.
bool is_temporary(guint status) {
  return status == SOUP_STATUS_REQUEST_TIMEOUT || status == kTooManyRequests ||
         status == SOUP_STATUS_INTERNAL_SERVER_ERROR || status == SOUP_STATUS_BAD_GATEWAY ||
         status == SOUP_STATUS_SERVICE_UNAVAILABLE || status == SOUP_STATUS_GATEWAY_TIMEOUT;
}

bool has_same_origin(GUri* a, GUri* b) {
  return g_strcmp0(g_uri_get_scheme(a), g_uri_get_scheme(b)) == 0 &&
         g_ascii_strcasecmp(g_uri_get_host(a), g_uri_get_host(b)) == 0 &&
         g_uri_get_port(a) == g_uri_get_port(b);
}

/// Parses an absolute URI, or one relative to `base`, which may be null.
Ref<GUri> parse_uri(GUri* base, const std::string& text) {
  g_autoptr(GError) error = nullptr;
  const auto flags = static_cast<GUriFlags>(SOUP_HTTP_URI_FLAGS);
  Ref<GUri> uri(g_uri_parse_relative(base, text.c_str(), flags, &error));
  const char* host = uri ? g_uri_get_host(uri.get()) : nullptr;
  if (host && *host) return uri;
  throw ElementError(GST_RESOURCE_ERROR_OPEN_READ,
                     printable_location(text) + " is not an address of a server.",
                     error ? error->message : "it has no host");
}

}  // namespace

struct HttpClient::Answer {
  Ref<GUri> uri;
  Ref<SoupMessage> message;
  Ref<GInputStream> body;

  guint status() const { return soup_message_get_status(message.get()); }
  SoupMessageHeaders* headers() const { return soup_message_get_response_headers(message.get()); }

  /// Returns true if the body continues the part.
  bool resumes(const StoreEntry& entry) const {
    goffset start, end, total;
    return status() == SOUP_STATUS_PARTIAL_CONTENT && can_resume(entry) &&
           soup_message_headers_get_content_range(headers(), &start, &end, &total) &&
           static_cast<guint64>(start) == entry.part_bytes() &&
           get_validators(headers()).strong() == entry.part_validators().strong();
  }

  /// Size of the whole file; -1: unknown.
  gint64 total_bytes() const {
    goffset start, end, total;
    if (soup_message_headers_get_content_range(headers(), &start, &end, &total)) return total;
    const bool is_known =
        soup_message_headers_get_encoding(headers()) == SOUP_ENCODING_CONTENT_LENGTH;
    return is_known ? soup_message_headers_get_content_length(headers()) : -1;
  }

  [[noreturn]] void fail() const {
    const std::string text = print(uri.get()) + ": the server answers " + std::to_string(status()) +
                             " " + soup_status_get_phrase(status());
    if (is_temporary(status())) {
      const std::string wait = get_header(headers(), "Retry-After");
      const guint64 wait_s = g_ascii_strtoull(wait.c_str(), nullptr, 10);
      throw TransferError(GST_RESOURCE_ERROR_OPEN_READ, text + ".", "", true,
                          static_cast<guint>(std::min(wait_s, kMaxWaitSeconds)));
    }
    if (status() == SOUP_STATUS_NOT_FOUND || status() == SOUP_STATUS_GONE)
      throw ElementError(GST_RESOURCE_ERROR_NOT_FOUND, text + ".");
    if (status() == SOUP_STATUS_UNAUTHORIZED || status() == SOUP_STATUS_FORBIDDEN)
      throw ElementError(GST_RESOURCE_ERROR_NOT_AUTHORIZED,
                         text + ". Set the property authorization.");
    if (status() == SOUP_STATUS_PROXY_AUTHENTICATION_REQUIRED)
      throw ElementError(GST_RESOURCE_ERROR_NOT_AUTHORIZED,
                         text + ". The address of the proxy may contain a user and a password.");
    throw ElementError(GST_RESOURCE_ERROR_OPEN_READ, text + " instead of sending the file.");
  }
};

HttpClient::HttpClient(const FetchOptions& options, GCancellable* cancellable)
    : options_(options), cancellable_(cancellable), context_(g_main_context_new()) {
  Ref<GTlsDatabase> trusted;
  if (!options_.ca_file.empty()) {
    g_autofree gchar* path = g_canonicalize_filename(options_.ca_file.c_str(), nullptr);
    g_autoptr(GError) error = nullptr;
    trusted.reset(g_tls_file_database_new(path, &error));
    if (!trusted) {
      g_main_context_unref(context_);
      throw ElementError(GST_RESOURCE_ERROR_SETTINGS,
                         options_.ca_file + ", the property ca-file, contains no certificates.",
                         error->message);
    }
  }
  g_main_context_push_thread_default(context_);
  session_ = soup_session_new_with_options("timeout", options_.timeout_s, "user-agent",
                                           "torchstreamer/" VERSION, nullptr);
  if (trusted) soup_session_set_tls_database(session_, trusted.get());
  // Ranges count the bytes as transferred, so the body must not be decoded.
  soup_session_remove_feature_by_type(session_, SOUP_TYPE_CONTENT_DECODER);
}

HttpClient::~HttpClient() {
  soup_session_abort(session_);
  g_object_unref(session_);
  while (g_main_context_iteration(context_, FALSE)) continue;
  g_main_context_pop_thread_default(context_);
  g_main_context_unref(context_);
}

void HttpClient::fail(GUri* uri, const GError& error, bool was_answered) const {
  throw_if_cancelled(cancellable_);
  const std::string host = g_uri_get_host(uri);
  if (g_error_matches(&error, G_TLS_ERROR, G_TLS_ERROR_BAD_CERTIFICATE))
    throw ElementError(
        GST_RESOURCE_ERROR_OPEN_READ,
        "The certificate of " + host + " is not trusted. Set the property ca-file to trust it.",
        error.message);
  if (g_error_matches(&error, G_TLS_ERROR, G_TLS_ERROR_UNAVAILABLE))
    throw ElementError(GST_RESOURCE_ERROR_OPEN_READ,
                       "https needs the TLS module of GLib. Is glib-networking installed?",
                       error.message);
  if (error.domain == G_RESOLVER_ERROR)
    throw TransferError(GST_RESOURCE_ERROR_NOT_FOUND, "The server " + host + " cannot be found.",
                        error.message, was_answered);
  if (was_answered)
    throw TransferError(GST_RESOURCE_ERROR_READ,
                        print(uri) + ": the transfer was interrupted: " + error.message + ".", "",
                        true);
  throw TransferError(GST_RESOURCE_ERROR_OPEN_READ,
                      "The server " + host + " cannot be reached: " + error.message + ".", "",
                      false);
}

void HttpClient::check_secure(GUri* uri, const std::string& authorization) const {
  const std::string scheme = g_uri_get_scheme(uri);
  if (scheme == "https" || (scheme == "http" && options_.insecure_http)) return;
  if (scheme != "http")
    throw ElementError(GST_RESOURCE_ERROR_OPEN_READ, "The server redirects to " + print(uri) +
                                                         ", which is neither http nor https.");
  if (options_.sha256.empty())
    throw ElementError(GST_RESOURCE_ERROR_SETTINGS,
                       print(uri) +
                           " uses plain http, which does not protect the file from changes. Use "
                           "https, or set the property sha256 or insecure-http.");
  if (!authorization.empty() || g_uri_get_userinfo(uri))
    throw ElementError(GST_RESOURCE_ERROR_SETTINGS,
                       print(uri) +
                           " uses plain http, which does not protect the authorization. Use https, "
                           "or set the property insecure-http.");
}

HttpClient::Answer HttpClient::send(GUri* uri, const std::string& authorization, bool is_cached,
                                    const StoreEntry& entry) {
  check_secure(uri, authorization);
  Answer answer;
  answer.uri.reset(g_uri_ref(uri));
  answer.message.reset(soup_message_new_from_uri(SOUP_METHOD_GET, uri));
  soup_message_set_flags(answer.message.get(), SOUP_MESSAGE_NO_REDIRECT);
  SoupMessageHeaders* headers = soup_message_get_request_headers(answer.message.get());
  soup_message_headers_replace(headers, "Accept-Encoding", "identity");
  if (!authorization.empty())
    soup_message_headers_replace(headers, "Authorization", authorization.c_str());
  add_conditions(headers, is_cached, entry);
  g_autoptr(GError) error = nullptr;
  answer.body.reset(soup_session_send(session_, answer.message.get(), cancellable_, &error));
  if (!answer.body) fail(uri, *error, false);
  return answer;
}

/// Follows redirects. libsoup must not follow them, because this code checks each server: it must
/// be as secure as the first one, and only the first one receives the authorization.
HttpClient::Answer HttpClient::follow_redirects(const std::string& uri, bool is_cached,
                                                const StoreEntry& entry) {
  std::string authorization = options_.authorization;
  Answer answer = send(parse_uri(nullptr, uri).get(), authorization, is_cached, entry);
  for (int i = 0; is_redirect(answer.status()); ++i) {
    if (i == kMaxRedirects)
      throw ElementError(GST_RESOURCE_ERROR_OPEN_READ,
                         printable_location(uri) + ": too many redirects.");
    const std::string location = get_header(answer.headers(), "Location");
    if (location.empty()) answer.fail();
    const Ref<GUri> next = parse_uri(answer.uri.get(), location);
    if (!has_same_origin(answer.uri.get(), next.get())) authorization.clear();
    answer = send(next.get(), authorization, is_cached, entry);
  }
  return answer;
}

void HttpClient::receive(const Answer& answer, StoreEntry* entry, const Progress& progress) {
  const gint64 total_bytes = answer.total_bytes();
  const auto check_size = [&](guint64 bytes) {
    if (bytes <= options_.max_bytes) return;
    entry->start_part({});
    throw ElementError(GST_RESOURCE_ERROR_READ,
                       print(answer.uri.get()) + " is larger than the property max-bytes allows.");
  };
  if (total_bytes > 0) check_size(static_cast<guint64>(total_bytes));
  std::vector<char> block(kBlockBytes);
  for (;;) {
    progress(entry->part_bytes(), total_bytes);
    g_autoptr(GError) error = nullptr;
    const gssize count =
        g_input_stream_read(answer.body.get(), block.data(), block.size(), cancellable_, &error);
    if (count < 0) fail(answer.uri.get(), *error, true);
    if (count == 0) break;
    check_size(entry->part_bytes() + static_cast<guint64>(count));
    entry->append(block.data(), static_cast<size_t>(count));
  }
  if (total_bytes >= 0 && entry->part_bytes() != static_cast<guint64>(total_bytes))
    throw TransferError(
        GST_RESOURCE_ERROR_READ,
        print(answer.uri.get()) + " does not have the length that its server announced.", "", true);
}

bool HttpClient::get(const std::string& uri, bool is_cached, StoreEntry* entry,
                     const Progress& progress) {
  Answer answer = follow_redirects(uri, is_cached, *entry);
  const bool is_refused = answer.status() == SOUP_STATUS_REQUESTED_RANGE_NOT_SATISFIABLE ||
                          answer.status() == SOUP_STATUS_PARTIAL_CONTENT;
  if (entry->part_bytes() > 0 && is_refused && !answer.resumes(*entry)) {
    entry->start_part({});
    answer = follow_redirects(uri, is_cached, *entry);
  }
  if (is_cached && answer.status() == SOUP_STATUS_NOT_MODIFIED) return false;
  if (answer.status() == SOUP_STATUS_OK)
    entry->start_part(get_validators(answer.headers()));
  else if (!answer.resumes(*entry))
    answer.fail();
  receive(answer, entry, progress);
  return true;
}

}  // namespace torchstreamer
