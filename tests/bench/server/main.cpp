// Load of torchstreamer-server: live sessions from a process of its own, on loopback.
//
//   server_load PORT MODEL LATENCY_MS SESSIONS SECONDS [BLOCK_MS]
//
// LATENCY_MS is that of the model at 16 kHz, see /v1/models.
// Each session sends a block of S16LE, 16 kHz mono, every BLOCK_MS (default: 20) through /v1/live,
// all at different moments, and reads what comes back. Prints one line: sessions that were
// accepted, cut and refused, quantiles of the delay from sending a block to receiving the output
// that it completes, and lost output.
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

constexpr int kRate_hz = 16000;
constexpr int kSampleBytes = 2;
/// Time between the starts of two sessions.
constexpr double kStartInterval_s = 0.05;

double now_s() { return std::chrono::duration<double>(Clock::now().time_since_epoch()).count(); }

int connect_to(int port) {
  const int socket = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(socket, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
    throw std::runtime_error("the server cannot be reached");
  const int on = 1;
  setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return socket;
}

void send_all(int socket, const std::string& bytes) {
  if (::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL) !=
      static_cast<ssize_t>(bytes.size()))
    throw std::runtime_error("the server does not read");
}

/// A frame of a client with a mask of zeros, RFC 6455, section 5.2.
std::string frame(unsigned char opcode, const std::string& payload) {
  std::string bytes{static_cast<char>(0x80 | opcode)};
  if (payload.size() < 126) {
    bytes += static_cast<char>(0x80 | payload.size());
  } else {
    bytes += static_cast<char>(0x80 | 126);
    bytes += static_cast<char>(payload.size() >> 8);
    bytes += static_cast<char>(payload.size() & 0xff);
  }
  return bytes + std::string(4, '\0') + payload;
}

/// The command line.
struct Load {
  int port;
  std::string model;
  double latency_s;
  int sessions;
  double duration_s;
  int block_ms;
};

/// One live session.
class Client {
 public:
  Client(const Load& load, double start_s)
      : socket_(connect_to(load.port)),
        block_s_(1e-3 * load.block_ms),
        start_s_(start_s),
        latency_bytes_(static_cast<size_t>(load.latency_s * kRate_hz) * kSampleBytes) {
    send_all(socket_, "GET /v1/live?format=S16LE&rate=16000&channels=1&model=" + load.model +
                          " HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n"
                          "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                          "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
    // Noise of one block; the model's work does not depend on it.
    uint32_t state = 1;
    for (int i = 0; i < kRate_hz * load.block_ms / 1000 * kSampleBytes; ++i)
      block_ += static_cast<char>((state = state * 1664525 + 1013904223) >> 28);
    block_frame_ = frame(2, block_);
  }
  ~Client() { ::close(socket_); }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  int socket() const { return socket_; }
  bool is_accepted() const { return is_accepted_; }
  /// Accepted, then ended by the server.
  bool is_cut() const { return is_accepted_ && is_over_; }
  bool is_refused() const { return is_over_ && !is_accepted_; }
  double due_s() const { return start_s_ + block_s_ * static_cast<double>(sent_s_.size()); }
  const std::vector<double>& delays_s() const { return delays_s_; }
  double lost_s() const {
    return block_s_ * static_cast<double>(sent_s_.size()) -
           static_cast<double>(output_bytes_) / (kRate_hz * kSampleBytes);
  }

  void send_block() {
    sent_s_.push_back(due_s());  // a late block counts from when it was due
    send_all(socket_, block_frame_);
  }

  void receive() {
    char data[65536];
    const ssize_t count = ::recv(socket_, data, sizeof data, MSG_DONTWAIT);
    if (count <= 0) {
      if (count == 0 || (errno != EAGAIN && errno != EWOULDBLOCK)) is_over_ = true;
      return;
    }
    input_.append(data, static_cast<size_t>(count));
    if (!is_accepted_ && !read_head()) return;
    while (read_frame()) continue;
  }

 private:
  bool read_head() {
    const size_t end = input_.find("\r\n\r\n");
    if (end == std::string::npos) return false;
    is_accepted_ = input_.compare(0, 12, "HTTP/1.1 101") == 0;
    is_over_ = !is_accepted_;
    input_.erase(0, end + 4);
    return is_accepted_;
  }

  bool read_frame() {
    if (input_.size() < 2) return false;
    size_t payload = static_cast<unsigned char>(input_[1]) & 0x7f, head = 2;
    if (payload == 126) {
      if (input_.size() < 4) return false;
      payload =
          static_cast<unsigned char>(input_[2]) * 256u + static_cast<unsigned char>(input_[3]);
      head = 4;
    }
    if (payload == 127) throw std::runtime_error("a message is larger than expected");
    if (input_.size() < head + payload) return false;
    const int opcode = input_[0] & 0x0f;
    if (opcode == 2) count_output(payload);
    if (opcode == 9) send_all(socket_, frame(10, input_.substr(head, payload)));
    if (opcode == 8) is_over_ = true;
    input_.erase(0, head + payload);
    return true;
  }

  /// An output depends on the input up to the latency of the model after it.
  void count_output(size_t bytes) {
    output_bytes_ += bytes;
    const auto blocks = static_cast<size_t>(std::ceil(
        static_cast<double>(output_bytes_ + latency_bytes_) / static_cast<double>(block_.size())));
    if (blocks >= 1 && blocks <= sent_s_.size()) delays_s_.push_back(now_s() - sent_s_[blocks - 1]);
  }

  int socket_;
  double block_s_, start_s_;
  std::string block_, block_frame_, input_;
  bool is_accepted_ = false, is_over_ = false;
  std::vector<double> sent_s_, delays_s_;
  size_t output_bytes_ = 0;
  const size_t latency_bytes_;
};

using Clients = std::vector<std::unique_ptr<Client>>;

/// Receives for at most `timeout_ms`.
void receive(int poll, int timeout_ms) {
  epoll_event events[256];
  const int count = epoll_wait(poll, events, 256, timeout_ms);
  for (int i = 0; i < count; ++i) static_cast<Client*>(events[i].data.ptr)->receive();
}

/// Connects one client after the other, so that the server can measure its load between them.
Clients start(const Load& load, int poll) {
  Clients clients;
  const double first_s = now_s() + kStartInterval_s * load.sessions + 0.5;
  for (int i = 0; i < load.sessions; ++i) {
    const double offset_s = 1e-3 * load.block_ms * i / load.sessions;
    clients.push_back(std::make_unique<Client>(load, first_s + offset_s));
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.ptr = clients.back().get();
    epoll_ctl(poll, EPOLL_CTL_ADD, clients.back()->socket(), &event);
    const double next_s = now_s() + kStartInterval_s;
    while (now_s() < next_s) receive(poll, 5);
  }
  return clients;
}

void run(const Clients& clients, const Load& load, int poll) {
  const double end_s = now_s() + load.duration_s + 0.5;
  while (now_s() < end_s) {
    double next_s = now_s() + 0.01;
    for (const auto& client : clients) {
      if (!client->is_accepted() || client->is_cut()) continue;
      if (client->due_s() <= now_s()) client->send_block();
      next_s = std::min(next_s, client->due_s());
    }
    receive(poll, std::max(0, static_cast<int>(1e3 * (next_s - now_s()))));
  }
  const double last_s = now_s() + 1;
  while (now_s() < last_s) receive(poll, 10);
}

double quantile(const std::vector<double>& sorted, double q) {
  if (sorted.empty()) return 0;
  return sorted[static_cast<size_t>(q * static_cast<double>(sorted.size() - 1))];
}

void report(const Clients& clients) {
  std::vector<double> delays_s;
  int accepted = 0, refused = 0, cut = 0;
  double lost_s = 0;
  for (const auto& client : clients) {
    accepted += client->is_accepted();
    cut += client->is_cut();
    refused += client->is_refused();
    if (client->is_accepted()) lost_s = std::max(lost_s, client->lost_s());
    delays_s.insert(delays_s.end(), client->delays_s().begin(), client->delays_s().end());
  }
  std::sort(delays_s.begin(), delays_s.end());
  std::printf(
      "%d accepted, %d of them cut, %d refused; delay in ms: median %.2f, p99 %.2f, p99.9 %.2f, "
      "maximum %.2f; "
      "largest lack of output %.3f s\n",
      accepted, cut, refused, 1e3 * quantile(delays_s, 0.5), 1e3 * quantile(delays_s, 0.99),
      1e3 * quantile(delays_s, 0.999), 1e3 * quantile(delays_s, 1), lost_s);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 6) {
    std::fprintf(stderr, "usage: %s PORT MODEL LATENCY_MS SESSIONS SECONDS [BLOCK_MS]\n", argv[0]);
    return 2;
  }
  const Load load{std::atoi(argv[1]),        argv[2],
                  1e-3 * std::atof(argv[3]), std::atoi(argv[4]),
                  std::atof(argv[5]),        argc > 6 ? std::atoi(argv[6]) : 20};
  try {
    const int poll = epoll_create1(0);
    const Clients clients = start(load, poll);
    run(clients, load, poll);
    report(clients);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "server_load: %s\n", error.what());
    return 1;
  }
}
