// Uses the library without GStreamer. Processes raw mono float32 frames with a model, 10 ms at a
// time.
//
//   library MODEL.pt < in.f32 > out.f32
//
// g++ -std=c++17 library.cpp $(pkg-config --cflags --libs torchstreamer) -o library
#include <torchstreamer/load.h>

#include <cstdio>
#include <exception>
#include <vector>

namespace {

/// Pushes `frames` frames of `in` and writes the new output frames.
void push(torchstreamer::Engine& engine, int channels_out, const std::vector<float>& in,
          int64_t frames, bool final) {
  std::vector<float> out(channels_out * engine.frames_due(frames, final));
  const void* const inputs[] = {in.data()};
  void* const outputs[] = {out.data()};
  engine.push(inputs, frames, final, outputs);
  std::fwrite(out.data(), sizeof(float), out.size(), stdout);
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc != 2) {
    std::fprintf(stderr, "usage: %s MODEL.pt < in.f32 > out.f32\n", argv[0]);
    return 2;
  }
  const auto model = torchstreamer::load_model(argv[1]);
  const auto engine = model->start(/*channels_in=*/1);
  const int channels_out = model->channels_out(1);
  std::vector<float> chunk(480);
  while (const size_t frames = std::fread(chunk.data(), sizeof(float), chunk.size(), stdin))
    push(*engine, channels_out, chunk, static_cast<int64_t>(frames), /*final=*/false);
  push(*engine, channels_out, chunk, 0, /*final=*/true);
  return 0;
} catch (const std::exception& e) {  // torchstreamer::Error contains cause and advice
  std::fprintf(stderr, "%s\n", e.what());
  return 1;
}
