// The program torchstreamer-server as a process.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "temporary_folder.h"

namespace torchstreamer::test {

class ServerProcess {
 public:
  /// Starts the program with the models "ahead" and "near", on a free port of 127.0.0.1, and waits
  /// until it is ready. Throws std::runtime_error with its log if it ends before.
  explicit ServerProcess(const std::vector<std::string>& options = {});
  /// Kills it if it runs.
  ~ServerProcess();
  ServerProcess(const ServerProcess&) = delete;
  ServerProcess& operator=(const ServerProcess&) = delete;

  int port() const { return port_; }
  std::string log() const;
  /// True once the log contains `text`, within 10 seconds.
  bool logs(const std::string& text) const;

  void signal(int number) const;
  /// Exit status, within 10 seconds; -1: it still runs, or a signal ended it.
  int wait();

  size_t resident_bytes() const;
  size_t descriptors() const;
  /// CPU time so far in seconds.
  double cpu_s() const;
  /// Number of sessions in /v1/streams.
  size_t sessions() const;
  /// True once there are `count` sessions, within this time.
  bool has_sessions(size_t count, double seconds) const;

  /// Path of a model file in the folder of the server, or of one of the test models.
  std::string model(const std::string& name) const;
  static std::string test_model(const std::string& name);
  /// Replaces or adds a model file at once.
  void put_model(const std::string& name, const std::string& bytes) const;

 private:
  const TemporaryFolder folder_;
  int process_ = 0;
  int port_ = 0;
};

/// A server for all tests of the program that need no options. Sessions end after 2 idle seconds.
ServerProcess& shared_server();

/// True once `condition` is true, within this time.
bool becomes_true(double seconds, const std::function<bool()>& condition);

}  // namespace torchstreamer::test
