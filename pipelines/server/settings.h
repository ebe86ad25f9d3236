// Settings of the server, from a file and from options.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace torchstreamer::server {

/// Properties of tsmodel, by name. `location` is always set.
using ModelSettings = std::map<std::string, std::string>;

struct Settings {
  std::string address = "127.0.0.1";
  uint64_t port = 8080;
  std::string token_file;
  std::string tls_certificate;
  std::string tls_key;
  std::string models;
  std::string pages;

  uint64_t max_sessions = 256;
  uint64_t max_sessions_per_address = 64;
  uint64_t max_duration_s = 6 * 3600;
  uint64_t max_bytes = uint64_t{4} << 30;
  uint64_t idle_s = 30;
  uint64_t load_percent = 80;
  uint64_t drain_s = 30;
  bool log_json = false;

  /// Sections [model NAME] of the file.
  std::map<std::string, ModelSettings> model_sections;
  /// Bearer token that every request must have; empty: none.
  std::string token;
  /// Path of the file that these settings were read from; empty: none.
  std::string file;
};

/// Parses a command line: `--config=FILE` is read first, other options take precedence over it.
/// Prints the help and ends the process for --help. Throws std::runtime_error that names the
/// setting, its value and what is accepted.
Settings parse_settings(int argc, char** argv);

/// Reads the sections [model NAME] of a file again; "": there are none. Throws std::runtime_error.
std::map<std::string, ModelSettings> read_model_sections(const std::string& file);

}  // namespace torchstreamer::server
