// torchstreamer-inspect: prints the stream of a model file and verifies that it is exact.
#include <iostream>

#include "blocks/block_choice.h"
#include "graph/model/device.h"
#include "graph/model/planned_model.h"
#include "graph/model/print_handler.h"
#include "support/exceptions.h"
#include "tools/arguments.h"
#include "tools/embed.h"
#include "tools/print/print.h"
#include "tools/report/block_report.h"
#include "tools/verify/verify.h"
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

void print(const Arguments& arguments, const BlockReport& report) {
  switch (arguments.output) {
    case Arguments::Output::kText:
      return print_block_text(std::cout, report);
    case Arguments::Output::kJson:
      return print_block_json(std::cout, report);
    case Arguments::Output::kDot:
      throw UsageError("--dot draws the network of a plan, but the model is called block by block");
  }
}

void print(const Arguments& arguments, const Error& refusal, const Interface& interface) {
  switch (arguments.output) {
    case Arguments::Output::kText:
      return print_refusal_text(std::cout, arguments.path, refusal, interface);
    case Arguments::Output::kJson:
      return print_refusal_json(std::cout, arguments.path, refusal, interface);
    case Arguments::Output::kDot:
      return print_refusal_dot(std::cout, arguments.path, refusal);
  }
}

int64_t rate_of(const Arguments& arguments, const graph::ScriptModel& model) {
  if (arguments.rate_hz) return arguments.rate_hz;
  return model.sample_rate_hz() ? model.sample_rate_hz() : kDefaultRateHz;
}

// A model as its options run it: planned, or called block by block.
struct Inspected {
  std::shared_ptr<const graph::ScriptModel> model;
  int64_t rate_hz = 0;                     // of the plan; 0: the default of the model
  std::shared_ptr<const Network> network;  // null if it is called block by block
  std::unique_ptr<blocks::BlockModel> blocks;
};

// `options.channels` and `options.layout` of a plan become those that were found.
Inspected inspected(std::shared_ptr<const graph::ScriptModel> model, LoadOptions& options,
                    const Arguments& arguments) {
  graph::require_rate(*model, arguments.rate_hz);
  Inspected found;
  found.model = model;
  found.blocks = blocks::block_model(model, options);
  if (found.blocks) {
    const int64_t channels = found.blocks->first_plan().form().channels_in;
    // Throws if the model does not take the rate.
    if (arguments.rate_hz) found.blocks->start(static_cast<int>(channels), arguments.rate_hz);
    return found;
  }
  try {
    const graph::PlanAtRate plan = graph::plan_at_rate(*model, arguments.rate_hz, options);
    found.rate_hz = plan.rate_hz;
    found.model = std::dynamic_pointer_cast<const graph::ScriptModel>(plan.file);
    found.network = std::dynamic_pointer_cast<const Network>(plan.network);
  } catch (const Error&) {
    blocks::rethrow_with_advice(model, options);
  }
  return found;
}

template <class Report>
Status print_report(const Arguments& arguments, Report report, const Interface& interface) {
  report.path = arguments.path;
  report.interface = interface;
  print(arguments, report);
  return !report.certificate || report.certificate->holds() ? kSuccess : kFailure;
}

Status inspect_blocks(const Arguments& arguments, const blocks::BlockModel& model,
                      const Interface& interface) {
  // 0: the default of the model
  const int64_t rate_hz = arguments.rate_hz ? arguments.rate_hz : model.first_plan().rate_hz();
  const graph::ScriptModel& script = model.first_plan().method()->model();
  BlockReport report = make_block_report(model, rate_hz);
  report.rate_hz = rate_hz ? rate_hz : rate_of(arguments, script);
  if (arguments.verify) report.certificate = verify_blocks(model, rate_hz, arguments.seed);
  return print_report(arguments, std::move(report), interface);
}

Status inspect(const Arguments& arguments) {
  graph::print_models_to_stderr();
  LoadOptions options = arguments.load;
  const at::Device device = graph::usable_device(options.device);
  const Settings settings = read_settings(arguments.path);
  options = with_settings(options, settings);
  bool is_read = false;
  Interface interface;
  Inspected found;
  try {
    const torch::jit::Module module =
        graph::read_module(arguments.path, device, options.call, options.trust);
    is_read = true;
    interface = interface_of(module, options.call);
    found = inspected(std::make_shared<graph::ScriptModel>(module, device, options.call, settings),
                      options, arguments);
  } catch (const OptionError& error) {
    throw with_key(error, arguments.load, settings);
  } catch (const Error& error) {
    if (!is_read && !dynamic_cast<const Refusal*>(&error)) throw;
    print(arguments, error, interface);
    return kFailure;
  }
  if (found.blocks) return inspect_blocks(arguments, *found.blocks, interface);
  const int64_t rate_hz = found.rate_hz ? found.rate_hz : rate_of(arguments, *found.model);
  Report report = make_report(*found.model, found.network, options, rate_hz);
  if (arguments.verify) report.certificate = verify(*found.model, options, arguments.seed);
  return print_report(arguments, std::move(report), interface);
}

Status run(int argc, char** argv) {
  const Arguments arguments = parse_arguments(argc, argv);
  switch (arguments.task) {
    case Arguments::Task::kEmbed:
      embed_settings(arguments.settings_path, arguments.path, arguments.out_path, std::cerr);
      return kSuccess;
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
