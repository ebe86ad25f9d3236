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

/// Runs this program in the role `role`, in a process of its own, with these variables of the
/// environment (null: not set), and gives what it prints. Where it does not end well that fails.
inline std::string run_self(const char* role,
                            const std::map<std::string, const char*>& variables = {}) {
  gchar** environment = g_get_environ();
  for (const auto& [name, value] : variables)
    environment = value ? g_environ_setenv(environment, name.c_str(), value, TRUE)
                        : g_environ_unsetenv(environment, name.c_str());
  g_autofree gchar* self = g_file_read_link("/proc/self/exe", nullptr);
  const gchar* command[] = {self, role, nullptr};
  g_autofree gchar *output = nullptr, *complaints = nullptr;
  int status = -1;
  EXPECT_TRUE(g_spawn_sync(nullptr, const_cast<gchar**>(command), environment, G_SPAWN_DEFAULT,
                           nullptr, nullptr, &output, &complaints, &status, nullptr));
  g_strfreev(environment);
  EXPECT_EQ(status, 0) << complaints;
  return output ? output : "";
}

}  // namespace torchstreamer::test
