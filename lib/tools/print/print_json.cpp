#include <nlohmann/json.hpp>

#include "tools/print/print.h"
#include "tools/report/block_report.h"

namespace torchstreamer::tools {
namespace {

using Json = nlohmann::ordered_json;

Json exact(Rational r) { return {{"num", r.num}, {"den", r.den}}; }

// Returns a number of frames with its duration.
Json duration(Rational count, int64_t rate_hz) {
  return {{"frames", exact(count)}, {"ms", 1000 * to_double(count) / static_cast<double>(rate_hz)}};
}

Json optional(const std::optional<int64_t>& value) { return value ? Json(*value) : Json(nullptr); }

Json process(const Process& p) {
  Json inputs = Json::array();
  for (const int i : p.inputs) inputs.push_back(i == Network::kSource ? Json("input") : Json(i));
  return {{"process", p.description},
          {"operator", p.operation},
          {"module", p.module_path},
          {"source", p.source},
          {"native", p.is_native},
          {"inputs", inputs},
          {"rate", exact(p.rate)},
          {"receptive_field_frames", p.receptive_field_frames},
          {"look_ahead_frames", exact(p.look_ahead_frames)},
          {"multiply_adds_per_input_frame", to_double(p.multiply_adds_per_frame)}};
}

Json type_certificate(const TypeCertificate& t) {
  const char* name = t.dtype == at::kDouble ? "float64" : "float32";
  if (!t.not_run.empty()) return {{"type", name}, {"not_run", t.not_run}};
  return {{"type", name},
          {"holds", t.holds()},
          {"signals", t.signals},
          {"rejected_by_model", t.rejected},
          {"shortest_frames", t.shortest_frames},
          {"longest_frames", t.longest_frames},
          {"cases", t.cases},
          {"failures", t.failures},
          {"failure", t.failure},
          {"worst_error", t.worst_error},
          {"allowed_error", t.allowed_error},
          {"own_error", t.own_error},
          {"tolerance", t.tolerance},
          {"signals_without_float64", t.without_exact_output},
          {"bit_identical_signals", t.identical},
          {"signals_with_wrong_bits", t.not_identical},
          {"worst_difference_between_chunkings", t.worst_difference}};
}

Json certificate(const Certificate& c) {
  Json types = Json::array();
  for (const TypeCertificate& t : c.types) types.push_back(type_certificate(t));
  Json json = {{"holds", c.holds()},
               {"seed", c.seed},
               {"types", types},
               {"first_output_frames", optional(c.delay.first_output_frames)},
               {"least_first_output_frames", optional(c.delay.least_frames)}};
  if (!c.delay.not_measured.empty()) json["first_output_not_measured"] = c.delay.not_measured;
  return json;
}

Json certificate(const BlockCertificate& c) {
  return {{"holds", c.holds()},
          {"seed", c.seed},
          {"signals", c.signals},
          {"rejected_by_model", c.rejected},
          {"rejection", c.rejection},
          {"cases", c.cases},
          {"shortest_frames", c.shortest_frames},
          {"longest_frames", c.longest_frames},
          {"failures", c.failures},
          {"failure", c.failure},
          {"worst_error", c.worst_error},
          {"tolerance", c.tolerance},
          {"bit_identical_signals", c.identical}};
}

// `value`: JSON, or empty.
Json parsed(const std::string& value) { return value.empty() ? Json(nullptr) : Json::parse(value); }

Json interface_json(const Interface& interface) {
  Json arguments = Json::array(), attributes = Json::array();
  for (const auto& [name, type, origin, value] : interface.arguments)
    arguments.push_back(
        {{"name", name}, {"type", type}, {"origin", origin}, {"value", parsed(value)}});
  for (const auto& [name, type, value, can_be_set] : interface.attributes)
    attributes.push_back(
        {{"name", name}, {"type", type}, {"value", parsed(value)}, {"can_be_set", can_be_set}});
  return {{"methods", interface.methods},
          {"method", interface.method},
          {"arguments", arguments},
          {"attributes", attributes}};
}

// Returns the members that both reports have. `type`: "float32".
template <class R>
Json common_members(const R& r, const std::string& type) {
  return {{"model", r.path},
          {"streams", true},
          {"type", type},
          {"device", r.device},
          {"layout", r.layout},
          {"remarks", r.remarks},
          {"warnings", r.warnings},
          {"settings", parsed(r.settings)},
          {"interface", interface_json(r.interface)},
          {"rate_hz", r.rate_hz},
          {"channels_in", r.channels_in},
          {"channels_out", r.channels_out},
          {"look_ahead", duration(r.look_ahead_frames, r.rate_hz)},
          {"parameters", r.parameters}};
}

// File names that are not UTF-8 are printed with replacement characters.
void print(std::ostream& out, const Json& json) {
  out << json.dump(2, ' ', false, Json::error_handler_t::replace) << "\n";
}

}  // namespace

void print_json(std::ostream& out, const Report& r) {
  const double rate_hz = static_cast<double>(r.rate_hz);
  Json json = common_members(r, r.dtype == at::kDouble ? "float64" : "float32");
  json.update({{"rate", exact(r.rate)},
               {"receptive_field", duration(Rational(r.receptive_field_frames), r.rate_hz)},
               {"first_output_frames", optional(r.first_output_frames)},
               {"multiply_adds_per_second", to_double(r.multiply_adds_per_frame) * rate_hz},
               {"memory_per_stream",
                {{"bytes", r.memory.bytes},
                 {"settled_bytes", r.memory.settled_bytes},
                 {"chunk_frames", r.memory.chunk_frames},
                 {"chunks_frames", r.memory.chunks_frames},
                 {"single_frames", r.memory.single_frames}}},
               {"processes", Json::array()},
               {"proof", r.proof},
               {"guards", r.guards}});
  for (const Process& p : r.processes) json["processes"].push_back(process(p));
  if (r.certificate) json["certificate"] = certificate(*r.certificate);
  print(out, json);
}

void print_block_json(std::ostream& out, const BlockReport& r) {
  Json json = common_members(r, r.type);
  json.update({{"method", r.method},
               {"window_frames", r.window_frames},
               {"hop_frames", r.hop_frames},
               {"tail", r.tail},
               {"frames_for_each_window", r.frames_out},
               {"most_windows_in_a_call", r.most_windows},
               {"keeps_state", r.keeps_state},
               {"rate", exact(r.rate())},
               {"bytes_per_stream", r.stream_bytes}});
  if (r.certificate) json["certificate"] = certificate(*r.certificate);
  print(out, json);
}

void print_refusal_json(std::ostream& out, const std::string& path, const Error& error,
                        const Interface& interface) {
  Json refusal = {{"message", error.what()}};
  if (const auto* refused = dynamic_cast<const Refusal*>(&error))
    refusal.update({{"operator", refused->subject()},
                    {"module", refused->path()},
                    {"source", refused->source()},
                    {"reason", refused->reason()}});
  print(out, {{"model", path},
              {"streams", false},
              {"refusal", refusal},
              {"interface", interface_json(interface)}});
}

}  // namespace torchstreamer::tools
