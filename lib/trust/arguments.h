// The arguments of one call of an operator of libtorch.
#pragma once

#include <ATen/core/function_schema.h>
#include <ATen/core/ivalue.h>

#include <string>
#include <vector>

#include "torchstreamer/tensor.h"

namespace torchstreamer {

class Arguments {
 public:
  Arguments(const c10::FunctionSchema& schema, c10::ArrayRef<c10::IValue> values)
      : schema_(schema), values_(values) {}

  const c10::IValue& operator[](size_t i) const { return values_[i]; }
  size_t size() const { return values_.size(); }
  const std::string& name(size_t i) const { return schema_.arguments()[i].name(); }
  /// Length of a list in the schema, "int[2] padding"; 0 if it has none.
  int64_t length(size_t i) const { return schema_.arguments()[i].N().value_or(0); }

  /// Returns null if the overload has no such argument.
  const c10::IValue* find(const std::string& name) const;
  /// Returns false if the overload has no such argument, or the call no tensor for it.
  bool has_tensor(const std::string& name) const;
  /// Returns an integer, or a list of integers; nothing for other values.
  std::vector<int64_t> integers(const std::string& name) const;

  /// For arguments that all overloads have.
  const Tensor& tensor(const std::string& name) const { return find(name)->toTensor(); }
  int64_t integer(const std::string& name) const { return find(name)->toInt(); }

  /// Throws Error for an integer, or for one of a list, that is out of the range.
  void require_range(const std::string& name, int64_t least, int64_t most) const;
  /// The same for integers that are less, without a limit. Copies no list.
  void require_least(size_t i, int64_t least) const;

 private:
  const c10::FunctionSchema& schema_;
  c10::ArrayRef<c10::IValue> values_;
};

/// Throws the Error of an argument. `rule`: the values that are accepted.
[[noreturn]] void refuse_argument(const std::string& name, int64_t value, const std::string& rule);

}  // namespace torchstreamer
