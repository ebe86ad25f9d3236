#include "tools/arguments.h"

#include <getopt.h>

#include <charconv>
#include <cstring>
#include <limits>
#include <utility>
#include <vector>

#include "tools/parsed_value.h"

namespace torchstreamer::tools {

const char* const kHelp =
    R"(Usage: torchstreamer-inspect [OPTION]... MODEL.pt
       torchstreamer-inspect --embed SETTINGS.json MODEL.pt COPY.pt

Plans the stream of a TorchScript or torch.export file and prints the plan, or the reason why the model is refused.
A TorchScript file is a program: inspect only files that you trust.

      --rate HZ        sample rate of the input, for times, loads and arguments of the model that
                       take it (default: that of the model, otherwise 48000)
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
      --tail WHICH     the last incomplete window: pad: is filled with zeros (default);
                       drop: is dropped; short: is a shorter call
      --device NAME    PyTorch's name of the device to run on (default: cpu)
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

enum Option {
  kRate,
  kMethod,
  kInput,
  kAttribute,
  kPadding,
  kChannels,
  kOutput,
  kComplexOutput,
  kLayout,
  kWindow,
  kHop,
  kTail,
  kDevice,
  kExecution,
  kVerify,
  kSeed,
  kJson,
  kDot,
  kEmbed,
  kHelpOption,
  kVersion
};

const option kOptions[] = {{"rate", required_argument, nullptr, kRate},
                           {"method", required_argument, nullptr, kMethod},
                           {"input", required_argument, nullptr, kInput},
                           {"attribute", required_argument, nullptr, kAttribute},
                           {"padding", required_argument, nullptr, kPadding},
                           {"channels", required_argument, nullptr, kChannels},
                           {"output", required_argument, nullptr, kOutput},
                           {"complex-output", required_argument, nullptr, kComplexOutput},
                           {"layout", required_argument, nullptr, kLayout},
                           {"window", required_argument, nullptr, kWindow},
                           {"hop", required_argument, nullptr, kHop},
                           {"tail", required_argument, nullptr, kTail},
                           {"device", required_argument, nullptr, kDevice},
                           {"execution", required_argument, nullptr, kExecution},
                           {"verify", no_argument, nullptr, kVerify},
                           {"seed", required_argument, nullptr, kSeed},
                           {"json", no_argument, nullptr, kJson},
                           {"dot", no_argument, nullptr, kDot},
                           {"embed", required_argument, nullptr, kEmbed},
                           {"help", no_argument, nullptr, kHelpOption},
                           {"version", no_argument, nullptr, kVersion},
                           {nullptr, 0, nullptr, 0}};

int64_t number(int option, int64_t min, int64_t max) {
  int64_t value = 0;
  const char* end = optarg + std::strlen(optarg);
  const auto [stop, error] = std::from_chars(optarg, end, value);
  if (error != std::errc() || stop != end || value < min || value > max)
    throw UsageError(std::string("--") + kOptions[option].name + " takes a number from " +
                     std::to_string(min) + " to " + std::to_string(max) + ", not '" + optarg + "'");
  return value;
}

template <class T>
using Choices = std::vector<std::pair<std::string, T>>;

// Returns the value of the choice that the option names.
template <class T>
T choice(int option, const Choices<T>& choices) {
  std::string accepted;
  for (const auto& [name, value] : choices) {
    if (name == optarg) return value;
    accepted += (accepted.empty() ? "" : name == choices.back().first ? " or " : ", ") + name;
  }
  throw UsageError(std::string("--") + kOptions[option].name + " takes " + accepted + ", not '" +
                   optarg + "'");
}

const Choices<Padding> kPaddings = {{"model", Padding::kModel}, {"valid", Padding::kValid}};
const Choices<Execution> kExecutions = {{"native", Execution::kNative},
                                        {"reference", Execution::kReference}};
const Choices<ComplexOutput> kComplexOutputs = {{"refuse", ComplexOutput::kRefused},
                                                {"channels", ComplexOutput::kChannels}};
const Choices<Layout> kLayouts = {{"auto", Layout::kAuto},
                                  {"bct", Layout::kBatchChannelsTime},
                                  {"ct", Layout::kChannelsTime},
                                  {"t", Layout::kTime},
                                  {"btc", Layout::kBatchTimeChannels},
                                  {"tbc", Layout::kTimeBatchChannels},
                                  {"tc", Layout::kTimeChannels}};

const Choices<Tail> kTails = {{"pad", Tail::kPad}, {"drop", Tail::kDrop}, {"short", Tail::kShort}};

Arguments::Output output_as(Arguments::Output before, Arguments::Output now) {
  if (before != Arguments::Output::kText && before != now)
    throw UsageError("--json and --dot cannot be used together");
  return now;
}

void set_value(int option, NamedValues& values) {
  const std::string text = optarg;
  const size_t sign = text.find('=');
  if (sign == text.npos || sign == 0)
    throw UsageError(std::string("--") + kOptions[option].name + " takes NAME=VALUE, not '" + text +
                     "'");
  values[text.substr(0, sign)] = parsed_value(text.substr(sign + 1));
}

void set(Arguments& a, int option) {
  switch (option) {
    case kRate:
      a.rate_hz = number(option, 1, 1'000'000'000);
      break;
    case kMethod:
      a.load.call.method = optarg;
      break;
    case kInput:
      set_value(option, a.load.call.inputs);
      break;
    case kAttribute:
      set_value(option, a.load.call.attributes);
      break;
    case kPadding:
      a.load.padding = choice(option, kPaddings);
      break;
    case kChannels:
      a.load.channels = number(option, 1, 1 << 16);
      break;
    case kOutput:
      a.load.output = optarg;
      break;
    case kComplexOutput:
      a.load.complex_output = choice(option, kComplexOutputs);
      break;
    case kLayout:
      a.load.layout = choice(option, kLayouts);
      break;
    case kWindow:
      a.load.call.window_frames = number(option, 1, std::numeric_limits<int>::max());
      break;
    case kHop:
      a.load.call.hop_frames = number(option, 1, std::numeric_limits<int>::max());
      break;
    case kTail:
      a.load.call.tail = choice(option, kTails);
      break;
    case kDevice:
      a.load.device = optarg;
      break;
    case kExecution:
      a.load.execution = choice(option, kExecutions);
      break;
    case kVerify:
      a.verify = true;
      break;
    case kSeed:
      a.seed = static_cast<uint32_t>(number(option, 0, std::numeric_limits<uint32_t>::max()));
      break;
    case kJson:
      a.output = output_as(a.output, Arguments::Output::kJson);
      break;
    case kDot:
      a.output = output_as(a.output, Arguments::Output::kDot);
      break;
    case kEmbed:
      a.task = Arguments::Task::kEmbed;
      a.settings_path = optarg;
      break;
    case kHelpOption:
      a.task = Arguments::Task::kHelp;
      break;
    case kVersion:
      a.task = Arguments::Task::kVersion;
      break;
  }
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
  optind = 0;  // global state of getopt
  opterr = 0;
  while (takes_paths(arguments)) {
    const int option = getopt_long(argc, argv, ":", kOptions, nullptr);
    if (option < 0) break;
    if (option == ':') throw UsageError(std::string(argv[optind - 1]) + " requires a value");
    if (option == '?')
      throw UsageError("unknown option '" +
                       (optopt > ' ' ? std::string("-") + static_cast<char>(optopt)
                                     : std::string(argv[optind - 1])) +
                       "', or an option that takes no value; see --help");
    set(arguments, option);
  }
  if (takes_paths(arguments)) set_paths(arguments, {argv + optind, argv + argc});
  if (arguments.verify && arguments.load.padding == Padding::kValid)
    throw UsageError(
        "--verify compares with the model and its padding, so it cannot be used with --padding "
        "valid");
  return arguments;
}

}  // namespace torchstreamer::tools
