// A stand-in device for machines without a GPU.
#pragma once

namespace torchstreamer::testing {

/// Name of a libtorch device without an implementation in builds for CPUs and CUDA. If
/// stand_in_device.cpp is linked, the device uses the memory of the CPU and runs its operators
/// there. As on a GPU, tensors of both devices in one operator are an error (except for scalars),
/// so tensors on the wrong device are found without a GPU.
constexpr const char* kStandInDevice = "hpu";

}  // namespace torchstreamer::testing
