#include "exported/file/json.h"

#include <cstring>
#include <nlohmann/json.hpp>

#include "torchstreamer/error.h"

namespace torchstreamer::exported {
namespace {

constexpr int kMostNesting = 256;
// Largest number of values and keys, each of which takes up to 100 bytes of memory in addition to
// its text. An operator of a program has about 100.
constexpr int64_t kMostValues = int64_t{1} << 20;

// Returns the text with quotes around the words that are not JSON.
std::string with_quoted_numbers(const std::string& text) {
  std::string quoted;
  quoted.reserve(text.size());
  bool is_in_string = false;
  for (size_t at = 0; at < text.size();) {
    size_t taken = 1;
    bool is_word = false;
    if (is_in_string && text[at] == '\\') {
      taken = std::min<size_t>(2, text.size() - at);
    } else if (text[at] == '"') {
      is_in_string = !is_in_string;
    } else if (!is_in_string) {
      for (const char* word : {"-Infinity", "Infinity", "NaN"})
        if (!is_word && text.compare(at, std::strlen(word), word) == 0) {
          taken = std::strlen(word);
          is_word = true;
        }
    }
    const std::string quote = is_word ? "\"" : "";
    quoted += quote;
    quoted.append(text, at, taken);
    quoted += quote;
    at += taken;
  }
  return quoted;
}

/// Throws Error for a text with too many values. Reads it once before the values take memory: a
/// callback of nlohmann::json::parse() would take time with the square of their number.
class Limits : public nlohmann::json_sax<nlohmann::json> {
 public:
  bool null() override { return count(); }
  bool boolean(bool) override { return count(); }
  bool number_integer(int64_t) override { return count(); }
  bool number_unsigned(uint64_t) override { return count(); }
  bool number_float(double, const std::string&) override { return count(); }
  bool string(std::string&) override { return count(); }
  bool binary(binary_t&) override { return count(); }
  bool key(std::string&) override { return count(); }
  bool start_object(size_t) override { return open(); }
  bool start_array(size_t) override { return open(); }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }
  bool parse_error(size_t, const std::string&, const nlohmann::json::exception& e) override {
    throw Error(std::string("its program is damaged: ") + e.what());
  }

 private:
  bool count() {
    if (++values_ > kMostValues)
      throw Error("its program has more than " + std::to_string(kMostValues) + " values");
    return true;
  }
  bool open() {
    if (++depth_ > kMostNesting) throw Error("its program is nested too deeply");
    return count();
  }
  bool close() {
    --depth_;
    return true;
  }

  int64_t values_ = 0;
  int depth_ = 0;
};

}  // namespace

nlohmann::json parsed_json(std::string text) {
  if (text.find("Infinity") != std::string::npos || text.find("NaN") != std::string::npos)
    text = with_quoted_numbers(text);
  try {
    Limits limits;
    nlohmann::json::sax_parse(text, &limits);
    return nlohmann::json::parse(text);
  } catch (const nlohmann::json::exception& e) {
    throw Error(std::string("its program is damaged: ") + e.what());
  }
}

}  // namespace torchstreamer::exported
