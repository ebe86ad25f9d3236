#include "exported/conversion.h"

#include <torch/csrc/jit/api/compilation_unit.h>
#include <torch/csrc/jit/passes/dead_code_elimination.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "exported/file/json.h"
#include "exported/file/program.h"
#include "exported/graph/aliases.h"
#include "exported/graph/nodes.h"
#include "exported/graph/outputs.h"
#include "files/file_kind.h"
#include "support/exceptions.h"
#include "support/shared_storages.h"
#include "torchstreamer/error.h"
#include "torchstreamer/exported_program.h"
#include "trust/checked_operators.h"

namespace torchstreamer {
namespace exported {
namespace {

using torch::jit::Module;

// Largest depth of nested modules, and largest numbers of modules and of tensors that are passed.
constexpr int64_t kMostDepth = 64, kMostModules = 1 << 16, kMostInputs = 64;

/// Makes the module of a program.
class Conversion {
 public:
  Conversion(const Program& program, at::Device device, Calls calls)
      : program_(program),
        guards_(guards_of(*program.description)),
        module_("__torch__.ExportedProgram", std::make_shared<torch::jit::CompilationUnit>()),
        graph_(std::make_shared<Graph>()),
        device_(device),
        calls_(calls) {}

  Converted run() {
    Value* self = graph_->addInput("self");
    self->setType(module_._ivalue()->type());
    auto* forward = module_._ivalue()->compilation_unit()->create_function(
        c10::QualifiedName(*module_.type()->name(), "forward"), graph_);
    Builder builder(*graph_, forward, device_);
    require_separate_buffers();
    const Values inputs = add_inputs(builder, self);
    require_known_guards(guards_, user_inputs_);
    add_shape_checks(*graph_, user_values_, user_inputs_);
    const Values outputs = add_graph(builder, whole().at("graph"), inputs);
    graph_->registerOutput(nested_output(*graph_, output_structure(), user_outputs(outputs)));
    if (calls_ == Calls::kBlocks)
      write_buffers(self, outputs);
    else
      copy_written_attributes(*graph_);
    relax_views(graph_);
    torch::jit::EliminateDeadCode(graph_);
    module_.type()->addMethod(forward);
    return {module_, user_inputs_};
  }

 private:
  const Json& whole() const { return program_.description->at("graph_module"); }

  // The values of the graph's inputs, in the order of the signature.
  Values add_inputs(Builder& builder, Value* self) {
    Values inputs;
    const Json& specs = whole().at("signature").at("input_specs");
    is_only_input_ = std::count_if(specs.begin(), specs.end(), [](const Json& spec) {
                       return spec.contains("user_input") &&
                              spec.at("user_input").at("arg").contains("as_tensor");
                     }) == 1;
    for (const Json& spec : specs) inputs.push_back(input(builder, self, spec));
    return inputs;
  }

  Value* input(Builder& builder, Value* self, const Json& spec) {
    constexpr const char* kTensors[][2] = {{"parameter", "parameter_name"},
                                           {"buffer", "buffer_name"},
                                           {"tensor_constant", "tensor_constant_name"}};
    for (const auto& [kind, name] : kTensors)
      if (spec.contains(kind))
        return attribute(self, spec.at(kind).at(name).get<std::string>(), kind == kTensors[0][0]);
    if (spec.contains("user_input")) return user_input(spec.at("user_input").at("arg"), builder);
    if (spec.contains("constant_input"))
      return constant(builder, spec.at("constant_input").at("value"));
    if (spec.contains("custom_obj"))
      throw Error("it uses a custom object of the class " +
                  spec.at("custom_obj").at("arg").value("class_fqn", "?").substr(0, 200) +
                  ", whose code is not in the file; export the model without it");
    throw Error("it has an input of an unknown kind; export it without ordered effects");
  }

  Value* constant(Builder& builder, const Json& arg) {
    for (const c10::TypePtr& type :
         {c10::TypePtr(c10::IntType::get()), c10::TypePtr(c10::FloatType::get()),
          c10::TypePtr(c10::BoolType::get()), c10::TypePtr(c10::StringType::get()),
          c10::TypePtr(c10::NoneType::get())})
      if (Value* value = builder.argument(arg, type)) return value;
    throw Error("an argument of forward() has an unexpected type");
  }

  Value* user_input(const Json& arg, Builder& builder) {
    if (!arg.contains("as_tensor")) return constant(builder, arg);
    if (user_inputs_.size() == kMostInputs)
      throw Error("its forward() takes more than " + std::to_string(kMostInputs) + " tensors");
    const auto name = arg.at("as_tensor").at("name").get<std::string>();
    Value* value = graph_->addInput(name);
    value->setType(c10::TensorType::get());
    user_inputs_.push_back(input_of(*program_.description, guards_, name, is_only_input_, device_));
    user_values_.push_back(value);
    return value;
  }

  // Registers the tensor under its path, "encoder.0.weight", and adds the nodes that get it.
  Value* attribute(Value* self, const std::string& path, bool is_parameter) {
    const auto tensor = program_.tensors.find(path);
    if (tensor == program_.tensors.end())
      throw Error("it has no tensor '" + path.substr(0, 200) + "', which its program uses");
    if (std::count(path.begin(), path.end(), '.') > kMostDepth)
      throw Error("the path '" + path.substr(0, 200) + "...' of a tensor has too many modules");
    auto [module, object, name] = owner_of(self, path);
    if (module.hasattr(name) && !module.attr(name).isTensor())
      throw Error("the name '" + path.substr(0, 200) + "' is used twice");
    if (is_parameter)
      module.register_parameter(name, tensor->second, false);
    else
      module.register_buffer(name, tensor->second);
    return got(object, name, c10::TensorType::get());
  }

  // Refuses a buffer that the program writes to and that is a view of a storage with views of
  // different types: copies of such tensors no longer share their memory.
  void require_separate_buffers() const {
    std::map<const void*, at::ScalarType> types;
    std::set<const void*> mixed;
    for (const auto& [name, tensor] : program_.tensors) {
      const auto [known, is_first] = types.emplace(storage_of(tensor), tensor.scalar_type());
      if (known->second != tensor.scalar_type()) mixed.insert(storage_of(tensor));
    }
    for (const Json& spec : whole().at("signature").at("output_specs")) {
      if (!spec.contains("buffer_mutation")) continue;
      const auto path = spec.at("buffer_mutation").at("buffer_name").get<std::string>();
      const auto tensor = program_.tensors.find(path);
      if (tensor != program_.tensors.end() && mixed.count(storage_of(tensor->second)) > 0)
        throw Error("it writes to '" + path.substr(0, 200) +
                    "', whose memory another tensor of a different type shares; export it with a "
                    "buffer that is a clone()");
    }
  }

  struct Owner {
    Module module;
    Value* object;
    std::string name;  // of the tensor in the module
  };

  // Makes the modules on the path, and the nodes that get them.
  Owner owner_of(Value* self, const std::string& path) {
    Owner owner{module_, self, path};
    for (size_t dot = path.find('.'); dot != path.npos; dot = owner.name.find('.')) {
      const std::string name = owner.name.substr(0, dot);
      owner.module = child(owner.module, name);
      owner.object = got(owner.object, name, owner.module._ivalue()->type());
      owner.name = owner.name.substr(dot + 1);
    }
    return owner;
  }

  // Adds the nodes that write the new values of buffers. Operators in place have written to them.
  void write_buffers(Value* self, const Values& all) {
    const Json& specs = whole().at("signature").at("output_specs");
    for (size_t i = 0; i < all.size(); ++i) {
      if (!specs.at(i).contains("buffer_mutation")) continue;
      const auto path = specs.at(i).at("buffer_mutation").at("buffer_name").get<std::string>();
      const Owner owner = owner_of(self, path);
      if (!owner.module.hasattr(owner.name) || !owner.module.attr(owner.name).isTensor())
        throw Error("it writes to '" + path.substr(0, 200) + "', which it does not have");
      graph_->insertNode(graph_->createSetAttr(owner.object, owner.name, all[i]));
    }
  }

  Module child(Module& parent, const std::string& name) {
    if (parent.hasattr(name)) {
      if (!parent.attr(name).isModule()) throw Error("the name '" + name + "' is used twice");
      return parent.attr(name).toModule();
    }
    if (++modules_ > kMostModules) throw Error("the paths of its tensors name too many modules");
    Module made(c10::QualifiedName("__torch__.ExportedModule"),
                module_._ivalue()->compilation_unit(), /*shouldMangle=*/true);
    parent.register_module(name, made);
    return made;
  }

  Value* got(Value* object, const std::string& name, const c10::TypePtr& type) {
    Value* value = graph_->insertNode(graph_->createGetAttr(object, name))->output();
    value->setType(type);
    return value;
  }

  // Returns the outputs that Python returned, without the new values of buffers.
  Values user_outputs(const Values& all) const {
    Values own;
    const Json& specs = whole().at("signature").at("output_specs");
    if (specs.size() != all.size()) throw Error("its signature does not fit its outputs");
    for (size_t i = 0; i < all.size(); ++i)
      if (specs.at(i).contains("user_output")) own.push_back(all[i]);
    return own;
  }

  // Returns the structure of the output; empty if the file does not contain it.
  std::string output_structure() const {
    for (const Json& entry : whole().at("module_call_graph"))
      if (entry.at("fqn").get_ref<const std::string&>().empty() && entry.contains("signature") &&
          !entry.at("signature").is_null())
        return entry.at("signature").at("out_spec").get<std::string>();
    return "";
  }

  const Program& program_;
  std::vector<Guard> guards_;
  Module module_;
  std::shared_ptr<Graph> graph_;
  std::vector<Input> user_inputs_;
  Values user_values_;  // of user_inputs_
  bool is_only_input_ = false;
  at::Device device_;
  Calls calls_;
  int64_t modules_ = 0;
};

}  // namespace

Converted convert_program(const std::string& path, c10::Device device, Calls calls) {
  const FileKind kind = file_kind(path);
  if (kind.program != ProgramFormat::kExported)
    throw Error(
        "'" + path + "' " +
        (kind.fault.empty() ? "is a TorchScript file, not an exported program" : kind.fault));
  check_operators();
  try {
    return Conversion(read_program(path, device), device, calls).run();
  } catch (const Refusal&) {
    throw;
  } catch (const Error& e) {
    throw Error("'" + path + "' cannot be read as an exported program: " + e.what());
  } catch (const nlohmann::json::exception& e) {
    throw Error("'" + path + "' cannot be read as an exported program: it is damaged: " + e.what());
  } catch (...) {
    rethrow_as_error("'" + path + "' cannot be read as an exported program");
  }
}

}  // namespace exported

torch::jit::Module load_exported_program(const std::string& path, c10::Device device) {
  return exported::convert_program(path, device, exported::Calls::kWholeSignal).module;
}

}  // namespace torchstreamer
