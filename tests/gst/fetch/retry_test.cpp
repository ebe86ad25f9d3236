// Servers in trouble: retries, resumed transfers, time-outs and wrong lengths.
#include <gtest/gtest.h>

#include "gst/fetch/fetch_rig.h"

namespace torchstreamer::test {
namespace {

TEST_F(ModelFetch, AServerInTroubleIsAskedAgain) {
  HttpServer server(in_turn({always({500}), always({503}), serving(model, "\"1\"")}));
  expect_file(fetch(server.uri("/m.pt")), model);
  EXPECT_EQ(server.requests().size(), 3u);
}

TEST_F(ModelFetch, ButNotForEver) {
  HttpServer server(always({500}));
  options.retries = 2;
  expect_error(server.uri("/m.pt"), GST_RESOURCE_ERROR_OPEN_READ, "500");
  EXPECT_EQ(server.requests().size(), 3u);
}

TEST_F(ModelFetch, EachTimeAfterTwiceAsLong) {
  std::vector<steady_clock::time_point> asked;
  HttpServer server([&](const Request&) {
    asked.push_back(steady_clock::now());
    return Answer{500};
  });
  options.retries = 3;
  options.first_wait_ms = 100;
  fail(server.uri("/m.pt"));
  ASSERT_EQ(asked.size(), 4u);
  for (int i = 0; i < 3; ++i)
    EXPECT_GE(asked[i + 1] - asked[i], std::chrono::milliseconds(100 << i)) << i;
}

TEST_F(ModelFetch, AServerMaySayWhenToAskAgain) {
  HttpServer server(in_turn({always({429, {{"Retry-After", "1"}}}), serving(model, "\"1\"")}));
  const auto start = steady_clock::now();
  fetch(server.uri("/m.pt"));
  EXPECT_GE(steady_clock::now() - start, std::chrono::milliseconds(990));
}

TEST_F(ModelFetch, ABrokenTransferGoesOnWhereItBroke) {
  HttpServer server(in_turn({always(cut(model, "\"1\"", 30000)), serving(model, "\"1\"")}));
  expect_file(fetch(server.uri("/m.pt")), model);
  const auto requests = server.requests();
  ASSERT_EQ(requests.size(), 2u);
  EXPECT_EQ(requests[1].header("range"), "bytes=30000-");
  EXPECT_EQ(requests[1].header("if-range"), "\"1\"");
  EXPECT_TRUE(std::is_sorted(percents.begin(), percents.end()));
}

TEST_F(ModelFetch, AlsoAfterItWasGivenUp) {
  HttpServer server(in_turn({always(cut(model, "\"1\"", 30000)), serving(model, "\"1\"")}));
  options.retries = 0;
  expect_error(server.uri("/m.pt"), GST_RESOURCE_ERROR_READ, "broke off");
  expect_file(fetch(server.uri("/m.pt")), model);
  EXPECT_EQ(server.requests()[1].header("range"), "bytes=30000-");
}

TEST_F(ModelFetch, APartOfAnotherFileIsNoPart) {
  const Bytes other = make_model(kModelBytes, 2);
  const auto first = always(cut(model, "\"1\"", 30000));
  HttpServer honest(in_turn({first, serving(other, "\"2\"")}));
  expect_file(fetch(honest.uri("/m.pt")), other);
  // Takes no notice of If-Range.
  HttpServer careless(in_turn({first, [&](const Request& request) -> Answer {
                                 Request same = request;
                                 if (!request.header("range").empty())
                                   same.headers["if-range"] = "\"2\"";
                                 return serve(same, other, "\"2\"");
                               }}));
  expect_file(fetch(careless.uri("/m.pt")), other);
  EXPECT_EQ(careless.requests().back().header("range"), "");
}

TEST_F(ModelFetch, ARangeThatTheServerDoesNotHave) {
  const Bytes shorter = make_model(10000, 2);
  HttpServer server(in_turn({always(cut(model, "\"1\"", 30000)), serving(shorter, "\"1\"")}));
  expect_file(fetch(server.uri("/m.pt")), shorter);
  EXPECT_EQ(server.requests().size(), 3u);
}

TEST_F(ModelFetch, AWeakTagDoesNotJoinParts) {
  HttpServer server(in_turn({always(cut(model, "W/\"1\"", 30000)), serving(model, "W/\"1\"")}));
  expect_file(fetch(server.uri("/m.pt")), model);
  EXPECT_EQ(server.requests()[1].header("range"), "");
}

TEST_F(ModelFetch, ASlowServerIsNotADeadOne) {
  Answer slow = {200, {}, model};
  slow.drip_bytes = 1000;
  HttpServer server(always(slow));
  options.timeout_s = 2;
  expect_file(fetch(server.uri("/m.pt")), model);
  EXPECT_GT(percents.size(), 20u);
}

TEST_F(ModelFetch, ADeadServerTimesOut) {
  options.timeout_s = 1;
  options.retries = 0;
  Answer dead = {200, {}, model};
  for (size_t bytes : {size_t{0}, size_t{1000}}) {
    dead.stall_bytes = bytes;
    HttpServer server(always(dead));
    expect_error(server.uri("/m.pt"), GST_RESOURCE_ERROR_READ, "timed out");
  }
}

TEST_F(ModelFetch, AWrongLengthIsNoModel) {
  options.retries = 1;
  Answer wrong = {200, {}, model};
  wrong.claimed_bytes = model.size() + 1;
  HttpServer promises(always(wrong));
  expect_error(promises.uri("/m.pt"), GST_RESOURCE_ERROR_READ, "broke off");
  EXPECT_EQ(promises.requests().size(), 2u);
  wrong.claimed_bytes = model.size() - 1;
  HttpServer hides(always(wrong));
  EXPECT_EQ(fail(hides.uri("/m.pt")).code, GST_STREAM_ERROR_WRONG_TYPE);
  EXPECT_TRUE(cached("files").empty());
}

TEST_F(ModelFetch, ALengthIsNotNeeded) {
  Answer answer = {200, {}, model};
  answer.is_chunked = true;
  HttpServer server(always(answer));
  expect_file(fetch(server.uri("/m.pt")), model);
  EXPECT_EQ(percents, (std::vector<int>{0, 100}));
}

}  // namespace
}  // namespace torchstreamer::test
