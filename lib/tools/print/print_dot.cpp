#include "tools/print/print.h"

namespace torchstreamer::tools {
namespace {

// Returns a quoted string of the dot language: backslashes and quotes are escaped, lines centred.
std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '\n') {
      out += "\\n";
    } else {
      if (c == '"' || c == '\\') out += '\\';
      out += c;
    }
  }
  return out + "\"";
}

std::string name(int process) {
  return process == Network::kSource ? "input" : "p" + std::to_string(process);
}

std::string label(const Process& p) {
  std::string text = p.description;
  for (const std::string& line : {p.operation, p.module_path, p.source})
    if (!line.empty()) text += "\n" + line;
  return text + "\nrate " + to_text(p.rate) + ", look-ahead " + to_text(p.look_ahead_frames) +
         ", field " + std::to_string(p.receptive_field_frames);
}

}  // namespace

void print_dot(std::ostream& out, const Report& r) {
  out << "digraph " << quoted(r.path) << " {\n"
      << "  node [shape=box, fontname=\"sans-serif\"];\n"
      << "  input [shape=oval, label="
      << quoted("input\n" + std::to_string(r.channels_in) + " x " + std::to_string(r.rate_hz) +
                " Hz")
      << "];\n";
  for (size_t n = 0; n < r.processes.size(); ++n) {
    const std::string process = name(static_cast<int>(n));
    out << "  " << process << " [label=" << quoted(label(r.processes[n])) << "];\n";
    for (const int i : r.processes[n].inputs) out << "  " << name(i) << " -> " << process << ";\n";
  }
  const int last = static_cast<int>(r.processes.size()) - 1;
  out << "  output [shape=oval, label="
      << quoted("output\n" + std::to_string(r.channels_out) + " x " +
                to_text(r.rate * Rational(r.rate_hz)) + " Hz")
      << "];\n  " << name(last) << " -> output;\n}\n";
}

void print_refusal_dot(std::ostream& out, const std::string& path, const Error& error) {
  out << "digraph " << quoted(path)
      << " {\n  refused [shape=octagon, label=" << quoted(error.what()) << "];\n}\n";
}

}  // namespace torchstreamer::tools
