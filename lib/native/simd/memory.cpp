#include "native/simd/memory.h"

#include <sys/mman.h>

#include <new>

namespace torchstreamer::native {
namespace {

constexpr std::size_t kLargePageBytes = std::size_t{1} << 21;
// Minimum size of a block that uses large pages: half a page.
constexpr std::size_t kMinLargeBytes = kLargePageBytes / 2;

std::align_val_t alignment_of(std::size_t bytes, bool large_pages) {
  return std::align_val_t(large_pages && bytes >= kMinLargeBytes ? kLargePageBytes
                                                                 : kAlignmentBytes);
}

}  // namespace

void* allocate(std::size_t bytes, bool large_pages) {
  const std::align_val_t alignment = alignment_of(bytes, large_pages);
  const std::size_t unit = static_cast<std::size_t>(alignment);
  const std::size_t whole = (bytes + unit - 1) / unit * unit;
  void* memory = ::operator new(whole, alignment);
#ifdef MADV_HUGEPAGE
  // May fail; the pages are then small.
  if (unit == kLargePageBytes) madvise(memory, whole, MADV_HUGEPAGE);
#endif
  return memory;
}

void free(void* memory, std::size_t bytes, bool large_pages) {
  ::operator delete(memory, alignment_of(bytes, large_pages));
}

}  // namespace torchstreamer::native
