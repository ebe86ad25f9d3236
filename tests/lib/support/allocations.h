// Counts allocations and locks, and detects system calls, which a running stream must not make.
// Include in one source file of a program: replaces malloc() and related functions, also for
// operator new and libraries, and the pthread functions that lock mutexes and read-write locks,
// also for std.
#pragma once

#include <dlfcn.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <stdexcept>

namespace torchstreamer {

/// Numbers of calls of one thread.
struct Calls {
  int64_t allocations = 0;
  int64_t frees = 0;
  int64_t locks = 0;
};

inline thread_local Calls calls_so_far;

/// Calls of `work` on this thread.
inline Calls count_calls(const std::function<void()>& work) {
  const Calls before = calls_so_far;
  work();
  const Calls after = calls_so_far;
  return {after.allocations - before.allocations, after.frees - before.frees,
          after.locks - before.locks};
}

/// Makes every later system call fatal except the one that ends the process.
inline void forbid_system_calls() {
  sock_filter program[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_exit_group, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
  };
  const sock_fprog filter = {sizeof(program) / sizeof(program[0]), program};
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
      prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) != 0)
    _exit(2);
}

/// True if `work` makes a system call; runs it in a child process.
inline bool calls_the_system(const std::function<void()>& work) {
  const pid_t child = fork();
  if (child == 0) {
    forbid_system_calls();
    work();
    _exit(0);
  }
  int status = 0;
  if (child < 0 || waitpid(child, &status, 0) != child)
    throw std::runtime_error("cannot start or wait for a child process");
  if (WIFEXITED(status) && WEXITSTATUS(status) == 2)
    throw std::runtime_error("this machine has no seccomp filters");
  return !WIFEXITED(status);
}

}  // namespace torchstreamer

extern "C" {

void* __libc_malloc(size_t bytes);
void* __libc_calloc(size_t count, size_t bytes);
void* __libc_realloc(void* old, size_t bytes);
void* __libc_memalign(size_t alignment, size_t bytes);
void __libc_free(void* memory);

void* malloc(size_t bytes) noexcept {
  ++torchstreamer::calls_so_far.allocations;
  return __libc_malloc(bytes);
}
void* calloc(size_t count, size_t bytes) noexcept {
  ++torchstreamer::calls_so_far.allocations;
  return __libc_calloc(count, bytes);
}
void* realloc(void* old, size_t bytes) noexcept {
  ++torchstreamer::calls_so_far.allocations;
  return __libc_realloc(old, bytes);
}
void* memalign(size_t alignment, size_t bytes) noexcept {
  ++torchstreamer::calls_so_far.allocations;
  return __libc_memalign(alignment, bytes);
}
void* aligned_alloc(size_t alignment, size_t bytes) noexcept { return memalign(alignment, bytes); }
int posix_memalign(void** memory, size_t alignment, size_t bytes) noexcept {
  *memory = memalign(alignment, bytes);
  return *memory ? 0 : ENOMEM;
}
void free(void* memory) noexcept {
  if (memory) ++torchstreamer::calls_so_far.frees;
  __libc_free(memory);
}

#define TORCHSTREAMER_COUNT_LOCKS(function, Lock)                                           \
  int function(Lock* lock) noexcept {                                                       \
    static const auto real = reinterpret_cast<int (*)(Lock*)>(dlsym(RTLD_NEXT, #function)); \
    ++torchstreamer::calls_so_far.locks;                                                    \
    return real(lock);                                                                      \
  }
TORCHSTREAMER_COUNT_LOCKS(pthread_mutex_lock, pthread_mutex_t)
TORCHSTREAMER_COUNT_LOCKS(pthread_mutex_trylock, pthread_mutex_t)
TORCHSTREAMER_COUNT_LOCKS(pthread_rwlock_rdlock, pthread_rwlock_t)
TORCHSTREAMER_COUNT_LOCKS(pthread_rwlock_wrlock, pthread_rwlock_t)
TORCHSTREAMER_COUNT_LOCKS(pthread_rwlock_tryrdlock, pthread_rwlock_t)
TORCHSTREAMER_COUNT_LOCKS(pthread_rwlock_trywrlock, pthread_rwlock_t)
#undef TORCHSTREAMER_COUNT_LOCKS
}
