#include "machine.h"

#include <ATen/Parallel.h>
#include <dlfcn.h>
#include <gst/gst.h>
#include <samplerate.h>
#include <soxr.h>
#include <torch/version.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <oneapi/dnnl/dnnl.hpp>
#include <string>
#include <thread>

namespace torchstreamer::bench {
namespace {

// On virtual machines only family and model identify the generation of the processor.
std::string processor() {
  std::ifstream file("/proc/cpuinfo");
  std::map<std::string, std::string> first;
  for (std::string line; std::getline(file, line) && !line.empty();) {
    const size_t colon = line.find(':');
    first[line.substr(0, line.find_last_not_of(" \t", colon - 1) + 1)] =
        line.substr(std::min(colon + 2, line.size()));
  }
  return first["model name"] + ", family " + first["cpu family"] + ", model " + first["model"];
}

// Function of OpenBLAS, null if libtorch uses a different BLAS of the system.
template <class Function>
Function* openblas(const char* name) {
  return reinterpret_cast<Function*>(dlsym(RTLD_DEFAULT, name));
}

std::string blas() {
  const auto config = openblas<char*()>("openblas_get_config");
  return config ? config() : "not OpenBLAS: offline libtorch is slower than it could be";
}

std::string onednn() {
  const dnnl_version_t* v = dnnl_version();
  return std::to_string(v->major) + "." + std::to_string(v->minor) + "." + std::to_string(v->patch);
}

}  // namespace

Row machine() {
  guint major, minor, micro, nano;
  gst_version(&major, &minor, &micro, &nano);
  return {{"processor", processor()},
          {"cores", std::thread::hardware_concurrency()},
          {"libtorch", TORCH_VERSION},
          {"blas", blas()},
          {"onednn", onednn()},
          {"gstreamer", std::to_string(major) + "." + std::to_string(minor)},
          {"soxr", soxr_version()},
          {"libsamplerate", src_get_version()}};
}

void use_one_thread() {
  at::set_num_threads(1);
  if (const auto set = openblas<void(int)>("openblas_set_num_threads")) set(1);
}

}  // namespace torchstreamer::bench
