// Loads the library while other threads use TorchScript. This program does not link the library.
#include <c10/util/StringUtil.h>
#include <dlfcn.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <torch/csrc/jit/api/module.h>
#include <torch/csrc/jit/runtime/operator.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace torchstreamer {
namespace {

namespace jit = torch::jit;

// Operators of TorchScript only, and one of tensors.
constexpr const char* kNames[] = {"aten::remainder", "aten::floordiv", "aten::divmod", "aten::gcd",
                                  "aten::ljust",     "aten::center",   "aten::count",  "aten::div"};

int64_t remainder(int64_t a, int64_t b) {
  jit::Module module("m");
  module.define("def f(self, a: int, b: int):\n  return (a // b) * b + a % b\n");
  return module.get_method("f")({a, b}).toInt();
}

/// Threads that find, read and run operators, as a compiler of TorchScript does.
class Users {
 public:
  Users() {
    for (int i = 0; i < 2; ++i) threads_.emplace_back([this] { use(); });
    while (rounds_ < 50) std::this_thread::yield();
  }
  /// Returns after further uses of the operators.
  ~Users() {
    const int64_t now = rounds_;
    while (rounds_ < now + 50) std::this_thread::yield();
    is_over_ = true;
    for (std::thread& thread : threads_) thread.join();
  }

 private:
  // A compiler keeps references to schemas and their arguments while it compiles a call.
  void use() {
    std::vector<std::pair<const c10::Argument*, std::string>> arguments;
    for (const char* name : kNames)
      for (const auto& op : jit::getAllOperatorsFor(c10::Symbol::fromQualString(name)))
        for (const c10::Argument& argument : op->schema().arguments())
          arguments.emplace_back(&argument, c10::str(argument));
    for (; !is_over_; ++rounds_) {
      for (const auto& [argument, text] : arguments)
        if (c10::str(*argument) != text) std::abort();
      for (const char* name : kNames)
        for (const auto& op : jit::getAllOperatorsFor(c10::Symbol::fromQualString(name)))
          if (op->schema().name() != name || !op->getOperation()) std::abort();
    }
  }

  std::atomic<bool> is_over_{false};
  std::atomic<int64_t> rounds_{0};
  std::vector<std::thread> threads_;
};

// Returns the exit status of a process that loads the library late.
int late_load() {
  if (remainder(7, 2) != 7) return 1;
  {
    const Users users;
    if (!dlopen(std::getenv("TORCHSTREAMER_LIBRARY"), RTLD_NOW)) return 2;
    if (remainder(7, 2) != 7) return 3;
  }
  try {
    remainder(7, 0);
  } catch (const std::exception&) {
    return 0;
  }
  return 4;
}

TEST(LateLoad, AddsChecksWhileOtherThreadsUseOperators) {
  for (int i = 0; i < 4; ++i) {
    const pid_t child = fork();
    if (child == 0) _exit(late_load());
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFEXITED(status)) << "signal " << WTERMSIG(status);
    EXPECT_EQ(WEXITSTATUS(status), 0);
  }
}

}  // namespace
}  // namespace torchstreamer
