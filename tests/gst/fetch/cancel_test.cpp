// Cancellation of fetches, and fetches in different processes.
#include <gtest/gtest.h>
#include <cstdio>
#include <cstring>

#include "gst/fetch/fetch_rig.h"
#include "gst/support/gst_main.h"

namespace torchstreamer::test {
namespace {

TEST_F(ModelFetchCancel, BeforeItStarts) {
  cancellable = g_cancellable_new();
  g_cancellable_cancel(cancellable);
  EXPECT_THROW(fetch("http://127.0.0.1:1/m.pt"), Cancelled);
  EXPECT_THROW(fetch("/no/model.pt"), Cancelled);
  g_object_unref(cancellable);
}

TEST_F(ModelFetchCancel, BeforeTheServerAnswers) {
  Answer silent = {200, {}, model};
  silent.stall_bytes = 0;
  HttpServer server(always(silent));
  size_t requests = 0;
  expect_prompt(server.uri("/m.pt"), [&] { server.wait_for_requests(++requests); });
}

TEST_F(ModelFetchCancel, DuringTheTransfer) {
  Answer slow = {200, {}, model};
  slow.drip_bytes = 100;
  HttpServer server(always(slow));
  size_t requests = 0;
  expect_prompt(server.uri("/m.pt"), [&] { server.wait_for_requests(++requests); });
}

TEST_F(ModelFetchCancel, BetweenRetries) {
  HttpServer server(always({500}));
  options.first_wait_ms = 20000;
  size_t requests = 0;
  expect_prompt(server.uri("/m.pt"), [&] { server.wait_for_requests(++requests); });
}

TEST_F(ModelFetchCancel, WhileADifferentProcessFetches) {
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

TEST_F(ModelFetch, UsesTheProxyOfTheEnvironment) {
  HttpServer proxy(serving(model, "\"1\""));
  g_setenv("http_proxy", proxy.uri("").c_str(), TRUE);
  const pid_t child = start_child("http://models.invalid/m.pt", options.cache_folder);
  g_unsetenv("http_proxy");
  EXPECT_EQ(wait_for(child), 0);
  ASSERT_EQ(proxy.requests().size(), 1u);
  EXPECT_EQ(proxy.requests()[0].host, "models.invalid");
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
