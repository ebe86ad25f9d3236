// Models over HTTP, from a libsoup server in this process that makes every mistake. What the server
// was asked is the oracle for what was fetched, resumed and left out.
#include "fetch/fetch.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstring>

#include "debug_log.h"
#include "gst_main.h"
#include "http_server.h"
#include "median.h"

namespace torchstreamer::test {
namespace {

using std::chrono::steady_clock;

constexpr size_t kModelBytes = 100000;
constexpr char kSecret[] = "Bearer s3cr3t";

/// Of a file that did not come.
struct Failure {
  GQuark domain;
  int code;
  std::string text, debug;
};

/// The program again, as another process that fetches; see main().
pid_t start_child(const std::string& uri, const std::string& folder) {
  const pid_t child = fork();
  if (child == 0) {
    execl("/proc/self/exe", "model_fetch_test", "fetch", uri.c_str(), folder.c_str(), nullptr);
    _exit(127);
  }
  return child;
}

int wait_for(pid_t child) {
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

class ModelFetch : public testing::Test {
 protected:
  ModelFetch() {
    options.cache_folder = (folder / "cache").string();
    options.first_wait_ms = 10;
    options.timeout_s = 5;
    options.insecure_http = true;
  }

  ModelFile fetch(const std::string& location) {
    percents.clear();
    return fetch_model(location, options, cancellable,
                       [this](int percent) { percents.push_back(percent); });
  }

  /// Fetches what must not come.
  Failure fail(const std::string& location) {
    try {
      fetch(location);
    } catch (const ElementError& error) {
      EXPECT_EQ(std::string(error.what()).find(kSecret), std::string::npos);
      EXPECT_EQ(error.debug().find(kSecret), std::string::npos);
      return {error.domain(), error.code(), error.what(), error.debug()};
    }
    ADD_FAILURE() << location << " came";
    return {};
  }

  void expect_error(const std::string& location, GstResourceError code, const std::string& part) {
    const Failure failure = fail(location);
    EXPECT_EQ(failure.domain, GST_RESOURCE_ERROR) << failure.text;
    EXPECT_EQ(failure.code, code) << failure.text;
    EXPECT_NE(failure.text.find(part), std::string::npos) << failure.text;
  }

  void expect_file(const ModelFile& file, const Bytes& bytes) {
    EXPECT_TRUE(read_bytes(file.path) == bytes);
    EXPECT_EQ(file.sha256, sha256(bytes));
  }

  std::vector<fs::path> cached(const std::string& kind) const {
    std::vector<fs::path> paths;
    for (const auto& entry : fs::directory_iterator(folder / "cache" / kind))
      paths.push_back(entry.path());
    return paths;
  }

  const TemporaryFolder folder;
  const Bytes model = make_model(kModelBytes, 1);
  FetchOptions options;
  GCancellable* cancellable = nullptr;
  std::vector<int> percents;
};

HttpServer::Handler always(Answer answer) {
  return [answer](const Request&) { return answer; };
}

/// Each answer once, in this order; the last again and again.
HttpServer::Handler in_turn(std::vector<HttpServer::Handler> handlers) {
  auto next = std::make_shared<size_t>(0);
  return [handlers, next](const Request& request) {
    return handlers[std::min((*next)++, handlers.size() - 1)](request);
  };
}

HttpServer::Handler serving(const Bytes& file, const std::string& etag) {
  return [file, etag](const Request& request) { return serve(request, file, etag); };
}

Answer cut(const Bytes& file, const std::string& etag, size_t bytes) {
  Answer answer = {200, {{"ETag", etag}}, file};
  answer.cut_bytes = bytes;
  return answer;
}

TEST_F(ModelFetch, LocalFilesArePathsOrUris) {
  write_bytes(folder / "a model.pt", model);
  const std::string path = (folder / "a model.pt").string();
  const std::string uri = "file://" + folder.path().string() + "/a%20model.pt";
  for (const std::string& location : {path, uri}) {
    const ModelFile file = fetch(location);
    EXPECT_EQ(file.path, path);
    EXPECT_EQ(file.sha256, sha256(model));
    EXPECT_FALSE(file.lease);
    EXPECT_TRUE(percents.empty());
  }
  EXPECT_FALSE(fs::exists(folder / "cache"));
}

// As rsync --inplace --times writes it, say.
TEST_F(ModelFetch, LocalFilesAreReadAgainWhateverTheirTimeSays) {
  const fs::path path = folder / "model.pt";
  write_bytes(path, model);
  EXPECT_EQ(fetch(path).sha256, sha256(model));
  const auto time = fs::last_write_time(path);
  const Bytes other = make_model(kModelBytes, 2);
  ASSERT_EQ(other.size(), model.size());
  write_bytes(path, other);
  fs::last_write_time(path, time);
  EXPECT_EQ(fetch(path).sha256, sha256(other));
}

TEST_F(ModelFetch, LocalFilesThatAreNotThere) {
  expect_error("", GST_RESOURCE_ERROR_NOT_FOUND, "location");
  expect_error("/no/such/model.pt", GST_RESOURCE_ERROR_NOT_FOUND, "/no/such/model.pt");
  expect_error("file:///no/such%20model.pt", GST_RESOURCE_ERROR_NOT_FOUND, "/no/such model.pt");
  expect_error(folder.path().string(), GST_RESOURCE_ERROR_OPEN_READ, "not a regular file");
  expect_error("gopher://host/model.pt", GST_RESOURCE_ERROR_OPEN_READ, "https");
}

TEST_F(ModelFetch, ComesOnceAndIsAskedForAfterThat) {
  HttpServer server(serving(model, "\"1\""));
  const ModelFile first = fetch(server.uri("/m.pt"));
  expect_file(first, model);
  EXPECT_EQ(percents.front(), 0);
  EXPECT_EQ(percents.back(), 100);
  EXPECT_TRUE(std::is_sorted(percents.begin(), percents.end()));
  EXPECT_EQ(fetch(server.uri("/m.pt")).path, first.path);
  EXPECT_EQ(percents, std::vector<int>{100});
  const auto requests = server.requests();
  ASSERT_EQ(requests.size(), 2u);
  EXPECT_EQ(requests[0].header("if-none-match"), "");
  EXPECT_EQ(requests[1].header("if-none-match"), "\"1\"");
  EXPECT_EQ(requests[1].header("range"), "");
}

// The file came while the clock was ahead.
TEST_F(ModelFetch, IsAskedForAfterTheClockWasSetBack) {
  HttpServer server(serving(model, "\"1\""));
  fetch(server.uri("/m.pt"));
  const std::vector<fs::path> records = cached("uris");
  ASSERT_EQ(records.size(), 1u);
  g_autoptr(GKeyFile) record = g_key_file_new();
  ASSERT_TRUE(g_key_file_load_from_file(record, records[0].c_str(), G_KEY_FILE_NONE, nullptr));
  g_key_file_set_int64(record, "model", "confirmed-us",
                       g_get_real_time() + gint64{3600} * G_USEC_PER_SEC);
  ASSERT_TRUE(g_key_file_save_to_file(record, records[0].c_str(), nullptr));
  fetch(server.uri("/m.pt"));
  EXPECT_EQ(server.requests().size(), 2u);
}

TEST_F(ModelFetch, ADateIsAsGoodAsATag) {
  const std::string date = "Tue, 15 Nov 1994 12:45:26 GMT";
  HttpServer server(in_turn({always({200, {{"Last-Modified", date}}, model}), always({304})}));
  fetch(server.uri("/m.pt"));
  expect_file(fetch(server.uri("/m.pt")), model);
  EXPECT_EQ(server.requests()[1].header("if-modified-since"), date);
}

TEST_F(ModelFetch, ANewTagBringsANewFile) {
  const Bytes other = make_model(kModelBytes, 2);
  HttpServer server(in_turn({serving(model, "\"1\""), serving(other, "\"2\"")}));
  const ModelFile first = fetch(server.uri("/m.pt"));
  expect_file(fetch(server.uri("/m.pt")), other);
  expect_file(first, model);
}

TEST_F(ModelFetch, OneFileOfTwoUrisIsKeptOnce) {
  HttpServer server(serving(model, "\"1\""));
  const ModelFile a = fetch(server.uri("/a.pt")), b = fetch(server.uri("/b.pt"));
  EXPECT_EQ(a.path, b.path);
  EXPECT_EQ(cached("files").size(), 1u);
  expect_file(a, model);
}

TEST_F(ModelFetch, WhatIsNotThereIsAskedForOnce) {
  for (guint status : {404, 410}) {
    HttpServer server(always({status}));
    expect_error(server.uri("/m.pt"), GST_RESOURCE_ERROR_NOT_FOUND, std::to_string(status));
    EXPECT_EQ(server.requests().size(), 1u);
  }
  HttpServer server(always({418}));
  expect_error(server.uri("/m.pt"), GST_RESOURCE_ERROR_OPEN_READ, "418");
}

TEST_F(ModelFetch, TheAuthorizationIsSentAsItIs) {
  HttpServer server([&](const Request& request) -> Answer {
    if (request.header("authorization") == kSecret) return {200, {}, model};
    return {401, {{"WWW-Authenticate", "Bearer"}}};
  });
  expect_error(server.uri("/m.pt"), GST_RESOURCE_ERROR_NOT_AUTHORIZED, "authorization");
  options.authorization = kSecret;
  expect_file(fetch(server.uri("/m.pt")), model);
  options.authorization = std::string(kSecret) + "\r\nX-Other: 1";
  expect_error(server.uri("/m.pt"), GST_RESOURCE_ERROR_SETTINGS, "authorization");
}

TEST_F(ModelFetch, UserAndPasswordOfTheUriAnswerAChallenge) {
  HttpServer server([&](const Request& request) -> Answer {
    if (request.header("authorization") == "Basic dXNlcjpwYXNz") return {200, {}, model};
    return {401, {{"WWW-Authenticate", "Basic realm=\"models\""}}};
  });
  expect_file(fetch(server.uri("/m.pt", "user:pass@127.0.0.1")), model);
}

TEST_F(ModelFetch, AContextHoldsAnAuthorization) {
  GstContext* context = gst_context_new(kHttpContext, TRUE);
  EXPECT_EQ(context_authorization(context), "");
  gst_structure_set(gst_context_writable_structure(context), "authorization", G_TYPE_STRING,
                    kSecret, nullptr);
  EXPECT_EQ(context_authorization(context), kSecret);
  gst_context_unref(context);
  EXPECT_EQ(context_authorization(nullptr), "");
}

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

TEST_F(ModelFetch, RedirectsAreFollowed) {
  for (guint status : {301, 302, 303, 307, 308}) {
    HttpServer server([&](const Request& request) -> Answer {
      if (request.path == "/a/m.pt") return {status, {{"Location", "../b/m.pt"}}};
      return serve(request, model, "\"1\"");
    });
    options.authorization = kSecret;
    expect_file(fetch(server.uri("/a/m.pt")), model);
    ASSERT_EQ(server.requests().size(), 2u);
    EXPECT_EQ(server.requests()[1].path, "/b/m.pt");
    EXPECT_EQ(server.requests()[1].header("authorization"), kSecret);
  }
}

TEST_F(ModelFetch, ButNotRoundAndRound) {
  HttpServer server(always({302, {{"Location", "/m.pt"}}}));
  expect_error(server.uri("/m.pt"), GST_RESOURCE_ERROR_OPEN_READ, "too many redirects");
  EXPECT_EQ(server.requests().size(), 11u);
}

TEST_F(ModelFetch, AnotherServerIsNotToldTheAuthorization) {
  options.authorization = kSecret;
  HttpServer other(serving(model, "\"1\""));
  HttpServer server(always({302, {{"Location", other.uri("/m.pt")}}}));
  expect_file(fetch(server.uri("/m.pt")), model);
  EXPECT_EQ(server.requests()[0].header("authorization"), kSecret);
  EXPECT_EQ(other.requests()[0].headers.count("authorization"), 0u);
}

TEST_F(ModelFetch, RedirectsLeadNowhereElse) {
  HttpServer nowhere(always({302}));
  expect_error(nowhere.uri("/m.pt"), GST_RESOURCE_ERROR_OPEN_READ, "302");
  for (const char* location : {"file:///etc/passwd", "ftp://127.0.0.1/m.pt", "http://"}) {
    HttpServer server(always({302, {{"Location", location}}}));
    EXPECT_EQ(fail(server.uri("/m.pt")).code, GST_RESOURCE_ERROR_OPEN_READ) << location;
  }
}

TEST_F(ModelFetch, NothingIsLargerThanAllowed) {
  options.max_bytes = 50000;
  Answer answer = {200, {}, model};
  for (bool is_chunked : {false, true}) {
    answer.is_chunked = is_chunked;
    HttpServer server(always(answer));
    expect_error(server.uri("/m.pt"), GST_RESOURCE_ERROR_READ, "max-bytes");
    EXPECT_EQ(server.requests().size(), 1u);
    EXPECT_TRUE(cached("files").empty());
  }
  options.max_bytes = model.size();
  HttpServer server(always(answer));
  expect_file(fetch(server.uri("/m.pt")), model);
}

TEST_F(ModelFetch, ManyAtOnceAreOneDownload) {
  Answer slow = {200, {{"ETag", "\"1\""}}, model};
  slow.drip_bytes = 5000;
  HttpServer server(always(slow));
  std::vector<std::thread> threads;
  std::atomic<int> good = 0;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&] {
      if (read_bytes(fetch_model(server.uri("/m.pt"), options, nullptr).path) == model) ++good;
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(good, 4);
  EXPECT_EQ(server.requests().size(), 1u);
}

TEST_F(ModelFetch, ManyProcessesAreOneDownload) {
  HttpServer server([this](const Request& request) {
    Answer answer = serve(request, model, "\"1\"");
    if (answer.status == 200) answer.drip_bytes = 2000;
    return answer;
  });
  std::vector<pid_t> children;
  children.push_back(start_child(server.uri("/m.pt"), options.cache_folder));
  server.wait_for_requests(1);
  children.push_back(start_child(server.uri("/m.pt"), options.cache_folder));
  expect_file(fetch(server.uri("/m.pt")), model);
  for (pid_t child : children) EXPECT_EQ(wait_for(child), 0);
  const std::vector<Request> requests = server.requests();
  // One may start so late that it asks whether there is a newer one.
  EXPECT_LE(requests.size(), 2u);
  EXPECT_EQ(std::count_if(requests.begin(), requests.end(),
                          [](const Request& r) { return r.header("if-none-match").empty(); }),
            1);
  EXPECT_EQ(cached("files").size(), 1u);
}

TEST_F(ModelFetch, AKilledProcessLeavesAPart) {
  Answer stalled = {200, {{"ETag", "\"1\""}}, model};
  stalled.stall_bytes = 30000;
  HttpServer server(in_turn({always(stalled), serving(model, "\"1\"")}));
  const pid_t child = start_child(server.uri("/m.pt"), options.cache_folder);
  const auto part_bytes = [&] {
    std::error_code error;
    for (const fs::path& path :
         fs::exists(folder / "cache/uris") ? cached("uris") : std::vector<fs::path>())
      if (path.extension() == ".part") return fs::file_size(path, error);
    return std::uintmax_t{0};
  };
  while (part_bytes() != 30000) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  kill(child, SIGKILL);
  wait_for(child);
  expect_file(fetch(server.uri("/m.pt")), model);
  EXPECT_EQ(server.requests()[1].header("range"), "bytes=30000-");
}

TEST_F(ModelFetch, WorksOfflineOnceFilled) {
  HttpServer server(serving(model, "\"1\""));
  const std::string uri = server.uri("/m.pt");
  fetch(uri);
  server.stop();
  options.retries = 0;
  expect_file(fetch(uri), model);
  EXPECT_EQ(percents, std::vector<int>{100});
  expect_error(server.uri("/other.pt"), GST_RESOURCE_ERROR_OPEN_READ, "127.0.0.1");
  expect_error("http://nowhere.invalid/m.pt", GST_RESOURCE_ERROR_NOT_FOUND, "nowhere.invalid");
}

TEST_F(ModelFetch, AServerInTroubleLeavesWhatWasFetched) {
  HttpServer server(in_turn({serving(model, "\"1\""), always({500})}));
  options.retries = 1;
  fetch(server.uri("/m.pt"));
  expect_file(fetch(server.uri("/m.pt")), model);
  HttpServer gone(in_turn({serving(model, "\"1\""), always({404})}));
  fetch(gone.uri("/m.pt"));
  expect_error(gone.uri("/m.pt"), GST_RESOURCE_ERROR_NOT_FOUND, "404");
}

TEST_F(ModelFetch, TheCacheIsBounded) {
  options.cache_bytes = 250000;
  HttpServer server([](const Request& request) -> Answer {
    return serve(request, make_model(kModelBytes, static_cast<unsigned>(request.path.back())),
                 "\"" + request.path + "\"");
  });
  const std::string a = fetch(server.uri("/a")).path;
  const std::string b = fetch(server.uri("/b")).path;
  fetch(server.uri("/a"));
  const std::string c = fetch(server.uri("/c")).path;
  EXPECT_TRUE(fs::exists(a));
  EXPECT_FALSE(fs::exists(b)) << "it was not used for the longest time";
  EXPECT_TRUE(fs::exists(c));
  EXPECT_EQ(cached("uris").size(), 2u);
  options.cache_bytes = 1;
  const ModelFile d = fetch(server.uri("/d"));
  const ModelFile e = fetch(server.uri("/e"));
  EXPECT_EQ(cached("files").size(), 2u) << "those in use stay";
  expect_file(d, make_model(kModelBytes, 'd'));
}

TEST_F(ModelFetch, WhatRotsInTheCacheIsFetchedAgain) {
  HttpServer server(serving(model, "\"1\""));
  const std::string path = fetch(server.uri("/m.pt")).path;
  Bytes rotten = model;
  rotten[5000] ^= 1;
  write_bytes(path, rotten);
  expect_file(fetch(server.uri("/m.pt")), model);
  EXPECT_EQ(server.requests()[1].header("if-none-match"), "");
  for (const fs::path& record : cached("uris")) write_bytes(record, noise(100, 3));
  expect_file(fetch(server.uri("/m.pt")), model);
}

TEST_F(ModelFetch, ACacheThatCannotBeIsAnError) {
  write_bytes(folder / "file", {1});
  options.cache_folder = (folder / "file/cache").string();
  expect_error("http://127.0.0.1:1/m.pt", GST_RESOURCE_ERROR_OPEN_READ_WRITE, "XDG_CACHE_HOME");
}

TEST_F(ModelFetch, APinIsKept) {
  const Bytes other = make_model(kModelBytes, 2);
  HttpServer server(serving(other, "\"1\""));
  options.sha256 = sha256(model);
  expect_error(server.uri("/m.pt"), GST_RESOURCE_ERROR_READ, "sha256");
  EXPECT_TRUE(cached("files").empty());
  write_bytes(folder / "other.pt", other);
  expect_error((folder / "other.pt").string(), GST_RESOURCE_ERROR_READ, "sha256");
  fetch_model(
      server.uri("/m.pt"),
      [&] {
        FetchOptions unpinned = options;
        unpinned.sha256.clear();
        return unpinned;
      }(),
      nullptr);
  expect_error(server.uri("/m.pt"), GST_RESOURCE_ERROR_READ, "sha256");
  options.sha256 = sha256(other);
  for (char& digit : options.sha256) digit = g_ascii_toupper(digit);
  expect_file(fetch((folder / "other.pt").string()), other);
}

TEST_F(ModelFetch, APinnedFileInTheCacheNeedsNoServer) {
  HttpServer server(serving(model, "\"1\""));
  fetch(server.uri("/m.pt"));
  options.sha256 = sha256(model);
  expect_file(fetch(server.uri("/elsewhere.pt")), model);
  EXPECT_EQ(server.requests().size(), 1u);
}

TEST_F(ModelFetch, ADigestHas64Digits) {
  for (const std::string& pin : {std::string("abc"), std::string(64, 'g'), std::string(65, 'a')}) {
    options.sha256 = pin;
    expect_error("/no/model.pt", GST_RESOURCE_ERROR_SETTINGS, "64");
  }
}

TEST_F(ModelFetch, PlainHttpIsRefusedWithoutAPin) {
  options.insecure_http = false;
  HttpServer server(serving(model, "\"1\""));
  expect_error(server.uri("/m.pt"), GST_RESOURCE_ERROR_SETTINGS, "insecure-http");
  options.sha256 = sha256(model);
  options.authorization = kSecret;
  expect_error(server.uri("/m.pt"), GST_RESOURCE_ERROR_SETTINGS, "insecure-http");
  EXPECT_TRUE(server.requests().empty());
  options.authorization.clear();
  expect_file(fetch(server.uri("/m.pt")), model);
}

TEST_F(ModelFetch, WhatIsNoModelDoesNotStay) {
  HttpServer server(always({200, {}, bytes_of_text("<html>Please log in</html>")}));
  const Failure failure = fail(server.uri("/m.pt?token=s3cr3t"));
  EXPECT_EQ(failure.domain, GST_STREAM_ERROR);
  EXPECT_EQ(failure.code, GST_STREAM_ERROR_WRONG_TYPE);
  EXPECT_NE(failure.text.find(server.uri("/m.pt")), std::string::npos) << failure.text;
  EXPECT_EQ(failure.text.find("s3cr3t"), std::string::npos) << failure.text;
  EXPECT_TRUE(cached("files").empty());
}

TEST_F(ModelFetch, LocationsArePrintedWithoutSecrets) {
  EXPECT_EQ(printable_location("https://user:pass@host:81/a/m.pt?token=x#y"),
            "https://host:81/a/m.pt");
  EXPECT_EQ(printable_location("/a path/m.pt?#"), "/a path/m.pt?#");
  EXPECT_EQ(printable_location("https://[bad/m.pt?token=x").find("token"), std::string::npos);
}

class ModelFetchCancel : public ModelFetch {
 protected:
  /// Cancels a little after `is_there` returned, a few times.
  void expect_prompt(const std::string& uri, const std::function<void()>& is_there) {
    std::vector<steady_clock::duration> times;
    for (int i = 0; i < 5; ++i) {
      cancellable = g_cancellable_new();
      steady_clock::time_point cancelled;
      std::thread other([&] {
        is_there();
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
        cancelled = steady_clock::now();
        g_cancellable_cancel(cancellable);
      });
      EXPECT_THROW(fetch(uri), Cancelled);
      const auto end = steady_clock::now();
      other.join();
      times.push_back(end - cancelled);
      g_clear_object(&cancellable);
    }
    EXPECT_LT(median(times), std::chrono::milliseconds(100));
  }
};

class ModelFetchSecure : public ModelFetchCancel {
 protected:
  ModelFetchSecure() {
    options.insecure_http = false;
    certificate = make_certificate(folder.path());
  }
  ~ModelFetchSecure() override { g_object_unref(certificate); }

  GTlsCertificate* certificate;
};

TEST_F(ModelFetchSecure, ACertificateOfOnesOwnMustBeTrusted) {
  HttpServer server(serving(model, "\"1\""), certificate);
  expect_error(server.uri("/m.pt"), GST_RESOURCE_ERROR_OPEN_READ, "ca-file");
  EXPECT_TRUE(server.requests().empty());
  options.ca_file = (folder / "cert.pem").string();
  options.authorization = kSecret;
  expect_file(fetch(server.uri("/m.pt")), model);
  EXPECT_EQ(server.requests()[0].header("authorization"), kSecret);
  options.ca_file = (folder / "none.pem").string();
  expect_error(server.uri("/m.pt"), GST_RESOURCE_ERROR_SETTINGS, "ca-file");
}

TEST_F(ModelFetchSecure, DoesNotEndInPlainHttp) {
  HttpServer plain(serving(model, "\"1\""));
  HttpServer server(always({302, {{"Location", plain.uri("/m.pt")}}}), certificate);
  options.ca_file = (folder / "cert.pem").string();
  expect_error(server.uri("/m.pt"), GST_RESOURCE_ERROR_SETTINGS, "insecure-http");
  EXPECT_TRUE(plain.requests().empty());
}

TEST_F(ModelFetchSecure, TimesOutAndIsCancelledAsWell) {
  options.ca_file = (folder / "cert.pem").string();
  options.timeout_s = 1;
  options.retries = 0;
  Answer stalled = {200, {}, model};
  stalled.stall_bytes = 1000;
  HttpServer server(always(stalled), certificate);
  expect_error(server.uri("/m.pt"), GST_RESOURCE_ERROR_READ, "timed out");
  options.timeout_s = 5;
  size_t asked = server.requests().size();
  expect_prompt(server.uri("/m.pt"), [&] { server.wait_for_requests(++asked); });
}

TEST_F(ModelFetchCancel, BeforeItStarts) {
  cancellable = g_cancellable_new();
  g_cancellable_cancel(cancellable);
  EXPECT_THROW(fetch("http://127.0.0.1:1/m.pt"), Cancelled);
  EXPECT_THROW(fetch("/no/model.pt"), Cancelled);
  g_object_unref(cancellable);
}

TEST_F(ModelFetchCancel, WhileTheServerThinks) {
  Answer silent = {200, {}, model};
  silent.stall_bytes = 0;
  HttpServer server(always(silent));
  size_t asked = 0;
  expect_prompt(server.uri("/m.pt"), [&] { server.wait_for_requests(++asked); });
}

TEST_F(ModelFetchCancel, WhileItComes) {
  Answer slow = {200, {}, model};
  slow.drip_bytes = 100;
  HttpServer server(always(slow));
  size_t asked = 0;
  expect_prompt(server.uri("/m.pt"), [&] { server.wait_for_requests(++asked); });
}

TEST_F(ModelFetchCancel, BetweenTwoTries) {
  HttpServer server(always({500}));
  options.first_wait_ms = 20000;
  size_t asked = 0;
  expect_prompt(server.uri("/m.pt"), [&] { server.wait_for_requests(++asked); });
}

TEST_F(ModelFetchCancel, WhileAnotherOneFetches) {
  Answer stalled = {200, {}, model};
  stalled.stall_bytes = 1000;
  HttpServer server(always(stalled));
  const pid_t child = start_child(server.uri("/m.pt"), options.cache_folder);
  server.wait_for_requests(1);
  expect_prompt(server.uri("/m.pt"), [] {});
  EXPECT_EQ(server.requests().size(), 1u);
  kill(child, SIGKILL);
  wait_for(child);
}

TEST_F(ModelFetch, AProxyOfTheEnvironmentIsAsked) {
  HttpServer proxy(serving(model, "\"1\""));
  g_setenv("http_proxy", proxy.uri("").c_str(), TRUE);
  const pid_t child = start_child("http://models.invalid/m.pt", options.cache_folder);
  g_unsetenv("http_proxy");
  EXPECT_EQ(wait_for(child), 0);
  ASSERT_EQ(proxy.requests().size(), 1u);
  EXPECT_EQ(proxy.requests()[0].host, "models.invalid");
}

TEST_F(ModelFetch, LogsHoldNoSecrets) {
  const DebugLog log("*:9");
  HttpServer server(in_turn({always({500}), serving(model, "\"1\""), always({500})}));
  options.authorization = kSecret;
  options.retries = 1;
  const std::string uri = server.uri("/m.pt?token=s3cr3t", "user:s3cr3t@127.0.0.1");
  fetch(uri);
  fetch(uri);
  EXPECT_NE(log.text().find(server.uri("/m.pt")), std::string::npos) << "something is told";
  EXPECT_EQ(log.text().find("s3cr3t"), std::string::npos);
}

int fetch_as_child(const char* uri, const char* folder) {
  FetchOptions options;
  options.insecure_http = true;
  options.cache_folder = folder;
  try {
    fetch_model(uri, options, nullptr);
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}

}  // namespace

}  // namespace torchstreamer::test

int main(int argc, char** argv) {
  using namespace torchstreamer::test;
  const auto fetch = [&] { return argc == 4 ? fetch_as_child(argv[2], argv[3]) : 1; };
  const bool is_child = argc > 1 && std::strcmp(argv[1], "fetch") == 0;
  for (const char* name : {"http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy",
                           "ALL_PROXY", "no_proxy", "NO_PROXY"})
    if (!is_child) g_unsetenv(name);
  return run_gst_tests(argc, argv, {{"fetch", fetch}});
}
