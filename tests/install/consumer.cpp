// A C++ program that is built against the installed library only.
#include <torchstreamer.h>

#include <cstdio>

int main() {
  torch::nn::Conv1d conv(torch::nn::Conv1dOptions(1, 8, 5).stride(2));
  auto stream = torchstreamer::create_stream(conv);

  auto y = stream->forward(torch::randn({1, 480}));
  auto tail = stream->forward(torch::empty({1, 0}), true);

  const auto& timing = stream->timing();
  std::printf("%d %d %d/%d %d %d %d\n", static_cast<int>(y->size(1)), tail ? 1 : 0,
              static_cast<int>(timing.rate().num), static_cast<int>(timing.rate().den),
              static_cast<int>(timing.receptive_field_frames()),
              static_cast<int>(timing.look_ahead_frames().ceil()),
              static_cast<int>(timing.frames_out(480, true)));
}
