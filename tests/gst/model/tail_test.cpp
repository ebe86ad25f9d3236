// tsmodel: ends of signals whose length the model does not take. The model "multiples" takes
// multiples of 8 frames and subtracts from each frame the mean of its block of 8 frames.
#include <gtest/gtest.h>

#include "gst/model/signals.h"

namespace torchstreamer::test {
namespace {

constexpr int64_t kBlockFrames = 8;
constexpr int64_t kBufferFrames = 882;  // 20 ms, not a multiple of 8

/// Output for `x`, with zeros after it up to whole blocks. Without the frames of the zeros if
/// `is_padded`, otherwise without the incomplete block.
std::vector<float> without_means(const std::vector<float>& x, bool is_padded) {
  std::vector<float> y;
  for (size_t block = 0; block < x.size(); block += kBlockFrames) {
    const size_t end = std::min(x.size(), block + kBlockFrames);
    if (!is_padded && end - block < kBlockFrames) break;
    double sum = 0;
    for (size_t t = block; t < end; ++t) sum += x[t];
    for (size_t t = block; t < end; ++t) y.push_back(static_cast<float>(x[t] - sum / kBlockFrames));
  }
  return y;
}

struct End {
  const char* tail;
  bool is_padded;
  size_t warnings_per_signal;
};

void PrintTo(const End& end, std::ostream* out) { *out << end.tail; }

class TsModelTail : public testing::TestWithParam<End> {};

// A lost packet of a live stream. The signals are longer and shorter than those that are kept for
// an offline run, 8192 frames.
TEST_P(TsModelTail, EndsASignalWithoutEndingTheStream) {
  const End& end = GetParam();
  for (const int64_t buffers : {1, 5, 15}) {
    SCOPED_TRACE(buffers);
    const GstAudioInfo info = make_info(audio(1));
    const std::vector<float> before = noise(buffers * kBufferFrames, 1), after = noise(1000, 2);
    ElementRig rig("tsmodel", at("multiples.script.pt", {{"tail", end.tail}}));
    rig.start(audio(1));
    rig.push_all(info, bytes_of(before), kBufferFrames);
    const GstClockTime hole_end = time_of(buffers * kBufferFrames) + 100 * GST_MSECOND;
    EXPECT_EQ(rig.push_all(info, bytes_of(after), kBufferFrames, hole_end), GST_FLOW_OK);
    rig.send_eos();
    std::vector<float> expected = without_means(before, end.is_padded);
    const std::vector<float> rest = without_means(after, end.is_padded);
    expected.insert(expected.end(), rest.begin(), rest.end());
    const std::vector<Item> items = rig.take();
    ASSERT_FALSE(items.empty());
    ASSERT_NE(items.back().event, nullptr);
    EXPECT_EQ(GST_EVENT_TYPE(items.back().event.get()), GST_EVENT_EOS);
    Bytes frames;
    for (const Item& item : items) {
      if (!item.buffer) continue;
      const Bytes part = read_frames(info, item.buffer.get());
      frames.insert(frames.end(), part.begin(), part.end());
    }
    expect_close(frames, bytes_of(expected));
    EXPECT_EQ(first_text(rig.take_errors()), "");
    // 1000 frames are a multiple of 8.
    const std::vector<ErrorMessage> warnings = rig.take_errors(GST_MESSAGE_WARNING);
    EXPECT_EQ(warnings.size(), end.warnings_per_signal);
    for (const ErrorMessage& warning : warnings)
      for (const char* part : {"a signal of ", " frames would work", "tail=pad"})
        EXPECT_NE(warning.text.find(part), std::string::npos) << warning.text;
  }
}

// The frames of an incomplete block of `block-duration` have certain output, too.
TEST_P(TsModelTail, KeepsCertainOutputOfTheLastBlock) {
  const End& end = GetParam();
  const std::vector<float> x = noise(10 * kBufferFrames, 3);
  ElementRig rig("tsmodel",
                 at("multiples.script.pt", {{"tail", end.tail}, {"block-duration", "100000000"}}));
  rig.start(audio(1));
  rig.push_all(make_info(audio(1)), bytes_of(x), 999);
  rig.send_eos();
  expect_close(rig.take_frames(), bytes_of(without_means(x, end.is_padded)));
  EXPECT_EQ(rig.take_errors(GST_MESSAGE_WARNING).size(), end.warnings_per_signal);
}

INSTANTIATE_TEST_SUITE_P(Ends, TsModelTail,
                         testing::Values(End{"auto", false, 1}, End{"short", false, 1},
                                         End{"pad", true, 0}, End{"drop", false, 0}),
                         testing::PrintToStringParamName());

}  // namespace
}  // namespace torchstreamer::test
