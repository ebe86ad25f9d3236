// Kinds of files, recognised by their content.
#pragma once

#include <string>

namespace torchstreamer {

/// Formats of the program in a model file.
enum class ProgramFormat {
  kNone,
  kTorchScript,  ///< written by torch.jit.save()
  kExported,     ///< written by torch.export.save()
};

struct FileKind {
  ProgramFormat program = ProgramFormat::kNone;
  /// Without a program: what the file is and what to use instead, as a clause without a subject,
  /// "is a state dictionary ...".
  std::string fault;
};

/// Returns the kind of the file at `path`. Reads the first bytes of the file or, of an archive, its
/// directory and the first bytes of the entry that describes the rest.
FileKind file_kind(const std::string& path);

}  // namespace torchstreamer
