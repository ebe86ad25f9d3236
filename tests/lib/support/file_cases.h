// Files of other kinds than TorchScript, with the text about each.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

namespace torchstreamer::test {

struct FileCase {
  std::string name;   ///< of the file
  std::string fault;  ///< the text, after the name
};

inline const std::string kSave =
    "save the model itself in Python, with torch.export.save(torch.export.export(model.eval(), "
    "(x,)), path) or torch.jit.script(model.eval()).save(path)";

/// The files that tests/data/other_files.py makes.
inline std::vector<FileCase> other_files() {
  const std::string state =
      "is a state dictionary, weights that torch.save() wrote without their program; " + kSave;
  const std::string module =
      "is a pickled module: torch.save() wrote an object of the class "
      "torch.nn.modules.container.Sequential, whose Python code is not in the file; " +
      kSave;
  const std::string mobile =
      "is a mobile file of _save_for_lite_interpreter(), bytecode without a TorchScript program; " +
      kSave;
  return {
      {"state_dictionary.pt", state},
      {"old_state_dictionary.pt", state},
      {"protocol_4.pt", state},
      {"checkpoint.pt",
       "is a checkpoint, values that torch.save() wrote without a program; " + kSave},
      {"module.pt", module},
      {"old_module.pt", module},
      {"tensor.pt", "is a tensor that torch.save() wrote; " + kSave},
      {"bytecode.ptl", mobile},
      {"flatbuffer.ptl", mobile},
      {"optimized.pt",
       "was packed by optimize_for_mobile() for mobile processors; save the model as it was "
       "before: torch.jit.script(model.eval()).save(path)"},
      {"compiled.pt2",
       "is a package of AOTInductor, machine code without its program; save the program: "
       "torch.export.save(exported_program, path)"},
      {"unfinished.pt2",
       "is an archive of torch.export without its program, because saving it failed; "
       "save it again with torch.export.save() and look at its errors"},
      {"pictures.zip", "is a zip archive without a PyTorch program; " + kSave},
      {"quantised.pt",
       "is a quantised model, and quantised operators are not streamed; save the float model that "
       "it was made from"},
  };
}

struct WrittenCase {
  std::string content;
  std::string fault;
};

inline std::string content_of(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// Files that a test writes. `model`: a TorchScript file.
inline std::vector<WrittenCase> written_files(const std::filesystem::path& model) {
  const std::string whole = content_of(model);
  const std::string pytorch = "only programs of PyTorch are read";
  const std::string unpack = "; unpack it and give the model file in it";
  return {
      {"", "is empty, a file of 0 bytes; get it again"},
      {whole.substr(0, whole.size() / 2),
       "is truncated: it is a zip archive without its end; get it again"},
      {"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n",
       "is a Git LFS pointer, a text that stands for the file in its repository; fetch the file "
       "itself with git lfs pull"},
      {"\n<!DOCTYPE html>\n<html lang=\"en\"></html>\n",
       "is an HTML page instead of a model; download the file itself, by its raw link"},
      {"\xef\xbb\xbf<HTML><body>",
       "is an HTML page instead of a model; download the file itself, by its raw link"},
      {"404: Not Found\n", "is a text that begins with '404: Not Found'; " + kSave},
      {std::string("\x10\0\0\0\0\0\0\0{\"a\":{\"dtype\":1}}", 25),
       "is a safetensors file, weights without a program; " + kSave},
      {std::string("\x08\x08\x12\x07pytorch:\x10", 13), "is an ONNX file; " + kSave},
      {std::string("\x1c\0\0\0TFL3\0\0\0\0", 12), "is a TensorFlow Lite file; " + pytorch},
      {"\x89HDF\r\n\x1a\n", "is an HDF5 file, such as Keras writes; " + pytorch},
      {"\x1f\x8b\x08 and more", "is a gzip archive" + unpack},
      {"BZh91AY&SY", "is a bzip2 archive" + unpack},
      {std::string("\xfd\x37zXZ\0\0", 7), "is an xz archive" + unpack},
      {std::string(257, '\0') + "ustar", "is a tar archive" + unpack},
      {std::string("\x1c\0\0\0ET12\0\0\0\0", 12),
       "is an ExecuTorch program, which contains no graph; " + kSave},
      {"\x93NUMPY\1", "is an array of NumPy; " + kSave},
      {"GGUF\3", "is a GGUF file, weights without a program; " + kSave},
      {"RIFF....WAVEfmt ", "is an audio file; give the file of a model"},
      {"\xff\xfe\x01\x02", "is not in a format of PyTorch; " + kSave},
  };
}

}  // namespace torchstreamer::test
