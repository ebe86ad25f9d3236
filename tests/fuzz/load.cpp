// Fuzzes the loader with arbitrary bytes, as tsmodel uses it: a file that passes check_model(),
// whose parser is independent of libtorch, loads or throws torchstreamer::Error, without a crash.
// libtorch alone does crash, because its unpickler trusts its input.
#include <gst/gst.h>

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>

#include "fetch/archive_check.h"
#include "memory_file.h"
#include "torchstreamer/error.h"
#include "torchstreamer/load.h"

namespace {

/// Runs the model for 100 frames: a model that loads must also run.
void run(const torchstreamer::Model& model) {
  const int channels = model.channels_in() > 0 ? model.channels_in() : 1;
  if (channels > 64) return;
  const auto engine = model.start(channels);
  constexpr int64_t kFrames = 100;
  const int64_t due = engine->frames_due(kFrames, false);
  if (due > 100 * kFrames) return;
  const std::unique_ptr<float[]> in(new float[kFrames * channels]());
  const std::unique_ptr<float[]> out(new float[due * model.channels_out(channels) + 1]);
  const void* in_planes[] = {in.get()};
  void* out_planes[] = {out.get()};
  engine->push(in_planes, kFrames, false, out_planes);
}

void load(const std::string& path) {
  torchstreamer::check_model(path, "model", "", nullptr);
  const std::unique_ptr<torchstreamer::Model> model(torchstreamer_load_model(path.c_str(), {}));
  run(*model);
}

}  // namespace

// Loads and runs FUZZ_MODEL, a valid model: the fuzzer must not pass because nothing loads.
extern "C" int LLVMFuzzerInitialize(int*, char***) {
  gst_init(nullptr, nullptr);
  load(g_getenv("FUZZ_MODEL"));
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t bytes) {
  const torchstreamer::MemoryFile file(data, bytes);
  try {
    load(file.path());
  } catch (const torchstreamer::ElementError&) {
  } catch (const torchstreamer::Error&) {
  } catch (const std::bad_alloc&) {
  }
  return 0;
}
