#include "files/archive_kind.h"

#include <algorithm>

#include "files/pickle.h"
#include "files/zip_directory.h"

namespace torchstreamer {
namespace {

// Bytes of a pickle that are read to find its class.
constexpr uint64_t kPickleBytes = 512;

bool begins_with(const std::string& text, const std::string& prefix) {
  return text.compare(0, prefix.size(), prefix) == 0;
}

bool ends_with(const std::string& text, const std::string& suffix) {
  return text.size() >= suffix.size() &&
         text.compare(text.size() - suffix.size(), suffix.size(), suffix) == 0;
}

// Entries of an archive whose names begin with the folder of the first entry.
class Archive {
 public:
  explicit Archive(const BinaryFile& file) : file_(file), directory_(read_zip_directory(file)) {
    if (directory_.entries.empty()) return;
    const std::string& first = directory_.entries.front().name;
    folder_ = first.substr(0, first.find('/') + 1);
  }

  bool has(const std::string& name) const { return find(name) != nullptr; }
  // Names begin with the folder, so "code/" finds "code/__torch__.py".
  bool has_any(const std::string& prefix, const std::string& suffix = "") const {
    return std::any_of(
        directory_.entries.begin(), directory_.entries.end(), [&](const ZipEntry& entry) {
          return begins_with(entry.name, folder_ + prefix) && ends_with(entry.name, suffix);
        });
  }
  // First bytes of an entry that is not compressed; empty for others.
  std::string head(const std::string& name) const {
    const ZipEntry* entry = find(name);
    if (!entry || entry->method != ZipEntry::kStored) return "";
    return file_.text(data_position(file_, *entry), std::min(kPickleBytes, entry->bytes));
  }

 private:
  const ZipEntry* find(const std::string& name) const {
    for (const ZipEntry& entry : directory_.entries)
      if (entry.name == folder_ + name) return &entry;
    return nullptr;
  }

  const BinaryFile& file_;
  ZipDirectory directory_;
  std::string folder_;
};

FileKind fault(const std::string& what, const std::string& remedy) {
  return {ProgramFormat::kNone, what + "; " + remedy};
}

bool is_exported(const Archive& archive) {
  return archive.has("serialized_exported_program.json") || archive.has_any("models/", ".json");
}

// The layouts of torch.export since 2.5: an archive that has some of its entries but no program.
bool is_export_without_program(const Archive& archive) {
  return archive.has("archive_format") || archive.has_any("data/weights/") ||
         archive.has("serialized_state_dict.pt");
}

FileKind kind_of_script(const Archive& archive) {
  // Files whose weights are packed for one processor.
  if (archive.has("code/__torch__/torch/classes/xnnpack.py"))
    return fault("was packed by optimize_for_mobile() for mobile processors",
                 "save the model as it was before: torch.jit.script(model.eval()).save(path)");
  if (archive.has("code/__torch__/torch/classes/quantized.py"))
    return fault("is a quantised model, and quantised operators are not streamed",
                 "save the float model that it was made from");
  for (const char* entry : {"data.pkl", "constants.pkl"})
    if (!archive.has(entry))
      return fault(std::string("is an incomplete TorchScript file: it has no ") + entry,
                   "save or download it again");
  if (!archive.has("version") && !archive.has(".data/version"))
    return fault("is an incomplete TorchScript file: it has no version",
                 "save or download it again");
  return {ProgramFormat::kTorchScript, ""};
}

}  // namespace

FileKind archive_kind(const BinaryFile& file) {
  const Archive archive(file);
  if (archive.has_any("code/")) return kind_of_script(archive);
  if (is_exported(archive)) return {ProgramFormat::kExported, ""};
  if (archive.has("bytecode.pkl")) return fault(kMobileFile, kSaveAProgram);
  if (archive.has_any("data/aotinductor/"))
    return fault("is a package of AOTInductor, machine code without its program",
                 "save the program: torch.export.save(exported_program, path)");
  if (is_export_without_program(archive))
    return fault("is an archive of torch.export without its program, because saving it failed",
                 "save it again with torch.export.save() and look at its errors");
  if (archive.has("data.pkl"))
    return {ProgramFormat::kNone, fault_of_pickle(pickled_class(archive.head("data.pkl")))};
  return fault("is a zip archive without a PyTorch program", kSaveAProgram);
}

std::string fault_of_pickle(const std::string& class_name) {
  std::string what;
  if (class_name == "collections.OrderedDict")
    what = "is a state dictionary, weights that torch.save() wrote without their program";
  else if (class_name.empty())
    what = "is a checkpoint, values that torch.save() wrote without a program";
  else if (begins_with(class_name, "torch._utils."))
    what = "is a tensor that torch.save() wrote";
  else
    what = "is a pickled module: torch.save() wrote an object of the class " + class_name +
           ", whose Python code is not in the file";
  return what + "; " + kSaveAProgram;
}

}  // namespace torchstreamer
