#include "gst/support/http_server.h"

#include <algorithm>
#include <chrono>
#include <cstdio>

namespace torchstreamer::test {
namespace {

constexpr guint kDripMs = 5;

void run_once(GMainContext* context, std::function<void()> code) {
  auto* call = new std::function<void()>(std::move(code));
  g_main_context_invoke_full(
      context, G_PRIORITY_HIGH,
      [](gpointer data) {
        (*static_cast<std::function<void()>*>(data))();
        return G_SOURCE_REMOVE;
      },
      call, [](gpointer data) { delete static_cast<std::function<void()>*>(data); });
}

Request describe(SoupServerMessage* message) {
  Request request;
  GUri* uri = soup_server_message_get_uri(message);
  request.path = g_uri_get_path(uri);
  request.host = g_uri_get_host(uri);
  soup_message_headers_foreach(
      soup_server_message_get_request_headers(message),
      [](const char* name, const char* value, gpointer data) {
        g_autofree gchar* lower = g_ascii_strdown(name, -1);
        static_cast<Request*>(data)->headers[lower] = value;
      },
      &request);
  return request;
}

/// Writes an invalid response directly to the connection, which libsoup would not do.
void write_raw(SoupServerMessage* message, const Answer& answer, size_t bytes) {
  std::string head = "HTTP/1.1 " + std::to_string(answer.status) + " Fault\r\n";
  for (const auto& [name, value] : answer.headers) head += name + ": " + value + "\r\n";
  head += "Content-Length: " + std::to_string(answer.claimed_bytes.value_or(answer.body.size()));
  head += "\r\n\r\n";
  GIOStream* stream = soup_server_message_steal_connection(message);
  GOutputStream* out = g_io_stream_get_output_stream(stream);
  g_output_stream_write_all(out, head.data(), head.size(), nullptr, nullptr, nullptr);
  g_output_stream_write_all(out, answer.body.data(), std::min(bytes, answer.body.size()), nullptr,
                            nullptr, nullptr);
  g_io_stream_close(stream, nullptr, nullptr);
  g_object_unref(stream);
}

/// Sends a body in small pieces, up to `stall_bytes`, until the client disconnects.
class Drip {
 public:
  static void start(GMainContext* context, SoupServerMessage* message, const Answer& answer) {
    GSource* source = g_timeout_source_new(kDripMs);
    auto* drip = new Drip(source, message, answer);
    g_source_set_callback(source, send, drip,
                          [](gpointer self) { delete static_cast<Drip*>(self); });
    g_source_attach(source, context);
    g_source_unref(source);
  }

 private:
  Drip(GSource* source, SoupServerMessage* message, const Answer& answer)
      : message_(static_cast<SoupServerMessage*>(g_object_ref(message))),
        body_(answer.body),
        end_bytes_(std::min(answer.stall_bytes.value_or(body_.size()), body_.size())),
        step_bytes_(answer.drip_bytes ? answer.drip_bytes : end_bytes_),
        source_(source) {
    for (const char* end : {"finished", "disconnected"})
      g_signal_connect_swapped(message, end, G_CALLBACK(g_source_destroy), source);
  }

  ~Drip() {
    g_signal_handlers_disconnect_by_data(message_, source_);
    g_object_unref(message_);
  }

  static gboolean send(gpointer self) {
    Drip& drip = *static_cast<Drip*>(self);
    const size_t count = std::min(drip.step_bytes_, drip.end_bytes_ - drip.sent_bytes_);
    SoupMessageBody* out = soup_server_message_get_response_body(drip.message_);
    soup_message_body_append(out, SOUP_MEMORY_COPY, drip.body_.data() + drip.sent_bytes_, count);
    drip.sent_bytes_ += count;
    if (drip.sent_bytes_ == drip.body_.size()) soup_message_body_complete(out);
    soup_server_message_unpause(drip.message_);
    return drip.sent_bytes_ < drip.end_bytes_;
  }

  SoupServerMessage* const message_;
  const Bytes body_;
  const size_t end_bytes_, step_bytes_;
  GSource* const source_;
  size_t sent_bytes_ = 0;
};

}  // namespace

std::string Request::header(const std::string& name) const {
  const auto found = headers.find(name);
  return found == headers.end() ? "" : found->second;
}

HttpServer::HttpServer(Handler handler, GTlsCertificate* certificate)
    : handler_(std::move(handler)),
      is_secure_(certificate != nullptr),
      context_(g_main_context_new()),
      loop_(g_main_loop_new(context_, FALSE)) {
  std::promise<void> is_ready;
  thread_ = std::thread([&] { run(certificate, &is_ready); });
  is_ready.get_future().wait();
}

HttpServer::~HttpServer() {
  stop();
  g_main_loop_unref(loop_);
  g_main_context_unref(context_);
}

void HttpServer::stop() {
  if (!thread_.joinable()) return;
  run_once(context_, [this] { g_main_loop_quit(loop_); });
  thread_.join();
}

void HttpServer::run(GTlsCertificate* certificate, std::promise<void>* is_ready) {
  g_main_context_push_thread_default(context_);
  SoupServer* server = soup_server_new("tls-certificate", certificate, nullptr);
  soup_server_add_handler(server, nullptr, handle, this, nullptr);
  auto options = static_cast<SoupServerListenOptions>(SOUP_SERVER_LISTEN_IPV4_ONLY);
  if (is_secure_)
    options = static_cast<SoupServerListenOptions>(options | SOUP_SERVER_LISTEN_HTTPS);
  g_autoptr(GError) error = nullptr;
  if (!soup_server_listen_local(server, 0, options, &error)) g_error("%s", error->message);
  GSList* uris = soup_server_get_uris(server);
  port_ = g_uri_get_port(static_cast<GUri*>(uris->data));
  g_slist_free_full(uris, reinterpret_cast<GDestroyNotify>(g_uri_unref));
  is_ready->set_value();
  g_main_loop_run(loop_);
  soup_server_disconnect(server);
  g_object_unref(server);
  while (g_main_context_iteration(context_, FALSE)) continue;
  g_main_context_pop_thread_default(context_);
}

void HttpServer::handle(SoupServer*, SoupServerMessage* message, const char*, GHashTable*,
                        gpointer data) {
  auto* self = static_cast<HttpServer*>(data);
  const Request request = describe(message);
  {
    const std::lock_guard lock(self->mutex_);
    self->requests_.push_back(request);
  }
  self->answer(message, self->handler_(request));
}

void HttpServer::answer(SoupServerMessage* message, const Answer& answer) {
  const bool is_whole = !answer.claimed_bytes && !answer.cut_bytes;
  if (!is_whole) return write_raw(message, answer, answer.cut_bytes.value_or(answer.body.size()));
  soup_server_message_set_status(message, answer.status, nullptr);
  SoupMessageHeaders* headers = soup_server_message_get_response_headers(message);
  // The handlers answer range requests; libsoup must not.
  soup_message_headers_remove(soup_server_message_get_request_headers(message), "Range");
  for (const auto& [name, value] : answer.headers)
    soup_message_headers_replace(headers, name.c_str(), value.c_str());
  if (answer.is_chunked)
    soup_message_headers_set_encoding(headers, SOUP_ENCODING_CHUNKED);
  else
    soup_message_headers_set_content_length(headers, static_cast<goffset>(answer.body.size()));
  if (answer.drip_bytes || answer.stall_bytes) {
    soup_server_message_pause(message);
    return Drip::start(context_, message, answer);
  }
  SoupMessageBody* body = soup_server_message_get_response_body(message);
  soup_message_body_append(body, SOUP_MEMORY_COPY, answer.body.data(), answer.body.size());
  soup_message_body_complete(body);
}

std::string HttpServer::uri(const std::string& path, const std::string& host) const {
  return std::string(is_secure_ ? "https" : "http") + "://" + host + ":" + std::to_string(port_) +
         path;
}

std::vector<Request> HttpServer::requests() const {
  const std::lock_guard lock(mutex_);
  return requests_;
}

void HttpServer::wait_for_requests(size_t count) const {
  while (requests().size() < count) std::this_thread::sleep_for(std::chrono::milliseconds(1));
}

GTlsCertificate* make_certificate(const fs::path& folder) {
  const std::string key = (folder / "key.pem").string(), cert = (folder / "cert.pem").string();
  const std::string command =
      "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 "
      "-nodes -days 2 -subj /CN=test -addext subjectAltName=IP:127.0.0.1 -keyout " +
      key + " -out " + cert + " 2>&1";
  g_autofree gchar* output = nullptr;
  const char* argv[] = {"sh", "-c", command.c_str(), nullptr};
  int status = 1;
  g_spawn_sync(nullptr, const_cast<gchar**>(argv), nullptr, G_SPAWN_SEARCH_PATH, nullptr, nullptr,
               &output, nullptr, &status, nullptr);
  if (status != 0) g_error("%s", output);
  return g_tls_certificate_new_from_files(cert.c_str(), key.c_str(), nullptr);
}

Answer serve(const Request& request, const Bytes& file, const std::string& etag) {
  if (request.header("if-none-match") == etag) return {304, {{"ETag", etag}}};
  const std::string range = request.header("range");
  unsigned long first = 0;
  if (request.header("if-range") != etag || std::sscanf(range.c_str(), "bytes=%lu-", &first) != 1)
    return {200, {{"ETag", etag}}, file};
  const std::string all = std::to_string(file.size());
  if (first >= file.size()) return {416, {{"Content-Range", "bytes */" + all}}};
  const std::string shown =
      "bytes " + std::to_string(first) + "-" + std::to_string(file.size() - 1) + "/" + all;
  return {206, {{"ETag", etag}, {"Content-Range", shown}}, Bytes(file.begin() + first, file.end())};
}

}  // namespace torchstreamer::test
