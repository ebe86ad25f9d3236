// A TCP or TLS connection to 127.0.0.1 that blocks, for 10 seconds at most.
#pragma once

#include <gio/gio.h>

#include <memory>
#include <string>

namespace torchstreamer::test {

struct Unref {
  void operator()(gpointer object) const { g_object_unref(object); }
};
template <class T>
using Ref = std::unique_ptr<T, Unref>;

/// Functions throw std::runtime_error after a reset or a time-out. One thread may send while a
/// different one receives.
class Connection {
 public:
  enum class Security { kNone, kTls };

  /// `source`: address of this end. The certificate of the server is not checked.
  explicit Connection(int port, Security security = Security::kNone,
                      const std::string& source = "127.0.0.1");

  void send(const std::string& bytes);
  /// Sends `bytes` again and again until nothing leaves for 0.5 seconds, or `most` bytes have
  /// left. Returns their number. Not for TLS.
  size_t send_until_blocked(const std::string& bytes, size_t most);
  /// The next bytes; "" at the end.
  std::string receive(size_t most = 65536);
  /// True if there is something to receive, or the end, within this time.
  bool is_readable(double seconds);

  /// Sends FIN.
  void finish();
  /// Sends RST, and closes.
  void reset();
  /// Closes: sends FIN, or RST if there is unread data.
  void close();

 private:
  Ref<GIOStream> stream_;
  Ref<GSocket> socket_;
};

}  // namespace torchstreamer::test
