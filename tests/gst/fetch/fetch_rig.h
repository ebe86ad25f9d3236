// Fixtures of the tests that fetch models from a libsoup server in this process. The tests check
// the requests that the server received.
#pragma once

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>
#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>

#include "fetch/fetch.h"
#include "gst/support/http_server.h"
#include "gst/support/median.h"

namespace torchstreamer::test {

using std::chrono::steady_clock;

constexpr size_t kModelBytes = 100000;
constexpr char kSecret[] = "Bearer s3cr3t";

/// Error of a failed fetch.
struct Failure {
  GQuark domain;
  int code;
  std::string text, debug;
};

/// Runs this program in a new process that fetches `uri`; see main().
inline pid_t start_child(const std::string& uri, const std::string& folder) {
  const pid_t child = fork();
  if (child == 0) {
    execl("/proc/self/exe", "model_fetch_test", "fetch", uri.c_str(), folder.c_str(), nullptr);
    _exit(127);
  }
  return child;
}

inline int wait_for(pid_t child) {
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

  /// Fetches a location that must fail; returns the error.
  Failure fail(const std::string& location) {
    try {
      fetch(location);
    } catch (const ElementError& error) {
      EXPECT_EQ(std::string(error.what()).find(kSecret), std::string::npos);
      EXPECT_EQ(error.debug().find(kSecret), std::string::npos);
      return {error.domain(), error.code(), error.what(), error.debug()};
    }
    ADD_FAILURE() << "fetching " << location << " did not fail";
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

inline HttpServer::Handler always(Answer answer) {
  return [answer](const Request&) { return answer; };
}

/// Uses each handler once, in order, and then always the last one.
inline HttpServer::Handler in_turn(std::vector<HttpServer::Handler> handlers) {
  auto next = std::make_shared<size_t>(0);
  return [handlers, next](const Request& request) {
    return handlers[std::min((*next)++, handlers.size() - 1)](request);
  };
}

inline HttpServer::Handler serving(const Bytes& file, const std::string& etag) {
  return [file, etag](const Request& request) { return serve(request, file, etag); };
}

inline Answer cut(const Bytes& file, const std::string& etag, size_t bytes) {
  Answer answer = {200, {{"ETag", etag}}, file};
  answer.cut_bytes = bytes;
  return answer;
}

class ModelFetchCancel : public ModelFetch {
 protected:
  /// Cancels a fetch 50 ms after `wait` has returned, several times; expects a prompt return.
  void expect_prompt(const std::string& uri, const std::function<void()>& wait) {
    std::vector<steady_clock::duration> times;
    for (int i = 0; i < 5; ++i) {
      cancellable = g_cancellable_new();
      steady_clock::time_point cancelled;
      std::thread other([&] {
        wait();
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
        cancelled = steady_clock::now();
        g_cancellable_cancel(cancellable);
      });
      EXPECT_THROW(fetch(uri), Cancelled);
      const auto end = steady_clock::now();
      other.join();
      times.push_back(end - cancelled);
      g_object_unref(cancellable);
      cancellable = nullptr;
    }
    EXPECT_LT(median(times), std::chrono::milliseconds(100));
  }
};

}  // namespace torchstreamer::test
