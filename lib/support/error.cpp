#include "torchstreamer/error.h"

namespace torchstreamer {
namespace {

std::string place_of(const std::string& subject, const std::string& path,
                     const std::string& source) {
  std::string text = subject;
  if (!path.empty()) text += " in module '" + path + "'";
  if (!source.empty()) text += " at " + source;
  return text;
}

}  // namespace

Refusal::Refusal(std::string subject, std::string path, std::string source, std::string reason)
    : Error(place_of(subject, path, source) + " cannot be streamed: " + reason),
      subject_(std::move(subject)),
      path_(std::move(path)),
      source_(std::move(source)),
      reason_(std::move(reason)) {}

std::string Refusal::place() const { return place_of(subject_, path_, source_); }

Refusal Refusal::inside(const std::string& name) const {
  return Refusal(subject_, path_.empty() ? name : name + "." + path_, source_, reason_);
}

}  // namespace torchstreamer
