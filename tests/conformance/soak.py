#!/usr/bin/python3
"""Plays two live pipelines with random losses, swaps of models, flushes and state changes.

    soak.py SECONDS [SEED]

The input is noise that repeats every second, so every frame of the output is known: it must be the one that
belongs to its timestamp, for one of the models. Prints the growth of the resident memory, and of the bytes
allocated by malloc(). TORCHSTREAMER_MODELS is the folder of the test models.
"""

import collections
import ctypes
import os
import random
import sys
import threading
import time

import gi
import numpy

gi.require_version('Gst', '1.0')
gi.require_version('GstAudio', '1.0')
from gi.repository import Gst, GstAudio  # noqa: E402

from run import end_after_exceptions  # noqa: E402

RATE_HZ = 48000  # sample rate of the input
BUFFER_FRAMES = 960
MODELS = ['same3', 'known_near', 'known_ahead', 'up3']
LINES = ['appsrc name=source ! tsresample ! audio/x-raw,rate=32000 ! tsmodel name=model ! SINK',
         'appsrc name=source ! tsmodel name=model ! tsresample ! audio/x-raw,rate=44100 ! SINK']
CAPS = f'audio/x-raw,format=F32LE,layout=interleaved,channels=1,rate={RATE_HZ}'
NOISE = numpy.random.default_rng(1).uniform(-1, 1, RATE_HZ).astype(numpy.float32)
LARGEST_SHIFT_FRAMES = 20
LOSS = 0.05
LEAST_KNOWN = 0.8  # output buffers per input buffer; others contain the start or the end of a signal
LEAST_COMPLETED = 0.25  # completed swaps per swap; others have no new model or end with a flush or restart
WARM_UP = 0.2  # fraction of the running time that is not measured
MOST_GROWTH_BYTES_PER_S = 1000  # growth of the allocated memory, judged in runs of JUDGED_S seconds
JUDGED_S = 1800


def location(model):
    return f'{os.environ["TORCHSTREAMER_MODELS"]}/{model}.script.pt'


def parse(line):
    """A pipeline, its source and its tsmodel."""
    pipeline = Gst.parse_launch(line)
    source = pipeline.get_by_name('source')
    source.set_property('format', Gst.Format.TIME)
    source.set_property('caps', Gst.Caps.from_string(CAPS))
    return pipeline, source, pipeline.get_by_name('model')


def input_buffer(frame):
    data = NOISE[(frame + numpy.arange(BUFFER_FRAMES)) % RATE_HZ]
    buffer = Gst.Buffer.new_wrapped(data.tobytes())
    buffer.pts = Gst.util_uint64_scale_round(frame, Gst.SECOND, RATE_HZ)
    buffer.duration = Gst.util_uint64_scale_round(BUFFER_FRAMES, Gst.SECOND, RATE_HZ)
    return buffer


class Output:
    """Frames of a buffer: `first` is the index of the first one, `frames` has the shape [T, C]."""

    def __init__(self, buffer, caps):
        audio = GstAudio.AudioInfo.new_from_caps(caps)
        self.rate_hz = audio.rate
        self.frames = numpy.frombuffer(buffer.extract_dup(0, buffer.get_size()), numpy.float32)
        self.frames = self.frames.reshape(-1, audio.channels)
        self.first = round(buffer.pts * audio.rate / Gst.SECOND)
        self.is_on_grid = abs(buffer.pts - self.first * Gst.SECOND / audio.rate) <= 1


class Expected:
    """One second of the output of a pipeline with a model, which repeats."""

    def __init__(self, line, model):
        pipeline, source, element = parse(line.replace('SINK', 'appsink name=sink sync=false'))
        element.set_property('location', location(model))
        pipeline.set_state(Gst.State.PLAYING)
        for frame in range(0, 3 * RATE_HZ, BUFFER_FRAMES):
            source.emit('push-buffer', input_buffer(frame))
        source.emit('end-of-stream')
        outputs = []
        while sample := pipeline.get_by_name('sink').emit('pull-sample'):
            outputs.append(Output(sample.get_buffer(), sample.get_caps()))
        pipeline.set_state(Gst.State.NULL)
        self.rate_hz = outputs[0].rate_hz
        self.period = numpy.concatenate([o.frames for o in outputs])[self.rate_hz:2 * self.rate_hz]

    def is_equal(self, output, shift=0):
        """Equality of the output and this one, `shift` frames later."""
        if (output.rate_hz, output.frames.shape[1]) != (self.rate_hz, self.period.shape[1]):
            return False
        own = self.period[(output.first + shift + numpy.arange(len(output.frames))) % self.rate_hz]
        return numpy.abs(own - output.frames).max() < 1e-4


class Soak(threading.Thread):
    """Feeds and disturbs a pipeline; `counts` has the numbers of all that happened."""

    def __init__(self, line, seed):
        super().__init__()
        self.counts = collections.Counter()
        self.failures = []
        self.expected = [Expected(line, model) for model in MODELS]
        self.random = random.Random(seed)
        self.is_over = False
        self.pipeline, self.source, self.model = parse(
            line.replace('SINK', 'fakesink name=sink sync=true processing-deadline=0'))
        self.source.set_property('is-live', True)
        self.model.set_property('location', location(MODELS[0]))
        sink = self.pipeline.get_by_name('sink').get_static_pad('sink')
        sink.add_probe(Gst.PadProbeType.BUFFER, self.check)

    def check(self, pad, info):
        output = Output(info.get_buffer(), pad.get_current_caps())
        shifts = range(-LARGEST_SHIFT_FRAMES, LARGEST_SHIFT_FRAMES + 1)
        self.counts['output buffers'] += 1
        if not output.is_on_grid:
            self.failures.append(f'a timestamp is not that of a frame: frame {output.first}')
        elif any(e.is_equal(output) for e in self.expected):
            self.counts['known buffers'] += 1
        elif len(output.frames) > 100 and any(e.is_equal(output, s) for e in self.expected for s in shifts):
            self.failures.append(f'audio is shifted at {output.first / output.rate_hz} s')
        return Gst.PadProbeReturn.OK

    def flush(self):
        self.source.send_event(Gst.Event.new_flush_start())
        self.source.send_event(Gst.Event.new_flush_stop(False))

    def swap(self):
        Gst.util_set_object_arg(self.model, 'swap', self.random.choice(['drain', 'cross']))
        self.model.set_property('location', location(self.random.choice(MODELS)))

    def pause(self):
        self.change_state(Gst.State.PAUSED)
        time.sleep(self.random.uniform(0, 0.2))
        self.change_state(Gst.State.PLAYING)

    def restart(self):
        self.change_state(self.random.choice([Gst.State.READY, Gst.State.NULL]))
        self.change_state(Gst.State.PLAYING)

    def change_state(self, state):
        """PLAYING is reached later, with the first audio."""
        result = self.pipeline.set_state(state)
        if result == Gst.StateChangeReturn.FAILURE:
            self.failures.append(f'state {state.value_nick} fails')

    def handle_messages(self):
        while message := self.pipeline.get_bus().pop():
            if message.type in (Gst.MessageType.ERROR, Gst.MessageType.WARNING):
                parsed = getattr(message, f'parse_{message.type.first_value_nick}')()
                self.failures.append(': '.join(map(str, parsed)))
            elif message.has_name('tsmodel-swap'):
                self.counts['completed swap'] += 1

    def lost_buffers(self):
        """Number of buffers to lose now, mostly 0."""
        return self.random.choice([1, 1, 2, 10]) if self.random.random() < LOSS else 0

    def disturb(self):
        """Calls an action, or none; true if the stream starts again."""
        for action, interval_buffers in ACTIONS.items():
            if self.random.random() * interval_buffers < 1:
                self.counts[action.__name__] += 1
                action(self)
                return action == Soak.restart
        return False

    def run(self):
        self.change_state(Gst.State.PLAYING)
        frame, lost = 0, 0
        while not self.is_over:
            start_s = time.monotonic()
            buffer = input_buffer(frame)
            if lost:
                buffer.set_flags(Gst.BufferFlags.DISCONT)
            lost = self.lost_buffers()
            self.counts['lost buffers'] += lost
            self.source.emit('push-buffer', buffer)
            self.counts['input buffers'] += 1
            frame += BUFFER_FRAMES * (1 + lost)
            time.sleep(BUFFER_FRAMES / RATE_HZ * (1 + lost))
            if self.disturb():
                frame = 0
            self.handle_messages()
        self.pipeline.set_state(Gst.State.NULL)

    def all_failures(self):
        known, pushed = self.counts['known buffers'], self.counts['input buffers']
        completed, swaps = self.counts['completed swap'], self.counts['swap']
        failures = list(self.failures)
        if known < LEAST_KNOWN * pushed:
            failures.append(f'{pushed} input buffers, only {known} output buffers of a model')
        if completed < int(LEAST_COMPLETED * swaps):
            failures.append(f'only {completed} of {swaps} swaps are completed')
        return failures


# Average number of buffers from one such action to the next.
ACTIONS = {Soak.swap: 100, Soak.flush: 150, Soak.pause: 500, Soak.restart: 1000}


class Mallinfo2(ctypes.Structure):
    _fields_ = [(name, ctypes.c_size_t) for name in
                'arena ordblks smblks hblks hblkhd usmblks fsmblks uordblks fordblks keepcost'.split()]


def memory_bytes():
    """Resident memory, and memory allocated by malloc()."""
    libc = ctypes.CDLL(None)
    libc.mallinfo2.restype = Mallinfo2
    info = libc.mallinfo2()
    with open('/proc/self/statm') as file:
        return int(file.read().split()[1]) * os.sysconf('SC_PAGE_SIZE'), info.uordblks + info.hblkhd


def growths(samples):
    """Slopes of resident and of allocated memory in bytes per second."""
    times_s, *memories = numpy.array(samples).T
    return [numpy.polyfit(times_s, memory, 1)[0] for memory in memories]


def main(seconds, seed):
    end_after_exceptions()
    soaks = [Soak(line, seed + i) for i, line in enumerate(LINES)]
    for soak in soaks:
        soak.start()
    samples, start_s = [], time.monotonic()
    while (now_s := time.monotonic() - start_s) < seconds and not any(soak.failures for soak in soaks):
        if now_s >= WARM_UP * seconds:
            samples.append((now_s, *memory_bytes()))
        time.sleep(min(1, seconds / 100))
    for soak in soaks:
        soak.is_over = True
    for soak in soaks:
        soak.join()
        print(', '.join(f'{count} {name}' for name, count in soak.counts.items()))
    failures = [failure for soak in soaks for failure in soak.all_failures()]
    if len(samples) > 1:
        resident, allocated = growths(samples)
        print(f'growth of resident memory: {resident * 60 / 1024:.1f} KiB/min, '
              f'of allocated memory: {allocated * 60 / 1024:.1f} KiB/min')
        if seconds >= JUDGED_S and allocated > MOST_GROWTH_BYTES_PER_S:
            failures.append('memory grows')
    for failure in failures[:20]:
        print(failure)
    print(f'seed {seed}')
    print('0 passed, 1 failed' if failures else '1 passed, 0 failed')
    return bool(failures)


if __name__ == '__main__':
    sys.exit(main(float(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else random.randrange(1000)))
