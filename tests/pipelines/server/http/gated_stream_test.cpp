#include "server/http/gated_stream.h"

#include <gio/gio.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <random>

namespace torchstreamer::server {
namespace {

Ref<GIOStream> connection_of(int descriptor) {
  const Ref<GSocket> socket(g_socket_new_from_fd(descriptor, nullptr));
  return Ref<GIOStream>(G_IO_STREAM(g_socket_connection_factory_create_connection(socket.get())));
}

/// A gated stream over one end of a pair of sockets, which is read as libsoup reads it: a source
/// for each read.
class GatedStreamTest : public ::testing::Test {
 protected:
  GatedStreamTest() {
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends)) throw std::runtime_error("socketpair failed");
    const Ref<GIOStream> base = connection_of(ends[0]);
    gated_ = new_gated_stream(base.get());
    peer_ = connection_of(ends[1]);
    watch();
  }

  GPollableInputStream* input() const {
    return G_POLLABLE_INPUT_STREAM(g_io_stream_get_input_stream(gated_.get()));
  }
  GPollableOutputStream* output() const {
    return G_POLLABLE_OUTPUT_STREAM(g_io_stream_get_output_stream(gated_.get()));
  }

  void watch() {
    source_.reset(g_pollable_input_stream_create_source(input(), nullptr));
    const GPollableSourceFunc call = [](GObject*, gpointer self) -> gboolean {
      static_cast<GatedStreamTest*>(self)->read();
      return G_SOURCE_REMOVE;
    };
    g_source_set_callback(source_.get(), G_SOURCE_FUNC(call), this, nullptr);
    g_source_attach(source_.get(), nullptr);
  }

  void read() {
    ++dispatches_;
    char bytes[1000];
    gssize count;
    while ((count = g_pollable_input_stream_read_nonblocking(input(), bytes, sizeof bytes, nullptr,
                                                             nullptr)) > 0)
      received_.append(bytes, static_cast<size_t>(count));
    watch();
  }

  void run(int ms = 20) {
    bool is_over = false;
    g_timeout_add(
        static_cast<guint>(ms),
        [](gpointer over) -> gboolean {
          *static_cast<bool*>(over) = true;
          return G_SOURCE_REMOVE;
        },
        &is_over);
    while (!is_over) g_main_context_iteration(nullptr, TRUE);
  }

  void send(const std::string& bytes) {
    ASSERT_TRUE(g_output_stream_write_all(g_io_stream_get_output_stream(peer_.get()), bytes.data(),
                                          bytes.size(), nullptr, nullptr, nullptr));
  }

  Ref<GIOStream> gated_, peer_;
  Ref<GSource> source_;
  std::string received_;
  int dispatches_ = 0;
};

TEST_F(GatedStreamTest, OpenGatePassesInput) {
  send("abc");
  run();
  EXPECT_EQ(received_, "abc");
}

TEST_F(GatedStreamTest, ClosedGateHoldsInputWithoutWork) {
  set_input_open(gated_.get(), false);
  watch();
  send("abc");
  run();
  EXPECT_EQ(received_, "");
  EXPECT_EQ(dispatches_, 0);
  EXPECT_FALSE(g_pollable_input_stream_is_readable(input()));
  g_autoptr(GError) error = nullptr;
  char byte;
  EXPECT_EQ(g_pollable_input_stream_read_nonblocking(input(), &byte, 1, nullptr, &error), -1);
  EXPECT_TRUE(g_error_matches(error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK));
  set_input_open(gated_.get(), true);
  run();
  EXPECT_EQ(received_, "abc");
}

TEST_F(GatedStreamTest, EverythingArrivesInOrder) {
  std::mt19937 random(1);
  std::string sent;
  for (int i = 0; i < 300; ++i) {
    const std::string part(1 + random() % 3000, static_cast<char>('a' + i % 26));
    set_input_open(gated_.get(), random() % 3 != 0);
    send(part);
    sent += part;
    for (int n = 0; n < 5; ++n) g_main_context_iteration(nullptr, FALSE);
    if (i % 10 == 9) {  // the socket must not become full
      set_input_open(gated_.get(), true);
      run(1);
      ASSERT_EQ(received_.size(), sent.size()) << i;
    }
  }
  EXPECT_EQ(received_, sent);
}

TEST_F(GatedStreamTest, EndPassesTheOpenGateOnly) {
  set_input_open(gated_.get(), false);
  watch();
  g_io_stream_close(peer_.get(), nullptr, nullptr);
  run();
  EXPECT_EQ(dispatches_, 0);
  set_input_open(gated_.get(), true);
  char byte;
  EXPECT_EQ(g_pollable_input_stream_read_nonblocking(input(), &byte, 1, nullptr, nullptr), 0);
}

TEST_F(GatedStreamTest, OthersHaveTheirTurnAfter64KiB) {
  const std::string part(100000, 'x');
  send(part);
  for (int i = 0; dispatches_ == 0 && i < 100; ++i) g_main_context_iteration(nullptr, FALSE);
  EXPECT_EQ(dispatches_, 1);
  EXPECT_EQ(received_.size(), 65536u);
  run();
  EXPECT_EQ(received_, part);
}

TEST_F(GatedStreamTest, FailsAfterTooMuchWithoutAMessage) {
  const auto sends = [this](int parts) {
    for (int i = 0; i < parts; ++i) {
      send(std::string(65536, 'x'));
      run(2);
    }
  };
  const auto fails = [this] {
    char byte;
    g_autoptr(GError) error = nullptr;
    g_pollable_input_stream_read_nonblocking(input(), &byte, 1, nullptr, &error);
    return g_error_matches(error, G_IO_ERROR, G_IO_ERROR_FAILED) == TRUE;
  };
  sends(32);
  EXPECT_EQ(received_.size(), 32u * 65536);
  EXPECT_FALSE(fails());
  account(gated_.get(), 65536);
  sends(1);
  EXPECT_FALSE(fails());
  EXPECT_EQ(g_pollable_output_stream_write_nonblocking(output(), "abc", 3, nullptr, nullptr), 3);
  send("abc");
  run();
  EXPECT_FALSE(fails());
  send("d");
  run();
  EXPECT_TRUE(fails());
}

TEST_F(GatedStreamTest, WritesAreCounted) {
  uint64_t calls = 0, last = 0;
  set_write_callback(gated_.get(), [&] {
    ++calls;
    last = written_bytes(gated_.get());
  });
  const std::string bytes(100000, 'x');
  uint64_t sum = 0;
  gssize count;
  while ((count = g_pollable_output_stream_write_nonblocking(output(), bytes.data(), bytes.size(),
                                                             nullptr, nullptr)) > 0)
    sum += static_cast<uint64_t>(count);
  EXPECT_GT(calls, 0u);
  EXPECT_EQ(last, sum);
  EXPECT_EQ(written_bytes(gated_.get()), sum);
  EXPECT_FALSE(g_pollable_output_stream_is_writable(output()));
  std::string read(sum, ' ');
  gsize size = 0;
  ASSERT_TRUE(g_input_stream_read_all(g_io_stream_get_input_stream(peer_.get()), read.data(), sum,
                                      &size, nullptr, nullptr));
  EXPECT_EQ(read, std::string(sum, 'x'));
  set_write_callback(gated_.get(), {});
  EXPECT_GT(g_pollable_output_stream_write_nonblocking(output(), "a", 1, nullptr, nullptr), 0);
  EXPECT_EQ(last, sum);
}

}  // namespace
}  // namespace torchstreamer::server
