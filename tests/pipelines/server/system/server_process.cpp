#include "server_process.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <sstream>
#include <thread>

#include "http_client.h"

namespace torchstreamer::test {
namespace {

namespace fs = std::filesystem;

constexpr double kPatience_s = 10;

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  if (!value) throw std::runtime_error(std::string(name) + " is not set");
  return value;
}

int spawn(std::vector<std::string> words, const std::string& log) {
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, log.c_str(),
                                   O_WRONLY | O_CREAT | O_APPEND, 0600);
  pid_t process = 0;
  const int error = posix_spawn(&process, argv[0], &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (error) throw std::runtime_error(words[0] + " cannot be started");
  return process;
}

}  // namespace

bool becomes_true(double seconds, const std::function<bool()>& condition) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::duration<double>(seconds);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return true;
}

ServerProcess::ServerProcess(const std::vector<std::string>& options) {
  fs::create_directory(folder_ / "models");
  for (const std::string name : {"ahead", "near"})
    fs::copy_file(test_model("known_" + name), model(name));
  std::vector<std::string> words = {environment("TORCHSTREAMER_SERVER"),
                                    "--models=" + (folder_ / "models").string(), "--port=0"};
  words.insert(words.end(), options.begin(), options.end());
  process_ = spawn(words, (folder_ / "log").string());
  const std::string start = "://127.0.0.1:";
  const bool is_started = becomes_true(3 * kPatience_s, [&] {
    return log().find(start) != std::string::npos || waitpid(process_, nullptr, WNOHANG) != 0;
  });
  const std::string text = log();
  const size_t found = text.find(start);
  if (!is_started || found == std::string::npos) {
    process_ = 0;
    throw std::runtime_error("the server has not started: " + text);
  }
  port_ = std::stoi(text.substr(found + start.size()));
}

ServerProcess::~ServerProcess() {
  if (!process_) return;
  kill(process_, SIGKILL);
  waitpid(process_, nullptr, 0);
}

std::string ServerProcess::log() const { return read_text(folder_ / "log"); }

bool ServerProcess::logs(const std::string& text) const {
  return becomes_true(kPatience_s, [&] { return log().find(text) != std::string::npos; });
}

void ServerProcess::signal(int number) const { kill(process_, number); }

int ServerProcess::wait() {
  int status = 0;
  if (!becomes_true(kPatience_s, [&] { return waitpid(process_, &status, WNOHANG) != 0; }))
    return -1;
  process_ = 0;
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

size_t ServerProcess::resident_bytes() const {
  const std::string text = read_text("/proc/" + std::to_string(process_) + "/status");
  return std::stoul(text.substr(text.find("VmRSS:") + 6)) * 1024;
}

size_t ServerProcess::descriptors() const {
  const fs::directory_iterator files("/proc/" + std::to_string(process_) + "/fd");
  return static_cast<size_t>(std::distance(begin(files), end(files)));
}

double ServerProcess::cpu_s() const {
  const std::string text = read_text("/proc/" + std::to_string(process_) + "/stat");
  std::istringstream fields(text.substr(text.rfind(')') + 2));
  std::string skipped;
  for (int i = 0; i < 11; ++i) fields >> skipped;
  double user = 0, system = 0;
  fields >> user >> system;
  return (user + system) / static_cast<double>(sysconf(_SC_CLK_TCK));
}

size_t ServerProcess::sessions() const {
  const std::string text = get(port_, "/v1/streams").body;
  size_t count = 0;
  for (size_t i = 0; (i = text.find("\"id\":", i)) != std::string::npos; ++i) ++count;
  return count;
}

bool ServerProcess::has_sessions(size_t count, double seconds) const {
  return becomes_true(seconds, [&] { return sessions() == count; });
}

std::string ServerProcess::model(const std::string& name) const {
  return (folder_ / "models" / (name + ".pt")).string();
}

std::string ServerProcess::test_model(const std::string& name) {
  return environment("TORCHSTREAMER_MODELS") + "/" + name + ".script.pt";
}

void ServerProcess::put_model(const std::string& name, const std::string& bytes) const {
  std::ofstream(folder_ / "new", std::ios::binary) << bytes;
  fs::rename(folder_ / "new", model(name));
}

ServerProcess& shared_server() {
  static ServerProcess server({"--idle-time=2"});
  return server;
}

}  // namespace torchstreamer::test
