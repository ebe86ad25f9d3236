// A device for machines that have none.
#pragma once

namespace torchstreamer::testing {

/// A name of libtorch's behind which nobody stands in a build for CPUs and CUDA. Where
/// stand_in_device.cpp is linked it names a device whose memory is the CPU's and whose operators
/// run there, with one thing of a GPU: tensors of both devices in one operator are an error (but
/// for single numbers). So what lies on the wrong device is found without a GPU.
constexpr const char* kStandInDevice = "hpu";

}  // namespace torchstreamer::testing
