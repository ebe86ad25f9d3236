// Numbers and names of types in exported programs.
#pragma once

#include <c10/core/ScalarType.h>

#include <cstdint>
#include <optional>
#include <string>

namespace torchstreamer::exported {

/// Returns the type of a number of the enum ScalarType in torch/_export/serde/schema.py (schema 8);
/// throws Error with the number for a type that this libtorch does not have.
c10::ScalarType dtype_of_code(int64_t code);

/// Returns the type of Python's name, "torch.float32"; none for unknown names.
std::optional<c10::ScalarType> dtype_named(const std::string& name);

/// Returns the type of the elements of a storage class, "torch.FloatStorage"; none for unknown
/// names.
std::optional<c10::ScalarType> dtype_of_storage(const std::string& name);

/// Returns c10's number of a MemoryFormat of schema.py. Throws Error for unknown numbers.
int64_t memory_format_of_code(int64_t code);

/// Returns c10's number of a Layout of schema.py. Throws Error for sparse layouts.
int64_t layout_of_code(int64_t code);

}  // namespace torchstreamer::exported
