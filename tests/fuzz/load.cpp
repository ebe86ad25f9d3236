// Any bytes as a TorchScript file: a model, or torchstreamer::Error; never a crash.
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>

#include "engine.h"
#include "error.h"

namespace {

/// A file of these bytes that lives in memory.
class MemoryFile {
 public:
  MemoryFile(const uint8_t* data, size_t bytes) : file_(memfd_create("model", 0)) {
    if (write(file_, data, bytes) != static_cast<ssize_t>(bytes)) std::abort();
  }
  ~MemoryFile() { close(file_); }
  std::string path() const { return "/proc/self/fd/" + std::to_string(file_); }

 private:
  int file_;
};

/// What loads must run, too.
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

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t bytes) {
  const MemoryFile file(data, bytes);
  try {
    const std::unique_ptr<torchstreamer::Model> model(
        torchstreamer_load_model(file.path().c_str(), {}));
    run(*model);
  } catch (const torchstreamer::Error&) {
  } catch (const std::bad_alloc&) {
  }
  return 0;
}
