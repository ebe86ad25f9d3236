// A libsoup server in a thread of its own, on loopback, that does what it is told, and wrong.
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

  // What may be wrong with it:
  std::optional<size_t> claimed_bytes = {};  ///< as its length
  std::optional<size_t> cut_bytes = {};      ///< after so many the connection is cut
  std::optional<size_t> stall_bytes = {};    ///< after so many nothing comes any more
  bool is_chunked = false;                   ///< does not tell its length
  size_t drip_bytes = 0;                     ///< comes in pieces of this size, 5 ms apart
};

class HttpServer {
 public:
  /// Called in the thread of the server, one request after the other.
  using Handler = std::function<Answer(const Request&)>;

  /// With a certificate it speaks https.
  explicit HttpServer(Handler handler, GTlsCertificate* certificate = nullptr);
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  /// Closes all; nobody listens any more.
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

/// A certificate for 127.0.0.1 that nobody else signed; cert.pem and key.pem in `folder` hold it.
GTlsCertificate* make_certificate(const fs::path& folder);

/// A file with an ETag, as servers serve it: 304, ranges with If-Range.
Answer serve(const Request& request, const Bytes& file, const std::string& etag);

}  // namespace torchstreamer::test
