// Start of the test programs that use GStreamer.
#pragma once

#include <gst/gst.h>
#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <string>

namespace torchstreamer::test {

/// Runs all tests; a CRITICAL message of GLib ends the program. If the first argument is one of
/// `roles`, runs that function instead: see run_self().
inline int run_gst_tests(int argc, char** argv,
                         const std::map<std::string, std::function<int()>>& roles = {}) {
  gst_init(nullptr, nullptr);
  g_log_set_always_fatal(G_LOG_LEVEL_CRITICAL);
  const auto role = argc > 1 ? roles.find(argv[1]) : roles.end();
  if (role != roles.end()) return role->second();
  ::testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}

/// Runs this program in the role `role` in a new process with these environment variables (null:
/// not set). Returns its output; fails the test if the exit status is not 0.
inline std::string run_self(const char* role,
                            const std::map<std::string, const char*>& variables = {}) {
  gchar** environment = g_get_environ();
  for (const auto& [name, value] : variables)
    environment = value ? g_environ_setenv(environment, name.c_str(), value, TRUE)
                        : g_environ_unsetenv(environment, name.c_str());
  g_autofree gchar* self = g_file_read_link("/proc/self/exe", nullptr);
  const gchar* command[] = {self, role, nullptr};
  g_autofree gchar *output = nullptr, *errors = nullptr;
  int status = -1;
  EXPECT_TRUE(g_spawn_sync(nullptr, const_cast<gchar**>(command), environment, G_SPAWN_DEFAULT,
                           nullptr, nullptr, &output, &errors, &status, nullptr));
  g_strfreev(environment);
  EXPECT_EQ(status, 0) << errors;
  return output ? output : "";
}

}  // namespace torchstreamer::test
