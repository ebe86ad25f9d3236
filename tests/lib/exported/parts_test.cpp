// The parts of the reader of exported programs: expressions, sizes, JSON and pickles.
#include <cmath>
#include <nlohmann/json.hpp>

#include "expect_says.h"
#include "exported/expression.h"
#include "exported/file/json.h"
#include "exported/file/pickle.h"
#include "exported/sizes.h"
#include "lib/support/error_of.h"
#include "lib/support/streaming.h"

namespace torchstreamer::testing {
namespace {

using exported::accepted_sizes;
using exported::Expression;
using exported::Sizes;

TEST(Expressions, HaveThePrecedenceOfPython) {
  const std::vector<std::pair<std::string, double>> rows = {
      {"1 + 2*3", 7},
      {"(1 + 2)*3", 9},
      {"-7 // 2", -4},
      {"(-7) % 3", 2},
      {"-2**2", -4},
      {"2**3**2", 512},
      {"10 - 4 - 3", 3},
      {"7 / 2", 3.5},
      {"1 < 2 and not 2 < 1", 1},
      {"1 == 2 or 3 >= 3", 1},
      {"3 != 3", 0},
      {"torch.sym_max(2, 5) - torch.sym_min(2, 5)", 3},
      {"math.ceil(7/2)", 4},
      {"math.trunc(-7/2)", -3},
      {"Mul(Integer(16), Integer(3))", 48},
      {"FloorDiv(Add(Integer(7), Integer(-1)), Integer(4))", 1},
      {"Max(Integer(1), Mod(Integer(7), Integer(4)))", 3},
  };
  for (const auto& [text, value] : rows) {
    const Expression expression(text);
    EXPECT_TRUE(expression.symbols().empty()) << text;
    EXPECT_EQ(expression.at({}), value) << text;
  }
}

TEST(Expressions, NameTheirSymbols) {
  const Expression guard("(16*(L['x'].size()[2] // 16)) == L['x'].size()[2]");
  EXPECT_EQ(guard.symbols(), std::vector<std::string>{"L['x'].size()[2]"});
  EXPECT_EQ(guard.at({48}), 1);
  EXPECT_EQ(guard.at({50}), 0);
  const Expression size("Mul(Integer(2), Symbol('s0', positive=True, integer=True))");
  EXPECT_EQ(size.symbols(), std::vector<std::string>{"s0"});
  EXPECT_EQ(size.at({21}), 42);
  EXPECT_EQ(Expression("2*s0 + s1").symbols(), (std::vector<std::string>{"s0", "s1"}));
}

TEST(Expressions, OfOtherSyntaxAreErrors) {
  for (const std::string& text :
       {std::string(""), std::string("1 +"), std::string("unknown(3)"), std::string("L['x'].dtype"),
        std::string("Symbol('s0'"), std::string("1 2"), std::string(200, '('),
        std::string(100000, '1'), std::string("a b"), std::string("2 <= n <= 9"),
        std::string("L['x'].stride()[1] == L['x'].size()[2]")})
    EXPECT_THROW(Expression expression(text), Error) << text.substr(0, 20);
}

// Constant parts become one number, also in the middle of a chain.
TEST(Expressions, ComputeConstantPartsOnce) {
  EXPECT_EQ(Expression("1 + 2*3 - (4 // 3)").terms(), 1u);
  const Expression mixed("2*3 + s0 - max(1, 2, -7) - (9 - s0 % 5)");
  EXPECT_EQ(mixed.terms(), 11u);
  for (const double s0 : {0., 3., 12.})
    EXPECT_EQ(mixed.at({s0}), 6 + s0 - 2 - (9 - std::fmod(s0, 5)));
  EXPECT_THROW(Expression("max(" + std::string(600, '(') + "1"), Error);
}

TEST(Expressions, OfTooFewArgumentsAreErrors) {
  EXPECT_THROW(Expression("FloorDiv(s0)").at({7}), Error);
  EXPECT_THROW(Expression("abs()").at({}), Error);
}

TEST(ExportedSizes, AreFoundByTheirGuards) {
  const Sizes even = accepted_sizes({2, Sizes::kAny, 1, {0}}, [](int64_t n) { return n % 2 == 0; });
  EXPECT_EQ(even.describe(), "multiples of 2, 2 or more");
  const Sizes late =
      accepted_sizes({0, Sizes::kAny, 1, {0}}, [](int64_t n) { return n > 30 || n == 7; });
  EXPECT_EQ(late.describe(), "31 or more");
  const Sizes bounded =
      accepted_sizes({2, Sizes::kAny, 1, {0}}, [](int64_t n) { return n <= 4116; });
  EXPECT_EQ(bounded.describe(), "2 to 4116");
  const Sizes far =
      accepted_sizes({0, Sizes::kAny, 1, {0}}, [](int64_t n) { return n % 3 == 0 && n < 1000000; });
  EXPECT_EQ(far.describe(), "multiples of 3, 0 to 999999");
  const Sizes odd =
      accepted_sizes({0, Sizes::kAny, 1, {0}}, [](int64_t n) { return n % 5 == 1 || n % 5 == 3; });
  EXPECT_EQ(odd.describe(), "1 or more, with the remainder 1, 3 by 5");
  EXPECT_EQ(accepted_sizes({96, 96, 1, {0}}, [](int64_t) { return true; }).describe(),
            "exactly 96");
  EXPECT_THROW(accepted_sizes({0, Sizes::kAny, 1, {0}}, [](int64_t) { return false; }), Error);
}

// Guards of a spectrum of 101 frames, whose length is beyond the sizes that are tried.
TEST(ExportedSizes, FarAwayAreFoundByTheirExample) {
  const auto accepts = [](int64_t n) { return n / 256 == 100; };
  const Sizes any{2, Sizes::kAny, 1, {0}};
  EXPECT_EQ(accepted_sizes(any, accepts, 25700).describe(), "25600 to 25855");
  EXPECT_THROW(accepted_sizes(any, accepts, 12), Error);
  const Sizes even{0, Sizes::kAny, 2, {0}};
  EXPECT_EQ(accepted_sizes(
                even, [](int64_t n) { return n > 40000 && n < 40100; }, 40010)
                .describe(),
            "multiples of 2, 40002 to 40098");
}

TEST(ExportedSizes, AreMultiplesOfTheirSymbol) {
  const Sizes range{32, 96, 16, {0}};
  EXPECT_EQ(accepted_sizes(range, [](int64_t) { return true; }).describe(),
            "multiples of 16, 32 to 96");
  EXPECT_EQ(
      accepted_sizes({3, Sizes::kAny, 16, {5}}, [](int64_t n) { return n % 3 == 0; }).describe(),
      "21 or more, with the remainder 21 by 48");
}

TEST(ExportedSizes, AcceptNoMoreThanTheirGuards) {
  for (int round = 0; round < 200; ++round) {
    Random random(base_seed() + round);
    SCOPED_TRACE(base_seed() + round);
    const int64_t period = random.between(1, 40), remainder = random.between(0, period - 1);
    const int64_t least = random.between(0, 300), most = random.between(400, 1 << 20);
    const bool is_bounded = random.flip();
    const auto accepts = [&](int64_t n) {
      return n >= least && n % period == remainder && (!is_bounded || n <= most);
    };
    const Sizes sizes = accepted_sizes({0, Sizes::kAny, 1, {0}}, accepts);
    for (int i = 0; i < 200; ++i) {
      const int64_t n = random.between(0, i < 100 ? 1000 : 1 << 21);
      EXPECT_EQ(sizes.accept(n), accepts(n)) << n << " of " << sizes.describe();
    }
  }
}

// A period that is too long to be found leaves sizes out, and accepts none that its guard refuses.
TEST(ExportedSizes, OfLongPeriodsAreLeftOut) {
  for (const int64_t period : {4096, 4097, 4410, 4800, 8000, 8192, 16000}) {
    SCOPED_TRACE(period);
    const std::function<bool(int64_t)> multiples = [&](int64_t n) { return n % period == 0; };
    const std::function<bool(int64_t)> others = [&](int64_t n) { return n % period != 0; };
    for (const auto& accepts : {multiples, others}) {
      const Sizes sizes = accepted_sizes({1, Sizes::kAny, 1, {0}}, accepts);
      for (int64_t n = 0; n < 100000; ++n)
        EXPECT_TRUE(!sizes.accept(n) || accepts(n)) << n << " of " << sizes.describe();
    }
  }
}

TEST(ProgramJson, MayHaveTheInfinitiesOfPython) {
  const auto json =
      exported::parsed_json(R"({"a": [Infinity, -Infinity, NaN], "b": "NaN \" NaN"})");
  EXPECT_EQ(json.at("a").dump(), R"(["Infinity","-Infinity","NaN"])");
  EXPECT_EQ(json.at("b"), "NaN \" NaN");
}

TEST(ProgramJson, IsNotDeep) {
  EXPECT_THROW(exported::parsed_json(std::string(1000000, '[')), Error);
  EXPECT_THROW(exported::parsed_json(R"({"a": )"), Error);
}

// The bytes that torch.save() writes for {'w': tensor of [2, 3]}.
constexpr char kSaved[] =
    "\x80\x02}q\x00X\x01\x00\x00\x00wq\x01"
    "ctorch._utils\n_rebuild_tensor_v2\nq\x02("
    "(X\x07\x00\x00\x00storageq\x03"
    "ctorch\nFloatStorage\nq\x04X\x01\x00\x00\x00"
    "0q\x05X\x03\x00\x00\x00"
    "cpuq\x06K\x06tq\x07QK\x00K\x02K\x03\x86q\x08K\x03K\x01\x86q\x09\x89"
    "ccollections\nOrderedDict\nq\x0a)Rq\x0btq\x0cRq\x0ds.";
const std::string kPickle(kSaved, sizeof kSaved - 1);

TEST(PickledTensors, AreRead) {
  const auto tensors = exported::pickled_tensors(kPickle);
  ASSERT_EQ(tensors.count("w"), 1u);
  const exported::StoredTensor& w = tensors.at("w");
  EXPECT_EQ(w.storage, "0");
  EXPECT_EQ(w.dtype, at::kFloat);
  EXPECT_EQ(w.sizes, (std::vector<int64_t>{2, 3}));
  EXPECT_EQ(w.strides, (std::vector<int64_t>{3, 1}));
}

TEST(PickledTensors, OfDamagedFilesAreErrors) {
  for (size_t end = 0; end < kPickle.size(); ++end)
    EXPECT_THROW(exported::pickled_tensors(kPickle.substr(0, end)), Error) << end;
  Random random(base_seed());
  for (int round = 0; round < 20000; ++round) {
    std::string pickle = kPickle;
    for (int64_t flips = random.between(1, 4); flips > 0; --flips)
      pickle[random.between(0, static_cast<int64_t>(pickle.size()) - 1)] =
          static_cast<char>(random.between(0, 255));
    try {
      exported::pickled_tensors(pickle);
    } catch (const Error&) {
    }
  }
  // A tuple in a tuple, and so on.
  EXPECT_THROW(exported::pickled_tensors(")" + std::string(1000000, '\x85')), Error);
}

// Small files must not become large in memory: items are copied, and each opcode makes one.
TEST(PickledTensors, OfHugeMemoryAreErrors) {
  const auto expect = [](const std::string& reason, const std::string& pickle) {
    EXPECT_SAYS(reason, error_of([&] { exported::pickled_tensors(pickle); }));
  };
  expect("it has more than 2097152 opcodes", std::string(3 << 20, 'N'));
  expect("a name is too long", std::string("X\x00\x10\x00\x00", 5) + std::string(4096, 'a'));
  expect("a name is too long", "c" + std::string(4096, 'a') + "\nname\n");
  // (storage, 0, sizes, strides, False, OrderedDict()) with 100 sizes instead of two.
  const std::string sizes = "K\x02K\x03\x86";
  std::string many = kPickle;
  many.replace(many.find(sizes), sizes.size(), "(" + std::string(100, '\x88') + "t");
  expect("a tensor has too many axes", many);
}

TEST(StoredTensors, StayInsideTheirStorage) {
  const Tensor bytes = at::zeros({96}, at::kByte);
  const auto sum = [&](int64_t offset, std::vector<int64_t> sizes, std::vector<int64_t> strides) {
    exported::tensor_over(bytes, {"0", at::kFloat, offset, sizes, strides}, "w").sum();
  };
  sum(0, {4, 6}, {6, 1});
  sum(3, {7, 3}, {3, 1});
  sum(23, {1, 1000}, {0, 0});  // expanded
  sum(0, {0, 1000}, {1, 1});
  constexpr int64_t kHuge = int64_t{1} << 62;
  EXPECT_THROW(sum(1, {4, 6}, {6, 1}), Error);
  EXPECT_THROW(sum(-1, {4}, {1}), Error);
  EXPECT_THROW(sum(0, {-4}, {1}), Error);
  EXPECT_THROW(sum(0, {4}, {-1}), Error);
  EXPECT_THROW(sum(kHuge, {4}, {1}), Error);
  EXPECT_THROW(sum(0, {kHuge}, {4}), Error);
  EXPECT_THROW(sum(0, {kHuge, 1}, {0, 1}), Error);
  EXPECT_THROW(sum(0, {4, 6}, {6}), Error);
  EXPECT_THROW(sum(0, std::vector<int64_t>(65, 1), std::vector<int64_t>(65, 1)), Error);
}

}  // namespace
}  // namespace torchstreamer::testing
