#include "exported/graph/outputs.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "exported/file/json.h"
#include "torchstreamer/error.h"

namespace torchstreamer::exported {
namespace {

bool are_of_one_type(const std::vector<Value*>& values) {
  return std::all_of(values.begin(), values.end(),
                     [&](const Value* v) { return *v->type() == *values[0]->type(); });
}

Value* tuple(Graph& graph, const std::vector<Value*>& values) {
  return graph.insertNode(graph.createTuple(values))->output();
}

// `context`: the keys, as JSON.
Value* dictionary(Graph& graph, const Json& context, const std::vector<Value*>& values) {
  const Json keys = parsed_json(context.get<std::string>());
  const bool has_names =
      std::all_of(keys.begin(), keys.end(), [](const Json& key) { return key.is_string(); });
  if (values.empty() || keys.size() != values.size() || !has_names || !are_of_one_type(values))
    return tuple(graph, values);
  std::vector<Value*> names;
  for (const Json& key : keys) names.push_back(graph.insertConstant(key.get<std::string>()));
  return graph
      .insertNode(graph.createDict(c10::StringType::get(), values[0]->type(), names, values))
      ->output();
}

class Nesting {
 public:
  Nesting(Graph& graph, const std::vector<Value*>& leaves) : graph_(graph), leaves_(leaves) {}

  Value* whole(const Json& spec) {
    Value* value = of(spec);
    if (next_ != leaves_.size()) fail();
    return value;
  }

 private:
  [[noreturn]] static void fail() {
    throw Error("its outputs do not fit the structure that it returns");
  }

  Value* of(const Json& spec) {
    if (spec.at("type").is_null()) {
      if (next_ == leaves_.size()) fail();
      return leaves_[next_++];
    }
    std::vector<Value*> values;
    for (const Json& child : spec.at("children_spec")) values.push_back(of(child));
    const auto& type = spec.at("type").get_ref<const std::string&>();
    if (type == "builtins.dict" || type == "collections.OrderedDict")
      return dictionary(graph_, spec.at("context"), values);
    if (type == "builtins.list" && !values.empty() && are_of_one_type(values))
      return graph_.insertNode(graph_.createList(values[0]->type(), values))->output();
    return tuple(graph_, values);
  }

  Graph& graph_;
  const std::vector<Value*>& leaves_;
  size_t next_ = 0;
};

}  // namespace

Value* nested_output(Graph& graph, const std::string& spec, const std::vector<Value*>& leaves) {
  if (!spec.empty()) return Nesting(graph, leaves).whole(parsed_json(spec).at(1));
  return leaves.size() == 1 ? leaves[0] : tuple(graph, leaves);
}

}  // namespace torchstreamer::exported
