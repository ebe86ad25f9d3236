// Figures as text.
#pragma once

#include <cstdint>
#include <ostream>
#include <string>
#include <vector>

#include "tools/report/interface.h"
#include "torchstreamer/rational.h"

namespace torchstreamer::tools {

/// Rounds to three significant digits: "1.23", "45.6", "789".
std::string rounded(double value);
/// "1.2e-07".
std::string scientific(double value);
/// "512 bytes", "1.50 KiB".
std::string bytes(int64_t count);
/// "1.50 M/s".
std::string per_second(Rational per_frame, int64_t rate_hz);
/// "1 case", "2 cases".
std::string plural(int64_t count, const std::string& what);
/// "512 frames, 32.0 ms".
std::string frames(Rational count, int64_t rate_hz);
/// Prints a line of two columns.
void row(std::ostream& out, const std::string& what, const std::string& value);
/// Prints columns as wide as their longest cell.
void print_table(std::ostream& out, const std::vector<std::vector<std::string>>& rows);
/// Prints a row for each key of the settings in a file. `json`: an object.
void print_settings(std::ostream& out, const std::string& json);
/// Prints what a user can choose: methods, arguments and attributes.
void print_interface(std::ostream& out, const Interface& interface);

}  // namespace torchstreamer::tools
