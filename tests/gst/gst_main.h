// How programs with tests of GStreamer start.
#pragma once

#include <gst/gst.h>
#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <string>

namespace torchstreamer::test {

/// Runs all tests; a CRITICAL of GLib ends the program. With one of `roles` as its first argument
/// the program does what that says instead: tests run themselves again in processes of their own.
inline int run_gst_tests(int argc, char** argv,
                         const std::map<std::string, std::function<int()>>& roles = {}) {
  gst_init(nullptr, nullptr);
  g_log_set_always_fatal(G_LOG_LEVEL_CRITICAL);
  const auto role = argc > 1 ? roles.find(argv[1]) : roles.end();
  if (role != roles.end()) return role->second();
  ::testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}

}  // namespace torchstreamer::test
