#!/usr/bin/python3
"""Processes audio of a program with tsmodel: raw mono float32 frames from appsrc to appsink.

    appsrc.py MODEL.pt RATE_HZ < in.f32 > out.f32
"""

import sys
import threading

import gi

gi.require_version('Gst', '1.0')
gi.require_version('GstApp', '1.0')
from gi.repository import Gst, GstApp  # noqa: E402, F401


def feed(source):
    """Pushes the audio, in a separate thread. push_buffer() blocks while the queue is full."""
    while chunk := sys.stdin.buffer.read(480 * 4):
        if source.push_buffer(Gst.Buffer.new_wrapped(chunk)) != Gst.FlowReturn.OK:
            break
    source.end_of_stream()


def take(sink, bus):
    """Writes all output until the end of the stream. The model is loaded in the background, so that an
    error may come before any output. Returns the message of an error, or None."""
    while True:
        if sample := sink.try_pull_sample(100 * Gst.MSECOND):
            buffer = sample.get_buffer()
            sys.stdout.buffer.write(buffer.extract_dup(0, buffer.get_size()))
        elif error := bus.pop_filtered(Gst.MessageType.ERROR):
            return error
        elif sink.is_eos():
            return None


def main(model, rate_hz):
    Gst.init(None)
    pipeline = Gst.parse_launch(
        'appsrc name=source format=time block=true ! tsmodel name=model '
        '! appsink name=sink sync=false')
    source, sink = pipeline.get_by_name('source'), pipeline.get_by_name('sink')
    pipeline.get_by_name('model').set_property('location', model)
    source.set_caps(Gst.Caps.from_string(
        f'audio/x-raw,format=F32LE,layout=interleaved,channels=1,rate={rate_hz}'))

    pipeline.set_state(Gst.State.PLAYING)
    threading.Thread(target=feed, args=[source], daemon=True).start()
    error = take(sink, pipeline.get_bus())
    pipeline.set_state(Gst.State.NULL)
    if error:
        sys.exit(error.parse_error().gerror.message)


if __name__ == '__main__':
    if len(sys.argv) != 3:
        sys.exit(f'usage: {sys.argv[0]} MODEL.pt RATE_HZ < in.f32 > out.f32')
    main(sys.argv[1], int(sys.argv[2]))
