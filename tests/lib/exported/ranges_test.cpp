// Programs that were exported for long signals only.
#include "changed_programs.h"
#include "lib/support/cost_limits.h"

namespace torchstreamer::testing {
namespace {

class Ranges : public ChangedPrograms {
 protected:
  // Writes a program with other limits of its symbol. Returns the file.
  std::string limited(const std::string& name, const std::string& symbol, int64_t least,
                      const json& most = nullptr) {
    Entries entries = entries_of(exported_folder() / "torch-2.14" / (name + ".pt2"));
    std::string& text = entries.at(name + "/models/model.json");
    json program = json::parse(text);
    program.at("range_constraints").at(symbol) = {{"min_val", least}, {"max_val", most}};
    text = program.dump();
    write(folder_.path() / "limited.pt2", entries);
    return folder_ / "limited.pt2";
  }

  // Writes a program that asserts in one operator that its signal has `least` to `most` frames.
  std::string checked(int64_t least, int64_t most) {
    Entries entries = entries_of(exported_folder() / "torch-2.6" / "lengths.pt2");
    std::string& text = entries.at("serialized_exported_program.json");
    json program = json::parse(text);
    json& graph = program.at("graph_module").at("graph");
    json& nodes = graph.at("nodes");
    const auto add = [&](size_t index, const char* target, const json& operands,
                         const std::string& result) {
      json node = nodes.at(1);  // a comparison, before its assertion
      node.at("target") = target;
      for (const size_t i : {0, 1}) node.at("inputs").at(i).at("arg") = operands.at(i);
      node.at("outputs") = {{{"as_sym_bool", {{"as_name", result}}}}};
      graph.at("sym_bool_values")[result] = graph.at("sym_bool_values").at("ge_1");
      nodes.insert(nodes.begin() + static_cast<int64_t>(index), node);
    };
    const json length = nodes.at(1).at("inputs").at(0).at("arg");
    const auto condition = [](const char* name) {
      return json({{"as_sym_bool", {{"as_name", name}}}});
    };
    add(2, "_operator.ge", {length, {{"as_int", least}}}, "least");
    add(3, "_operator.le", {length, {{"as_int", most}}}, "most");
    add(4, "_operator.and_", {condition("least"), condition("most")}, "both");
    nodes.at(5).at("inputs").at(0).at("arg") = condition("both");
    text = program.dump();
    write(folder_.path() / "checked.pt2", entries);
    return folder_ / "checked.pt2";
  }

  static void expect_streamed(const std::string& file, int64_t channels,
                              const std::vector<int64_t>& lengths) {
    const auto stream = load_stream(file);
    torch::jit::Module module = load_exported_program(file);
    for (const int64_t frames : lengths) {
      SCOPED_TRACE(frames);
      const Tensor x = torch::randn({channels, frames});
      const Offline offline{
          [&](const Tensor& signal) { return module.forward({signal.unsqueeze(0)}).toTensor()[0]; },
          nullptr};
      expect_equal(*stream, offline, x, {1, frames / 2, frames - 1 - frames / 2});
    }
  }
};

TEST_F(Ranges, ProgramsForLongSignalsStream) {
  for (const int64_t least : {8193, 20000, 24577, 30001, 65536, 102396}) {
    SCOPED_TRACE(least);
    const std::string file = limited("in_place", "s53", least);
    expect_within_limits([&] { load_stream(file); });
    expect_streamed(file, 2, {least, least + 1, least + 5000, 4 * least});
    const std::string range =
        "exported for sizes of " + std::to_string(least) + " or more along axis 2";
    const auto stream = load_stream(file);
    for (const int64_t frames : {int64_t{100}, least / 2, least - 1})
      EXPECT_SAYS(range, error_of([&] {
                    stream->forward(torch::randn({2, frames}), /*final=*/true);
                  }));
  }
}

TEST_F(Ranges, OfFewLengthsStream) {
  expect_streamed(limited("in_place", "s53", 30000, 31000), 2, {30000, 30500, 31000});
  const std::string file = limited("in_place", "s53", 30000, 31000);
  const auto stream = load_stream(file);
  EXPECT_SAYS("exported for sizes of 30000 to 31000", error_of([&] {
                stream->forward(torch::randn({2, 31001}));
              }));
}

TEST_F(Ranges, OfMultiplesStream) {
  expect_streamed(limited("multiples", "s79", 2500, 1048576), 1, {40000, 40016, 48000});
}

TEST_F(Ranges, AssertedByOneOperatorStream) {
  const std::string file = checked(12000, 90000);
  expect_streamed(file, 1, {12000, 12001, 50000});
  const auto stream = load_stream(file);
  EXPECT_SAYS("the exported program asserts", error_of([&] {
                stream->forward(torch::randn({1, 11999}), /*final=*/true);
              }));
  EXPECT_SAYS("a stream needs 5 lengths", error_of([&] { load_stream(checked(1000, 4000)); }));
}

TEST_F(Ranges, BeyondAllTriedLengthsAreRefused) {
  const std::string file = limited("in_place", "s53", 200000);
  std::string text;
  expect_within_limits([&] { text = error_of([&] { load_stream(file); }); });
  EXPECT_SAYS("exported for sizes of 200000 or more along axis 2", text);
  EXPECT_SAYS(
      "\"; a stream needs 5 lengths of 8192 to 102400 frames that the model takes; save it without "
      "this limit",
      text);
  EXPECT_EQ(text.find("was tried as"), std::string::npos) << text;
}

}  // namespace
}  // namespace torchstreamer::testing
