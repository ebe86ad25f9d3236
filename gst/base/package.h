// Metadata of plugins and elements in addition to PACKAGE and VERSION of the build.
#pragma once

namespace torchstreamer {

constexpr char kOrigin[] = "https://github.com/torchstreamer/torchstreamer";
constexpr char kAuthor[] = "The torchstreamer authors <https://github.com/torchstreamer>";

}  // namespace torchstreamer
