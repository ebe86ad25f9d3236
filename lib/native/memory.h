// Memory that vectors are loaded from.
#pragma once

#include <cstddef>
#include <new>
#include <vector>

namespace torchstreamer::native {

/// Lines of the cache, and the widest vectors.
constexpr std::size_t kAlignmentBytes = 64;

template <class T>
struct AlignedAllocator {
  using value_type = T;
  AlignedAllocator() = default;
  template <class U>
  AlignedAllocator(const AlignedAllocator<U>&) {}
  T* allocate(std::size_t n) {
    return static_cast<T*>(::operator new(n * sizeof(T), std::align_val_t(kAlignmentBytes)));
  }
  void deallocate(T* p, std::size_t) { ::operator delete(p, std::align_val_t(kAlignmentBytes)); }
};
template <class T, class U>
bool operator==(const AlignedAllocator<T>&, const AlignedAllocator<U>&) {
  return true;
}
template <class T, class U>
bool operator!=(const AlignedAllocator<T>&, const AlignedAllocator<U>&) {
  return false;
}

using AlignedFloats = std::vector<float, AlignedAllocator<float>>;

}  // namespace torchstreamer::native
