// Containers that clients send and receive.
#include <gtest/gtest.h>

#include "audio.h"
#include "expect_says.h"
#include "http_client.h"
#include "server_process.h"

namespace torchstreamer::test {
namespace {

constexpr int kRate = 48000;

/// Raw audio as a file of a container.
std::string encoded(const std::string& input, const std::string& encoder) {
  return play(input, raw_parser("S16LE", kRate) + " ! audioconvert ! " + encoder);
}

std::string expected(const std::string& file, const std::string& decoder,
                     const std::string& encoder = "") {
  return play(file,
              session_elements(decoder, shared_server().model("ahead"), "format=S16LE") + encoder);
}

struct Case {
  const char *type, *name, *encoder, *decoder;
};

class Formats : public ::testing::TestWithParam<Case> {
 protected:
  const std::string input_ = signal("S16LE", kRate + 77);
  const std::string file_ = encoded(input_, GetParam().encoder);
};

TEST_P(Formats, AreDecoded) {
  const Response response =
      post(shared_server().port(), "model=ahead&output=raw", GetParam().type, file_);
  EXPECT_EQ(response.status, 200) << response.body;
  EXPECT_TRUE(response.is_whole);
  const std::string output = expected(file_, GetParam().decoder);
  EXPECT_GT(output.size(), input_.size() * 9 / 10);
  EXPECT_TRUE(response.body == output) << response.body.size() << " of " << output.size();
}

TEST_P(Formats, AreEncoded) {
  const std::string query = std::string("model=ahead&output=") + GetParam().name;
  const Response response = post(shared_server().port(), query, raw_type("S16LE", kRate), input_);
  EXPECT_EQ(response.status, 200) << response.body;
  EXPECT_EQ(response.headers.at("content-type"), GetParam().type);
  EXPECT_TRUE(response.is_whole);
  const std::string file =
      expected(input_, raw_parser("S16LE", kRate), std::string(" ! ") + GetParam().encoder);
  const auto decoded = [](const std::string& bytes) {
    return play(bytes, std::string(GetParam().decoder) + " ! audio/x-raw");
  };
  EXPECT_TRUE(decoded(response.body) == decoded(file));
}

INSTANTIATE_TEST_SUITE_P(
    Containers, Formats,
    ::testing::Values(Case{"audio/wav", "wav", "wavenc", "wavparse"},
                      Case{"audio/flac", "flac", "flacenc", "flacparse ! flacdec"},
                      Case{"audio/ogg", "ogg", "opusenc ! oggmux", "oggdemux ! opusdec"}),
    [](const auto& info) { return std::string(info.param.name); });

TEST(WavOutput, HasAHeaderAndTheSamplesOfThePipeline) {
  const std::string input = signal("S16LE", kRate);
  const Response response = post(shared_server().port(), "model=ahead&output=wav&format=F32LE",
                                 raw_type("S16LE", kRate), input);
  ASSERT_GT(response.body.size(), 44u);
  EXPECT_EQ(response.body.substr(0, 4), "RIFF");
  EXPECT_EQ(response.body[20], 3) << "floating point";
  const std::string samples = play(
      input,
      session_elements(raw_parser("S16LE", kRate), shared_server().model("ahead"), "format=F32LE"));
  EXPECT_TRUE(response.body.substr(44) == samples);
}

TEST(WavInput, MayHaveAnUnknownLength) {
  const std::string input = signal("S16LE", kRate);
  const int port = shared_server().port();
  const std::string file =
      post(port, "model=near&output=wav", raw_type("S16LE", kRate), input).body;
  const Response response = post(port, "model=ahead&output=raw", "audio/wav", file);
  EXPECT_EQ(response.status, 200) << response.body;
  EXPECT_EQ(response.body.size(), input.size());
}

TEST(Containers, GarbageIsRefused) {
  const std::string garbage = signal("F32LE", 20000);
  for (const std::string type : {"audio/wav", "audio/flac", "audio/ogg"})
    for (const size_t bytes : {0, 1, 50, 80000}) {
      const Response response =
          post(shared_server().port(), "model=ahead", type, garbage.substr(0, bytes));
      EXPECT_EQ(response.status, 415) << type << " " << bytes << ": " << response.body;
      EXPECT_SAYS("{\"error\":\"The ", response.body);
      EXPECT_TRUE(response.is_whole);
    }
}

TEST(Containers, CutFilesEnd) {
  const std::string input = signal("S16LE", 5 * kRate);
  for (const auto& [type, encoder] : {std::pair<const char*, const char*>{"audio/wav", "wavenc"},
                                      {"audio/flac", "flacenc"},
                                      {"audio/ogg", "opusenc ! oggmux"}}) {
    const std::string file = encoded(input, encoder);
    const Response response = post(shared_server().port(), "model=ahead&output=raw", type,
                                   file.substr(0, file.size() / 2));
    EXPECT_EQ(response.status, 200) << type << ": " << response.body;
    EXPECT_GT(response.body.size(), input.size() / 4) << type;
  }
}

}  // namespace
}  // namespace torchstreamer::test
