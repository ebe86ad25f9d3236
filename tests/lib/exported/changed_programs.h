// Files of torch.export whose entries a test changes.
#pragma once

#include <zip.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "expect_says.h"
#include "exported/file/archive.h"
#include "exported_files.h"
#include "lib/support/error_of.h"
#include "temporary_folder.h"
#include "torchstreamer/exported_program.h"
#include "torchstreamer/load.h"

namespace torchstreamer::testing {

using nlohmann::json;
using Entries = std::map<std::string, std::string>;

inline Entries entries_of(const std::filesystem::path& file) {
  const exported::Archive archive(file.string());
  Entries entries;
  for (const auto& [name, index] : archive.entries()) entries[name] = archive.text(name);
  return entries;
}

inline void write(const std::filesystem::path& file, const Entries& entries) {
  zip_t* archive = zip_open(file.c_str(), ZIP_CREATE | ZIP_TRUNCATE, nullptr);
  ASSERT_NE(archive, nullptr);
  for (const auto& [name, text] : entries) {
    zip_source_t* source = zip_source_buffer(archive, text.data(), text.size(), 0);
    const zip_int64_t index = zip_file_add(archive, name.c_str(), source, 0);
    zip_set_file_compression(archive, static_cast<zip_uint64_t>(index), ZIP_CM_STORE, 0);
  }
  ASSERT_EQ(zip_close(archive), 0);
}

inline std::filesystem::path original(const std::string& layout) {
  return exported_folder() / layout / "static.pt2";
}

class ChangedPrograms : public ::testing::Test {
 protected:
  // The message for the file with changed entries.
  std::string message(const std::function<void(Entries&)>& change,
                      const std::string& layout = "torch-2.14") {
    Entries entries = entries_of(original(layout));
    change(entries);
    const auto file = folder_.path() / "changed.pt2";
    write(file, entries);
    return error_of([&] {
      load_exported_program(file.string());
      load_stream(file.string(), options_);
    });
  }

  // The same for a changed description of the program.
  std::string message_for(const std::function<void(json&)>& change) {
    return message([&](Entries& entries) {
      json program = json::parse(entries.at("static/models/model.json"));
      change(program);
      entries["static/models/model.json"] = program.dump();
    });
  }

  // The same for a changed table of weights.
  std::string message_for_weights(const std::function<void(json&)>& change) {
    return message([&](Entries& entries) {
      const std::string table = "static/data/weights/model_weights_config.json";
      json weights = json::parse(entries.at(table));
      change(weights.at("config").at("convs.0.weight"));
      entries[table] = weights.dump();
    });
  }

  test::TemporaryFolder folder_;
  LoadOptions options_;
};

}  // namespace torchstreamer::testing
