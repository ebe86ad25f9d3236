#include "server/settings.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <iostream>

#include "expect_says.h"
#include "temporary_folder.h"

namespace torchstreamer::server {
namespace {

class SettingsTest : public ::testing::Test {
 protected:
  void SetUp() override { unsetenv("TORCHSTREAMER_TOKEN"); }
  void TearDown() override { unsetenv("TORCHSTREAMER_TOKEN"); }

  std::string write(const std::string& name, const std::string& text) const {
    std::ofstream(folder_ / name) << text;
    return (folder_ / name).string();
  }

  static Settings parse(std::vector<std::string> words) {
    words.insert(words.begin(), "torchstreamer-server");
    std::vector<char*> argv;
    for (std::string& word : words) argv.push_back(word.data());
    return parse_settings(static_cast<int>(argv.size()), argv.data());
  }

  Settings parse_file(const std::string& text) const {
    return parse({"--config=" + write("server.conf", text)});
  }

  /// Text of the error that `parse` throws; "" if it throws none.
  template <class Parse>
  static std::string error_of(const Parse& parse) {
    try {
      parse();
      return "";
    } catch (const std::runtime_error& error) {
      return error.what();
    }
  }

  void expect_option_error(const std::string& text, std::vector<std::string> words) const {
    words.push_back("--models=folder");
    EXPECT_SAYS(text, error_of([&] { parse(words); }));
  }

  void expect_file_error(const std::string& text, const std::string& file) const {
    EXPECT_SAYS(text, error_of([&] { parse_file(file); }));
  }

  const test::TemporaryFolder folder_;
};

TEST_F(SettingsTest, DefaultsAreLocal) {
  const Settings settings = parse({"--models=folder"});
  EXPECT_EQ(settings.address, "127.0.0.1");
  EXPECT_EQ(settings.port, 8080u);
  EXPECT_EQ(settings.models, "folder");
  EXPECT_EQ(settings.max_sessions, 256u);
  EXPECT_EQ(settings.max_bytes, uint64_t{4} << 30);
  EXPECT_FALSE(settings.log_json);
  EXPECT_EQ(settings.token, "");
}

TEST_F(SettingsTest, FileHasAllSettingsAndModels) {
  const Settings settings = parse_file(
      "# comment\n[server]\nport = 0\nmodels=  folder \nmax-sessions=3\n"
      "max-sessions-per-address=2\nmax-duration=60\nmax-bytes=18446744073709551615\nidle-time=5\n"
      "load-limit=90\ndrain-time=0\nlog-json=true\naddress=::1\npages=site\n"
      "[model noise gate]\nlocation=a.pt\npadding=valid\n[model b]\nlocation=b.pt\n");
  EXPECT_EQ(settings.port, 0u);
  EXPECT_EQ(settings.models, "folder");
  EXPECT_EQ(settings.max_sessions, 3u);
  EXPECT_EQ(settings.max_sessions_per_address, 2u);
  EXPECT_EQ(settings.max_duration_s, 60u);
  EXPECT_EQ(settings.max_bytes, UINT64_MAX);
  EXPECT_EQ(settings.idle_s, 5u);
  EXPECT_EQ(settings.load_percent, 90u);
  EXPECT_EQ(settings.drain_s, 0u);
  EXPECT_TRUE(settings.log_json);
  EXPECT_EQ(settings.address, "::1");
  EXPECT_EQ(settings.pages, "site");
  const std::map<std::string, ModelSettings> models = {
      {"noise gate", {{"location", "a.pt"}, {"padding", "valid"}}}, {"b", {{"location", "b.pt"}}}};
  EXPECT_EQ(settings.model_sections, models);
  EXPECT_EQ(read_model_sections(settings.file), models);
  EXPECT_TRUE(read_model_sections("").empty());
}

TEST_F(SettingsTest, OptionsTakePrecedenceWhereverTheyStand) {
  const std::string file = write("server.conf", "[server]\nport=1\nmodels=a\n");
  for (const std::vector<std::string>& words :
       {std::vector<std::string>{"--port=2", "--config=" + file},
        {"--config", file, "--port", "2"}}) {
    const Settings settings = parse(words);
    EXPECT_EQ(settings.port, 2u);
    EXPECT_EQ(settings.models, "a");
  }
  EXPECT_EQ(parse({"--models=a=b", "--port=1", "--port=2"}).models, "a=b");
}

TEST_F(SettingsTest, NumbersHaveRanges) {
  expect_option_error("port: \"65536\" is not a whole number from 0 to 65535.", {"--port=65536"});
  expect_option_error("port: \"-1\" is not a whole number", {"--port=-1"});
  expect_option_error("port: \"\" is not a whole number", {"--port="});
  expect_option_error("port: \"8 \" is not a whole number", {"--port=8 "});
  expect_option_error("max-sessions: \"0\" is not a whole number from 1 to 100000.",
                      {"--max-sessions=0"});
  expect_option_error("max-bytes: \"18446744073709551616\" is not a whole number from 1 to",
                      {"--max-bytes=18446744073709551616"});
  expect_option_error("idle-time: \"315360001\" is not", {"--idle-time=315360001"});
  expect_option_error("load-limit: \"0x10\" is not", {"--load-limit=0x10"});
  expect_option_error("log-json: \"yes\" is neither true nor false.", {"--log-json=yes"});
}

TEST_F(SettingsTest, UnknownNamesAreErrors) {
  expect_option_error("The command line: the setting \"prot\" does not exist. Settings: address, ",
                      {"--prot=1"});
  expect_option_error("\"-p\" is not an option. Options begin with --.", {"-p"});
  EXPECT_SAYS("--port has no value.", error_of([] { parse({"--port"}); }));
  expect_file_error("server.conf: the setting \"modles\" does not exist. Settings: address, ",
                    "[server]\nmodles=a\n");
  expect_file_error("the section [sever] does not exist. Sections: [server], [model NAME].",
                    "[sever]\nmodels=a\n");
  expect_file_error("the section [model ] does not exist", "[model ]\nlocation=a\n");
  expect_file_error("server.conf cannot be read: ", "models=a\n");
  EXPECT_SAYS("none.conf cannot be read: ",
              error_of([&] { parse({"--config=" + (folder_ / "none.conf").string()}); }));
  expect_file_error("[server]: ", "[server]\nmodels=\xff\xfe\n");
}

TEST_F(SettingsTest, TokenComesFromTheFileOrTheEnvironment) {
  setenv("TORCHSTREAMER_TOKEN", "of the environment", 1);
  EXPECT_EQ(parse({"--models=a"}).token, "of the environment");
  const std::string file = write("token", "  of the file\n");
  EXPECT_EQ(parse({"--models=a", "--token-file=" + file}).token, "of the file");
  expect_option_error("token-file: " + write("empty", " \n") + " is empty.",
                      {"--token-file=" + (folder_ / "empty").string()});
  expect_option_error("token-file: ", {"--token-file=" + (folder_ / "none").string()});
}

TEST_F(SettingsTest, OtherMachinesNeedAToken) {
  const std::string text = " can be reached from other machines. Set token-file, or listen on ";
  for (const std::string address : {"0.0.0.0", "::", "192.0.2.1"})
    expect_option_error("address: " + address + text, {"--address=" + address});
  EXPECT_EQ(parse({"--models=a", "--address=127.0.0.2"}).address, "127.0.0.2");
  setenv("TORCHSTREAMER_TOKEN", "secret", 1);
  EXPECT_EQ(parse({"--models=a", "--address=0.0.0.0"}).address, "0.0.0.0");
  // An empty variable is no token.
  setenv("TORCHSTREAMER_TOKEN", "", 1);
  expect_option_error(text, {"--address=0.0.0.0"});
}

TEST_F(SettingsTest, CombinationsAreChecked) {
  expect_option_error("address: \"localhost\" is not an IP address.", {"--address=localhost"});
  expect_option_error("tls-certificate and tls-key must be set together.", {"--tls-key=key"});
  expect_option_error("tls-certificate and tls-key must be set together.",
                      {"--tls-certificate=certificate"});
  EXPECT_SAYS("There is no model. Set models to a folder, or add a section [model NAME]",
              error_of([] { parse({}); }));
}

TEST_F(SettingsTest, HelpEndsTheProgram) {
  std::cout.setstate(std::ios::failbit);  // the child prints nothing
  EXPECT_EXIT(parse({"--help"}), ::testing::ExitedWithCode(0), "");
  std::cout.clear();
}

}  // namespace
}  // namespace torchstreamer::server
