#include "server/http/pages.h"

#include <filesystem>
#include <fstream>
#include <stdexcept>

#include "server/http/answer.h"

namespace torchstreamer::server {
namespace {

namespace fs = std::filesystem;

const char* const kPolicy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; media-src 'self' blob:; worker-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'";

const std::map<std::string, const char*> kPageTypes = {
    {".html", "text/html; charset=utf-8"},
    {".js", "text/javascript; charset=utf-8"},
    {".css", "text/css; charset=utf-8"},
    {".svg", "image/svg+xml"},
    {".png", "image/png"},
};

std::string extension_of(const std::string& path) { return fs::path(path).extension().string(); }

}  // namespace

Pages::Pages(const std::string& folder) {
  if (folder.empty()) return;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    const std::string name = entry.path().filename().string();
    if (!kPageTypes.count(extension_of(name))) continue;
    std::ifstream file(entry.path(), std::ios::binary);
    contents_["/" + name] = {std::istreambuf_iterator<char>(file), {}};
  }
  if (error)
    throw std::runtime_error("pages: " + folder + " cannot be read: " + error.message() + ".");
}

void Pages::answer(SoupServerMessage* message, const std::string& path) const {
  const std::string name = path == "/" ? "/index.html" : path;
  const auto content = contents_.find(name);
  if (content == contents_.end())
    throw Failure(SOUP_STATUS_NOT_FOUND, "There is nothing at " + path.substr(0, 80) + ".");
  SoupMessageHeaders* headers = soup_server_message_get_response_headers(message);
  soup_message_headers_replace(headers, "Content-Security-Policy", kPolicy);
  soup_message_headers_replace(headers, "X-Content-Type-Options", "nosniff");
  soup_message_headers_replace(headers, "Cache-Control", "no-cache");
  respond(message, SOUP_STATUS_OK, kPageTypes.at(extension_of(name)), content->second);
}

}  // namespace torchstreamer::server
