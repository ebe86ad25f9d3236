// The measured models, run as a stream and on a whole file.
#pragma once

#include <torch/csrc/jit/api/module.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "torchstreamer/engine.h"

namespace torchstreamer::bench {

/// Path of a model that make_models.py saves.
std::string path_of(const std::string& name);

/// A model that make_models.py saves.
struct ModelCase {
  std::string name;
  int channels;
  int rate_hz;  ///< frames per second
  /// Chunk of a live pipeline: a whole number of hops, so that all chunks cost the same.
  int64_t live_chunk_frames;

  /// At least one.
  int64_t frames(double seconds) const {
    return std::max<int64_t>(1, std::llround(seconds * rate_hz));
  }
};

/// One case per model file.
const std::vector<ModelCase>& model_cases();
/// The case of this name. Throws std::out_of_range.
const ModelCase& model_case(const std::string& name);

/// A loaded model.
class BenchModel {
 public:
  explicit BenchModel(const ModelCase& what);

  const ModelCase& what() const { return what_; }
  int channels_out() const { return model_->channels_out(what_.channels); }
  /// Null for a model that does not gain.
  std::shared_ptr<Group> make_group(const GroupOptions& options) const {
    return model_->make_group(options);
  }
  /// `group`: null for a stream alone.
  std::unique_ptr<Engine> start(const std::shared_ptr<Group>& group) const {
    return model_->start(what_.channels, 0, group);
  }
  /// Runs libtorch on a whole signal of this length; returns the seconds it took.
  double offline_seconds(int64_t frames);

  double multiply_adds_per_second() const { return multiply_adds_per_second_; }
  int64_t weights_bytes() const { return weights_bytes_; }

 private:
  ModelCase what_;
  std::unique_ptr<Model> model_;
  torch::jit::Module module_;
  double multiply_adds_per_second_;
  int64_t weights_bytes_;
};

/// Pushes endless noise through an engine, as a live pipeline does.
class Feed {
 public:
  explicit Feed(const BenchModel& model, const std::shared_ptr<Group>& group = nullptr);

  /// Pushes `frames` frames, at most kMostFrames.
  void push(int64_t frames);
  /// Pushes at least `frames` frames in chunks; returns the seconds per frame.
  double seconds_per_frame(int64_t frames, int64_t chunk_frames);

  static constexpr int64_t kMostFrames = 1 << 14;

  /// Memory of a feed without its engine and its (small) output.
  static double bytes(const ModelCase& what) {
    return static_cast<double>(kMostFrames * what.channels * sizeof(float));
  }

 private:
  std::unique_ptr<Engine> engine_;
  int64_t channels_in_, channels_out_;
  std::vector<float> in_, out_;  // [frames, channels]
  int64_t next_frame_ = 0;
};

}  // namespace torchstreamer::bench
