// The files of the page.
#pragma once

#include <libsoup/soup.h>

#include <map>
#include <string>

namespace torchstreamer::server {

/// Reads all files of a folder at start: nothing that a client sends is used as a path.
class Pages {
 public:
  /// "": there are no files. Throws std::runtime_error if the folder cannot be read.
  explicit Pages(const std::string& folder);

  /// Throws Failure if there is no file at the path.
  void answer(SoupServerMessage* message, const std::string& path) const;

 private:
  std::map<std::string, std::string> contents_;
};

}  // namespace torchstreamer::server
