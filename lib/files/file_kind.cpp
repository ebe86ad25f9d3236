#include "files/file_kind.h"

#include <algorithm>
#include <cctype>
#include <string_view>

#include "files/archive_kind.h"
#include "files/pickle.h"
#include "files/zip_directory.h"

namespace torchstreamer {
namespace {

using namespace std::string_view_literals;

constexpr uint64_t kHeadBytes = 1024;

constexpr char kFetchAgain[] = "get it again";
constexpr char kUnpack[] = "unpack it and give the model file in it";

// Bytes at a fixed position that identify a format.
struct Signature {
  size_t at;
  std::string_view bytes;
  const char* what;
  const char* remedy;
};

constexpr Signature kSignatures[] = {
    {0, "version https://git-lfs"sv,
     "is a Git LFS pointer, a text that stands for the file in its repository",
     "fetch the file itself with git lfs pull"},
    {4, "PTMF"sv, kMobileFile, kSaveAProgram},
    {4, "ET1"sv, "is an ExecuTorch program, which contains no graph", kSaveAProgram},
    {4, "TFL3"sv, "is a TensorFlow Lite file", "only programs of PyTorch are read"},
    {0, "\x93NUMPY"sv, "is an array of NumPy", kSaveAProgram},
    {0, "\x89HDF"sv, "is an HDF5 file, such as Keras writes", "only programs of PyTorch are read"},
    {0, "GGUF"sv, "is a GGUF file, weights without a program", kSaveAProgram},
    {0, "\x1f\x8b"sv, "is a gzip archive", kUnpack},
    {0, "BZh"sv, "is a bzip2 archive", kUnpack},
    {0, "\xfd\x37zXZ"sv, "is an xz archive", kUnpack},
    {257, "ustar"sv, "is a tar archive", kUnpack},
    {0, "RIFF"sv, "is an audio file", "give the file of a model"},
};

bool is_text(const std::string& head) {
  return std::all_of(head.begin(), head.end(), [](unsigned char c) {
    return c >= ' ' ? c != 0x7f : c == '\n' || c == '\r' || c == '\t';
  });
}

bool is_html(const std::string& head) {
  std::string text = head.substr(0, 3) == "\xef\xbb\xbf" ? head.substr(3) : head;
  text.erase(0, text.find_first_not_of(" \t\r\n"));
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  for (const char* tag : {"<!doctype html", "<html", "<head", "<?xml", "<!--"})
    if (text.rfind(tag, 0) == 0) return true;
  return false;
}

// A header of JSON after its length.
bool is_safetensors(const BinaryFile& file, const std::string& head) {
  return head.size() > 8 && head[8] == '{' && file.u64(0) < file.bytes();
}

// A protocol buffer: field 1, the version of the format, then a field of bytes.
bool is_onnx(const std::string& head) {
  return head.size() > 3 && head[0] == 8 && head[1] > 0 && head[1] < 32 && (head[2] & 7) == 2;
}

// torch.save() wrote four pickles before 1.6; the last one is the object.
std::string object_pickle(const std::string& head) {
  size_t at = 0;
  for (int i = 0; i < 3; ++i) {
    const size_t next = head.find(".\x80", at);
    if (next == std::string::npos) break;
    at = next + 1;
  }
  return head.substr(at);
}

// Returns the beginning of the first line in ASCII: a cut may split a character of UTF-8.
std::string first_line(const std::string& head) {
  constexpr size_t kQuotedBytes = 60;
  const size_t begin = std::min(head.find_first_not_of(" \t\r\n"), head.size());
  const size_t end = std::min(head.find_first_of("\r\n", begin), head.size());
  std::string line = head.substr(begin, std::min(end - begin, kQuotedBytes));
  std::replace_if(
      line.begin(), line.end(), [](unsigned char c) { return c >= 0x80; }, '?');
  return line;
}

std::string fault_of(const BinaryFile& file) {
  if (file.bytes() == 0) return std::string("is empty, a file of 0 bytes; ") + kFetchAgain;
  const std::string head = file.text(0, kHeadBytes);
  for (const auto& [at, bytes, what, remedy] : kSignatures)
    if (head.size() >= at && head.compare(at, bytes.size(), bytes) == 0)
      return std::string(what) + "; " + remedy;
  if (is_html(head))
    return "is an HTML page instead of a model; download the file itself, by its raw link";
  if (is_safetensors(file, head))
    return std::string("is a safetensors file, weights without a program; ") + kSaveAProgram;
  if (is_onnx(head)) return std::string("is an ONNX file; ") + kSaveAProgram;
  if (head[0] == '\x80') return fault_of_pickle(pickled_class(object_pickle(head)));
  if (is_text(head))
    return "is a text that begins with '" + first_line(head) + "'; " + kSaveAProgram;
  return std::string("is not in a format of PyTorch; ") + kSaveAProgram;
}

}  // namespace

FileKind file_kind(const std::string& path) {
  try {
    const BinaryFile file(path);
    if (is_zip(file)) return archive_kind(file);
    return {ProgramFormat::kNone, fault_of(file)};
  } catch (const FileFault& fault) {
    return {ProgramFormat::kNone, fault.what()};
  }
}

}  // namespace torchstreamer
