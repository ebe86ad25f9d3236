#include "error.h"

namespace torchstreamer {
namespace {

std::string sentence(const std::string& subject, const std::string& path, const std::string& source,
                     const std::string& reason) {
  std::string text = subject;
  if (!path.empty()) text += " in module '" + path + "'";
  if (!source.empty()) text += " at " + source;
  return text + " cannot be streamed: " + reason;
}

}  // namespace

Refusal::Refusal(std::string subject, std::string path, std::string source, std::string reason)
    : Error(sentence(subject, path, source, reason)),
      subject_(std::move(subject)),
      path_(std::move(path)),
      source_(std::move(source)),
      reason_(std::move(reason)) {}

Refusal Refusal::inside(const std::string& name) const {
  return Refusal(subject_, path_.empty() ? name : name + "." + path_, source_, reason_);
}

}  // namespace torchstreamer
