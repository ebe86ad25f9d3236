// Memory that vectors are loaded from.
#pragma once

#include <cstddef>
#include <vector>

namespace torchstreamer::native {

/// Of lines of the cache, and of the widest vectors.
constexpr std::size_t kAlignmentBytes = 64;

/// Aligned memory. Much of it, if `large_pages` is set, lies in large pages where the system has
/// them: where large weights lie in small ones, up to a quarter of a model's time is spent on
/// looking them up. It takes whole pages then.
void* allocate(std::size_t bytes, bool large_pages);
/// `bytes`, `large_pages`: as it was asked for.
void free(void* memory, std::size_t bytes, bool large_pages);

template <class T, bool kLargePages>
struct AlignedAllocator {
  using value_type = T;
  template <class U>
  struct rebind {
    using other = AlignedAllocator<U, kLargePages>;
  };
  AlignedAllocator() = default;
  template <class U>
  AlignedAllocator(const AlignedAllocator<U, kLargePages>&) {}
  T* allocate(std::size_t n) {
    return static_cast<T*>(native::allocate(n * sizeof(T), kLargePages));
  }
  void deallocate(T* p, std::size_t n) { native::free(p, n * sizeof(T), kLargePages); }
};
template <class T, class U, bool kLargePages>
bool operator==(const AlignedAllocator<T, kLargePages>&, const AlignedAllocator<U, kLargePages>&) {
  return true;
}
template <class T, class U, bool kLargePages>
bool operator!=(const AlignedAllocator<T, kLargePages>&, const AlignedAllocator<U, kLargePages>&) {
  return false;
}

using AlignedFloats = std::vector<float, AlignedAllocator<float, false>>;
/// Of a model, which all its streams read over and over.
using Weights = std::vector<float, AlignedAllocator<float, true>>;

}  // namespace torchstreamer::native
