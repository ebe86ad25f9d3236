#include "files/pickle.h"

#include <cstdint>

namespace torchstreamer {
namespace {

// Opcodes of https://docs.python.org/3/library/pickletools.html
constexpr char kProtocol = '\x80', kFrame = '\x95', kMark = '(', kUnicode = 'X';
constexpr char kGlobal = 'c', kShortUnicode = '\x8c', kMemoize = '\x94';

/// Reads the first opcodes of a pickle.
class Reader {
 public:
  explicit Reader(const std::string& pickle) : pickle_(pickle) {}

  bool skip(char opcode, size_t argument_bytes) {
    if (at_ >= pickle_.size() || pickle_[at_] != opcode) return false;
    at_ += 1 + argument_bytes;
    return true;
  }
  bool skip_text(const std::string& text) {
    if (pickle_.compare(at_, text.size(), text) != 0) return false;
    at_ += text.size();
    return true;
  }
  std::string line() {
    const size_t end = pickle_.find('\n', at_);
    if (end == std::string::npos) return "";
    const std::string line = pickle_.substr(at_, end - at_);
    at_ = end + 1;
    return line;
  }
  // A text of at most 255 bytes, as protocol 4 writes names.
  std::string short_text() {
    if (!skip(kShortUnicode, 0) || at_ >= pickle_.size()) return "";
    const size_t bytes = static_cast<uint8_t>(pickle_[at_++]);
    if (at_ + bytes > pickle_.size()) return "";
    const std::string text = pickle_.substr(at_, bytes);
    at_ += bytes;
    skip(kMemoize, 0);
    return text;
  }

 private:
  const std::string& pickle_;
  size_t at_ = 0;
};

std::string joined(const std::string& module, const std::string& name) {
  return module.empty() || name.empty() ? "" : module + "." + name;
}

}  // namespace

std::string pickled_class(const std::string& pickle) {
  Reader reader(pickle);
  if (!reader.skip(kProtocol, 1)) return "";
  reader.skip(kFrame, 8);
  // torch.save() in its format of before 1.6 wraps modules: ('module', class, file, source).
  if (reader.skip(kMark, 0) && reader.skip(kUnicode, 4) && reader.skip_text("module"))
    reader.skip('q', 1);
  if (reader.skip(kGlobal, 0)) {
    const std::string module = reader.line();
    return joined(module, reader.line());
  }
  const std::string module = reader.short_text();
  return joined(module, reader.short_text());
}

}  // namespace torchstreamer
