// torchstreamer-inspect: prints the stream of a TorchScript file and verifies that it is exact.
#include <c10/core/InferenceMode.h>

#include <iostream>

#include "graph/model/device.h"
#include "support/exceptions.h"
#include "tools/arguments.h"
#include "tools/print.h"
#include "tools/verify.h"
#include "torchstreamer/version.h"

namespace torchstreamer::tools {
namespace {

enum Status { kSuccess = 0, kFailure = 1, kError = 2 };

void print(const Arguments& arguments, const Report& report) {
  switch (arguments.output) {
    case Arguments::Output::kText:
      return print_text(std::cout, report);
    case Arguments::Output::kJson:
      return print_json(std::cout, report);
    case Arguments::Output::kDot:
      return print_dot(std::cout, report);
  }
}

void print(const Arguments& arguments, const Error& refusal) {
  switch (arguments.output) {
    case Arguments::Output::kText:
      return print_refusal_text(std::cout, arguments.path, refusal);
    case Arguments::Output::kJson:
      return print_refusal_json(std::cout, arguments.path, refusal);
    case Arguments::Output::kDot:
      return print_refusal_dot(std::cout, arguments.path, refusal);
  }
}

Status inspect(const Arguments& arguments) {
  const graph::ScriptModel model(arguments.path, graph::usable_device(arguments.load.device));
  LoadOptions options = arguments.load;
  std::shared_ptr<const Network> network;
  try {
    network = std::dynamic_pointer_cast<const Network>(model.plan(options));
  } catch (const OptionError&) {
    throw;
  } catch (const Error& refusal) {
    print(arguments, refusal);
    return kFailure;
  }
  Report report = make_report(model, network, options.channels, arguments.rate_hz);
  report.path = arguments.path;
  if (arguments.verify) report.certificate = verify(model, options, arguments.seed);
  print(arguments, report);
  return !report.certificate || report.certificate->holds() ? kSuccess : kFailure;
}

Status run(int argc, char** argv) {
  const Arguments arguments = parse_arguments(argc, argv);
  switch (arguments.task) {
    case Arguments::Task::kHelp:
      std::cout << kHelp;
      return kSuccess;
    case Arguments::Task::kVersion:
      std::cout << "torchstreamer-inspect " TORCHSTREAMER_VERSION "\n";
      return kSuccess;
    case Arguments::Task::kInspect:
      break;
  }
  return inspect(arguments);
}

// Returns the first line, because messages of libtorch may have several lines.
std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }

}  // namespace
}  // namespace torchstreamer::tools

int main(int argc, char** argv) {
  try {
    return torchstreamer::tools::run(argc, argv);
  } catch (const std::exception& e) {
    std::cerr << "torchstreamer-inspect: "
              << torchstreamer::tools::first_line(torchstreamer::message_of(e)) << "\n";
    return torchstreamer::tools::kError;
  }
}
