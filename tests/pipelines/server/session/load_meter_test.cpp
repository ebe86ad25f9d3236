#include "server/session/load_meter.h"

#include <gtest/gtest.h>

namespace torchstreamer::server {
namespace {

constexpr double kWall_s = 0.5;

/// A meter whose samples are sums of what each interval adds.
class Load {
 public:
  explicit Load(double limit) : meter(limit) {}

  /// `cpus`, `file_cpus`: processors in use; `file_speed`: seconds of audio in a second.
  void run(double cpus, double file_cpus = 0, double file_speed = 0) {
    sample.cpu_s += cpus * kWall_s;
    sample.file_cpu_s += file_cpus * kWall_s;
    sample.file_output_s += file_speed * kWall_s;
    meter.add(sample, kWall_s);
  }

  LoadMeter meter;
  LoadSample sample;
};

TEST(LoadMeter, FirstSessionsStart) {
  const LoadMeter meter(1);
  EXPECT_EQ(meter.refuse_live(0), "");
  EXPECT_EQ(meter.refuse_live(7), "");
  EXPECT_EQ(meter.refuse_live(8), "too many sessions start at the same time");
  EXPECT_EQ(meter.refuse_file(0), "");
}

TEST(LoadMeter, LiveSessionsShareTheLimit) {
  Load load(1.6);
  load.sample.live = 10;
  load.run(1.0);
  EXPECT_DOUBLE_EQ(load.meter.load(), 1.0);
  EXPECT_DOUBLE_EQ(load.meter.live_load(), 1.0);
  EXPECT_EQ(load.meter.refuse_live(10), "");
  EXPECT_EQ(load.meter.refuse_live(15), "");  // the last one makes 1.6
  EXPECT_EQ(load.meter.refuse_live(16), "the processors are busy");
  EXPECT_EQ(load.meter.refuse_live(20), "too many sessions start at the same time");
  load.run(0.1);  // the sessions have become idle
  EXPECT_EQ(load.meter.refuse_live(16), "");
}

TEST(LoadMeter, FilesYieldToLiveSessions) {
  Load load(1.6);
  load.sample.live = 1;
  load.sample.files = 2;
  load.run(2.0, 1.9, 50);
  EXPECT_NEAR(load.meter.live_load(), 0.1, 1e-9);
  EXPECT_EQ(load.meter.refuse_live(1), "");
  EXPECT_EQ(load.meter.refuse_file(2), "");  // files run faster than real time
}

TEST(LoadMeter, FilesNeedRealTime) {
  Load load(1.6);
  load.sample.files = 2;
  load.run(2.0, 2.0, 2.5);
  EXPECT_EQ(load.meter.refuse_file(2), "the processors are busy");
  EXPECT_EQ(load.meter.refuse_file(1), "");
  EXPECT_EQ(load.meter.refuse_file(0), "");
  load.run(1.0, 1.0, 1.0);  // clients send slowly: the processors have room
  EXPECT_EQ(load.meter.refuse_file(2), "");
}

TEST(LoadMeter, LateOutputRefusesBothAndRecovers) {
  Load load(1.6);
  load.sample.live = 1;
  load.sample.live_outputs = 2000;
  load.sample.late_outputs = 2;
  load.run(0.1);
  EXPECT_EQ(load.meter.refuse_live(1), "");
  load.sample.live_outputs += 2000;
  load.sample.late_outputs += 3;
  load.run(0.1);
  EXPECT_EQ(load.meter.refuse_live(1), "the output of live sessions is late");
  EXPECT_EQ(load.meter.refuse_file(0), "the output of live sessions is late");
  load.sample.live_outputs += 2000;
  load.run(0.1);
  EXPECT_EQ(load.meter.refuse_live(1), "");
  EXPECT_EQ(load.meter.refuse_file(0), "");
}

TEST(LoadMeter, SmallerValuesAreNoChange) {
  Load load(1.6);
  load.sample.live = 2;
  load.run(1.0, 0.5, 3);
  load.run(-1.0, -0.5, -3);
  EXPECT_DOUBLE_EQ(load.meter.load(), 0);
  EXPECT_DOUBLE_EQ(load.meter.live_load(), 0);
  EXPECT_EQ(load.meter.refuse_live(2), "");
}

}  // namespace
}  // namespace torchstreamer::server
