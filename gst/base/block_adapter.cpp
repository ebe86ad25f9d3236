#include "base/block_adapter.h"

namespace torchstreamer {

BlockAdapter::BlockAdapter(const GstAudioInfo& info, int64_t block_frames)
    : block_frames_(block_frames),
      frame_bytes_(GST_AUDIO_INFO_BPF(&info) / plane_count(info)),
      bytes_(plane_count(info)),
      planes_(plane_count(info)) {}

BlockAdapter::Frames BlockAdapter::push(const Planes& input, bool all) {
  drop_returned();
  if (frames_ == 0 && (all || input.frames() % block_frames_ == 0))
    return {input.data(), input.frames()};
  append(input);
  returned_frames_ = all ? frames_ : frames_ - frames_ % block_frames_;
  for (size_t p = 0; p < bytes_.size(); ++p) planes_[p] = bytes_[p].data();
  return {planes_.data(), returned_frames_};
}

// Clears every plane, because after a failed allocation the planes may differ in length.
void BlockAdapter::clear() {
  for (auto& plane : bytes_) plane.clear();
  frames_ = returned_frames_ = 0;
}

void BlockAdapter::append(const Planes& input) {
  if (input.frames() == 0) return;
  for (size_t p = 0; p < bytes_.size(); ++p) {
    const auto* first = static_cast<const uint8_t*>(input.data()[p]);
    bytes_[p].insert(bytes_[p].end(), first, first + input.frames() * frame_bytes_);
  }
  frames_ += input.frames();
}

void BlockAdapter::drop_returned() {
  for (auto& plane : bytes_)
    plane.erase(plane.begin(), plane.begin() + returned_frames_ * frame_bytes_);
  frames_ -= returned_frames_;
  returned_frames_ = 0;
}

}  // namespace torchstreamer
