#include "tools/print/print.h"
#include "tools/print/text.h"
#include "tools/report/block_report.h"

namespace torchstreamer::tools {
namespace {

void print_calls(std::ostream& out, const BlockReport& r) {
  row(out, "window", frames(Rational(r.window_frames), r.rate_hz));
  row(out, "hop", frames(Rational(r.hop_frames), r.rate_hz));
  row(out, "tail", r.tail);
  const double windows = to_double(r.windows_per_frame()) * static_cast<double>(r.rate_hz);
  row(out, "windows",
      rounded(windows) + "/s, " +
          (r.most_windows == 1 ? "one in each call"
                               : "up to " + std::to_string(r.most_windows) + " in each call"));
  row(out, "output",
      plural(r.frames_out, "frame") + " of " + plural(r.channels_out, "channel") +
          " for each window: " + to_text(r.rate() * Rational(r.rate_hz)) + " Hz, rate ratio " +
          to_text(r.rate()));
}

void print_certificate(std::ostream& out, const BlockCertificate& c) {
  out << "\nVerified against a plain loop over the model, seed " << c.seed << ":\n";
  row(out, "",
      plural(c.cases, "case") + ": " + plural(c.signals, "signal") + " of " +
          std::to_string(c.shortest_frames) + " to " + std::to_string(c.longest_frames) +
          " frames, each cut in several ways; the model rejects " +
          plural(c.rejected, "other length"));
  if (c.rejected > 0) row(out, "", "rejected first: " + c.rejection);
  row(out, "",
      "largest error " + scientific(c.worst_error) + " of the peak, " + scientific(c.tolerance) +
          " is allowed");
  row(out, "",
      c.identical == c.signals ? "bit-identical for all ways of cutting"
                               : plural(c.signals - c.identical, "signal") +
                                     " FAIL: the bits depend on the way of cutting");
  if (c.failures > 0) row(out, "", plural(c.failures, "case") + " FAIL, the first: " + c.failure);
  row(out, "result", c.holds() ? "holds" : "DOES NOT HOLD");
}

}  // namespace

void print_block_text(std::ostream& out, const BlockReport& r) {
  out << r.path << ": is called block by block\n";
  row(out, "method", r.method);
  row(out, "input",
      plural(r.channels_in, "channel") + " at " + std::to_string(r.rate_hz) + " Hz, as " +
          r.layout);
  print_calls(out, r);
  row(out, "computes in", r.type + " on " + r.device + ", by libtorch");
  for (const std::string& remark : r.remarks) row(out, "", remark);
  for (const std::string& warning : r.warnings) row(out, "warning", warning);
  if (!r.settings.empty()) print_settings(out, r.settings);
  row(out, "state", r.keeps_state ? "kept from call to call" : "none");
  row(out, "look-ahead", frames(r.look_ahead_frames, r.rate_hz));
  row(out, "parameters", std::to_string(r.parameters));
  row(out, "memory", bytes(r.stream_bytes) + " for each stream, without the weights");
  print_interface(out, r.interface);
  if (r.certificate) print_certificate(out, *r.certificate);
}

}  // namespace torchstreamer::tools
