// Models of the kinds that users call block by block, each with the loop of its user.
#pragma once

#include "lib/blocks/block_rig.h"

namespace torchstreamer::testing {

struct BlockCase {
  const char* name;
  const char* file;
  CallOptions call;
  /// One call of the user's loop. Each signal gets a new copy of the module and of `state`.
  std::function<Tensor(torch::jit::Module& module, const Tensor& window, IValue& state)> user_call;
  int channels = 1;
  int64_t rate_hz = 0;
  std::string output = "";
  bool is_batch = false;  ///< several windows go into one call

  std::shared_ptr<const Model> load(const std::string& device = "cpu") const {
    LoadOptions options;
    options.device = device;
    options.call = call;
    options.output = output;
    return load_model(block_file(file), options);
  }

  UserLoop loop() const {
    const int64_t hop_frames = call.hop_frames ? call.hop_frames : call.window_frames;
    return {call.window_frames, hop_frames, call.tail};
  }

  /// The output of the user's loop for one signal, `[C, T]`.
  Tensor expected(const Tensor& x) const {
    torch::NoGradGuard guard;
    torch::jit::Module module = torch::jit::load(block_file(file));
    for (const char* reset : {"reset_states", "reset"})
      if (const auto method = module.find_method(reset)) {
        (*method)({});
        break;
      }
    IValue state;
    return loop()(x, [&](const Tensor& window) { return user_call(module, window, state); });
  }
};

inline void PrintTo(const BlockCase& c, std::ostream* out) { *out << c.name; }

using torch::jit::Module;

/// A vector of channels, [1, C] or [C], as one frame.
inline Tensor vector_of(const IValue& y) { return y.toTensor().reshape({1, -1}); }

/// [1, C, T] as frames.
inline Tensor frames_of(const IValue& y) { return y.toTensor()[0].t().contiguous(); }

/// Voice activity detectors and keyword spotters.
inline std::vector<BlockCase> detector_cases() {
  return {
      {"vad", "vad", calls_of(512),
       [](Module& m, const Tensor& x, IValue&) {
         return vector_of(m({x, 16000}));
       },
       1, 16000},
      {"vad_8k", "vad", calls_of(256),
       [](Module& m, const Tensor& x, IValue&) {
         return vector_of(m({x, 8000}));
       },
       1, 8000},
      {"keyword_cells", "keyword_cells", calls_of(4500),
       [](Module& m, const Tensor& x, IValue&) { return vector_of(m({x})); }},
      {"keyword_score", "keyword_score", calls_of(8000), [](Module& m, const Tensor& x, IValue&) {
         return torch::full({1, 1}, m({x}).toDouble(), torch::kFloat);
       }}};
}

/// Methods in the manner of nn~.
inline std::vector<BlockCase> method_cases() {
  return {
      {"forward", "autoencoder", calls_of(128),
       [](Module& m, const Tensor& x, IValue&) { return frames_of(m({x.unsqueeze(0)})); }},
      {"encode", "autoencoder", calls_of(64, 0, {}, "encode"),
       [](Module& m, const Tensor& x, IValue&) {
         return frames_of(m.run_method("encode", x.unsqueeze(0)));
       }},
      {"decode", "autoencoder", calls_of(4, 0, {}, "decode"),
       [](Module& m, const Tensor& x, IValue&) {
         return frames_of(m.run_method("decode", x.unsqueeze(0)));
       },
       4},
      {"rms", "autoencoder", calls_of(64, 0, {}, "rms"), [](Module& m, const Tensor& x, IValue&) {
         return frames_of(m.run_method("rms", x.unsqueeze(0)));
       }}};
}

/// Windows without a state.
inline std::vector<BlockCase> window_cases() {
  return {{"amp", "amp", calls_of(150, 1),
           [](Module& m, const Tensor& x, IValue&) { return vector_of(m({x.unsqueeze(0)})); }, 1, 0,
           "", true},
          {"amp_hop_7", "amp", calls_of(150, 7),
           [](Module& m, const Tensor& x, IValue&) { return vector_of(m({x.unsqueeze(0)})); }, 1, 0,
           "", true},
          {"classifier", "classifier", calls_of(4000, 1000),
           [](Module& m, const Tensor& x, IValue&) { return vector_of(m({x})); }},
          {"classes5", "classes5", calls_of(3000),
           [](Module& m, const Tensor& x, IValue&) { return vector_of(m({x.unsqueeze(0)})); }},
          {"spectrum", "spectrum", calls_of(400, 100),
           [](Module& m, const Tensor& x, IValue&) { return vector_of(m({x.unsqueeze(0)})); }, 1, 0,
           "", true}};
}

/// States in attributes, arguments and outputs.
inline std::vector<BlockCase> state_cases() {
  return {{"stateful_amp", "stateful_amp", calls_of(64),
           [](Module& m, const Tensor& x, IValue&) {
             return m({x.t().unsqueeze(1)}).toTensor().squeeze(1);
           }},
          {"explicit", "explicit", calls_of(100),
           [](Module& m, const Tensor& x, IValue& state) {
             const auto y = m({x.unsqueeze(0), state}).toTuple();
             state = y->elements()[1];
             return frames_of(y->elements()[0]);
           }},
          {"explicit_tensors", "explicit_tensors",
           calls_of(100, 0, {{"gain", 0.5}, {"context", std::string("zeros(1, 1, 8)")}}),
           [](Module& m, const Tensor& x, IValue& state) {
             if (state.isNone()) state = torch::zeros({1, 1, 8});
             const auto y = m({x.unsqueeze(0), 0.5, state}).toTuple();
             state = y->elements()[1];
             return frames_of(y->elements()[0]);
           }}};
}

/// Lists, forked calls and knobs.
inline std::vector<BlockCase> output_cases() {
  return {
      {"listed_cells", "listed_cells", calls_of(16),
       [](Module& m, const Tensor& x, IValue&) { return vector_of(m({x.unsqueeze(0)})); }},
      {"forked", "forked", calls_of(16),
       [](Module& m, const Tensor& x, IValue&) { return vector_of(m({x.unsqueeze(0)})); }},
      {"knobs", "knobs", calls_of(32, 0, {{"gain", std::vector<double>{0.5}}}),
       [](Module& m, const Tensor& x, IValue&) {
         return frames_of(m({x.unsqueeze(0), torch::full({1}, 0.5), 0}).toTuple()->elements()[0]);
       }},
      {"knobs_peak", "knobs", calls_of(32, 0, {{"gain", std::vector<double>{0.5}}}),
       [](Module& m, const Tensor& x, IValue&) {
         return vector_of(m({x.unsqueeze(0), torch::full({1}, 0.5), 0}).toTuple()->elements()[1]);
       },
       1, 0, "1"}};
}

inline const std::vector<BlockCase>& block_cases() {
  static const std::vector<BlockCase> cases = [] {
    std::vector<BlockCase> all;
    for (const auto& some :
         {detector_cases(), method_cases(), window_cases(), state_cases(), output_cases()})
      all.insert(all.end(), some.begin(), some.end());
    return all;
  }();
  return cases;
}

}  // namespace torchstreamer::testing
