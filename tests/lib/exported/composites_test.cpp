// Operators that run_decompositions() has replaced, and programs that only resemble them.
#include <gtest/gtest.h>

#include "changed_programs.h"

namespace torchstreamer::testing {
namespace {

struct Change {
  const char* name;
  std::function<void(json& graph)> apply;
  const char* recognised;  // the operator that is not recognised any more
  int64_t left;            // number of those that are
};

json& node_of(json& graph, const std::string& output) {
  for (json& node : graph.at("nodes"))
    for (const json& value : node.at("outputs"))
      if (value.contains("as_tensor") && value.at("as_tensor").at("name") == output) return node;
  throw std::runtime_error("no operator computes " + output);
}

json& argument_of(json& graph, const std::string& output, size_t index) {
  return node_of(graph, output).at("inputs").at(index).at("arg");
}

json& size_of(json& graph, const std::string& tensor, size_t axis) {
  return graph.at("tensor_values").at(tensor).at("sizes").at(axis);
}

// Name of the frames [1, T, 16] that the first index_put() adds.
std::string frames_of(json& graph) {
  return argument_of(graph, "permute_2", 0).at("as_tensor").at("name");
}

const Change kChanges[] = {
    {"NotZeroBefore",
     [](json& graph) {
       argument_of(graph, "full", 1) = {{"as_float", 0.5}};
     },
     "aten::conv_transpose1d", 1},
    {"NotAccumulated",
     [](json& graph) {
       argument_of(graph, "index_put", 3) = {{"as_bool", false}};
     },
     "aten::conv_transpose1d", 1},
    {"OtherChannels",
     [](json& graph) {
       size_of(graph, "full", 0) = {{"as_int", 2}};
     },
     "aten::conv_transpose1d", 1},
    {"OtherLength",
     [](json& graph) {
       size_of(graph, "full", 1) = {{"as_int", 100}};
     },
     "aten::conv_transpose1d", 1},
    {"OneFrame",
     [](json& graph) {
       size_of(graph, frames_of(graph), 1) = {{"as_int", 1}};
     },
     "aten::conv_transpose1d", 1},
    {"LargeFrames",
     [](json& graph) {
       argument_of(graph, "unfold_1", 2) = {{"as_int", 100000}};
       size_of(graph, frames_of(graph), 2) = {{"as_int", 100000}};
     },
     "aten::conv_transpose1d", 1},
    {"NoStack",
     [](json& graph) {
       size_of(graph, "view_2", 1) = {{"as_int", 3}};
     },
     "aten::stack", 0},
};

// Number of operators of a kind in the program after a change.
int64_t count(const Change& change, const std::string& kind) {
  Entries entries = entries_of(exported_folder() / "torch-2.14" / "stacked_core.pt2");
  std::string& text = entries.at("stacked_core/models/model.json");
  json program = json::parse(text);
  change.apply(program.at("graph_module").at("graph"));
  text = program.dump();
  const test::TemporaryFolder folder;
  write(folder.path() / "changed.pt2", entries);
  const auto module = load_exported_program((folder.path() / "changed.pt2").string());
  const auto graph = module.get_method("forward").graph();
  return std::count_if(graph->nodes().begin(), graph->nodes().end(),
                       [&](const auto* node) { return node->kind().toQualString() == kind; });
}

class Composites : public ::testing::TestWithParam<Change> {};

TEST_P(Composites, AreNotRecognisedIfTheyComputeSomethingElse) {
  EXPECT_EQ(count(GetParam(), GetParam().recognised), GetParam().left);
}

TEST(Composite, IsRecognised) {
  const Change none = {"None", [](json&) {}, "", 0};
  EXPECT_EQ(count(none, "aten::stack"), 1);
  EXPECT_EQ(count(none, "aten::conv_transpose1d"), 2);
  EXPECT_EQ(count(none, "aten::index_put"), 0);
}

INSTANTIATE_TEST_SUITE_P(Changes, Composites, ::testing::ValuesIn(kChanges),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace torchstreamer::testing
