// Random nets of operators that must stream: each stream equals its offline module, including both
// ends of the signal.
//
// A failure prints seed, source and plan of the net, reduced to the fewest productions that fail.
// TORCHSTREAMER_SEED=<seed> TORCHSTREAMER_NETS=1 repeats it;
// TORCHSTREAMER_PRODUCTION=<name> uses one production of the table in every other step.
#include <c10/util/StringUtil.h>
#include <gtest/gtest-spi.h>

#include <chrono>
#include <iomanip>
#include <map>
#include <regex>

#include "lib/graph/random/random_check.h"

namespace torchstreamer::testing {
namespace {

// Result of the checks of a net; good if both texts are empty.
struct Verdict {
  std::string refusal, failures;
  bool is_bad() const { return !refusal.empty() || !failures.empty(); }
};

// Plans and checks a net.
Verdict checked(const RandomGraph& net, unsigned seed, Tally& tally) {
  ::testing::TestPartResultArray found;
  Verdict verdict;
  std::string plan;
  {
    const ::testing::ScopedFakeTestPartResultReporter reporter(
        ::testing::ScopedFakeTestPartResultReporter::INTERCEPT_ONLY_CURRENT_THREAD, &found);
    try {
      const graph::ScriptModel model(net.module, at::kCPU);
      const auto stream = planned(model, net, Execution::kNative);
      plan = stream->describe();
      // For every other net only: planning takes most of the time.
      std::shared_ptr<LayerStream> reference;
      if (seed % 2) reference = planned(model, net, Execution::kReference);
      check_stream(net, *stream, reference.get(), seed, tally);
    } catch (const Error& e) {
      verdict.refusal = e.what();
    } catch (const std::exception& e) {
      ADD_FAILURE() << "no Error: " << e.what();
    }
  }
  for (int i = 0; i < found.size(); ++i)
    verdict.failures += std::string(found.GetTestPartResult(i).message()) + "\n";
  if (found.size() > 0) verdict.failures += plan + "\n";
  return verdict;
}

// A bad net, reduced to the fewest productions that are bad.
struct Reduced {
  RandomGraph net;
  Verdict verdict;

  Reduced(unsigned seed, const std::string& always, Verdict whole)
      : net(random_graph(seed, 0, always)), verdict(std::move(whole)) {
    Tally nothing;
    for (int64_t steps = 1; steps < kMostSteps; ++steps) {
      const RandomGraph part = random_graph(seed, steps, always);
      const Verdict found = checked(part, seed, nothing);
      if (!found.is_bad()) continue;
      net = part;
      verdict = found;
      return;
    }
  }

  std::string text() const {
    return c10::str(verdict.failures, verdict.refusal, "\n", net.source, "# ", net.dtype, ": ",
                    c10::Join(", ", net.productions));
  }
};

// First line of a refusal without numbers, to group equal reasons of different nets.
std::string without_numbers(const std::string& refusal) {
  return std::regex_replace(refusal.substr(0, refusal.find('\n')), std::regex("[0-9]+"), "N");
}

void print(const Tally& tally, double seconds) {
  std::cout << tally.nets << " nets, " << tally.refused << " refused; " << tally.signals
            << " signals, " << tally.compared << " compared, " << tally.compared_with_reference
            << " with the reference execution, " << tally.ended_with_error
            << " ended with an error, " << tally.ill_conditioned
            << " ill-conditioned; causality of " << tally.causal << ", memory of " << tally.memory
            << "; worst error " << tally.worst << " of the allowed error; " << seconds << " s\n";
  for (const auto& [reason, examples] : tally.refusals)
    std::cout << std::setw(6) << examples.size() << "  " << reason << "\n" << examples[0] << "\n";
}

TEST(RandomGraphs, StreamsEqualTheModel) {
  const std::string given = environment("TORCHSTREAMER_NETS");
  const std::string always = environment("TORCHSTREAMER_PRODUCTION");
  const int nets = given.empty() ? 2000 : std::stoi(given);
  constexpr int kReported = 5;
  const auto start = std::chrono::steady_clock::now();
  Tally tally;
  int failed = 0;
  for (int i = 0; i < nets && failed < kReported; ++i) {
    const unsigned seed = base_seed() + i;
    const RandomGraph net = random_graph(seed, 0, always);
    ++tally.nets;
    for (const auto& name : net.productions) ++tally.made[name];
    const Verdict verdict = checked(net, seed, tally);
    if (!verdict.is_bad()) continue;
    const Reduced bad(seed, always, verdict);
    const std::string text =
        c10::str("TORCHSTREAMER_SEED=", seed, " TORCHSTREAMER_NETS=1\n", bad.text());
    if (verdict.failures.empty()) {
      ++tally.refused;
      tally.refusals[bad.net.productions.back() + ": " + without_numbers(bad.verdict.refusal)]
          .push_back(text);
    } else {
      ++failed;
      ADD_FAILURE() << text;
    }
  }
  print(tally, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  EXPECT_LE(tally.refused, nets / 50);
  EXPECT_GE(tally.compared, tally.signals / 2);
  EXPECT_LE(tally.ended_with_error, tally.signals / 100);
  EXPECT_LE(tally.ill_conditioned, tally.signals / 100);
  if (!given.empty()) return;
  EXPECT_GE(tally.compared_with_reference, tally.compared / 3);
  for (const ProductionRow& row : productions())
    EXPECT_TRUE(row.weight == 0 || tally.made[row.name] > 0) << row.name;
}

}  // namespace
}  // namespace torchstreamer::testing
