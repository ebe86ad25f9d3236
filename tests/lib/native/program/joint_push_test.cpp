// Pushes of several streams that run together: each output has the bits that it has alone.
#include "native/program/joint_push.h"

#include <cstring>

#include "lib/support/model_files.h"

namespace torchstreamer::testing {
namespace {

/// One signal in random pushes, and the output so far. Ends with an error if a push fails.
class JointStream {
 public:
  JointStream(const LoadedModel& model, Random& random, int64_t frames)
      : layer_(*model.network), x_(model.signal(frames).t().contiguous()) {
    if (random.between(0, 3) == 0 && frames > 0)
      x_[random.between(0, frames - 1)] = std::numeric_limits<float>::quiet_NaN();
    chunks_ = random_chunks(random, frames);
    samples_ = program_of(model)->output().samples;
    restart();
  }

  void restart() {
    state_ = layer_.start();
    next_ = 0;
    in_ = out_ = 0;
    output_.clear();
    error_.clear();
  }
  bool is_done() const { return next_ == chunks_.size() || !error_.empty(); }

  /// Returns the next push; null if the stream ends before it.
  Push* begin() {
    const int64_t frames = chunks_[next_], total = in_ + frames;
    const bool final = next_ + 1 == chunks_.size();
    try {
      const int64_t due = layer_.timing().frames_out(total, final) - out_;
      output_.resize((out_ + due) * samples_ + 1);
      push_ = {
          state_.get(), x_.data_ptr<float>() + in_ * x_.size(1),   frames,
          x_.size(1),   {final, out_, due, {total, total, total}}, output_.data() + out_ * samples_,
          nullptr};
    } catch (const Error& e) {
      error_ = e.what();
      return nullptr;
    }
    return &push_;
  }
  void end() {
    in_ += push_.frames;
    out_ += push_.step.frames;
    ++next_;
    try {
      if (push_.error) std::rethrow_exception(push_.error);
    } catch (const Error& e) {
      error_ = e.what();
    }
  }

  /// Output of a stream without company.
  std::vector<float> alone() {
    restart();
    while (!is_done())
      if (Push* push = begin()) {
        layer_.Layer::push_together(&push, 1);
        end();
      }
    return output_;
  }
  const std::vector<float>& output() const { return output_; }
  const std::string& error() const { return error_; }
  int64_t recoveries() const { return state_->recoveries(); }

 private:
  const Layer& layer_;
  Tensor x_;
  std::vector<int64_t> chunks_;
  int64_t samples_;
  std::unique_ptr<State> state_;
  size_t next_ = 0;
  int64_t in_ = 0, out_ = 0;
  std::vector<float> output_;
  std::string error_;
  Push push_;
};

/// Pushes random streams together until all are done.
void run_together(const Layer& layer, std::vector<JointStream>& streams, Random& random) {
  for (;;) {
    std::vector<JointStream*> pushing;
    std::vector<Push*> pushes;
    bool are_done = true;
    for (JointStream& stream : streams) {
      if (stream.is_done()) continue;
      are_done = false;
      if (random.between(0, 3) == 0) continue;
      Push* push = stream.begin();
      if (!push) continue;
      pushes.push_back(push);
      pushing.push_back(&stream);
    }
    if (are_done) return;
    layer.push_together(pushes.data(), static_cast<int>(pushes.size()));
    for (JointStream* stream : pushing) stream->end();
  }
}

void expect_bits_of_each_alone(const LoadedModel& model, Random& random, int64_t most_frames) {
  std::vector<JointStream> streams;
  const int64_t count = random.between(2, 9);
  for (int64_t i = 0; i < count; ++i)
    streams.emplace_back(model, random, random.between(0, most_frames));
  run_together(*model.network, streams, random);
  for (JointStream& stream : streams) {
    const auto together = stream.output();
    const std::string error = stream.error();
    const int64_t recoveries = stream.recoveries();
    const auto alone = stream.alone();
    ASSERT_EQ(error, stream.error());
    ASSERT_EQ(together.size(), alone.size());
    ASSERT_TRUE(alone.empty() || std::memcmp(together.data(), alone.data(),
                                             (alone.size() - 1) * sizeof(float)) == 0);
    ASSERT_EQ(recoveries, stream.recoveries());
  }
}

TEST(JointPushes, HaveTheBitsOfEachAlone) {
  Random random(base_seed());
  int models = 0, joint_models = 0;  // joint: with a call that runs for all streams at once
  for (const ModelFile& file : float_files()) {
    SCOPED_TRACE(::testing::Message() << file.name << ", TORCHSTREAMER_SEED=" << base_seed());
    const LoadedModel model(file);
    if (!program_of(model)) continue;
    ++models;
    const auto& calls = program_of(model)->calls();
    joint_models += std::any_of(calls.begin(), calls.end(), [](const native::KernelCall& call) {
      return call.most_frames_together > 0;
    });
    const int64_t reach = model.network->timing().receptive_field_frames();
    expect_bits_of_each_alone(model, random, std::min<int64_t>(reach, 20000) + 600);
    expect_bits_of_each_alone(model, random, 40);
    if (::testing::Test::HasFailure()) return;
  }
  std::printf("%d of %d models have calls for all streams\n", joint_models, models);
  EXPECT_GE(models, 280);
  EXPECT_GE(joint_models, 200);
}

}  // namespace
}  // namespace torchstreamer::testing
