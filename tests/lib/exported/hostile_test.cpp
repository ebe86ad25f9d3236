// Files that claim more than they contain, or that are damaged anywhere, are errors, never crashes
// or large allocations.
#include "expect_says.h"
#include "exported/sizes.h"
#include "lib/exported/changed_programs.h"
#include "lib/support/usage.h"

namespace torchstreamer::testing {
namespace {

class HostilePrograms : public ChangedPrograms {};

std::string content_of(const std::filesystem::path& file) {
  std::ifstream stream(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
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
  const std::string whole = content_of(file);
  std::fstream stream(file, std::ios::binary | std::ios::in | std::ios::out);
  for (int i = 0; i < entries; ++i) {
    // The name in the directory, which is at the end, is 22 bytes after the size.
    const size_t name = whole.rfind("entry" + std::to_string(i));
    stream.seekp(static_cast<std::streamoff>(name - 22));
    for (int byte = 0; byte < 4; ++byte)
      stream.put(static_cast<char>(claimed_bytes >> (8 * byte) & 0xff));
  }
}

// The error for a first entry that is read as text.
std::string error_of_text(const std::filesystem::path& file) {
  return error_of([&] { exported::Archive(file.string()).text("entry0"); });
}

// The operator would map a file into memory.
TEST_F(HostilePrograms, WithOperatorsThatReadFilesAreRefused) {
  options_.trust = Trust::kOperators;
  const std::string text = message_for([](json& program) {
    json& node = program["graph_module"]["graph"]["nodes"][0];
    node["target"] = "torch.ops.aten.from_file.default";
    node["inputs"] = json::parse(R"([{"name": "filename", "arg": {"as_string": "/etc/hostname"}},
                                     {"name": "size", "arg": {"as_int": 4}}])");
  });
  EXPECT_SAYS("aten::from_file", text);
  EXPECT_SAYS("set trust=program if you trust the file", text);
}

TEST_F(HostilePrograms, WithTooManyGuardsAreErrors) {
  EXPECT_SAYS("its guards have too many terms", message_for([](json& program) {
                program["guards_code"] = json::array();
                for (int i = 0; i < 30000; ++i)
                  program["guards_code"].push_back("L['x'].size()[2] >= " + std::to_string(i));
              }));
}

// Each guard is evaluated for thousands of sizes.
TEST_F(HostilePrograms, WithManyGuardsTakeLittleTime) {
  std::string sum = "L['x'].size()[2]";
  for (int i = 0; i < 400; ++i) sum += " + L['x'].size()[2]";
  const Usage usage;
  const std::string error = message_for([&](json& program) {
    json& graph = program.at("graph_module").at("graph");
    graph.at("tensor_values")["x"]["sizes"].at(2) = {{"as_expr", {{"expr_str", "s0"}}}};
    program["guards_code"] = json::array();
    for (int i = 0; i < 5; ++i) program["guards_code"].push_back(sum + " >= " + std::to_string(i));
  });
  EXPECT_EQ(error, "");
  EXPECT_LE(usage.seconds(), 1);
}

// An equation among more guards than are evaluated decides the length.
TEST_F(HostilePrograms, WithManyGuardsAndAnEquationNameTheirLength) {
  const std::string error = message_for([](json& program) {
    json& graph = program.at("graph_module").at("graph");
    graph.at("tensor_values")["x"]["sizes"].at(2) = {{"as_expr", {{"expr_str", "s0"}}}};
    program["guards_code"] = json::array();
    for (int i = 0; i < 30000; ++i)
      program["guards_code"].push_back("L['x'].size()[2] >= " + std::to_string(i % 90));
    program["guards_code"].push_back("L['x'].size()[2] == 96");
  });
  EXPECT_SAYS("exported for sizes of exactly 96 along axis 2", error);
}

// The guards of an axis accept all sizes but one at the end: the worst pattern for a search of its
// period.
TEST_F(HostilePrograms, WithAlmostPeriodicGuardsTakeLittleTime) {
  const Usage usage;
  for (int i = 0; i < 50; ++i)
    EXPECT_EQ(exported::accepted_sizes({0, exported::Sizes::kAny, 1, {0}},
                                       [](int64_t n) { return n != (1 << 14) - 2; })
                  .describe(),
              "exactly 16383");
  EXPECT_LE(usage.seconds(), 1);
}

// Many views of one storage, which a conversion to a different type may copy.
TEST_F(HostilePrograms, WithTooManyCopiesAreErrors) {
  EXPECT_SAYS("have far more bytes than are stored", message([](Entries& entries) {
                const std::string table = "static/data/weights/model_weights_config.json";
                json weights = json::parse(entries.at(table));
                json view = weights.at("config").at("convs.0.weight");
                view.at("tensor_meta")["sizes"] = {{{"as_int", 1 << 14}}, {{"as_int", 1 << 10}}};
                view.at("tensor_meta")["strides"] = {{{"as_int", 0}}, {{"as_int", 0}}};
                for (int i = 0; i < 10; ++i) {
                  view.at("tensor_meta")["storage_offset"] = {{"as_int", i}};
                  weights["config"]["view" + std::to_string(i)] = view;
                }
                entries[table] = weights.dump();
              }));
}

// torch.save() compresses nothing, so that the limits of an archive and of one in it do not
// multiply.
TEST_F(HostilePrograms, WithHugeArchivesInTheArchiveAreErrors) {
  const auto file = folder_.path() / "inner.pt";
  write_claims(file, 3, 1000, 100);
  EXPECT_EQ(error_of_text(file), "");
  const std::string inner = content_of(file);
  EXPECT_SAYS(
      "its entries claim more than 1 times the",
      message([&](Entries& entries) { entries["serialized_state_dict.pt"] = inner; }, "torch-2.6"));
}

TEST_F(HostilePrograms, WithDeepOrBrokenJsonAreErrors) {
  const auto with_program = [&](const std::string& text) {
    return message([&](Entries& entries) { entries["static/models/model.json"] = text; });
  };
  EXPECT_SAYS("nested too deeply", with_program(std::string(1 << 20, '[')));
  EXPECT_SAYS("its program is damaged", with_program("{"));
  EXPECT_SAYS("it is damaged", with_program("{}"));
  EXPECT_SAYS("it is damaged", with_program("[1, 2, 3]"));
}

// Small values take many times the memory of their text.
TEST_F(HostilePrograms, WithTooManyValuesAreErrors) {
  for (const std::string value : {"{},", "{\"\":0},", "[0],"}) {
    std::string text = "[";
    while (text.size() < (1 << 25) - 10) text += value;
    text += "0]";
    const Usage usage;
    EXPECT_SAYS("its program has more than 1048576 values",
                message([&](Entries& entries) { entries["static/models/model.json"] = text; }));
    EXPECT_LE(usage.mib(), 300);
    EXPECT_LE(usage.seconds(), 10);
  }
}

TEST_F(HostilePrograms, WithHugeEntriesAreErrors) {
  const auto file = folder_.path() / "huge.pt2";
  write_claims(file, 3, 1000, 10000);
  EXPECT_EQ(error_of_text(file), "");
  write_claims(file, 1, 600000, 10000);
  EXPECT_SAYS("its entry 'entry0' is damaged", error_of_text(file));  // shorter than claimed
  write_claims(file, 3, 600000, 10000);
  EXPECT_SAYS("its entries claim more than 64 times the", error_of_text(file));
  write_claims(file, 1, (1u << 25) + 1, 5 << 20);
  EXPECT_SAYS("its entry 'entry0' has 33554433 bytes; at most 33554432 are read",
              error_of_text(file));
}

// Any number and any word of the description may be wrong.
TEST_F(HostilePrograms, ChangedAtRandomAreErrorsOrPrograms) {
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

TEST_F(HostilePrograms, CutShortAreErrors) {
  const std::string whole = content_of(original("torch-2.14"));
  const auto file = folder_.path() / "short.pt2";
  for (size_t end = 0; end < whole.size(); end += 997) {
    std::ofstream(file, std::ios::binary | std::ios::trunc) << whole.substr(0, end);
    EXPECT_THROW(load_exported_program(file.string()), Error) << end;
  }
}

}  // namespace
}  // namespace torchstreamer::testing
