#include "exported/file/codes.h"

#include <c10/core/Layout.h>
#include <c10/core/MemoryFormat.h>
#include <c10/util/StringUtil.h>

#include "torchstreamer/error.h"

namespace torchstreamer::exported {
namespace {

struct TypeRow {
  int64_t code;
  const char* name;
  const char* storage;
  c10::ScalarType dtype;
};

constexpr TypeRow kTypes[] = {
    {1, "torch.uint8", "torch.ByteStorage", c10::kByte},
    {2, "torch.int8", "torch.CharStorage", c10::kChar},
    {3, "torch.int16", "torch.ShortStorage", c10::kShort},
    {4, "torch.int32", "torch.IntStorage", c10::kInt},
    {5, "torch.int64", "torch.LongStorage", c10::kLong},
    {6, "torch.float16", "torch.HalfStorage", c10::kHalf},
    {7, "torch.float32", "torch.FloatStorage", c10::kFloat},
    {8, "torch.float64", "torch.DoubleStorage", c10::kDouble},
    {9, "torch.complex32", "torch.ComplexHalfStorage", c10::ScalarType::ComplexHalf},
    {10, "torch.complex64", "torch.ComplexFloatStorage", c10::kComplexFloat},
    {11, "torch.complex128", "torch.ComplexDoubleStorage", c10::kComplexDouble},
    {12, "torch.bool", "torch.BoolStorage", c10::kBool},
    {13, "torch.bfloat16", "torch.BFloat16Storage", c10::kBFloat16},
};

std::optional<c10::ScalarType> find(const std::string& name, const char* TypeRow::*column) {
  for (const TypeRow& row : kTypes)
    if (name == row.*column) return row.dtype;
  return std::nullopt;
}

}  // namespace

c10::ScalarType dtype_of_code(int64_t code) {
  for (const TypeRow& row : kTypes)
    if (row.code == code) return row.dtype;
  throw Error(c10::str("the type of tensors with the number ", code,
                       " (ScalarType of torch/_export/serde/schema.py) is not supported"));
}

std::optional<c10::ScalarType> dtype_named(const std::string& name) {
  return find(name, &TypeRow::name);
}

std::optional<c10::ScalarType> dtype_of_storage(const std::string& name) {
  return find(name, &TypeRow::storage);
}

int64_t memory_format_of_code(int64_t code) {
  using Format = c10::MemoryFormat;
  constexpr Format kFormats[] = {Format::Contiguous, Format::ChannelsLast, Format::ChannelsLast3d,
                                 Format::Preserve};
  if (code < 1 || code > 4) throw Error(c10::str("the memory format ", code, " is unknown"));
  return static_cast<int64_t>(kFormats[code - 1]);
}

int64_t layout_of_code(int64_t code) {
  constexpr int64_t kStridedCode = 7;
  if (code != kStridedCode) throw Error(c10::str("the memory layout ", code, " is not dense"));
  return static_cast<int64_t>(c10::kStrided);
}

}  // namespace torchstreamer::exported
