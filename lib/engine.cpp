#include "engine.h"

namespace torchstreamer {

int64_t Engine::frames_due(int64_t frames, bool final) const {
  return timing().frames_out(frames_in_ + frames, final) - timing().frames_out(frames_in_, false);
}

void Engine::push(const void* const* in, int64_t frames, bool final, void* const* out) {
  try {
    process(in, frames, final, out);
  } catch (...) {
    reset();
    throw;
  }
  frames_in_ += frames;
  if (final) reset();
}

void Engine::reset() {
  frames_in_ = 0;
  clear();
}

}  // namespace torchstreamer
