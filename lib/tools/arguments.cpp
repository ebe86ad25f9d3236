#include "tools/arguments.h"

#include <getopt.h>

#include <limits>
#include <utility>
#include <vector>

#include "settings/names.h"
#include "support/parsed_number.h"
#include "tools/parsed_value.h"

namespace torchstreamer::tools {

const char* const kHelp =
    R"(Usage: torchstreamer-inspect [OPTION]... MODEL.pt
       torchstreamer-inspect --embed SETTINGS.json MODEL.pt COPY.pt

Plans the stream of a TorchScript or torch.export file and prints the plan, or the reason why the
model is refused.
A TorchScript file is a program: inspect only files that you trust, or see --trust.

      --rate HZ        sample rate of the input, for times, loads and arguments of the model that
                       take it (default: that of the model, otherwise 48000); a model that takes
                       only a different rate is refused
      --method NAME    exported method to run (default: forward)
      --input NAME=VALUE
                       value of an argument of the method: a number, true, false, an array such as
                       [1, 0.5], a string, or zeros of a shape such as zeros(2, 1, 64); may be
                       repeated
      --attribute NAME=VALUE
                       value of an attribute of the model, set before it runs; may be repeated
      --padding WHICH  model: the stream equals the model, edges included (default)
                       valid: convolutions and pools without their padding
      --channels N     input channels (default: the smallest number that the model takes)
      --output WHICH   index, counted from 0, or name of the output tensor to use (default: 0)
      --complex-output WHICH
                       refuse: a model with a complex output is refused (default)
                       channels: its real and imaginary parts are channels
      --layout AXES    axes of the tensor that the model takes, batch, channels and time: bct, ct, t,
                       btc, tbc or tc (default: auto, the first one in which the model streams)
      --window FRAMES  call the model block by block, with this number of frames in each call
      --hop FRAMES     frames by which the window advances (default: the window)
      --tail WHICH     last window if it is incomplete; without a window, end of a signal whose
                       length the model does not take
                       pad: filled with zeros (default with a window)
                       drop: dropped
                       short: passed as it is (default without a window)
      --max-memory-frames N
                       length in frames of the longest signal, for attention over all earlier
                       frames (default: such models are refused)
      --device NAME    PyTorch's name of the device to run on (default: cpu)
      --trust WHAT     program: the file may contain any program (default)
                       operators: only graphs of known operators are run
      --execution WHICH
                       native: kernels of the library, libtorch for the rest (default)
                       reference: libtorch alone
      --verify         also run random signals through the model and, cut at random, through its
                       stream, in float32 and float64, and print the differences; a model that is
                       called block by block is compared with a plain loop
      --seed N         seed of these signals (default: 1)
      --json           print JSON
      --dot            print the network for Graphviz: torchstreamer-inspect --dot MODEL.pt | dot -Tsvg
      --embed FILE     write a copy of the model that contains these settings, without running it
      --help           print this help
      --version        print the version

Exit status: 0: the model streams (with --verify: exactly); 1: it is refused or the verification
failed; 2: wrong usage, or the file cannot be read.
)";

namespace {

/// An option on the command line.
struct Given {
  std::string name;
  std::string value;  ///< empty if the option takes none
};

[[noreturn]] void fail(const Given& given, const std::string& accepted) {
  throw UsageError("--" + given.name + " takes " + accepted + ", not '" + given.value + "'");
}

int64_t number(const Given& given, int64_t min, int64_t max) {
  const auto value = parsed_number<int64_t>(given.value);
  if (!value || *value < min || *value > max)
    fail(given, "a number from " + std::to_string(min) + " to " + std::to_string(max));
  return *value;
}

template <class T>
using Choices = std::vector<std::pair<const char*, T>>;

// Returns the value of the choice that the option names.
template <class T>
T choice(const Given& given, const Choices<T>& choices) {
  std::string accepted;
  for (size_t i = 0; i < choices.size(); ++i) {
    if (given.value == choices[i].first) return choices[i].second;
    accepted += i == 0 ? "" : i + 1 == choices.size() ? " or " : ", ";
    accepted += choices[i].first;
  }
  fail(given, accepted);
}

const Choices<Padding> kPaddings = {{"model", Padding::kModel}, {"valid", Padding::kValid}};
const Choices<Execution> kExecutions = {{"native", Execution::kNative},
                                        {"reference", Execution::kReference}};
const Choices<Trust> kTrusts = {{"program", Trust::kProgram}, {"operators", Trust::kOperators}};
const Choices<ComplexOutput> kComplexOutputs = {{"refuse", ComplexOutput::kRefused},
                                                {"channels", ComplexOutput::kChannels}};

Choices<Layout> layouts() {
  Choices<Layout> all = layout_names();
  all.insert(all.begin(), {"auto", Layout::kAuto});
  return all;
}

Arguments::Output output_as(Arguments::Output before, Arguments::Output now) {
  if (before != Arguments::Output::kText && before != now)
    throw UsageError("--json and --dot cannot be used together");
  return now;
}

void set_value(const Given& given, NamedValues& values) {
  const size_t sign = given.value.find('=');
  if (sign == std::string::npos || sign == 0) fail(given, "NAME=VALUE");
  values[given.value.substr(0, sign)] = parsed_value(given.value.substr(sign + 1));
}

struct Option {
  const char* name;
  int has_value;  ///< no_argument or required_argument of getopt
  void (*set)(Arguments& arguments, const Given& given);
};

const Option kOptions[] = {
    {"rate", required_argument,
     [](Arguments& a, const Given& g) { a.rate_hz = number(g, 1, 1'000'000'000); }},
    {"method", required_argument,
     [](Arguments& a, const Given& g) { a.load.call.method = g.value; }},
    {"input", required_argument,
     [](Arguments& a, const Given& g) { set_value(g, a.load.call.inputs); }},
    {"attribute", required_argument,
     [](Arguments& a, const Given& g) { set_value(g, a.load.call.attributes); }},
    {"padding", required_argument,
     [](Arguments& a, const Given& g) { a.load.padding = choice(g, kPaddings); }},
    {"channels", required_argument,
     [](Arguments& a, const Given& g) { a.load.channels = number(g, 1, 1 << 16); }},
    {"output", required_argument, [](Arguments& a, const Given& g) { a.load.output = g.value; }},
    {"complex-output", required_argument,
     [](Arguments& a, const Given& g) { a.load.complex_output = choice(g, kComplexOutputs); }},
    {"layout", required_argument,
     [](Arguments& a, const Given& g) { a.load.layout = choice(g, layouts()); }},
    {"window", required_argument,
     [](Arguments& a, const Given& g) {
       a.load.call.window_frames = number(g, 1, kMostWindowFrames);
     }},
    {"hop", required_argument,
     [](Arguments& a, const Given& g) {
       a.load.call.hop_frames = number(g, 1, kMostWindowFrames);
     }},
    {"tail", required_argument,
     [](Arguments& a, const Given& g) { a.load.call.tail = choice(g, tail_names()); }},
    {"max-memory-frames", required_argument,
     [](Arguments& a, const Given& g) {
       a.load.max_memory_frames = number(g, 1, std::numeric_limits<int64_t>::max());
     }},
    {"device", required_argument, [](Arguments& a, const Given& g) { a.load.device = g.value; }},
    {"trust", required_argument,
     [](Arguments& a, const Given& g) { a.load.trust = choice(g, kTrusts); }},
    {"execution", required_argument,
     [](Arguments& a, const Given& g) { a.load.execution = choice(g, kExecutions); }},
    {"verify", no_argument, [](Arguments& a, const Given&) { a.verify = true; }},
    {"seed", required_argument,
     [](Arguments& a, const Given& g) {
       a.seed = static_cast<uint32_t>(number(g, 0, std::numeric_limits<uint32_t>::max()));
     }},
    {"json", no_argument,
     [](Arguments& a, const Given&) { a.output = output_as(a.output, Arguments::Output::kJson); }},
    {"dot", no_argument,
     [](Arguments& a, const Given&) { a.output = output_as(a.output, Arguments::Output::kDot); }},
    {"embed", required_argument,
     [](Arguments& a, const Given& g) {
       a.task = Arguments::Task::kEmbed;
       a.settings_path = g.value;
     }},
    {"help", no_argument, [](Arguments& a, const Given&) { a.task = Arguments::Task::kHelp; }},
    {"version", no_argument,
     [](Arguments& a, const Given&) { a.task = Arguments::Task::kVersion; }},
};

// Returns the options as getopt takes them; the value of each one is its index.
std::vector<option> getopt_options() {
  std::vector<option> options;
  for (const Option& row : kOptions)
    options.push_back({row.name, row.has_value, nullptr, static_cast<int>(options.size())});
  options.push_back({nullptr, 0, nullptr, 0});
  return options;
}

bool takes_paths(const Arguments& arguments) {
  return arguments.task == Arguments::Task::kInspect || arguments.task == Arguments::Task::kEmbed;
}

void set_paths(Arguments& arguments, const std::vector<std::string>& paths) {
  if (paths.empty()) throw UsageError("no model given; see --help");
  arguments.path = paths[0];
  if (arguments.task == Arguments::Task::kEmbed) {
    if (paths.size() != 2)
      throw UsageError(
          "--embed takes the settings, the model and the path of the copy; see --help");
    arguments.out_path = paths[1];
  } else if (paths.size() > 1) {
    throw UsageError("only one model is accepted, not '" + paths[0] + "' and '" + paths[1] + "'");
  }
}

}  // namespace

Arguments parse_arguments(int argc, char** argv) {
  Arguments arguments;
  const std::vector<option> options = getopt_options();
  optind = 0;  // global state of getopt
  opterr = 0;
  while (takes_paths(arguments)) {
    const int option = getopt_long(argc, argv, ":", options.data(), nullptr);
    if (option < 0) break;
    if (option == ':') throw UsageError(std::string(argv[optind - 1]) + " requires a value");
    if (option == '?')
      throw UsageError("unknown option '" +
                       (optopt > ' ' ? std::string("-") + static_cast<char>(optopt)
                                     : std::string(argv[optind - 1])) +
                       "', or an option that takes no value; see --help");
    kOptions[option].set(arguments, {kOptions[option].name, optarg ? optarg : ""});
  }
  if (takes_paths(arguments)) set_paths(arguments, {argv + optind, argv + argc});
  if (arguments.verify && arguments.load.padding == Padding::kValid)
    throw UsageError(
        "--verify compares with the model and its padding, so it cannot be used with --padding "
        "valid");
  return arguments;
}

}  // namespace torchstreamer::tools
