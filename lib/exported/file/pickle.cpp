#include "exported/file/pickle.h"

#include <c10/util/StringUtil.h>

#include <cstring>
#include <memory>
#include <optional>
#include <variant>

#include "exported/file/codes.h"
#include "torchstreamer/error.h"

namespace torchstreamer::exported {
namespace {

struct Item;
struct Items;
using Tuple = std::shared_ptr<const Items>;
using Dict = std::shared_ptr<std::map<std::string, StoredTensor>>;
/// A function or class by its qualified name.
struct Global {
  std::string name;
};
/// A storage of a persistent identity: its name, and the type of its elements.
struct StorageItem {
  std::string name;
  std::optional<at::ScalarType> dtype;
};
/// A value that no tensor needs.
struct Other {};

struct Item : std::variant<Other, bool, int64_t, std::string, Tuple, Dict, Global, StorageItem,
                           StoredTensor> {
  using variant::variant;
};

/// The items of a tuple. `depth`: 1, or one more than that of the deepest tuple among the items.
struct Items {
  std::vector<Item> all;
  int64_t depth = 1;
};

[[noreturn]] void fail_pickle(const std::string& reason) {
  throw Error("a pickled dictionary of tensors is damaged: " + reason);
}

template <class T>
const T& as(const Item& item) {
  const T* value = std::get_if<T>(&item);
  if (!value) fail_pickle("a value has an unexpected type");
  return *value;
}

const Item& item_of(const Tuple& tuple, size_t i) {
  if (i >= tuple->all.size()) fail_pickle("a tuple is too short");
  return tuple->all[i];
}

std::vector<int64_t> integers(const Item& item) {
  std::vector<int64_t> values;
  if (as<Tuple>(item)->all.size() > kMostAxes) fail_pickle("a tensor has too many axes");
  for (const Item& value : as<Tuple>(item)->all) values.push_back(as<int64_t>(value));
  return values;
}

// (storage, offset, sizes, strides, requires_grad, hooks[, dtype in version 3]).
StoredTensor rebuilt(const Tuple& args, bool has_dtype) {
  const StorageItem& storage = as<StorageItem>(item_of(args, 0));
  const auto dtype = has_dtype ? dtype_named(as<Global>(item_of(args, 6)).name) : storage.dtype;
  if (!dtype) fail_pickle("a tensor has an unknown type");
  return {storage.name, *dtype, as<int64_t>(item_of(args, 1)), integers(item_of(args, 2)),
          integers(item_of(args, 3))};
}

Item called(const std::string& function, const Item& args) {
  if (function == "collections.OrderedDict") return std::make_shared<Dict::element_type>();
  if (function == "torch._utils._rebuild_tensor_v2") return rebuilt(as<Tuple>(args), false);
  if (function == "torch._utils._rebuild_tensor_v3") return rebuilt(as<Tuple>(args), true);
  if (function == "torch._utils._rebuild_parameter") return item_of(as<Tuple>(args), 0);
  return Other{};
}

// ('storage', type, name, device, elements).
StorageItem persistent(const Item& identity) {
  const Tuple& parts = as<Tuple>(identity);
  return {as<std::string>(item_of(parts, 2)), dtype_of_storage(as<Global>(item_of(parts, 1)).name)};
}

/// Runs the opcodes. Only tuples contain items, and they are immutable, so that nothing refers to
/// itself. Only the tensors of dictionaries are kept.
class Machine {
 public:
  explicit Machine(const std::string& code) : code_(code) {}

  std::map<std::string, StoredTensor> run() {
    for (int64_t opcodes = 0; opcodes < kMostOpcodes; ++opcodes) {
      const char opcode = *take(1);
      if (opcode == '.') return *as<Dict>(top());
      const auto step = steps().find(opcode);
      if (step == steps().end())
        fail_pickle(c10::str("it has the opcode ", static_cast<int>(static_cast<uint8_t>(opcode))));
      step->second(*this);
    }
    fail_pickle(c10::str("it has more than ", kMostOpcodes, " opcodes"));
  }

 private:
  // A tensor takes about 30 opcodes. Items are copied, so that each must be small.
  static constexpr int64_t kMostDepth = 16, kMostOpcodes = 1 << 21;
  static constexpr size_t kMostCharacters = 1 << 9;

  const char* take(size_t bytes) {
    if (bytes > code_.size() - at_) fail_pickle("it ends too early");
    at_ += bytes;
    return code_.data() + at_ - bytes;
  }

  // Little-endian.
  template <class T>
  int64_t number() {
    T value;
    std::memcpy(&value, take(sizeof value), sizeof value);
    return static_cast<int64_t>(value);
  }

  std::string text(size_t bytes) {
    const char* begin = take(bytes);
    if (bytes > kMostCharacters) fail_pickle("a name is too long");
    return std::string(begin, bytes);
  }

  std::string line() {
    const size_t end = code_.find('\n', at_);
    if (end == std::string::npos) fail_pickle("it ends too early");
    const std::string line = text(end - at_);
    ++at_;
    return line;
  }

  // An integer of up to 8 bytes, in two's complement.
  int64_t long_integer() {
    const int64_t bytes = number<uint8_t>();
    if (bytes > 8) fail_pickle("an integer is out of range");
    const char* digits = take(bytes);
    int64_t value = bytes > 0 && (digits[bytes - 1] & 0x80) ? -1 : 0;
    for (int64_t i = bytes; i-- > 0;)
      value =
          static_cast<int64_t>(static_cast<uint64_t>(value) << 8 | static_cast<uint8_t>(digits[i]));
    return value;
  }

  void push(Item item) { stack_.push_back(std::move(item)); }

  Item& top() {
    if (stack_.empty()) fail_pickle("its stack is empty");
    return stack_.back();
  }

  Item pop() {
    Item item = std::move(top());
    stack_.pop_back();
    return item;
  }

  std::vector<Item> pop_last(size_t count) {
    if (count > stack_.size()) fail_pickle("its stack is empty");
    std::vector<Item> items(std::make_move_iterator(stack_.end() - count),
                            std::make_move_iterator(stack_.end()));
    stack_.resize(stack_.size() - count);
    return items;
  }

  std::vector<Item> pop_to_mark() {
    if (marks_.empty() || marks_.back() > stack_.size()) fail_pickle("it has no mark");
    const size_t count = stack_.size() - marks_.back();
    marks_.pop_back();
    return pop_last(count);
  }

  void push_tuple(std::vector<Item> items) {
    auto tuple = std::make_shared<Items>();
    for (const Item& item : items)
      if (const Tuple* inner = std::get_if<Tuple>(&item))
        tuple->depth = std::max(tuple->depth, (*inner)->depth + 1);
    if (tuple->depth > kMostDepth) fail_pickle("it is nested too deeply");
    tuple->all = std::move(items);
    push(Tuple(tuple));
  }

  // Adds keys and values to the dictionary on the stack.
  void set_items(const std::vector<Item>& items) {
    const Dict* dict = std::get_if<Dict>(&top());
    for (size_t i = 0; dict && i + 1 < items.size(); i += 2) {
      const auto* tensor = std::get_if<StoredTensor>(&items[i + 1]);
      if (tensor) (**dict)[as<std::string>(items[i])] = *tensor;
    }
  }

  void get(int64_t memo) {
    const auto item = memo_.find(memo);
    if (item == memo_.end()) fail_pickle("it refers to a value that it does not have");
    push(item->second);
  }

  void call() {
    const Item args = pop();
    push(called(as<Global>(pop()).name, args));
  }

  void push_global() {
    const std::string module = line();
    push(Global{module + "." + line()});
  }

  static const std::map<char, void (*)(Machine&)>& steps();

  const std::string& code_;
  size_t at_ = 0;
  std::vector<Item> stack_;
  std::vector<size_t> marks_;
  std::map<int64_t, Item> memo_;
};

// Steps by opcode. Tensors contain neither lists nor floating-point numbers. The state of an object
// ('b') contains only the versions of modules.
const std::map<char, void (*)(Machine&)>& Machine::steps() {
  static const std::map<char, void (*)(Machine&)> table = {
      {'\x80', [](Machine& m) { m.take(1); }},  // the protocol
      {'N', [](Machine& m) { m.push(Other{}); }},
      {'\x88', [](Machine& m) { m.push(true); }},
      {'\x89', [](Machine& m) { m.push(false); }},
      {'J', [](Machine& m) { m.push(m.number<int32_t>()); }},
      {'K', [](Machine& m) { m.push(m.number<uint8_t>()); }},
      {'M', [](Machine& m) { m.push(m.number<uint16_t>()); }},
      {'\x8a', [](Machine& m) { m.push(m.long_integer()); }},
      {'G', [](Machine& m) { m.take(8), m.push(Other{}); }},
      {'X', [](Machine& m) { m.push(m.text(static_cast<size_t>(m.number<uint32_t>()))); }},
      {'c', [](Machine& m) { m.push_global(); }},
      {'(', [](Machine& m) { m.marks_.push_back(m.stack_.size()); }},
      {')', [](Machine& m) { m.push_tuple({}); }},
      {'\x85', [](Machine& m) { m.push_tuple(m.pop_last(1)); }},
      {'\x86', [](Machine& m) { m.push_tuple(m.pop_last(2)); }},
      {'\x87', [](Machine& m) { m.push_tuple(m.pop_last(3)); }},
      {'t', [](Machine& m) { m.push_tuple(m.pop_to_mark()); }},
      {'}', [](Machine& m) { m.push(std::make_shared<Dict::element_type>()); }},
      {']', [](Machine& m) { m.push(Other{}); }},
      {'a', [](Machine& m) { m.pop(); }},
      {'e', [](Machine& m) { m.pop_to_mark(); }},
      {'s', [](Machine& m) { m.set_items(m.pop_last(2)); }},
      {'u', [](Machine& m) { m.set_items(m.pop_to_mark()); }},
      {'q', [](Machine& m) { m.memo_[m.number<uint8_t>()] = m.top(); }},
      {'r', [](Machine& m) { m.memo_[m.number<uint32_t>()] = m.top(); }},
      {'h', [](Machine& m) { m.get(m.number<uint8_t>()); }},
      {'j', [](Machine& m) { m.get(m.number<uint32_t>()); }},
      {'R', [](Machine& m) { m.call(); }},
      {'Q', [](Machine& m) { m.push(persistent(m.pop())); }},
      {'b', [](Machine& m) { m.pop(); }},
  };
  return table;
}

}  // namespace

std::map<std::string, StoredTensor> pickled_tensors(const std::string& pickle) {
  return Machine(pickle).run();
}

}  // namespace torchstreamer::exported
