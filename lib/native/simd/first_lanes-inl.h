// Loads and stores of some lanes of a vector, if the memory ends inside the vector. Highway's own
// masked functions need whole, aligned vectors on processors without masked memory access. Included
// once for each instruction set, after Highway.
#if defined(TORCHSTREAMER_NATIVE_FIRST_LANES) == defined(HWY_TARGET_TOGGLE)
#ifdef TORCHSTREAMER_NATIVE_FIRST_LANES
#undef TORCHSTREAMER_NATIVE_FIRST_LANES
#else
#define TORCHSTREAMER_NATIVE_FIRST_LANES
#endif

#include <hwy/highway.h>

#include <cstring>

HWY_BEFORE_NAMESPACE();
namespace torchstreamer::native::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

constexpr bool kHasMaskedMemory = HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX2;

/// Loads `count` floats; the other lanes are zero.
template <class D>
HWY_INLINE hn::Vec<D> LoadFirst(D d, const float* p, size_t count) {
  if constexpr (kHasMaskedMemory) return hn::MaskedLoad(hn::FirstN(d, count), d, p);
  HWY_ALIGN float lanes[HWY_MAX_BYTES / sizeof(float)] = {};
  std::memcpy(lanes, p, count * sizeof(float));
  return hn::Load(d, lanes);
}

/// Loads the lanes of `mask`, which are in [first, end); the other lanes are zero.
template <class D>
HWY_INLINE hn::Vec<D> LoadMasked(hn::Mask<D> mask, D d, const float* p, size_t first, size_t end) {
  if constexpr (kHasMaskedMemory) return hn::MaskedLoad(mask, d, p);
  if (end - first == hn::Lanes(d)) return hn::IfThenElseZero(mask, hn::LoadU(d, p));
  HWY_ALIGN float lanes[HWY_MAX_BYTES / sizeof(float)] = {};
  std::memcpy(lanes + first, p + first, (end - first) * sizeof(float));
  return hn::IfThenElseZero(mask, hn::Load(d, lanes));
}

/// Stores the first `count` lanes.
template <class D>
HWY_INLINE void StoreFirst(hn::Vec<D> v, D d, float* p, size_t count) {
  if constexpr (kHasMaskedMemory) return hn::BlendedStore(v, hn::FirstN(d, count), d, p);
  HWY_ALIGN float lanes[HWY_MAX_BYTES / sizeof(float)];
  hn::Store(v, d, lanes);
  std::memcpy(p, lanes, count * sizeof(float));
}

}  // namespace torchstreamer::native::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
