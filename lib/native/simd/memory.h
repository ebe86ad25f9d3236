// Aligned memory for vectors of the processor.
#pragma once

#include <cstddef>
#include <vector>

namespace torchstreamer::native {

/// Size of a cache line and of the widest vectors.
constexpr std::size_t kAlignmentBytes = 64;

/// Allocates aligned memory. With `large_pages`, large blocks use whole large pages if the system
/// supports them. With small pages, a model may spend a quarter of its time on page look-ups for
/// its weights. Throws std::bad_alloc.
void* allocate(std::size_t bytes, bool large_pages);
/// `bytes`, `large_pages`: the arguments of allocate().
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
/// Packed weights of a model, which every stream reads in every push.
using Weights = std::vector<float, AlignedAllocator<float, true>>;

}  // namespace torchstreamer::native
