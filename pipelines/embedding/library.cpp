// The library alone: raw mono float32 frames through a model, 10 ms at a time.
//
//   library MODEL.pt < in.f32 > out.f32
//
// g++ -std=c++17 library.cpp $(pkg-config --cflags --libs torchstreamer) -o library
#include <torchstreamer.h>

#include <cstdio>
#include <vector>

namespace {

void write(const torchstreamer::Optional<torch::Tensor>& y) {
  if (!y) return;  // no frame is certain yet
  const torch::Tensor frames = y->t().contiguous();
  std::fwrite(frames.data_ptr<float>(), sizeof(float), frames.numel(), stdout);
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc != 2) {
    std::fprintf(stderr, "usage: %s MODEL.pt < in.f32 > out.f32\n", argv[0]);
    return 2;
  }
  const auto stream = torchstreamer::load_stream(argv[1]);
  std::vector<float> chunk(480);
  while (const size_t frames = std::fread(chunk.data(), sizeof(float), chunk.size(), stdin))
    write(stream->forward(torch::from_blob(chunk.data(), {1, static_cast<int64_t>(frames)})));
  write(stream->forward(torch::empty({1, 0}), /*final=*/true));
  return 0;
} catch (const std::exception& e) {  // torchstreamer::Error says what would work
  std::fprintf(stderr, "%s\n", e.what());
  return 1;
}
