// A connection whose input can be held and whose output is counted. libsoup reads and writes
// WebSockets as fast as it can; with this, a session is bounded in both directions, and other
// connections have their turn after 64 KiB.
#pragma once

#include <gio/gio.h>

#include <functional>

#include "server/ref.h"

namespace torchstreamer::server {

/// Called after each write.
using WriteCallback = std::function<void()>;

/// `base` must have pollable streams. All functions are called in the thread of the main context.
Ref<GIOStream> new_gated_stream(GIOStream* base);

/// While the gate is closed, nothing is read from the base stream.
void set_input_open(GIOStream* gated, bool is_open);
/// Marks bytes that were read as parts of a message. Reading fails if too many bytes belong neither
/// to messages nor to what was written since: pings that are not answered, parts of a message
/// without end.
void account(GIOStream* gated, uint64_t bytes);
/// Bytes written to the base stream so far.
uint64_t written_bytes(GIOStream* gated);
void set_write_callback(GIOStream* gated, WriteCallback callback);

}  // namespace torchstreamer::server
