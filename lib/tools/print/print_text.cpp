#include <algorithm>

#include "tools/print/print.h"
#include "tools/print/text.h"

namespace torchstreamer::tools {
namespace {

std::string computed_by(const Report& r) {
  const auto is_native = [](const Process& p) { return p.is_native; };
  const auto native = std::count_if(r.processes.begin(), r.processes.end(), is_native);
  const auto others = static_cast<int64_t>(r.processes.size()) - native;
  if (native == 0) return "by libtorch";
  if (others == 0) return "by the kernels of this library";
  return "by the kernels of this library, except for " + std::to_string(others) + " of " +
         std::to_string(native + others) + " processes, which libtorch runs";
}

void print_summary(std::ostream& out, const Report& r) {
  const std::string type = r.dtype == at::kDouble ? "float64" : "float32";
  row(out, "input",
      plural(r.channels_in, "channel") + " at " + std::to_string(r.rate_hz) + " Hz, as " +
          r.layout);
  row(out, "output",
      plural(r.channels_out, "channel") + " at " + to_text(r.rate * Rational(r.rate_hz)) +
          " Hz, rate ratio " + to_text(r.rate));
  row(out, "computes in", type + " on " + r.device + ", " + computed_by(r));
  for (const std::string& remark : r.remarks) row(out, "", remark);
  for (const std::string& warning : r.warnings) row(out, "warning", warning);
  if (!r.settings.empty()) print_settings(out, r.settings);
  row(out, "look-ahead", frames(r.look_ahead_frames, r.rate_hz));
  row(out, "receptive field", frames(Rational(r.receptive_field_frames), r.rate_hz));
  row(out, "first output",
      r.first_output_frames ? "after " + frames(Rational(*r.first_output_frames), r.rate_hz)
                            : "at the end of the signal");
  row(out, "parameters", std::to_string(r.parameters));
  row(out, "multiply-adds",
      per_second(r.multiply_adds_per_frame, r.rate_hz) +
          ", without elementwise operators and Fourier transforms");
  const std::string settled = r.memory.settled_bytes < r.memory.bytes
                                  ? " (" + bytes(r.memory.settled_bytes) + " in a long signal)"
                                  : "";
  row(out, "memory",
      bytes(r.memory.bytes) + " for each stream, without the weights" + settled +
          ": maximum between pushes,");
  row(out, "",
      "measured with noise: " + std::to_string(r.memory.chunks_frames) + " frames in pushes of " +
          std::to_string(r.memory.chunk_frames) + " (10 ms), then " +
          std::to_string(r.memory.single_frames) + " of one frame");
}

std::string inputs_of(const Process& p) {
  std::string text;
  for (const int i : p.inputs)
    text += (text.empty() ? "" : ",") + (i == Network::kSource ? "input" : std::to_string(i));
  return text;
}

// Joins the lines of the description of a network, which has one line for each process.
std::string one_line(std::string text) {
  std::replace(text.begin(), text.end(), '\n', ';');
  return text;
}

void print_processes(std::ostream& out, const Report& r) {
  out << "\nProcesses, with times relative to the input:\n";
  std::vector<std::vector<std::string>> rows = {{"", "process", "reads", "rate", "look-ahead",
                                                 "field", "multiply-adds", "by", "operator",
                                                 "module", "source"}};
  for (size_t n = 0; n < r.processes.size(); ++n) {
    const Process& p = r.processes[n];
    const bool multiplies = p.multiply_adds_per_frame != Rational(0);
    rows.push_back({std::to_string(n), one_line(p.description), inputs_of(p), to_text(p.rate),
                    to_text(p.look_ahead_frames), std::to_string(p.receptive_field_frames),
                    multiplies ? per_second(p.multiply_adds_per_frame, r.rate_hz) : "-",
                    p.is_native ? "native" : "libtorch", p.operation, p.module_path, p.source});
  }
  print_table(out, rows);
}

void print_type(std::ostream& out, const TypeCertificate& t) {
  const std::string name = t.dtype == at::kDouble ? "float64" : "float32";
  if (!t.not_run.empty()) return row(out, name, "not compared: " + t.not_run);
  row(out, name,
      plural(t.cases, "case") + ": " + plural(t.signals, "signal") + " of " +
          std::to_string(t.shortest_frames) + " to " + std::to_string(t.longest_frames) +
          " frames, each cut in several ways; the model rejects " +
          plural(t.rejected, "other length"));
  row(out, "",
      "largest error " + scientific(t.worst_error) + " of the peak, " +
          scientific(t.allowed_error) + " is allowed there; the model's own " + name + " run has " +
          scientific(t.own_error));
  if (t.without_exact_output > 0 && t.dtype == at::kFloat)
    row(out, "",
        plural(t.without_exact_output, "signal") +
            " compared with the model in float32, because its run in float64 fails or decides "
            "differently");
  row(out, "",
      t.identical == t.signals
          ? "bit-identical for all ways of cutting"
          : "bit-identical for all ways of cutting " + std::to_string(t.identical) + " of " +
                plural(t.signals, "signal") +
                (t.worst_difference > 0
                     ? "; others differ by at most " + scientific(t.worst_difference)
                     : ""));
  if (t.not_identical > 0)
    row(out, "",
        plural(t.not_identical, "signal") +
            " FAIL: native kernels must give the same bits for all ways of cutting");
  if (t.failures > 0)
    row(out, "", std::to_string(t.failures) + " cases FAIL, the first: " + t.failure);
  if (t.signals == 0) row(out, "", "nothing was compared: the model took none of the lengths");
}

std::string delay_text(const Delay& delay) {
  if (!delay.not_measured.empty()) return "not measured: " + delay.not_measured;
  if (!delay.first_output_frames) return "at the end of the signal only";
  std::string text = "after " + plural(*delay.first_output_frames, "frame");
  if (!delay.least_frames) return text + "; the smallest possible number was not found";
  if (*delay.least_frames == *delay.first_output_frames)
    return text + ", the smallest possible number";
  return text + "; " + std::to_string(*delay.least_frames) + " would be possible";
}

void print_certificate(std::ostream& out, const Certificate& c) {
  out << "\nVerified against the model, seed " << c.seed << ":\n";
  for (const TypeCertificate& t : c.types) print_type(out, t);
  row(out, "first output", delay_text(c.delay));
  row(out, "result", c.holds() ? "holds" : "DOES NOT HOLD");
}

}  // namespace

void print_text(std::ostream& out, const Report& r) {
  out << r.path << ": streams\n";
  print_summary(out, r);
  print_interface(out, r.interface);
  print_processes(out, r);
  if (!r.proof.empty()) out << "\nThe plan is proven " << r.proof << ".\n";
  if (!r.guards.empty()) {
    out << "\nThe model treats signals of some lengths differently. Signals of up to "
        << graph::Guards::kKeptFrames
        << " frames\nare kept, and the model itself computes their end. Longer signals of such a "
           "length end\nwith an error:\n";
    for (const std::string& guard : r.guards) out << "  " << guard << "\n";
  }
  if (r.certificate) print_certificate(out, *r.certificate);
}

void print_refusal_text(std::ostream& out, const std::string& path, const Error& error,
                        const Interface& interface) {
  out << path << ": refused\n  " << error.what() << "\n";
  print_interface(out, interface);
}

}  // namespace torchstreamer::tools
