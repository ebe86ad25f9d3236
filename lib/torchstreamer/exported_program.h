/// @file
/// Loads programs of torch.export as TorchScript modules. Independent of the rest of the library.
#pragma once

#include <c10/core/Device.h>
#include <torch/csrc/jit/api/module.h>

#include <string>

#include "torchstreamer/export.h"

namespace torchstreamer {

/// Reads a program that torch.export.save() of torch 2.5 to 2.14 wrote (".pt2", schema 8) and
/// returns it as a TorchScript module: it runs, moves between devices, and can be saved with
/// `module.save()`, on libtorch 1.13 as on 2.14. Training graphs and core ATen graphs
/// (`run_decompositions()`) are accepted.
///
/// - Parameters, buffers and constants are attributes of the submodules that they belong to in
///   Python: "encoder.0.weight". All of them are on `device`, which also replaces devices that the
///   program names. Tensors that share memory in the file share it in the module, too.
/// - `forward()` takes the tensors that the Python module took. Arguments that were numbers,
///   strings or None when the program was exported are constants of the graph. It returns the
///   tensors, tuples, lists and dictionaries that the Python module returned; lists and
///   dictionaries of several types are tuples.
/// - `forward()` throws for shapes for which the program was not exported: its range constraints
///   and guards. If no axis is dynamic, the longest one is taken for time and not checked.
/// - Buffers are not changed: each call begins with the saved values.
/// - Run it with a torch::jit::GraphOptimizerEnabledGuard(false): Debian's libtorch 2.6 and 2.14
///   optimize a module at its second call, and their code for round() is wrong.
/// - Nodes carry the lines and modules of the Python source: errors name them.
///
/// The program's description and the pickled tables of tensors are data: no code of the file is
/// executed. A damaged file is an Error.
///
/// Throws Refusal for an operator that this libtorch does not have, or that cannot be converted
/// (custom objects, loops of torch), Error for a file that cannot be read, is not such a file, or
/// has a different schema. Thread-safe.
///
/// Format: torch/_export/serde/schema.py and torch/export/pt2_archive of PyTorch 2.14.
TORCHSTREAMER_API torch::jit::Module load_exported_program(const std::string& path,
                                                           c10::Device device = c10::kCPU);

}  // namespace torchstreamer
