// Operators of libtorch that end the process, or never end, for some arguments.
#pragma once

namespace torchstreamer {

/// Adds checks to operators of TorchScript in this process: an integer division by 0, or of the
/// least integer by -1, raises Error, as do ranges and texts that are too long. libtorch would end
/// the process. It also runs such operators while it compiles a file, in its passes that compute
/// constants: an operator that raises an exception there stays in the graph. To be called before a
/// file is read; later calls have no effect. Thread-safe, except with other code of the process
/// that compiles or runs TorchScript for the first time at the same time as the first call.
void check_operators();

}  // namespace torchstreamer
