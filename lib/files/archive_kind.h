// Kinds of zip archives.
#pragma once

#include "files/binary_file.h"
#include "files/file_kind.h"

namespace torchstreamer {

/// Advice for files that contain no program.
constexpr char kSaveAProgram[] =
    "save the model itself in Python, with torch.export.save(torch.export.export(model.eval(), "
    "(x,)), path) or torch.jit.script(model.eval()).save(path)";

/// Mobile files, in an archive and in the later format.
constexpr char kMobileFile[] =
    "is a mobile file of _save_for_lite_interpreter(), bytecode without a TorchScript program";

/// Returns the kind of a zip archive. Throws FileFault if its directory is missing or damaged.
FileKind archive_kind(const BinaryFile& file);

/// Returns what torch.save() wrote: the clause for a file whose object has this class, see
/// pickled_class().
std::string fault_of_pickle(const std::string& class_name);

}  // namespace torchstreamer
