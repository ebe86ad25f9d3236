#include "torchstreamer/engine.h"

#include "torchstreamer/error.h"

namespace torchstreamer {

void Engine::set_inputs(const NamedValues& inputs) {
  if (!inputs.empty())
    throw OptionError("the stream cannot change '" + inputs.begin()->first +
                      "' while it runs: load the model again with the new value");
}

int64_t Engine::frames_due(int64_t frames, bool final) const {
  if (last_due_.frames != frames || last_due_.final != final)
    last_due_ = {frames, final, timing().frames_out(frames_in_ + frames, final) - frames_out_};
  return last_due_.due_frames;
}

void Engine::push(const void* const* in, int64_t frames, bool final, void* const* out) {
  int64_t due_frames = 0;
  try {
    due_frames = frames_due(frames, final);
    process(in, frames, final, out);
  } catch (...) {
    reset();
    throw;
  }
  frames_in_ += frames;
  frames_out_ += due_frames;
  last_due_ = {};
  if (final) reset();
}

void Engine::reset() {
  frames_in_ = frames_out_ = 0;
  last_due_ = {};
  clear();
}

}  // namespace torchstreamer
