#include "native/program/program.h"

#include <ATen/ops/empty.h>

#include <algorithm>

#include "native/kernels/kernels.h"
#include "native/program/compile.h"
#include "torchstreamer/error.h"

namespace torchstreamer::native {
namespace {

// What runs at once through the whole network should stay in the second cache.
constexpr int64_t kBlockBytes = 1 << 18;
constexpr int64_t kMostBlockFrames = 1024;
// A ring lies in memory twice. What is larger than this is moved once in a while instead: what
// takes so much memory takes long to compute, too.
constexpr int64_t kMostRingBytes = 1 << 16;
// How much silence is tried, at most, to see how much memory a stream needs.
constexpr int64_t kMostWarmUpFrames = 1 << 16;

class ProgramState : public State {
 public:
  explicit ProgramState(const Program& program)
      : program_(program), emitted_(program.steps().size(), 0) {
    memory_.resize(program.tracks().size());
    for (const auto& track : program.tracks()) {
      tracks_.emplace_back(track.pitch, track.lead, track.is_ring, &memory_[track.memory]);
      tracks_.back().reserve(track.room_frames);
    }
    for (const auto& step : program.steps()) memories_.push_back(step.kernel->start());
    needed_.resize(tracks_.size());
  }

  void push_frames(const float* in, int64_t frames, int64_t, const Step& step,
                   float* out) override {
    int64_t at = 0, given = 0;
    do {
      const int64_t some = std::min(frames - at, program_.block_frames());
      const bool final = step.final && at + some == frames;
      run(in + at * program_.channels_in(), some, final);
      given += give(final, step.frames - given, out + given * program_.output().samples);
      forget(final);
      at += some;
    } while (at < frames);
    if (given != step.frames) throw_unpromised();
  }

  Tensor push(const Tensors& in, const Step& step) override {
    Tensor y = at::empty({step.frames, program_.output().samples}, at::kFloat);
    const Tensor x = in[0].defined() ? in[0].contiguous() : in[0];
    push_frames(x.defined() ? x.data_ptr<float>() : nullptr, x.defined() ? x.size(0) : 0,
                program_.channels_in(), step, y.data_ptr<float>());
    return y;
  }

  int64_t held_bytes() const override {
    int64_t bytes = 0;
    for (const AlignedFloats& memory : memory_)
      bytes += static_cast<int64_t>(memory.size() * sizeof(float));
    for (const auto& memory : memories_) bytes += memory ? memory->bytes() : 0;
    return bytes;
  }

  const std::vector<Track>& tracks() const { return tracks_; }

  int64_t recoveries() const override {
    int64_t recoveries = 0;
    for (const auto& memory : memories_) recoveries += memory ? memory->recoveries() : 0;
    return recoveries;
  }

 private:
  [[noreturn]] static void throw_unpromised() {
    throw Error("the network did not make the frames that its timing promises");
  }

  // One block through all steps.
  void run(const float* in, int64_t frames, bool final) {
    const int64_t channels = program_.channels_in();
    if (frames) std::copy_n(in, frames * channels, tracks_[0].append(frames));
    tracks_[0].commit(frames);
    if (final) tracks_[0].append_zeros(program_.tracks()[0].trail);
    source_frames_ += frames;
    program_.counting().count({source_frames_, source_frames_, source_frames_}, counts_);
    for (size_t s = 0; s < emitted_.size(); ++s) run_step(s, final);
  }

  int64_t frames_of(int node, bool final) const {
    const Count& count = counts_[program_.counting().place(node)];
    return final ? count.total : count.now;
  }

  void run_step(size_t s, bool final) {
    const Program::Step& step = program_.steps()[s];
    Track& track = tracks_[step.track];
    const int64_t frames = frames_of(step.node, final) - emitted_[s];
    if (frames > 0 || step.is_state) {
      in_.clear();
      for (size_t i = 0; i < step.in.size(); ++i)
        in_.emplace_back(tracks_[step.in[i].track], step.in[i], frames_of(step.in_nodes[i], final));
      const int64_t whole = step.kernel->granularity_frames();
      float* y = track.append(ceil_div(frames, whole) * whole);
      torchstreamer::Step run{final, emitted_[s], frames, {}};
      if (step.is_state) run.in = program_.counting().joined(step.node, counts_);
      step.kernel->run(in_.data(), run, y, memories_[s].get());
      track.commit(frames);
      emitted_[s] += frames;
    }
    if (final) track.append_zeros(program_.tracks()[step.track].trail);
  }

  // Writes what is there of the output, at most `most` frames.
  int64_t give(bool final, int64_t most, float* out) {
    const View& view = program_.output();
    const int node = static_cast<int>(program_.nodes().size()) - 1;
    const int64_t frames = frames_of(node, final) - given_;
    if (frames < 0 || frames > most) throw_unpromised();
    if (frames == 0) return 0;
    const Frames y(tracks_[view.track], view, 0);
    const bool is_dense = y.pitch() == view.samples;
    const int64_t at_once = is_dense ? frames : 1;
    for (int64_t f = 0; f < frames; f += at_once)
      std::copy_n(y.at(given_ + f), at_once * view.samples, out + f * view.samples);
    given_ += frames;
    return frames;
  }

  void forget(bool final) {
    std::fill(needed_.begin(), needed_.end(), kTaken);
    auto need = [&](const View& view, int64_t index) {
      needed_[view.track] = std::min(needed_[view.track], index * view.step + view.offset);
    };
    for (size_t s = 0; s < emitted_.size(); ++s) {
      const Program::Step& step = program_.steps()[s];
      for (size_t i = 0; i < step.in.size(); ++i) {
        const int64_t from = step.kernel->needs_from(static_cast<int>(i), emitted_[s]);
        need(step.in[i], from == kTaken ? frames_of(step.in_nodes[i], final) : from);
      }
    }
    need(program_.output(), given_);
    for (size_t t = 0; t < tracks_.size(); ++t) tracks_[t].drop_before(needed_[t]);
  }

  const Program& program_;
  std::vector<AlignedFloats> memory_;
  std::vector<Track> tracks_;  // in it
  std::vector<std::unique_ptr<Memory>> memories_;
  std::vector<int64_t> emitted_;  // frames that each step has made
  int64_t source_frames_ = 0, given_ = 0;
  // Used anew for every block.
  std::vector<Count> counts_;
  std::vector<Frames> in_;
  std::vector<int64_t> needed_;
};

}  // namespace

Program::Program(std::vector<Network::Node> nodes, const Format& in)
    : nodes_(std::move(nodes)), counting_(nodes_), channels_in_(in.channels()) {
  Compiled compiled = compile(nodes_, in);
  is_fallback_ = std::move(compiled.is_fallback);
  steps_ = std::move(compiled.steps);
  tracks_ = std::move(compiled.tracks);
  output_ = compiled.output;
  block_frames_ = std::clamp<int64_t>(kBlockBytes / static_cast<int64_t>(sizeof(float)) /
                                          std::max<int64_t>(1, compiled.floats_per_frame),
                                      1, kMostBlockFrames);
  for (size_t t = 0; t < tracks_.size(); ++t) tracks_[t].memory = static_cast<int>(t);
  warm_up();
  share_memory();
}

// A stream of silence shows how much memory streams need, so that they have it from the beginning.
void Program::warm_up() {
  ProgramState running(*this);
  const Timing timing = Network::timing_of(nodes_);
  // What is kept depends on where in a period of the network a block ends.
  const int64_t settled =
      timing.receptive_field_frames() + (Rational(timing.period_frames()) / timing.rate()).ceil();
  const int64_t frames = (std::min(settled, kMostWarmUpFrames) / block_frames_ + 3) * block_frames_;
  const std::vector<float> silence(block_frames_ * channels_in_);
  std::vector<float> out;
  for (int64_t at = 0, given = 0; at < frames; at += block_frames_) {
    const int64_t due = timing.frames_out(at + block_frames_, false) - given;
    out.resize(std::max<int64_t>(1, due * output_.samples));
    try {
      running.push_frames(silence.data(), block_frames_, channels_in_, {false, given, due, {}},
                          out.data());
    } catch (const Error&) {
      break;  // the model has a table for so many frames only
    }
    given += due;
  }
  for (size_t t = 0; t < tracks_.size(); ++t) {
    const native::Track& seen = running.tracks()[t];
    const int64_t kept = seen.most_kept_frames();
    const bool keeps_much = kept > seen.most_frames() / 4;
    tracks_[t].is_ring =
        keeps_much && kept * tracks_[t].pitch * int64_t{sizeof(float)} <= kMostRingBytes;
    tracks_[t].room_frames = seen.most_frames() + tracks_[t].trail;
    if (keeps_much && !tracks_[t].is_ring) tracks_[t].room_frames += kept / 2;
  }
  // Blocks of other lengths leave up to a stride more behind, and kernels write whole ones.
  for (const Step& step : steps_)
    for (const View& view : step.in) {
      Track& track = tracks_[view.track];
      track.room_frames += 2 * (track.rate / tracks_[step.track].rate).ceil();
    }
}

// Tracks that are empty between pushes lie where others lie that are not in use while they are.
void Program::share_memory() {
  const int steps = static_cast<int>(steps_.size());
  std::vector<int> last_reader(tracks_.size(), 0);
  for (int s = 0; s < steps; ++s)
    for (const View& view : steps_[s].in) last_reader[view.track] = s;
  last_reader[output_.track] = steps;
  auto floats = [this](int track) { return tracks_[track].room_frames * tracks_[track].pitch; };
  std::vector<int> shared;  // by the last track that took it
  for (int s = 0; s < steps; ++s) {
    const int track = steps_[s].track;
    if (!keeps_nothing(track)) continue;
    auto best = shared.end();
    for (auto it = shared.begin(); it != shared.end(); ++it)
      if (last_reader[*it] < s && (best == shared.end() || floats(*best) < floats(*it))) best = it;
    if (best == shared.end()) best = shared.insert(best, track);
    tracks_[track].memory = tracks_[*best].memory;
    *best = track;
  }
}

// Whether every push ends with all frames of the track read, by kernels that need no older ones.
bool Program::keeps_nothing(int track) const {
  if (tracks_[track].lead || tracks_[track].trail) return false;
  int maker = counting_.place(Network::kSource);
  for (const Step& step : steps_)
    if (step.track == track) maker = counting_.place(step.node);
  auto reads_all = [&](const View& view, int node) {
    return view.offset == 0 && view.step == 1 && counting_.place(node) == maker;
  };
  for (const Step& step : steps_)
    for (size_t i = 0; i < step.in.size(); ++i) {
      if (step.in[i].track != track) continue;
      constexpr int64_t kAny = 1000;
      const int64_t from = step.kernel->needs_from(static_cast<int>(i), kAny);
      const bool is_taken = from == kTaken;
      if (!is_taken && from != kAny) return false;
      if (!reads_all(step.in[i], is_taken ? step.in_nodes[i] : step.node)) return false;
    }
  return output_.track != track || reads_all(output_, static_cast<int>(nodes_.size()) - 1);
}

std::unique_ptr<State> Program::start() const { return std::make_unique<ProgramState>(*this); }

int64_t Program::weights_bytes() const {
  int64_t bytes = 0;
  for (const Step& step : steps_) bytes += step.kernel->weights_bytes();
  return bytes;
}

}  // namespace torchstreamer::native
