// States in arguments: their next values are parts of the returned value.
#include <torch/csrc/jit/frontend/resolver.h>
#include <torch/csrc/jit/frontend/sugared_value.h>

#include "lib/blocks/block_rig.h"
#include "lib/support/script_model.h"

namespace torchstreamer::testing {
namespace {

using torch::jit::Module;

// Calls forward(x, state...), and replaces the state. Returns the output.
using Step = std::function<IValue(Module& module, const Tensor& x, std::vector<IValue>& state)>;

struct StateCase {
  const char* name;
  const char* source;
  std::vector<IValue> first;  // state of the first call
  Step step;
};

void PrintTo(const StateCase& c, std::ostream* out) { *out << c.source; }

IValue element(const IValue& tuple, size_t i) { return tuple.toTupleRef().elements().at(i); }

// Returns (output, state).
IValue one_state(Module& module, const Tensor& x, std::vector<IValue>& state) {
  const IValue y = module({x, state[0]});
  state = {element(y, 1)};
  return element(y, 0);
}

// Tuples that come back in a different nesting.
std::vector<StateCase> tuple_cases() {
  return {
      {"a_tuple_comes_back_flat",
       "def forward(self, x, state: Optional[Tuple[Tensor, Tensor]] = None):\n"
       "  h, c = (x.sum(2), x.amax(2)) if state is None else state\n"
       "  y = x + h.unsqueeze(2) * 0.5 - c.unsqueeze(2)\n"
       "  return y, h * 0.9 + x.sum(2), torch.maximum(c, x.amax(2))",
       {IValue()},
       [](Module& m, const Tensor& x, std::vector<IValue>& s) {
         const IValue y = m({x, s[0]});
         s[0] = c10::ivalue::Tuple::create(element(y, 1), element(y, 2));
         return element(y, 0);
       }},
      {"tensors_come_back_as_a_tuple",
       "def forward(self, x, h: Optional[Tensor] = None, c: Optional[Tensor] = None):\n"
       "  h1 = x.sum(2) if h is None else h * 0.9\n"
       "  c1 = x.amax(2) if c is None else c * 0.5\n"
       "  return x * h1.unsqueeze(2) + c1.unsqueeze(2), (h1 + x.mean(2), c1)",
       {IValue(), IValue()},
       [](Module& m, const Tensor& x, std::vector<IValue>& s) {
         const IValue y = m({x, s[0], s[1]});
         s = {element(element(y, 1), 0), element(element(y, 1), 1)};
         return element(y, 0);
       }},
      {"deeper_tuples",
       "def forward(self, x, state: Optional[Tuple[Tensor, Tuple[Tensor, Tensor]]] = None):\n"
       "  a = x.sum(2)\n"
       "  b, c = a * 2.0, a * 3.0\n"
       "  if state is not None:\n"
       "    a, (b, c) = state\n"
       "  return (x + a.unsqueeze(2) - b.unsqueeze(2), a + 1.0), b * 0.5 + c, c + 2.0",
       {IValue()},
       [](Module& m, const Tensor& x, std::vector<IValue>& s) {
         const IValue y = m({x, s[0]});
         s[0] = c10::ivalue::Tuple::create(
             element(element(y, 0), 1), c10::ivalue::Tuple::create(element(y, 1), element(y, 2)));
         return element(element(y, 0), 0);
       }},
  };
}

// Dictionaries, as the returned value or as the state.
std::vector<StateCase> dictionary_cases() {
  return {
      {"a_dictionary",
       "def forward(self, x, h: Optional[Tensor] = None, c: Optional[Tensor] = None):\n"
       "  h1 = x.sum(2) if h is None else h * 0.9\n"
       "  c1 = x.amax(2) if c is None else c * 0.5\n"
       "  r = {'audio': x * h1.unsqueeze(2) + c1.unsqueeze(2), 'c': c1 + h1}\n"
       "  r['h'] = h1 + x.mean(2)\n"
       "  return r",
       {IValue(), IValue()},
       [](Module& m, const Tensor& x, std::vector<IValue>& s) {
         const auto y = m({x, s[0], s[1]}).toGenericDict();
         s = {y.at("h"), y.at("c")};
         return y.at("audio");
       }},
      {"an_optional_dictionary",
       "def forward(self, x, state: Optional[Dict[str, Tensor]] = None) -> "
       "Tuple[Tensor, Optional[Dict[str, Tensor]]]:\n"
       "  h = x.sum(2) if state is None else state['h']\n"
       "  return x + h.unsqueeze(2), {'h': h * 0.5 + x.sum(2)}",
       {IValue()},
       one_state},
  };
}

// Counters, phases and numbers in tuples.
std::vector<StateCase> number_cases() {
  return {
      {"a_counter",
       "def forward(self, x, n: int = 0, h: Optional[Tensor] = None):\n"
       "  h1 = x.sum(2) if h is None else h + x.sum(2)\n"
       "  y = x * float(n) + h1.unsqueeze(2)\n"
       "  n = n + 1 if n < 5 else 1\n"
       "  return y, n, h1",
       {IValue(int64_t{0}), IValue()},
       [](Module& m, const Tensor& x, std::vector<IValue>& s) {
         const IValue y = m({x, s[0], s[1]});
         s = {element(y, 1), element(y, 2)};
         return element(y, 0);
       }},
      {"a_phase",
       "def forward(self, x, phase: float = 0.25):\n"
       "  return x * phase, (phase + 0.125 * float(x.size(2))) % 1.0",
       {IValue(0.25)},
       one_state},
      {"a_counter_on_the_right",
       "def forward(self, x, n: int = 0):\n  return x * float(n), min(6, 2 + n)",
       {IValue(int64_t{0})},
       one_state},
      {"a_tuple_with_a_number",
       "def forward(self, x, state: Optional[Tuple[Tensor, int]] = None):\n"
       "  h, n = (x.sum(2), 0) if state is None else state\n"
       "  return x * float(n) + h.unsqueeze(2), (h + x.sum(2), 2 * n + 1)",
       {IValue()},
       one_state},
  };
}

std::vector<StateCase> state_cases() {
  std::vector<StateCase> cases;
  for (const auto& some : {tuple_cases(), dictionary_cases(), number_cases()})
    cases.insert(cases.end(), some.begin(), some.end());
  return cases;
}

class ReturnedStates : public ::testing::TestWithParam<StateCase> {};

TEST_P(ReturnedStates, AreThoseOfTheLoop) {
  constexpr int64_t kWindowFrames = 4, kWindows = 9;
  const Module module = scripted(GetParam().source);
  const auto model = block_model(module, options_of(calls_of(kWindowFrames)));
  EXPECT_TRUE(model->warnings().empty()) << model->warnings().front();
  EXPECT_TRUE(model->first_plan().method()->keeps_state());
  Random random(base_seed());
  EngineRun run(*model, 1, 0);
  for (int signal = 0; signal < 2; ++signal) {
    const Tensor x = torch::randn({1, kWindows * kWindowFrames});
    Module own = module.deepcopy();
    std::vector<IValue> state = GetParam().first;
    const Tensor expected = UserLoop{kWindowFrames, kWindowFrames}(x, [&](const Tensor& window) {
      return GetParam().step(own, window.unsqueeze(0), state).toTensor()[0].t().contiguous();
    });
    expect_same(run(x, random_chunks(random, x.size(1))), expected);
  }
}

INSTANTIATE_TEST_SUITE_P(Forms, ReturnedStates, ::testing::ValuesIn(state_cases()),
                         [](const auto& info) { return info.param.name; });

// Knows the named tuple Result.
class ResultResolver : public torch::jit::Resolver {
 public:
  explicit ResultResolver(c10::TupleTypePtr type) : type_(std::move(type)) {}

  std::shared_ptr<torch::jit::SugaredValue> resolveValue(const std::string& name,
                                                         torch::jit::GraphFunction&,
                                                         const torch::jit::SourceRange&) override {
    if (name != "Result") return nullptr;
    return std::make_shared<torch::jit::NamedTupleConstructor>(type_);
  }
  c10::TypePtr resolveType(const std::string& name, const torch::jit::SourceRange&) override {
    return name == "Result" ? type_ : nullptr;
  }

 private:
  c10::TupleTypePtr type_;
};

// Returns a module whose methods may construct the named tuple Result.
Module with_result(const std::vector<std::string>& fields, const std::vector<c10::TypePtr>& types,
                   const std::string& source) {
  const auto type =
      c10::TupleType::createNamed(c10::QualifiedName("__torch__.Result"), fields, types);
  Module module("m");
  module.register_buffer("weight", torch::zeros({1}));
  module.define(source, std::make_shared<ResultResolver>(type));
  return module;
}

// The fields have a different order from the arguments.
TEST(ReturnedStates, AreFoundByTheirFields) {
  const c10::TypePtr tensor = c10::TensorType::get();
  const Module module =
      with_result({"audio", "c", "level", "h"}, {tensor, tensor, c10::FloatType::get(), tensor}, R"(
def forward(self, x, h: Optional[Tensor] = None, c: Optional[Tensor] = None, level: float = 0.5):
  h1 = x.sum(2) if h is None else h
  c1 = x.sum(2) * 100.0 if c is None else c
  return Result(x * level + h1.unsqueeze(2), c1 + 1.0, level * 0.5 + float(x.max()), h1 - 1.0)
)");
  const auto model = block_model(module, options_of(calls_of(4)));
  EXPECT_TRUE(model->warnings().empty());
  const Tensor x = torch::randn({1, 40});
  Module own = module.deepcopy();
  std::vector<IValue> state = {IValue(), IValue(), 0.5};
  const Tensor expected = UserLoop{4, 4}(x, [&](const Tensor& window) {
    const IValue y = own({window.unsqueeze(0), state[0], state[1], state[2]});
    state = {element(y, 3), element(y, 1), element(y, 2)};
    return element(y, 0).toTensor()[0].t().contiguous();
  });
  expect_same(EngineRun(*model, 1, 0)(x, {13, 27}), expected);
}

// The type of the field is optional, and its value is a dictionary.
TEST(ReturnedStates, AreFoundInAnOptionalDictionary) {
  const c10::TypePtr tensor = c10::TensorType::get();
  const auto dict = c10::DictType::create(c10::StringType::get(), tensor);
  const Module module =
      with_result({"audio", "states"}, {tensor, c10::OptionalType::create(dict)}, R"(
def forward(self, x, h: Optional[Tensor] = None):
  h1 = x.sum(2) if h is None else h
  return Result(x + h1.unsqueeze(2), {"h": h1 + 1.0})
)");
  const auto model = block_model(module, options_of(calls_of(4)));
  EXPECT_TRUE(model->warnings().empty());
  const Tensor x = torch::zeros({1, 12});
  const Tensor expected = torch::arange(3.).repeat_interleave(4).unsqueeze(1);
  expect_same(EngineRun(*model, 1, 0)(x, {5, 7}), expected);
}

}  // namespace
}  // namespace torchstreamer::testing
