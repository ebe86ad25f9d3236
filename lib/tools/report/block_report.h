// Results of torchstreamer-inspect for a model that is called block by block.
#pragma once

#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "blocks/block_model.h"
#include "tools/report/interface.h"

namespace torchstreamer::tools {

/// Comparison of the engine with a plain loop over the model.
struct BlockCertificate {
  uint32_t seed = 0;
  int64_t signals = 0;    ///< random signals that were compared; each is cut in several ways
  int64_t rejected = 0;   ///< signals that the loop rejects
  std::string rejection;  ///< description of the first one
  int64_t cases = 0;      ///< streamed runs
  int64_t shortest_frames = 0, longest_frames = 0;  ///< lengths of the compared signals
  int64_t failures = 0;
  std::string failure;  ///< description of the first failed case
  /// Largest difference between engine and loop, relative to the peak of the output.
  double worst_error = 0;
  /// Allowed difference: 0 unless several windows go into one call.
  double tolerance = 0;
  int64_t identical = 0;  ///< signals with bit-identical output for all cuts

  bool holds() const { return signals > 0 && failures == 0 && identical == signals; }
};

struct BlockReport {
  std::string path;
  std::string method;  ///< its signature
  std::string layout;  ///< "[B, C, T]"
  std::string type;    ///< "float32"
  std::string device;
  std::vector<std::string> remarks;
  std::vector<std::string> warnings;
  std::string settings;  ///< JSON in the file; empty if there is none
  Interface interface;
  int64_t rate_hz = 0;
  int64_t channels_in = 0, channels_out = 0;
  int64_t window_frames = 0, hop_frames = 0;
  std::string tail;          ///< "pad", "drop" or "short"
  int64_t frames_out = 0;    ///< of one call
  int64_t most_windows = 1;  ///< largest number of windows in one call
  bool keeps_state = false;
  Rational look_ahead_frames;
  int64_t parameters = 0;
  int64_t stream_bytes = 0;  ///< memory of one stream after its first calls, without the weights
  std::optional<BlockCertificate> certificate;

  /// Windows per input frame.
  Rational windows_per_frame() const { return {1, hop_frames}; }
  /// Output frames per input frame.
  Rational rate() const { return {frames_out, hop_frames}; }
};

/// `rate_hz`: sample rate of the input; 0: the default of the model.
BlockReport make_block_report(const blocks::BlockModel& model, int64_t rate_hz);

/// Compares the engine, with random signals that are cut at random, with a plain loop that calls
/// the method of a copy of the module by libtorch.
BlockCertificate verify_blocks(const blocks::BlockModel& model, int64_t rate_hz, uint32_t seed);

void print_block_text(std::ostream& out, const BlockReport& report);
void print_block_json(std::ostream& out, const BlockReport& report);

}  // namespace torchstreamer::tools
