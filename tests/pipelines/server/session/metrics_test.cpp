#include "server/session/metrics.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <random>
#include <regex>
#include <sstream>

#include "expect_says.h"
#include "server/session/sessions.h"

namespace torchstreamer::server {
namespace {

const double kStep = std::exp2(1.0 / 16) * (1 + 1e-12);

TEST(Delays, QuantilesAreRoundedUpByASixteenthOctave) {
  std::mt19937 random(1);
  std::lognormal_distribution<double> seconds(std::log(0.01), 1.5);
  Delays delays;
  std::vector<double> sorted;
  double sum_s = 0;
  for (int i = 0; i < 5000; ++i) {
    sorted.push_back(std::max(1e-6, seconds(random)));
    delays.add(sorted.back());
    sum_s += sorted.back();
  }
  std::sort(sorted.begin(), sorted.end());
  for (const double q : {0.001, 0.25, 0.5, 0.9, 0.99, 0.999, 1.0}) {
    const double exact = sorted[static_cast<size_t>(std::ceil(q * 5000)) - 1];
    EXPECT_GE(delays.quantile(q) * (1 + 1e-12), exact) << q;
    EXPECT_LE(delays.quantile(q), exact * kStep) << q;
  }
  EXPECT_EQ(delays.count(), 5000u);
  EXPECT_NEAR(delays.sum_s(), sum_s, 1e-9 * sum_s);
}

TEST(Delays, ExtremesAreCounted) {
  Delays delays;
  EXPECT_EQ(delays.quantile(0.5), 0);
  delays.add(0);
  EXPECT_LE(delays.quantile(0.5), 1e-6 * kStep);
  EXPECT_GT(delays.quantile(0), 0);
  for (int i = 0; i < 3; ++i) delays.add(1e9);
  EXPECT_GT(delays.quantile(1), 500);
  EXPECT_EQ(delays.count(), 4u);
}

/// Metrics of a server with one model, whose name needs escapes.
class MetricsText : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { gst_init(nullptr, nullptr); }

  static Settings settings() {
    Settings settings;
    settings.model_sections["a\"b\\c d"] = {
        {"location", std::string(std::getenv("TORCHSTREAMER_MODELS")) + "/known_ahead.script.pt"}};
    return settings;
  }

  std::string text() { return print_metrics(metrics_, sessions_); }

  const Settings settings_ = settings();
  Models models_{settings_};
  Metrics metrics_;
  Log log_{false};
  Sessions sessions_{settings_, &models_, &metrics_, &log_};
};

TEST_F(MetricsText, LinesMatchTheGrammar) {
  metrics_.sessions = {{"live", 3}, {"file", 1234567}};
  metrics_.refusals["load"] = 2;
  metrics_.failures["408"] = 1;
  metrics_.bytes_in = 123456789012345;
  metrics_.audio_s = 0.1;
  metrics_.delays.add(0.02);
  const std::string name = "[a-zA-Z_:][a-zA-Z0-9_:]*";
  const std::string label = "[a-zA-Z_][a-zA-Z0-9_]*=\"([^\"\\\\\n]|\\\\[\"\\\\n])*\"";
  const std::regex help("# HELP (" + name + ") .+");
  const std::regex type("# TYPE (" + name + ") (counter|gauge|summary)");
  const std::regex sample("(" + name + ")(\\{" + label + "(," + label +
                          ")*\\})? [0-9]+(\\.[0-9]+)?(e[+-]?[0-9]+)?");
  std::istringstream lines(text());
  std::string family;
  std::smatch match;
  for (std::string line; std::getline(lines, line);) {
    if (std::regex_match(line, match, help)) {
      EXPECT_NE(match[1], family) << "a family stands twice";
      family = match[1];
    } else if (std::regex_match(line, match, type)) {
      EXPECT_EQ(match[1], family);
    } else {
      ASSERT_TRUE(std::regex_match(line, match, sample)) << line;
      EXPECT_EQ(match[1].str().rfind(family, 0), 0u) << line;
    }
  }
  EXPECT_EQ(text().back(), '\n');
}

TEST_F(MetricsText, ValuesAreExact) {
  metrics_.bytes_in = 123456789012345;
  metrics_.sessions["live"] = 7;
  metrics_.refusals["load"] = 2;
  EXPECT_SAYS("torchstreamer_received_bytes_total 123456789012345\n", text());
  EXPECT_SAYS("torchstreamer_sessions_total{kind=\"live\"} 7\n", text());
  EXPECT_SAYS("torchstreamer_refusals_total{reason=\"load\"} 2\n", text());
  EXPECT_SAYS("torchstreamer_sessions{kind=\"file\"} 0\n", text());
  EXPECT_SAYS("torchstreamer_delay_seconds_count 0\n", text());
  metrics_.live_outputs = 7;
  metrics_.late_outputs = 3;
  EXPECT_SAYS("torchstreamer_live_outputs_total 7\n", text());
  EXPECT_SAYS("torchstreamer_late_outputs_total 3\n", text());
}

TEST_F(MetricsText, LabelsAreEscaped) {
  EXPECT_SAYS("torchstreamer_model_sessions{model=\"a\\\"b\\\\c d\"} 0\n", text());
}

}  // namespace
}  // namespace torchstreamer::server
