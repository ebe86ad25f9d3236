/// @file
/// The call of a model: its method, the values of its arguments, and blocks of frames. Does not
/// include headers of libtorch.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <variant>
#include <vector>

namespace torchstreamer {

/// A number, a string, a truth value, or an array of numbers.
using NamedValue = std::variant<bool, int64_t, double, std::string, std::vector<double>>;

/// Values of arguments or attributes of a model, by name.
using NamedValues = std::map<std::string, NamedValue>;

/// Treatment of the end of a signal: an incomplete window, or a length that a plan does not take.
enum class Tail {
  kAuto,   ///< as the file says, otherwise kPad for windows and kShort for planned streams
  kPad,    ///< is filled with zeros; the output is cut in proportion
  kDrop,   ///< is dropped, with the output that depends on it
  kShort,  ///< the model gets the remaining frames, or the signal ends with an Error
};

/// Limit of CallOptions::window_frames.
constexpr int kMostWindowFrames = 1 << 26;

/// The call of a model. A field with its default is read from the settings in the file, if the file
/// has settings.
struct CallOptions {
  /// Name of the exported method to run. Empty: `forward`.
  std::string method;
  /// Returns that name.
  std::string method_name() const { return method.empty() ? "forward" : method; }
  /// Values of the arguments other than the signal, with the types of the method's schema. A string
  /// "zeros(2, 1, 64)" is a tensor of zeros of this shape. Other arguments get their default.
  NamedValues inputs;
  /// Values of attributes that are set before the model runs: by its method `set_NAME`, if it has
  /// one.
  NamedValues attributes;
  /// Number of frames of one call, at most kMostWindowFrames. 0: as the settings in the file or
  /// the buffers that describe the method say, see load_model(); otherwise the model is planned as
  /// a stream of single frames.
  int64_t window_frames = 0;
  /// Number of frames by which the window advances after each call, at most `window_frames`. 0:
  /// as the file says, otherwise `window_frames`.
  int64_t hop_frames = 0;
  /// The end of a signal.
  Tail tail = Tail::kAuto;
};

}  // namespace torchstreamer
