// Exported programs that cannot be converted are refused in words that say why; damaged
// descriptions are errors.
#include "expect_says.h"
#include "lib/exported/changed_programs.h"

namespace torchstreamer::testing {
namespace {

class DamagedPrograms : public ChangedPrograms {};

json& node(json& program, const std::string& target) {
  for (json& node : program.at("graph_module").at("graph").at("nodes"))
    if (node.at("target") == target) return node;
  throw std::runtime_error("there is no " + target);
}

TEST_F(DamagedPrograms, UnchangedOnesAreAccepted) {
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
    EXPECT_SAYS("which is not a size of an input",
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

// Views of one storage share its memory, as in Python.
TEST_F(DamagedPrograms, ShareTheirStorages) {
  Entries entries = entries_of(original("torch-2.14"));
  const std::string table = "static/data/weights/model_weights_config.json";
  json weights = json::parse(entries.at(table));
  json& bias = weights.at("config").at("convs.0.bias");
  bias["path_name"] = weights.at("config").at("convs.0.weight").at("path_name");
  bias["tensor_meta"]["storage_offset"] = {{"as_int", 5}};
  entries[table] = weights.dump();
  write(folder_.path() / "shared.pt2", entries);
  const auto module = load_exported_program((folder_.path() / "shared.pt2").string());
  const auto conv = module.attr("convs").toModule().attr("0").toModule();
  const Tensor weight = conv.attr("weight").toTensor(), shared = conv.attr("bias").toTensor();
  EXPECT_EQ(shared.data_ptr<float>(), weight.data_ptr<float>() + 5);
  EXPECT_TRUE(shared.equal(weight.flatten().slice(0, 5, 7)));
}

// Copies of views of different types no longer share their memory, so that a write is lost.
TEST_F(DamagedPrograms, ThatWriteToStoragesOfTwoTypesAreErrors) {
  const auto error_for = [&](int64_t dtype) -> std::string {
    Entries entries = entries_of(exported_folder() / "torch-2.14" / "mutated_core.pt2");
    const std::string table = "mutated_core/data/weights/model_weights_config.json";
    json weights = json::parse(entries.at(table));
    json& calls = weights.at("config").at("calls");
    calls["path_name"] = "weight_1";
    calls["tensor_meta"]["dtype"] = dtype;
    entries[table] = weights.dump();
    write(folder_.path() / "written.pt2", entries);
    try {
      load_exported_program((folder_.path() / "written.pt2").string());
      return "";
    } catch (const Error& e) {
      return e.what();
    }
  };
  constexpr int64_t kFloat32 = 7, kInt64 = 5;  // of torch/_export/serde/schema.py
  EXPECT_EQ(error_for(kFloat32), "");
  EXPECT_SAYS("it writes to 'calls', whose memory another tensor of a different type shares",
              error_for(kInt64));
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

}  // namespace
}  // namespace torchstreamer::testing
