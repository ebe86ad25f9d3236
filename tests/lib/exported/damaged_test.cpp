// Exported programs that cannot be converted are refused in words that say why; damaged files are
// errors, never crashes or large allocations.
#include <zip.h>

#include <nlohmann/json.hpp>

#include "exported/file/archive.h"
#include "exported_files.h"
#include "temporary_folder.h"
#include "torchstreamer/error.h"
#include "torchstreamer/exported_program.h"
#include "torchstreamer/load.h"

namespace torchstreamer::testing {
namespace {

using nlohmann::json;
using Entries = std::map<std::string, std::string>;

Entries entries_of(const std::filesystem::path& file) {
  const exported::Archive archive(file.string());
  Entries entries;
  for (const auto& [name, index] : archive.entries()) entries[name] = archive.text(name);
  return entries;
}

void write(const std::filesystem::path& file, const Entries& entries) {
  zip_t* archive = zip_open(file.c_str(), ZIP_CREATE | ZIP_TRUNCATE, nullptr);
  ASSERT_NE(archive, nullptr);
  for (const auto& [name, text] : entries) {
    zip_source_t* source = zip_source_buffer(archive, text.data(), text.size(), 0);
    const zip_int64_t index = zip_file_add(archive, name.c_str(), source, 0);
    zip_set_file_compression(archive, static_cast<zip_uint64_t>(index), ZIP_CM_STORE, 0);
  }
  ASSERT_EQ(zip_close(archive), 0);
}

std::filesystem::path original(const std::string& layout) {
  return exported_folder() / layout / "static.pt2";
}

class DamagedPrograms : public ::testing::Test {
 protected:
  // The message for the file with changed entries.
  std::string message(const std::function<void(Entries&)>& change,
                      const std::string& layout = "torch-2.14") {
    Entries entries = entries_of(original(layout));
    change(entries);
    const auto file = folder_.path() / "changed.pt2";
    write(file, entries);
    try {
      load_exported_program(file.string());
      load_stream(file.string());
      return "";
    } catch (const Error& e) {
      return e.what();
    }
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
};

json& node(json& program, const std::string& target) {
  for (json& node : program.at("graph_module").at("graph").at("nodes"))
    if (node.at("target") == target) return node;
  throw std::runtime_error("there is no " + target);
}

#define EXPECT_SAYS(part, text) EXPECT_PRED_FORMAT2(::testing::IsSubstring, part, text)

TEST_F(DamagedPrograms, AreUnchangedOnes) {
  EXPECT_EQ(message([](Entries&) {}), "");
  EXPECT_EQ(message([](Entries&) {}, "torch-2.6"), "");
}

TEST_F(DamagedPrograms, OfTheWrongKindAreNamed) {
  const auto without_program = [](Entries& entries) { entries.erase("static/models/model.json"); };
  EXPECT_SAYS("is an archive of torch.export without its program", message(without_program));
  EXPECT_SAYS("is a package of AOTInductor", message([&](Entries& entries) {
                without_program(entries);
                entries["static/data/aotinductor/model/a.so"] = "";
              }));
  EXPECT_SAYS("its schema is 9.1, of torch 2.14.1", message_for([](json& program) {
                program["schema_version"] = {{"major", 9}, {"minor", 1}};
              }));
  EXPECT_SAYS("it has no tensor 'convs.0.weight'",
              message_for_weights([](json& weight) { weight["use_pickle"] = true; }));
}

TEST_F(DamagedPrograms, WithUnknownOperatorsNameThemAndTheirPlace) {
  const auto with_target = [&](const std::string& target) {
    return message_for(
        [&](json& program) { node(program, "torch.ops.aten.conv1d.default")["target"] = target; });
  };
  const std::string unknown = with_target("torch.ops.aten.never_made.default");
  EXPECT_SAYS("aten::never_made in module 'convs.0' at ", unknown);
  EXPECT_SAYS("exported_models.py:", unknown);
  EXPECT_SAYS("has no operator aten::never_made; use a newer libtorch", unknown);
  EXPECT_SAYS("mylib::convolve", with_target("torch.ops.mylib.convolve.default"));
  EXPECT_SAYS("it calls a custom object", with_target("torch.ops.higher_order.call_torchbind"));
  EXPECT_SAYS("this higher-order operator has no rule",
              with_target("torch.ops.higher_order.while_loop"));
  EXPECT_SAYS("this function of Python has no rule", with_target("builtins.print"));
  EXPECT_SAYS("does not take these arguments", with_target("torch.ops.aten.tanh.default"));
}

TEST_F(DamagedPrograms, WithGuardsOfUnknownSizesAreErrors) {
  for (const std::string guard : {"s7 >= 2", "L['x'].size()[3] > 4"})
    EXPECT_SAYS("which is no size of an input",
                message_for([&](json& program) { program["guards_code"] = {guard}; }));
}

// The signal is [1, 2, T], exported for as many channels as frames.
TEST_F(DamagedPrograms, OfEqualSizesTakeNoOthers) {
  EXPECT_SAYS("axis 2 of its input 'x' of the same size as another axis",
              message_for([](json& program) {
                json& sizes = program.at("graph_module")["graph"]["tensor_values"]["x"]["sizes"];
                sizes.at(1) = sizes.at(2) = {{"as_expr", {{"expr_str", "s0"}}}};
              }));
}

TEST_F(DamagedPrograms, WithDeepModulesAreErrors) {
  std::string path = "w";
  for (int i = 0; i < 1000; ++i) path = "m." + path;
  EXPECT_SAYS(
      "has too many modules", message([&](Entries& entries) {
        for (const char* name : {"models/model.json", "data/weights/model_weights_config.json"}) {
          std::string& text = entries.at(std::string("static/") + name);
          for (size_t at = 0; (at = text.find("\"convs.0.weight\"", at)) != text.npos;
               at += path.size())
            text.replace(at + 1, std::string("convs.0.weight").size(), path);
        }
      }));
}

TEST_F(DamagedPrograms, ForIntegersAreRefused) {
  constexpr int64_t kInt64 = 5;  // of torch/_export/serde/schema.py
  EXPECT_SAYS("was exported for a signal of type Long", message_for([&](json& program) {
                json& graph = program.at("graph_module").at("graph");
                const auto name = graph.at("inputs").back().at("as_tensor").at("name");
                graph.at("tensor_values").at(name.get<std::string>())["dtype"] = kInt64;
              }));
}

TEST_F(DamagedPrograms, ThatDropSamplesAreRefused) {
  const auto with_dropout = [&](bool is_training) {
    return message_for([&](json& program) {
      json& tanh = node(program, "torch.ops.aten.tanh.default");
      tanh["target"] = "torch.ops.aten.native_dropout.default";
      json input = tanh.at("inputs").at(0);
      input["name"] = "input";
      tanh["inputs"] = {input,
                        {{"name", "p"}, {"arg", {{"as_float", 0.5}}}, {"kind", 1}},
                        {{"name", "train"}, {"arg", {{"as_bool", is_training}}}, {"kind", 1}}};
    });
  };
  EXPECT_SAYS("call eval() before the model is exported", with_dropout(true));
  EXPECT_EQ(with_dropout(false), "");
}

TEST_F(DamagedPrograms, WithCustomObjectsNameTheirClass) {
  EXPECT_SAYS(
      "custom object of the class my.Queue", message_for([](json& program) {
        program.at("graph_module").at("signature").at("input_specs").at(0) = {
            {"custom_obj",
             {{"arg", {{"name", "q"}, {"class_fqn", "my.Queue"}}}, {"custom_obj_name", "q"}}}};
      }));
}

TEST_F(DamagedPrograms, WithTensorsOutsideOfTheirStorageAreErrors) {
  const auto with = [&](const std::string& key, const json& value) {
    return message_for_weights([&](json& weight) { weight.at("tensor_meta")[key] = value; });
  };
  const json huge = {{"as_int", int64_t{1} << 61}};
  EXPECT_SAYS("its tensor 'convs.0.weight' is damaged", with("storage_offset", huge));
  EXPECT_SAYS("is damaged", with("sizes", {huge, huge, huge}));
  EXPECT_SAYS("is damaged", with("strides", {huge, huge, huge}));
  EXPECT_SAYS("is damaged", with("sizes", {{{"as_int", 3}}}));
  EXPECT_SAYS("is damaged", with("storage_offset", {{"as_int", -1}}));
  EXPECT_SAYS("the type of tensors with the number 99", with("dtype", 99));
  EXPECT_SAYS("is not dense", with("layout", 1));
}

TEST_F(DamagedPrograms, WithDeepOrBrokenJsonAreErrors) {
  const auto with_program = [&](const std::string& text) {
    return message([&](Entries& entries) { entries["static/models/model.json"] = text; });
  };
  EXPECT_SAYS("nested too deeply", with_program(std::string(1 << 20, '[')));
  EXPECT_SAYS("its program is damaged", with_program("{"));
  EXPECT_SAYS("it is damaged", with_program("{}"));
  EXPECT_SAYS("it is damaged", with_program("[1, 2, 3]"));
}

// Writes compressed entries, which claim `claimed_bytes` each, and `padding_bytes` of other data.
void write_claims(const std::filesystem::path& file, int entries, uint32_t claimed_bytes,
                  size_t padding_bytes) {
  const std::string text(1000, 'a'), padding(padding_bytes, 'b');
  zip_t* archive = zip_open(file.c_str(), ZIP_CREATE | ZIP_TRUNCATE, nullptr);
  ASSERT_NE(archive, nullptr);
  const auto add = [&](const std::string& name, const std::string& content, int method) {
    zip_source_t* source = zip_source_buffer(archive, content.data(), content.size(), 0);
    const zip_int64_t index = zip_file_add(archive, name.c_str(), source, 0);
    zip_set_file_compression(archive, static_cast<zip_uint64_t>(index), method, 0);
  };
  for (int i = 0; i < entries; ++i) add("entry" + std::to_string(i), text, ZIP_CM_DEFLATE);
  add("padding", padding, ZIP_CM_STORE);
  ASSERT_EQ(zip_close(archive), 0);
  std::fstream stream(file, std::ios::binary | std::ios::in | std::ios::out);
  const std::string whole{std::istreambuf_iterator<char>(stream), {}};
  for (int i = 0; i < entries; ++i) {
    // The name in the directory, which is at the end, is 22 bytes behind the size.
    const size_t name = whole.rfind("entry" + std::to_string(i));
    stream.seekp(static_cast<std::streamoff>(name - 22));
    for (int byte = 0; byte < 4; ++byte)
      stream.put(static_cast<char>(claimed_bytes >> (8 * byte) & 0xff));
  }
}

// The error for a first entry that is read as text.
std::string error_of_text(const std::filesystem::path& file) {
  try {
    exported::Archive(file.string()).text("entry0");
    return "";
  } catch (const Error& e) {
    return e.what();
  }
}

TEST_F(DamagedPrograms, WithHugeEntriesAreErrors) {
  const auto file = folder_.path() / "huge.pt2";
  write_claims(file, 3, 1000, 10000);
  EXPECT_EQ(error_of_text(file), "");
  write_claims(file, 1, 600000, 10000);
  EXPECT_SAYS("its entry 'entry0' is damaged", error_of_text(file));  // shorter than claimed
  write_claims(file, 3, 600000, 10000);
  EXPECT_SAYS("its entries claim more than 64 times the", error_of_text(file));
  write_claims(file, 1, (1u << 28) + 1, 5 << 20);
  EXPECT_SAYS("its entry 'entry0' has 268435457 bytes; at most 268435456 are read",
              error_of_text(file));
}

// Any number and any word of the description may be wrong.
TEST_F(DamagedPrograms, AtRandomAreErrorsOrPrograms) {
  for (const std::string layout : {"torch-2.14", "torch-2.6"})
    for (int round = 0; round < 60; ++round) {
      Random random(base_seed() + round);
      SCOPED_TRACE(base_seed() + round);
      message(
          [&](Entries& entries) {
            auto entry = entries.begin();
            std::advance(entry, random.between(0, static_cast<int64_t>(entries.size()) - 1));
            std::string& text = entry->second;
            for (int64_t flips = random.between(1, 8); flips > 0 && !text.empty(); --flips)
              text[random.between(0, static_cast<int64_t>(text.size()) - 1)] =
                  static_cast<char>(random.between(32, 126));
          },
          layout);
    }
}

TEST_F(DamagedPrograms, CutShortAreErrors) {
  std::ifstream stream(original("torch-2.14"), std::ios::binary);
  const std::string whole{std::istreambuf_iterator<char>(stream), {}};
  const auto file = folder_.path() / "short.pt2";
  for (size_t end = 0; end < whole.size(); end += 997) {
    std::ofstream(file, std::ios::binary | std::ios::trunc) << whole.substr(0, end);
    EXPECT_THROW(load_exported_program(file.string()), Error) << end;
  }
}

}  // namespace
}  // namespace torchstreamer::testing
