#include "exported/file/program.h"

#include <c10/util/StringUtil.h>

#include <nlohmann/json.hpp>

#include "exported/file/archive.h"
#include "exported/file/codes.h"
#include "exported/file/json.h"
#include "exported/file/pickle.h"
#include "exported/file/stored_tensor.h"
#include "torchstreamer/error.h"

namespace torchstreamer::exported {
namespace {

using Json = nlohmann::json;
using TensorsByName = std::map<std::string, Tensor>;

constexpr int64_t kSchemaMajor = 8;
// Entries of the layout of torch 2.5 to 2.7.
const char* const kProgramEntry = "serialized_exported_program.json";
const char* const kPickles[] = {"serialized_state_dict.pt", "serialized_constants.pt"};

bool begins_with(const std::string& text, const std::string& begin) {
  return text.compare(0, begin.size(), begin) == 0;
}

// Entries of later layouts are in a folder, whose name is that of the file when it was written.
std::string folder_of(const Archive& archive) {
  if (archive.entries().empty()) return "";
  const std::string& first = archive.entries().begin()->first;
  return first.substr(0, first.find('/') + 1);
}

// Names of the programs: NAME of models/NAME.json.
std::vector<std::string> programs_of(const Archive& archive, const std::string& folder) {
  std::vector<std::string> names;
  const std::string begin = folder + "models/", end = ".json";
  for (const auto& [entry, index] : archive.entries())
    if (begins_with(entry, begin) && entry.size() > begin.size() + end.size() &&
        entry.compare(entry.size() - end.size(), end.size(), end) == 0)
      names.push_back(entry.substr(begin.size(), entry.size() - begin.size() - end.size()));
  return names;
}

// The only program, or the one that torch.export.save() writes.
std::string program_name(const Archive& archive, const std::string& folder) {
  const auto names = programs_of(archive, folder);
  for (const std::string& name : names)
    if (name == "model" || names.size() == 1) return name;
  throw Error("none of its programs is named 'model'");
}

/// Storages by the names of their entries, each on the device once. Tensors of one storage share
/// its memory. They may have a few times its bytes together, because a conversion to a different
/// type may copy them one by one.
class Storages {
 public:
  Storages(const Archive& archive, at::Device device) : archive_(archive), device_(device) {}

  Tensor tensor(const StoredTensor& stored, const std::string& name) {
    const auto [known, is_first] = known_.try_emplace(stored.storage);
    if (is_first) known->second = {archive_.bytes(stored.storage).to(device_), stored};
    const auto& [bytes, first] = known->second;
    const Tensor tensor = tensor_over(bytes, stored, name);
    const bool is_equal = stored.dtype == first.dtype && stored.offset == first.offset &&
                          stored.sizes == first.sizes && stored.strides == first.strides;
    if (is_first) allowed_bytes_ += kMostCopies * bytes.numel();
    if (is_first || !is_equal) spend(tensor, name);
    return tensor;
  }

 private:
  static constexpr int64_t kMostCopies = 8;

  void spend(const Tensor& tensor, const std::string& name) {
    allowed_bytes_ -= static_cast<int64_t>(tensor.nbytes());
    if (allowed_bytes_ < 0)
      throw Error("its tensors up to '" + name.substr(0, 200) +
                  "' have far more bytes than are stored");
  }

  const Archive& archive_;
  at::Device device_;
  int64_t allowed_bytes_ = int64_t{1} << 28;  // for small storages and expanded tensors
  std::map<std::string, std::pair<Tensor, StoredTensor>> known_;  // with the first tensor
};

// Tensors of a file of torch.save().
void read_pickled(const Archive& archive, at::Device device, TensorsByName& tensors) {
  const std::string folder = folder_of(archive);
  Storages storages(archive, device);
  auto all = pickled_tensors(archive.text(folder + "data.pkl"));
  for (auto& [name, stored] : all) {
    stored.storage = folder + "data/" + stored.storage;
    tensors.emplace(name, storages.tensor(stored, name));
  }
}

int64_t integer(const Json& size) { return size.at("as_int").get<int64_t>(); }

StoredTensor stored_tensor(const std::string& entry, const Json& meta) {
  StoredTensor stored{entry,
                      dtype_of_code(meta.at("dtype").get<int64_t>()),
                      integer(meta.at("storage_offset")),
                      {},
                      {}};
  layout_of_code(meta.at("layout").get<int64_t>());
  for (const Json& size : meta.at("sizes")) stored.sizes.push_back(integer(size));
  for (const Json& stride : meta.at("strides")) stored.strides.push_back(integer(stride));
  return stored;
}

// Tensors of a table of files of raw bytes beside it.
void read_raw(const Archive& archive, const std::string& folder, const std::string& table,
              at::Device device, TensorsByName& tensors) {
  const Json description = parsed_json(archive.text(folder + table));
  Storages storages(archive, device);
  for (const auto& [name, payload] : description.at("config").items()) {
    if (payload.at("use_pickle").get<bool>()) continue;  // not a tensor
    const std::string entry = folder + payload.at("path_name").get<std::string>();
    tensors.emplace(name, storages.tensor(stored_tensor(entry, payload.at("tensor_meta")), name));
  }
}

void require_schema(const Json& description) {
  const Json& version = description.at("schema_version");
  const auto major = version.at("major").get<int64_t>();
  if (major != kSchemaMajor)
    throw Error(c10::str("its schema is ", major, ".", version.at("minor").get<int64_t>(),
                         ", of torch ", description.value("torch_version", "unknown").substr(0, 40),
                         "; version ", kSchemaMajor,
                         ", of torch 2.5 to 2.14, is supported: export the model again"));
}

Program parsed(const std::string& text) {
  Program program;
  program.description = std::make_unique<const Json>(parsed_json(text));
  require_schema(*program.description);
  return program;
}

// Weights of torch 2.8 are files of torch.save(), those of later ones have a table.
Program read_packaged(const Archive& archive, at::Device device) {
  const std::string folder = folder_of(archive), name = program_name(archive, folder);
  const std::string order =
      archive.has(folder + "byteorder") ? archive.text(folder + "byteorder") : "";
  if (order == "big") throw Error("its tensors are big-endian");
  Program program = parsed(archive.text(folder + "models/" + name + ".json"));
  for (const std::string kind : {"weights", "constants"}) {
    const std::string place = folder + "data/" + kind + "/";
    const std::string pickled = place + name + ".pt", table = name + "_" + kind + "_config.json";
    if (archive.has(pickled))
      read_pickled(Archive(archive.bytes(pickled)), device, program.tensors);
    else if (archive.has(place + table))
      read_raw(archive, place, table, device, program.tensors);
  }
  return program;
}

Program read_flat(const Archive& archive, at::Device device) {
  Program program = parsed(archive.text(kProgramEntry));
  for (const char* entry : kPickles)
    if (archive.has(entry)) read_pickled(Archive(archive.bytes(entry)), device, program.tensors);
  return program;
}

}  // namespace

Program read_program(const std::string& path, at::Device device) {
  const Archive archive(path);
  return archive.has(kProgramEntry) ? read_flat(archive, device) : read_packaged(archive, device);
}

}  // namespace torchstreamer::exported
