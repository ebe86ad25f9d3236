// Operators of libtorch that end the process, or never end, for some arguments.
#pragma once

namespace torchstreamer {

/// Adds checks to operators of TorchScript in this process: arguments for which libtorch would end
/// the process, or never end, raise Error, such as a division of integers by 0, paddings that are
/// missing, axes outside of a tensor, or a value that is not one of an enumeration. libtorch also
/// runs operators while it compiles a file, in its passes that compute constants: an operator that
/// raises an exception there stays in the graph. Later calls have no effect.
///
/// The first call is made while the library is loaded. A program that links the library has no
/// other threads then. If a program loads it with dlopen() while other threads use TorchScript,
/// each of them finds either the operator with checks or the one without: only pointers to
/// operators are exchanged, and both exist until the process ends. Graphs that ran before keep
/// operators without checks.
void check_operators();

}  // namespace torchstreamer
