// Server errors: retries, resumed transfers, time-outs and wrong lengths.
#include <gtest/gtest.h>

#include "gst/fetch/fetch_rig.h"

namespace torchstreamer::test {
namespace {

TEST_F(ModelFetch, RetriesAfterServerErrors) {
  HttpServer server(in_turn({always({500}), always({503}), serving(model, "\"1\"")}));
  expect_file(fetch(server.uri("/m.pt")), model);
  EXPECT_EQ(server.requests().size(), 3u);
}

TEST_F(ModelFetch, LimitsTheNumberOfRetries) {
  HttpServer server(always({500}));
  options.retries = 2;
  expect_error(server.uri("/m.pt"), GST_RESOURCE_ERROR_OPEN_READ, "500");
  EXPECT_EQ(server.requests().size(), 3u);
}

TEST_F(ModelFetch, DoublesTheWaitBeforeEachRetry) {
  std::vector<steady_clock::time_point> times;
  HttpServer server([&](const Request&) {
    times.push_back(steady_clock::now());
    return Answer{500};
  });
  options.retries = 3;
  options.first_wait_ms = 100;
  fail(server.uri("/m.pt"));
  ASSERT_EQ(times.size(), 4u);
  for (int i = 0; i < 3; ++i)
    EXPECT_GE(times[i + 1] - times[i], std::chrono::milliseconds(100 << i)) << i;
}

TEST_F(ModelFetch, WaitsAsLongAsRetryAfterDemands) {
  HttpServer server(in_turn({always({429, {{"Retry-After", "1"}}}), serving(model, "\"1\"")}));
  const auto start = steady_clock::now();
  fetch(server.uri("/m.pt"));
  EXPECT_GE(steady_clock::now() - start, std::chrono::milliseconds(990));
}

TEST_F(ModelFetch, ResumesABrokenTransfer) {
  HttpServer server(in_turn({always(cut(model, "\"1\"", 30000)), serving(model, "\"1\"")}));
  expect_file(fetch(server.uri("/m.pt")), model);
  const auto requests = server.requests();
  ASSERT_EQ(requests.size(), 2u);
  EXPECT_EQ(requests[1].header("range"), "bytes=30000-");
  EXPECT_EQ(requests[1].header("if-range"), "\"1\"");
  EXPECT_TRUE(std::is_sorted(percents.begin(), percents.end()));
}

TEST_F(ModelFetch, ResumesAfterAFailedFetch) {
  HttpServer server(in_turn({always(cut(model, "\"1\"", 30000)), serving(model, "\"1\"")}));
  options.retries = 0;
  expect_error(server.uri("/m.pt"), GST_RESOURCE_ERROR_READ, "interrupted");
  expect_file(fetch(server.uri("/m.pt")), model);
  EXPECT_EQ(server.requests()[1].header("range"), "bytes=30000-");
}

TEST_F(ModelFetch, DoesNotResumeWithADifferentFile) {
  const Bytes other = make_model(kModelBytes, 2);
  const auto first = always(cut(model, "\"1\"", 30000));
  HttpServer honest(in_turn({first, serving(other, "\"2\"")}));
  expect_file(fetch(honest.uri("/m.pt")), other);
  // Ignores If-Range.
  HttpServer careless(in_turn({first, [&](const Request& request) -> Answer {
                                 Request same = request;
                                 if (!request.header("range").empty())
                                   same.headers["if-range"] = "\"2\"";
                                 return serve(same, other, "\"2\"");
                               }}));
  expect_file(fetch(careless.uri("/m.pt")), other);
  EXPECT_EQ(careless.requests().back().header("range"), "");
}

TEST_F(ModelFetch, StartsAgainIfTheRangeDoesNotExist) {
  const Bytes shorter = make_model(10000, 2);
  HttpServer server(in_turn({always(cut(model, "\"1\"", 30000)), serving(shorter, "\"1\"")}));
  expect_file(fetch(server.uri("/m.pt")), shorter);
  EXPECT_EQ(server.requests().size(), 3u);
}

TEST_F(ModelFetch, DoesNotResumeWithAWeakTag) {
  HttpServer server(in_turn({always(cut(model, "W/\"1\"", 30000)), serving(model, "W/\"1\"")}));
  expect_file(fetch(server.uri("/m.pt")), model);
  EXPECT_EQ(server.requests()[1].header("range"), "");
}

TEST_F(ModelFetch, DoesNotTimeOutWhileDataArrives) {
  Answer slow = {200, {}, model};
  slow.drip_bytes = 1000;
  HttpServer server(always(slow));
  options.timeout_s = 2;
  expect_file(fetch(server.uri("/m.pt")), model);
  EXPECT_GT(percents.size(), 20u);
}

TEST_F(ModelFetch, TimesOutWithoutData) {
  options.timeout_s = 1;
  options.retries = 0;
  Answer stalled = {200, {}, model};
  for (size_t bytes : {size_t{0}, size_t{1000}}) {
    stalled.stall_bytes = bytes;
    HttpServer server(always(stalled));
    expect_error(server.uri("/m.pt"), GST_RESOURCE_ERROR_READ, "timed out");
  }
}

TEST_F(ModelFetch, RefusesAWrongLength) {
  options.retries = 1;
  Answer wrong = {200, {}, model};
  wrong.claimed_bytes = model.size() + 1;
  HttpServer too_short(always(wrong));
  expect_error(too_short.uri("/m.pt"), GST_RESOURCE_ERROR_READ, "interrupted");
  EXPECT_EQ(too_short.requests().size(), 2u);
  wrong.claimed_bytes = model.size() - 1;
  HttpServer too_long(always(wrong));
  EXPECT_EQ(fail(too_long.uri("/m.pt")).code, GST_STREAM_ERROR_WRONG_TYPE);
  EXPECT_TRUE(cached("files").empty());
}

TEST_F(ModelFetch, NeedsNoContentLength) {
  Answer answer = {200, {}, model};
  answer.is_chunked = true;
  HttpServer server(always(answer));
  expect_file(fetch(server.uri("/m.pt")), model);
  EXPECT_EQ(percents, (std::vector<int>{0, 100}));
}

}  // namespace
}  // namespace torchstreamer::test
