#include "server/http/gated_stream.h"

namespace {

/// Bytes that are read between two sources, so that one connection does not hold the thread.
constexpr gsize kMaxDispatchBytes = 64 * 1024;
/// Bytes beyond those of messages and answers after which the connection fails.
constexpr uint64_t kMaxLooseBytes = 2 * 1024 * 1024;

/// Input of a gated stream.
struct GateInput {
  GFilterInputStream parent;
  bool is_open;
  /// Source that was created while the gate was closed, or null.
  GSource* waiting;
  /// Bytes that may be read until the next source is created.
  gsize budget_bytes;
  /// Bytes that were read, and that neither messages nor writes account for.
  uint64_t loose_bytes;
};
struct GateInputClass {
  GFilterInputStreamClass parent_class;
};

/// Output of a gated stream.
struct GateOutput {
  GFilterOutputStream parent;
  uint64_t written_bytes;
  /// Input of the same connection; it lives as long.
  GateInput* input;
  torchstreamer::server::WriteCallback* callback;
};
struct GateOutputClass {
  GFilterOutputStreamClass parent_class;
};

/// Both directions.
struct GatedStream {
  GIOStream parent;
  GIOStream* base;
  GateInput* input;
  GateOutput* output;
};
struct GatedStreamClass {
  GIOStreamClass parent_class;
};

void gate_input_pollable_init(GPollableInputStreamInterface* interface);
void gate_output_pollable_init(GPollableOutputStreamInterface* interface);

G_DEFINE_TYPE_WITH_CODE(GateInput, gate_input, G_TYPE_FILTER_INPUT_STREAM,
                        G_IMPLEMENT_INTERFACE(G_TYPE_POLLABLE_INPUT_STREAM,
                                              gate_input_pollable_init))
G_DEFINE_TYPE_WITH_CODE(GateOutput, gate_output, G_TYPE_FILTER_OUTPUT_STREAM,
                        G_IMPLEMENT_INTERFACE(G_TYPE_POLLABLE_OUTPUT_STREAM,
                                              gate_output_pollable_init))
G_DEFINE_TYPE(GatedStream, gated_stream, G_TYPE_IO_STREAM)

GateInput* as_input(gpointer stream) { return static_cast<GateInput*>(stream); }
GateOutput* as_output(gpointer stream) { return static_cast<GateOutput*>(stream); }
GPollableInputStream* base_of(GateInput* input) {
  return G_POLLABLE_INPUT_STREAM(input->parent.base_stream);
}
GPollableOutputStream* base_of(GateOutput* output) {
  return G_POLLABLE_OUTPUT_STREAM(output->parent.base_stream);
}

void reduce_loose(GateInput* input, uint64_t bytes) {
  input->loose_bytes -= MIN(input->loose_bytes, bytes);
}

gboolean is_readable(GPollableInputStream* stream) {
  GateInput* input = as_input(stream);
  return input->is_open && g_pollable_input_stream_is_readable(base_of(input));
}

/// Source that is ready if the base stream is; with a closed gate, once it is opened.
GSource* create_input_source(GPollableInputStream* stream, GCancellable* cancellable) {
  GateInput* input = as_input(stream);
  input->budget_bytes = kMaxDispatchBytes;
  if (!input->is_open) {
    GSource* waiting = g_pollable_source_new(G_OBJECT(stream));
    g_clear_pointer(&input->waiting, g_source_unref);
    input->waiting = g_source_ref(waiting);
    return waiting;
  }
  GSource* base = g_pollable_input_stream_create_source(base_of(input), cancellable);
  GSource* source = g_pollable_source_new_full(stream, base, cancellable);
  g_source_unref(base);
  return source;
}

gssize read_nonblocking(GPollableInputStream* stream, void* buffer, gsize count, GError** error) {
  GateInput* input = as_input(stream);
  if (input->loose_bytes > kMaxLooseBytes) {
    g_set_error_literal(error, G_IO_ERROR, G_IO_ERROR_FAILED, "too much data without a message");
    return -1;
  }
  if (!input->is_open || input->budget_bytes == 0) {
    g_set_error_literal(error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK, "The gate is closed");
    return -1;
  }
  const gssize bytes = g_pollable_input_stream_read_nonblocking(
      base_of(input), buffer, MIN(count, input->budget_bytes), nullptr, error);
  if (bytes <= 0) return bytes;
  input->budget_bytes -= static_cast<gsize>(bytes);
  input->loose_bytes += static_cast<uint64_t>(bytes);
  return bytes;
}

void gate_input_init(GateInput* input) {
  input->is_open = true;
  input->budget_bytes = kMaxDispatchBytes;
}

void gate_input_class_init(GateInputClass* type) {
  G_OBJECT_CLASS(type)->finalize = [](GObject* object) {
    g_clear_pointer(&as_input(object)->waiting, g_source_unref);
    G_OBJECT_CLASS(gate_input_parent_class)->finalize(object);
  };
}

void gate_input_pollable_init(GPollableInputStreamInterface* interface) {
  interface->is_readable = is_readable;
  interface->create_source = create_input_source;
  interface->read_nonblocking = read_nonblocking;
}

gboolean is_writable(GPollableOutputStream* stream) {
  return g_pollable_output_stream_is_writable(base_of(as_output(stream)));
}

GSource* create_output_source(GPollableOutputStream* stream, GCancellable* cancellable) {
  GSource* base = g_pollable_output_stream_create_source(base_of(as_output(stream)), cancellable);
  GSource* source = g_pollable_source_new_full(stream, base, cancellable);
  g_source_unref(base);
  return source;
}

gssize write_nonblocking(GPollableOutputStream* stream, const void* buffer, gsize count,
                         GError** error) {
  GateOutput* output = as_output(stream);
  const gssize written =
      g_pollable_output_stream_write_nonblocking(base_of(output), buffer, count, nullptr, error);
  if (written <= 0) return written;
  output->written_bytes += static_cast<uint64_t>(written);
  reduce_loose(output->input, static_cast<uint64_t>(written));
  if (*output->callback) (*output->callback)();
  return written;
}

void gate_output_init(GateOutput* output) {
  output->callback = new torchstreamer::server::WriteCallback;
}

void gate_output_class_init(GateOutputClass* type) {
  G_OBJECT_CLASS(type)->finalize = [](GObject* object) {
    delete as_output(object)->callback;
    G_OBJECT_CLASS(gate_output_parent_class)->finalize(object);
  };
}

void gate_output_pollable_init(GPollableOutputStreamInterface* interface) {
  interface->is_writable = is_writable;
  interface->create_source = create_output_source;
  interface->write_nonblocking = write_nonblocking;
}

GatedStream* as_gated(gpointer stream) { return static_cast<GatedStream*>(stream); }

/// Closes the base stream; the default would close only its input and its output.
gboolean close_stream(GIOStream* stream, GCancellable* cancellable, GError** error) {
  return g_io_stream_close(as_gated(stream)->base, cancellable, error);
}

void close_stream_async(GIOStream* stream, int priority, GCancellable* cancellable,
                        GAsyncReadyCallback callback, gpointer data) {
  GTask* task = g_task_new(stream, cancellable, callback, data);
  const GAsyncReadyCallback closed = [](GObject* base, GAsyncResult* result, gpointer task_data) {
    GTask* closing = G_TASK(task_data);
    GError* error = nullptr;
    if (g_io_stream_close_finish(G_IO_STREAM(base), result, &error))
      g_task_return_boolean(closing, TRUE);
    else
      g_task_return_error(closing, error);
    g_object_unref(closing);
  };
  g_io_stream_close_async(as_gated(stream)->base, priority, cancellable, closed, task);
}

gboolean finish_close(GIOStream*, GAsyncResult* result, GError** error) {
  return g_task_propagate_boolean(G_TASK(result), error);
}

void gated_stream_init(GatedStream*) {}

void gated_stream_class_init(GatedStreamClass* type) {
  G_OBJECT_CLASS(type)->finalize = [](GObject* object) {
    GatedStream* gated = as_gated(object);
    g_object_unref(gated->input);
    g_object_unref(gated->output);
    g_object_unref(gated->base);
    G_OBJECT_CLASS(gated_stream_parent_class)->finalize(object);
  };
  G_IO_STREAM_CLASS(type)->get_input_stream = [](GIOStream* stream) {
    return G_INPUT_STREAM(as_gated(stream)->input);
  };
  G_IO_STREAM_CLASS(type)->get_output_stream = [](GIOStream* stream) {
    return G_OUTPUT_STREAM(as_gated(stream)->output);
  };
  G_IO_STREAM_CLASS(type)->close_fn = close_stream;
  G_IO_STREAM_CLASS(type)->close_async = close_stream_async;
  G_IO_STREAM_CLASS(type)->close_finish = finish_close;
}

}  // namespace

namespace torchstreamer::server {

Ref<GIOStream> new_gated_stream(GIOStream* base) {
  auto* gated = static_cast<GatedStream*>(g_object_new(gated_stream_get_type(), nullptr));
  gated->base = G_IO_STREAM(g_object_ref(base));
  gated->input = static_cast<GateInput*>(g_object_new(gate_input_get_type(), "base-stream",
                                                      g_io_stream_get_input_stream(base), nullptr));
  gated->output = static_cast<GateOutput*>(g_object_new(
      gate_output_get_type(), "base-stream", g_io_stream_get_output_stream(base), nullptr));
  gated->output->input = gated->input;
  return Ref<GIOStream>(G_IO_STREAM(gated));
}

void set_input_open(GIOStream* gated, bool is_open) {
  GateInput* input = as_gated(gated)->input;
  input->is_open = is_open;
  if (!is_open || !input->waiting) return;
  g_source_set_ready_time(input->waiting, 0);
  g_clear_pointer(&input->waiting, g_source_unref);
}

void account(GIOStream* gated, uint64_t bytes) { reduce_loose(as_gated(gated)->input, bytes); }

uint64_t written_bytes(GIOStream* gated) { return as_gated(gated)->output->written_bytes; }

void set_write_callback(GIOStream* gated, WriteCallback callback) {
  *as_gated(gated)->output->callback = std::move(callback);
}

}  // namespace torchstreamer::server
