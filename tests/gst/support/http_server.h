// A libsoup server on the loopback interface, in its own thread, with optional faults.
#pragma once

#include <libsoup/soup.h>

#include <functional>
#include <future>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "gst/support/archive_files.h"

namespace torchstreamer::test {

using Headers = std::map<std::string, std::string>;

struct Request {
  std::string host, path;
  Headers headers;  ///< names in lower case

  std::string header(const std::string& name) const;
};

struct Answer {
  guint status = 200;
  Headers headers = {};
  Bytes body = {};

  // Faults:
  std::optional<size_t> claimed_bytes = {};  ///< value of Content-Length
  std::optional<size_t> cut_bytes = {};      ///< closes the connection after this many bytes
  std::optional<size_t> stall_bytes = {};    ///< stops sending after this many bytes
  bool is_chunked = false;                   ///< sends no Content-Length
  size_t drip_bytes = 0;                     ///< sends pieces of this size every 5 ms
};

class HttpServer {
 public:
  /// Called in the thread of the server, for one request at a time.
  using Handler = std::function<Answer(const Request&)>;

  /// Serves https if there is a certificate, http otherwise.
  explicit HttpServer(Handler handler, GTlsCertificate* certificate = nullptr);
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  /// Closes all connections and the port.
  void stop();

  std::string uri(const std::string& path, const std::string& host = "127.0.0.1") const;
  int port() const { return port_; }
  std::vector<Request> requests() const;
  /// Waits for the `count`-th request.
  void wait_for_requests(size_t count) const;

 private:
  static void handle(SoupServer* server, SoupServerMessage* message, const char* path,
                     GHashTable* query, gpointer self);
  void run(GTlsCertificate* certificate, std::promise<void>* is_ready);
  void answer(SoupServerMessage* message, const Answer& answer);

  const Handler handler_;
  const bool is_secure_;
  GMainContext* const context_;
  GMainLoop* const loop_;
  int port_ = 0;
  mutable std::mutex mutex_;
  std::vector<Request> requests_;
  std::thread thread_;
};

/// A self-signed certificate for 127.0.0.1; writes cert.pem and key.pem into `folder`.
GTlsCertificate* make_certificate(const fs::path& folder);

/// Answers like a correct server of a file with an ETag: 304, ranges with If-Range.
Answer serve(const Request& request, const Bytes& file, const std::string& etag);

}  // namespace torchstreamer::test
