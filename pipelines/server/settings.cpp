#include "server/settings.h"

#include <gio/gio.h>

#include <cstdlib>
#include <iostream>
#include <stdexcept>
#include <variant>

#include "server/ref.h"

namespace torchstreamer::server {
namespace {

constexpr uint64_t kMostSeconds = 10ull * 365 * 86400;
const std::string kModelPrefix = "model ";

struct Range {
  uint64_t Settings::*number;
  uint64_t least, most;
};
using Target = std::variant<std::string Settings::*, bool Settings::*, Range>;

/// One row: a key of the section [server] and an option of the command line.
struct Row {
  const char* name;
  Target target;
  const char* help;
};

const Row kRows[] = {
    {"address", &Settings::address, "IP address to listen on; default: 127.0.0.1"},
    {"port", Range{&Settings::port, 0, 65535}, "Port; 0: a free one; default: 8080"},
    {"models", &Settings::models, "Folder of model files (.pt, .pt2, .ts)"},
    {"pages", &Settings::pages, "Folder of the page to serve at /; default: none"},
    {"token-file", &Settings::token_file,
     "File with the bearer token that requests must have; default: $TORCHSTREAMER_TOKEN"},
    {"tls-certificate", &Settings::tls_certificate, "PEM file of the certificate chain"},
    {"tls-key", &Settings::tls_key, "PEM file of the private key"},
    {"max-sessions", Range{&Settings::max_sessions, 1, 100000}, "Sessions; default: 256"},
    {"max-sessions-per-address", Range{&Settings::max_sessions_per_address, 1, 100000},
     "Sessions of one client address; default: 64"},
    {"max-duration", Range{&Settings::max_duration_s, 1, kMostSeconds},
     "Seconds of audio of a session; default: 21600"},
    {"max-bytes", Range{&Settings::max_bytes, 1, UINT64_MAX},
     "Bytes that a session may receive; default: 4294967296"},
    {"idle-time", Range{&Settings::idle_s, 1, kMostSeconds},
     "Seconds without data after which a session ends; default: 30"},
    {"load-limit", Range{&Settings::load_percent, 1, 1000},
     "Percent of the processors that sessions may use before new ones are refused; default: 80"},
    {"drain-time", Range{&Settings::drain_s, 0, kMostSeconds},
     "Seconds that sessions may go on after SIGTERM; default: 30"},
    {"log-json", &Settings::log_json, "Log one JSON object per line: true or false"},
};

uint64_t parse_number(const std::string& name, const std::string& text, const Range& range) {
  guint64 value;
  g_autoptr(GError) error = nullptr;
  if (g_ascii_string_to_unsigned(text.c_str(), 10, range.least, range.most, &value, &error))
    return value;
  throw std::runtime_error(name + ": \"" + text + "\" is not a whole number from " +
                           std::to_string(range.least) + " to " + std::to_string(range.most) + ".");
}

void set(Settings* settings, const Row& row, const std::string& text) {
  if (const auto* range = std::get_if<Range>(&row.target)) {
    settings->*range->number = parse_number(row.name, text, *range);
  } else if (const auto* flag = std::get_if<bool Settings::*>(&row.target)) {
    if (text != "true" && text != "false")
      throw std::runtime_error(std::string(row.name) + ": \"" + text +
                               "\" is neither true nor false.");
    settings->*(*flag) = text == "true";
  } else {
    settings->*std::get<std::string Settings::*>(row.target) = text;
  }
}

const Row& find_row(const std::string& name, const std::string& where) {
  for (const Row& row : kRows)
    if (name == row.name) return row;
  std::string names;
  for (const Row& row : kRows) names += std::string(names.empty() ? "" : ", ") + row.name;
  throw std::runtime_error(where + ": the setting \"" + name +
                           "\" does not exist. Settings: " + names + ".");
}

std::map<std::string, std::string> read_section(GKeyFile* file, const char* section) {
  std::map<std::string, std::string> values;
  g_auto(GStrv) keys = g_key_file_get_keys(file, section, nullptr, nullptr);
  for (gchar** key = keys; key && *key; ++key) {
    g_autoptr(GError) error = nullptr;
    g_autofree gchar* value = g_key_file_get_string(file, section, *key, &error);
    if (!value) throw std::runtime_error(std::string("[") + section + "]: " + error->message + ".");
    values[*key] = g_strstrip(value);
  }
  return values;
}

void read_file(Settings* settings, const std::string& path) {
  Ref<GKeyFile> file(g_key_file_new());
  g_autoptr(GError) error = nullptr;
  if (!g_key_file_load_from_file(file.get(), path.c_str(), G_KEY_FILE_NONE, &error))
    throw std::runtime_error(path + " cannot be read: " + error->message + ".");
  g_auto(GStrv) sections = g_key_file_get_groups(file.get(), nullptr);
  for (gchar** section = sections; *section; ++section) {
    const std::string name = *section;
    const auto values = read_section(file.get(), *section);
    if (name == "server") {
      for (const auto& [key, value] : values) set(settings, find_row(key, path), value);
    } else if (name.rfind(kModelPrefix, 0) == 0 && name.size() > kModelPrefix.size()) {
      settings->model_sections[name.substr(kModelPrefix.size())] = values;
    } else {
      throw std::runtime_error(path + ": the section [" + name +
                               "] does not exist. Sections: [server], [model NAME].");
    }
  }
}

void print_help() {
  std::cout
      << "Usage: torchstreamer-server [--config=FILE] [--SETTING=VALUE...]\n\n"
         "Runs models on audio that clients send over HTTP. FILE has a section [server] with\n"
         "these settings, and sections [model NAME] with properties of tsmodel.\n\n";
  for (const Row& row : kRows)
    std::cout << "  --" << row.name << "=VALUE\n      " << row.help << '\n';
}

/// "--name=value" or "--name" "value".
std::pair<std::string, std::string> next_option(int argc, char** argv, int* i) {
  const std::string word = argv[*i];
  if (word.rfind("--", 0) != 0)
    throw std::runtime_error("\"" + word + "\" is not an option. Options begin with --.");
  const size_t equals = word.find('=');
  if (equals != std::string::npos) return {word.substr(2, equals - 2), word.substr(equals + 1)};
  if (++*i == argc) throw std::runtime_error(word + " has no value.");
  return {word.substr(2), argv[*i]};
}

std::string read_token(const std::string& path) {
  if (path.empty()) {
    const char* token = std::getenv("TORCHSTREAMER_TOKEN");
    return token ? token : "";
  }
  g_autofree gchar* text = nullptr;
  g_autoptr(GError) error = nullptr;
  if (!g_file_get_contents(path.c_str(), &text, nullptr, &error))
    throw std::runtime_error("token-file: " + std::string(error->message) + ".");
  const std::string token = g_strstrip(text);
  if (token.empty()) throw std::runtime_error("token-file: " + path + " is empty.");
  return token;
}

void check(const Settings& settings) {
  g_autoptr(GInetAddress) address = g_inet_address_new_from_string(settings.address.c_str());
  if (!address)
    throw std::runtime_error("address: \"" + settings.address + "\" is not an IP address.");
  if (settings.tls_certificate.empty() != settings.tls_key.empty())
    throw std::runtime_error("tls-certificate and tls-key must be set together.");
  if (!g_inet_address_get_is_loopback(address) && settings.token.empty())
    throw std::runtime_error("address: " + settings.address +
                             " can be reached from other machines. Set token-file, or listen on "
                             "127.0.0.1.");
  if (settings.models.empty() && settings.model_sections.empty())
    throw std::runtime_error(
        "There is no model. Set models to a folder, or add a section "
        "[model NAME] to the file.");
}

}  // namespace

Settings parse_settings(int argc, char** argv) {
  std::vector<std::pair<std::string, std::string>> options;
  Settings settings;
  for (int i = 1; i < argc; ++i) {
    if (std::string(argv[i]) == "--help") {
      print_help();
      std::exit(0);
    }
    const auto option = next_option(argc, argv, &i);
    if (option.first == "config")
      settings.file = option.second;
    else
      options.push_back(option);
  }
  if (!settings.file.empty()) read_file(&settings, settings.file);
  for (const auto& [name, value] : options)
    set(&settings, find_row(name, "The command line"), value);
  settings.token = read_token(settings.token_file);
  check(settings);
  return settings;
}

std::map<std::string, ModelSettings> read_model_sections(const std::string& file) {
  Settings settings;
  if (!file.empty()) read_file(&settings, file);
  return settings.model_sections;
}

}  // namespace torchstreamer::server
