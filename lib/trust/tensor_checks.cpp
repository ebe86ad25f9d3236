#include <ATen/MemoryOverlap.h>
#include <ATen/core/Tensor.h>
#include <c10/util/StringUtil.h>

#include <algorithm>
#include <set>

#include "torchstreamer/error.h"
#include "torchstreamer/tensor.h"
#include "trust/checks.h"

namespace torchstreamer {
namespace {

using c10::IValue;

// Limit of numbers of elements and of positions. Their products with sizes do not overflow.
constexpr int64_t kMostElements = int64_t{1} << 40;

// Positions and factors whose products with sizes would overflow.
void require_moderate_integers(const Arguments& args) {
  for (size_t i = 0; i < args.size(); ++i)  // `value` fills the padding
    if (args.name(i) != "value") args.require_range(args.name(i), -kMostElements, kMostElements);
}

// Lists that libtorch reads up to the length in the schema, "int[2] padding".
void require_whole_lists(const Arguments& args) {
  require_moderate_integers(args);
  for (size_t i = 0; i < args.size(); ++i)
    if (args.length(i) > 0 && args[i].isIntList() &&
        static_cast<int64_t>(args[i].toIntVector().size()) != args.length(i))
      throw Error(c10::str("its argument '", args.name(i), "' has ", args[i].toIntVector().size(),
                           " integers; it needs ", args.length(i)));
}

void require_factors(const Arguments& args) {
  constexpr int64_t kMost = 1 << 15;
  if (args.size() < 1 || !args[0].isTensor()) return;
  for (const char* name : {"upscale_factor", "downscale_factor"})
    args.require_range(name, 1, kMost);
}

// (tensor [B, C, ..], groups, ..).
void require_groups(const Arguments& args) {
  const Tensor& x = args[0].toTensor();
  const int64_t groups = args.integer("groups");
  if (groups < 1 || x.dim() < 2 || x.numel() == 0 || x.size(1) % groups != 0)
    refuse_argument("groups", groups, c10::str("it has to divide the channels of ", x.sizes()));
}

void require_element(const Arguments& args) {
  if (args[0].toTensor().numel() == 0) throw Error("it reads an element of an empty tensor");
}

// (tensor, axes, ..). Internal operators of Fourier transforms use the axes as they are.
void require_axes(const Arguments& args) {
  const Tensor& x = args[0].toTensor();
  const std::vector<int64_t> axes = args.integers("dim");
  std::set<int64_t> known;
  for (const int64_t axis : axes)
    if (axis < 0 || axis >= x.dim() || !known.insert(axis).second)
      refuse_argument("dim", axis, c10::str("it needs different axes of ", x.sizes()));
  if (axes.empty() || x.numel() == 0)
    throw Error(c10::str("it transforms ", axes.size(), " axes of ", x.sizes()));
}

void require_axes_of_complex(const Arguments& args) {
  require_axes(args);
  if (!args[0].toTensor().is_complex()) throw Error("it transforms real numbers as complex ones");
}

void require_axes_of_real(const Arguments& args) {
  require_axes(args);
  if (!args[0].toTensor().is_floating_point())
    throw Error("it transforms numbers that are not real");
}

// Reads last_dim_size / 2 + 1 bins along the last axis.
void require_half_of_bins(const Arguments& args) {
  require_axes_of_complex(args);
  const int64_t bins = args[0].toTensor().size(args.integers("dim").back());
  args.require_range("last_dim_size", 1, 2 * bins - 1);
}

// (tensor, repeats, ..). libtorch computes the number of elements in 64 bits.
void require_moderate_repeats(const Arguments& args) {
  const IValue& repeats = *args.find("repeats");
  double sum = 0;
  if (repeats.isInt())
    sum = repeats.toInt() * static_cast<double>(args[0].toTensor().numel());
  else if (repeats.toTensor().is_cpu())
    sum = repeats.toTensor().to(at::kDouble).abs().sum().item<double>();
  if (sum > static_cast<double>(kMostElements))
    throw Error(c10::str("its result has ", sum, " elements"));
}

// (tensor [B, C, ..], size, ..): lists with a number for each axis of the picture.
void require_each_axis(const Arguments& args) {
  const int64_t axes = args[0].toTensor().dim() - 2;
  for (const char* name : {"size", "scale_factor"}) {
    const IValue* list = args.find(name);
    if (list && list->isList() && static_cast<int64_t>(list->toListRef().size()) != axes)
      throw Error(c10::str("its argument '", name, "' has ", list->toListRef().size(),
                           " numbers for ", axes, " axes"));
  }
}

// libtorch reads outside of an expanded tensor.
void require_elements_of_its_own(const Arguments& args) {
  if (at::has_internal_overlap(args[0].toTensor()) == at::MemOverlap::Yes)
    throw Error("its tensor is expanded; copy it with contiguous()");
}

// libtorch writes numbers of the type of the tensor.
void require_output_of_same_type(const Arguments& args) {
  if (!args.has_tensor("out")) return;
  const IValue* dtype = args.find("dtype");
  const at::ScalarType type =
      dtype && dtype->isInt() ? dtype->toScalarType() : args[0].toTensor().scalar_type();
  const at::ScalarType out = args.tensor("out").scalar_type();
  if (out != c10::toRealValueType(type))
    throw Error(c10::str("its output is ", out, " for a tensor of ", type));
}

// libtorch visits all windows, also of a result without elements.
void require_few_windows(const Arguments& args) {
  constexpr double kMost = 1 << 26;
  double windows = 1;
  for (const int64_t size : args.integers("output_size"))
    windows *= static_cast<double>(std::max<int64_t>(size, 1));
  if (windows > kMost) throw Error(c10::str("its result has ", windows, " windows"));
}

// Views with strides of the caller.
void require_inside_storage(const Arguments& args) {
  const Tensor& x = args[0].toTensor();
  const auto sizes = args.integers("size"), strides = args.integers("stride");
  if (sizes.size() != strides.size()) throw Error("it has not one stride for each size");
  double last = static_cast<double>(x.storage_offset());  // exact enough beyond 64 bits
  const std::vector<int64_t> offset = args.integers("storage_offset");
  if (!offset.empty()) last = static_cast<double>(offset[0]);
  if (last < 0) throw Error("it begins in front of the tensor");
  for (size_t i = 0; i < sizes.size(); ++i) {
    if (sizes[i] < 0 || strides[i] < 0) throw Error("it has a negative size or stride");
    if (sizes[i] == 0) return;
    last += (static_cast<double>(sizes[i]) - 1) * static_cast<double>(strides[i]);
  }
  if (!x.has_storage()) return;
  if ((last + 1) * static_cast<double>(x.element_size()) >
      static_cast<double>(x.storage().nbytes()))
    throw Error("it is a view beyond the end of the tensor");
}

// (tensor, r, ..): a tensor for each tuple of r elements.
void require_few_combinations(const Arguments& args) {
  args.require_range("r", 0, 64);
  double count = 1;
  for (int64_t i = 0; i < args.integer("r") && count < kMostElements; ++i)
    count *= static_cast<double>(args[0].toTensor().numel());
  constexpr double kMost = 1 << 24;
  if (count > kMost) throw Error("it has too many combinations");
}

}  // namespace

std::vector<CheckedOperators> tensor_checks() {
  return {
      {{"aten::reflection_pad1d", "aten::reflection_pad2d", "aten::reflection_pad3d",
        "aten::replication_pad1d", "aten::replication_pad2d", "aten::replication_pad3d"},
       require_whole_lists},
      {{"aten::_pad_circular", "aten::_pad_enum", "aten::constant_pad_nd", "aten::pad",
        "aten::_convolution", "aten::convolution", "aten::conv1d", "aten::conv2d", "aten::conv3d",
        "aten::conv_transpose1d", "aten::conv_transpose2d", "aten::conv_transpose3d"},
       require_moderate_integers},
      {{"aten::pixel_shuffle", "aten::pixel_unshuffle"}, require_factors},
      {{"aten::channel_shuffle", "aten::native_channel_shuffle"}, require_groups},
      {{"aten::_local_scalar_dense"}, require_element},
      {{"aten::_fft_r2c"}, require_axes_of_real},
      {{"aten::_fft_c2c"}, require_axes_of_complex},
      {{"aten::_fft_c2r"}, require_half_of_bins},
      {{"aten::repeat_interleave"}, require_moderate_repeats},
      {{"aten::__interpolate", "aten::__upsample", "aten::__upsample_bilinear",
        "aten::__upsample_nearest"},
       require_each_axis},
      {{"aten::adaptive_avg_pool1d", "aten::adaptive_avg_pool2d", "aten::adaptive_avg_pool3d",
        "aten::_adaptive_avg_pool2d", "aten::_adaptive_avg_pool3d", "aten::adaptive_max_pool1d",
        "aten::adaptive_max_pool2d", "aten::adaptive_max_pool3d"},
       require_few_windows},
      {{"aten::_reshape_alias", "aten::as_strided", "aten::as_strided_"}, require_inside_storage},
      {{"aten::median", "aten::nanmedian"}, require_elements_of_its_own},
      {{"aten::norm"}, require_output_of_same_type},
      {{"aten::combinations"}, require_few_combinations},
  };
}

}  // namespace torchstreamer
