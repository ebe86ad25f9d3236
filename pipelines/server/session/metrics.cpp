#include "server/session/metrics.h"

#include <algorithm>
#include <cmath>
#include <sstream>

#include "server/session/sessions.h"

namespace torchstreamer::server {
namespace {

constexpr double kShortest_s = 1e-6;

/// Writes families of samples: a line of help, a line of the type, then the samples.
class Writer {
 public:
  Writer() { text_.precision(15); }
  void family(const char* name, const char* type, const char* help) {
    name_ = std::string("torchstreamer_") + name;
    text_ << "# HELP " << name_ << ' ' << help << "\n# TYPE " << name_ << ' ' << type << '\n';
  }
  void sample(double value, const std::string& labels = "", const char* suffix = "") {
    text_ << name_ << suffix;
    if (!labels.empty()) text_ << '{' << labels << '}';
    text_ << ' ' << value << '\n';
  }
  void single(const char* name, const char* type, const char* help, double value) {
    family(name, type, help);
    sample(value);
  }
  void counts(const char* name, const char* help, const char* label,
              const std::map<std::string, uint64_t>& counts) {
    family(name, "counter", help);
    for (const auto& [key, count] : counts)
      sample(static_cast<double>(count), labelled(label, key));
  }
  static std::string labelled(const std::string& name, const std::string& value) {
    std::string text = name + "=\"";
    for (const char c : value) {
      if (c == '\\' || c == '"') text += '\\';
      text += c == '\n' ? ' ' : c;
    }
    return text + '"';
  }
  std::string text() const { return text_.str(); }

 private:
  std::string name_;
  std::ostringstream text_;
};

/// Values of the tsmodel elements of one model.
struct ModelLoad {
  uint64_t sessions = 0, pushes = 0, runs = 0;
  double p50_s = 0, p99_s = 0, factor = 0;
};

uint64_t get(const GstStructure* stats, const char* field) {
  guint64 value = 0;
  gst_structure_get_uint64(stats, field, &value);
  return value;
}

std::map<std::string, ModelLoad> loads(const Sessions& sessions) {
  std::map<std::string, ModelLoad> loads;
  for (const std::string& name : sessions.models().names()) loads[name];
  for (const auto& [id, session] : sessions.all()) {
    ModelLoad& load = loads[session->request().model];
    ++load.sessions;
    const Ref<GstStructure> stats = session->pipeline().model_stats();
    if (!stats) continue;
    double factor = 0;
    gst_structure_get_double(stats.get(), "real-time-factor", &factor);
    load.factor = std::max(load.factor, factor);
    load.p50_s =
        std::max(load.p50_s, 1e-9 * static_cast<double>(get(stats.get(), "compute-p50-ns")));
    load.p99_s =
        std::max(load.p99_s, 1e-9 * static_cast<double>(get(stats.get(), "compute-p99-ns")));
    load.pushes = std::max(load.pushes, get(stats.get(), "batch-pushes"));
    load.runs = std::max(load.runs, get(stats.get(), "batch-runs"));
  }
  return loads;
}

void write_models(Writer* writer, const Sessions& sessions) {
  const auto models = loads(sessions);
  const auto each = [&](const char* name, const char* help, auto value) {
    writer->family(name, "gauge", help);
    for (const auto& [model, load] : models)
      writer->sample(static_cast<double>(value(load)), Writer::labelled("model", model));
  };
  each("model_sessions", "Sessions that run now.", [](const ModelLoad& l) { return l.sessions; });
  each("model_real_time_factor", "Computing time per second of audio, of the slowest session.",
       [](const ModelLoad& l) { return l.factor; });
  each("model_push_median_seconds", "Median computing time of a push, of the slowest session.",
       [](const ModelLoad& l) { return l.p50_s; });
  each("model_push_p99_seconds", "99 % quantile of the same.",
       [](const ModelLoad& l) { return l.p99_s; });
  each("model_together_pushes", "Pushes that could be computed together.",
       [](const ModelLoad& l) { return l.pushes; });
  each("model_together_runs", "Runs that computed them.",
       [](const ModelLoad& l) { return l.runs; });
}

}  // namespace

void Delays::add(double seconds) {
  const double step = kStepsPerOctave * std::log2(std::max(1.0, seconds / kShortest_s));
  const auto last = static_cast<double>(counts_.size() - 1);
  ++counts_[static_cast<size_t>(std::min(last, std::floor(step)))];
  ++count_;
  sum_s_ += seconds;
}

double Delays::quantile(double q) const {
  const double rank = q * static_cast<double>(count_);
  uint64_t below = 0;
  for (size_t i = 0; i < counts_.size(); ++i) {
    below += counts_[i];
    if (count_ > 0 && static_cast<double>(below) >= rank)
      return kShortest_s * std::exp2(static_cast<double>(i + 1) / kStepsPerOctave);
  }
  return 0;
}

std::string print_metrics(const Metrics& metrics, const Sessions& sessions) {
  Writer writer;
  writer.family("sessions", "gauge", "Sessions that run now.");
  writer.sample(static_cast<double>(sessions.count(Pace::kLive)), "kind=\"live\"");
  writer.sample(static_cast<double>(sessions.count(Pace::kFile)), "kind=\"file\"");
  writer.counts("sessions_total", "Sessions that were started.", "kind", metrics.sessions);
  writer.counts("refusals_total", "Requests that were refused.", "reason", metrics.refusals);
  writer.counts("failures_total", "Sessions that ended with an error.", "status", metrics.failures);
  writer.single("received_bytes_total", "counter", "Bytes of audio that clients sent.",
                static_cast<double>(metrics.bytes_in));
  writer.single("sent_bytes_total", "counter", "Bytes of audio that clients received.",
                static_cast<double>(metrics.bytes_out));
  writer.single("audio_seconds_total", "counter", "Seconds of audio that were processed.",
                metrics.audio_s);
  writer.single("load_processors", "gauge", "Processors that the server uses.",
                sessions.load().load());
  writer.single("live_load_processors", "gauge", "Processors that live sessions use.",
                sessions.load().live_load());
  writer.family("delay_seconds", "summary",
                "Time from the arrival of input to the output that it completes, live sessions, "
                "since the start.");
  for (const char* q : {"0.5", "0.99", "0.999"})
    writer.sample(metrics.delays.quantile(g_ascii_strtod(q, nullptr)),
                  Writer::labelled("quantile", q));
  writer.sample(metrics.delays.sum_s(), "", "_sum");
  writer.sample(static_cast<double>(metrics.delays.count()), "", "_count");
  writer.single("live_outputs_total", "counter", "Outputs of live sessions with a known delay.",
                static_cast<double>(metrics.live_outputs));
  writer.single("late_outputs_total", "counter", "Those of them that were late.",
                static_cast<double>(metrics.late_outputs));
  write_models(&writer, sessions);
  return writer.text();
}

}  // namespace torchstreamer::server
