// Concurrent fetches of one file, and the cache on disk.
#include <gtest/gtest.h>

#include "gst/fetch/fetch_rig.h"

namespace torchstreamer::test {
namespace {

TEST_F(ModelFetch, ConcurrentFetchesShareOneDownload) {
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

TEST_F(ModelFetch, ProcessesShareOneDownload) {
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
  // A child may start so late that it revalidates the file.
  EXPECT_LE(requests.size(), 2u);
  EXPECT_EQ(std::count_if(requests.begin(), requests.end(),
                          [](const Request& r) { return r.header("if-none-match").empty(); }),
            1);
  EXPECT_EQ(cached("files").size(), 1u);
}

TEST_F(ModelFetch, ResumesTheTransferOfAKilledProcess) {
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

TEST_F(ModelFetch, WorksOfflineWithAFilledCache) {
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

TEST_F(ModelFetch, UsesTheCachedFileAfterServerErrors) {
  HttpServer server(in_turn({serving(model, "\"1\""), always({500})}));
  options.retries = 1;
  fetch(server.uri("/m.pt"));
  expect_file(fetch(server.uri("/m.pt")), model);
  HttpServer gone(in_turn({serving(model, "\"1\""), always({404})}));
  fetch(gone.uri("/m.pt"));
  expect_error(gone.uri("/m.pt"), GST_RESOURCE_ERROR_NOT_FOUND, "404");
}

TEST_F(ModelFetch, LimitsTheSizeOfTheCache) {
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
  EXPECT_FALSE(fs::exists(b)) << "it is the least recently used file";
  EXPECT_TRUE(fs::exists(c));
  EXPECT_EQ(cached("uris").size(), 2u);
  options.cache_bytes = 1;
  const ModelFile d = fetch(server.uri("/d"));
  const ModelFile e = fetch(server.uri("/e"));
  EXPECT_EQ(cached("files").size(), 2u) << "files in use must stay";
  expect_file(d, make_model(kModelBytes, 'd'));
}

TEST_F(ModelFetch, FetchesDamagedFilesOfTheCacheAgain) {
  HttpServer server(serving(model, "\"1\""));
  const std::string path = fetch(server.uri("/m.pt")).path;
  Bytes damaged = model;
  damaged[5000] ^= 1;
  write_bytes(path, damaged);
  expect_file(fetch(server.uri("/m.pt")), model);
  EXPECT_EQ(server.requests()[1].header("if-none-match"), "");
  for (const fs::path& record : cached("uris")) write_bytes(record, noise(100, 3));
  expect_file(fetch(server.uri("/m.pt")), model);
}

}  // namespace
}  // namespace torchstreamer::test
