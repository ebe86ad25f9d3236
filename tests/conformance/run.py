"""Plays a pipeline and observes all that must not depend on the element under test."""

import glob
import os
import random
import sys
import threading
import time
import traceback

import gi

gi.require_version('Gst', '1.0')
gi.require_version('GstAudio', '1.0')
gi.require_version('GstPbutils', '1.0')
from gi.repository import Gst, GstAudio, GstPbutils  # noqa: E402

Gst.init(None)

TIMEOUT_S = 30
LOSS = 0.05
# Events whose order is observed. GAP events are observed as time that is covered.
OBSERVED = (Gst.EventType.STREAM_START, Gst.EventType.CAPS, Gst.EventType.SEGMENT,
            Gst.EventType.SEGMENT_DONE, Gst.EventType.EOS)


class Failed(Exception):
    pass


def end_after_exceptions():
    """Makes an exception in any thread or callback end the process, which then has status 1."""
    def end(*exception):
        traceback.print_exception(*exception)
        sys.stdout.flush()
        os._exit(1)

    sys.excepthook = end
    threading.excepthook = lambda args: end(args.exc_type, args.exc_value, args.exc_traceback)


def lose_buffers(pad, with_gap_events):
    """Drops 5 % of the buffers, the same ones in every run; GAP events can replace them."""
    choice = random.Random(1)

    def probe(pad, info):
        if choice.random() >= LOSS:
            return Gst.PadProbeReturn.OK
        buffer = info.get_buffer()
        if with_gap_events:
            pad.push_event(Gst.Event.new_gap(buffer.pts, buffer.duration))
        return Gst.PadProbeReturn.DROP

    pad.add_probe(Gst.PadProbeType.BUFFER, probe)


def merged(intervals):
    """Sorted intervals; adjacent ones are joined."""
    result = []
    for first, last in sorted(intervals):
        if result and first - result[-1][1] < 1e-6:
            result[-1][1] = max(last, result[-1][1])
        else:
            result.append([first, last])
    return result


class Run:
    """A pipeline, and what is observed at the sink pad of its element `end` since the last flush.

    Elements with the names `losses` and `gaps` lose buffers.
    """

    def __init__(self, pipeline):
        self.pipeline = pipeline
        self._is_live = False
        self._facts = {'states': [], 'warnings': 0, 'queries': []}
        self._clear()
        end = pipeline.get_by_name('end') or pipeline.get_property('audio-sink')
        kinds = Gst.PadProbeType.BUFFER | Gst.PadProbeType.EVENT_DOWNSTREAM | Gst.PadProbeType.EVENT_FLUSH
        self._pad = end.get_static_pad('sink')
        self._pad.add_probe(kinds, self._observe)
        for name in 'losses', 'gaps':
            if element := pipeline.get_by_name(name):
                lose_buffers(element.get_static_pad('src'), name == 'gaps')

    def _clear(self):
        self._segment = Gst.Segment()
        self._stream = {'caps': None, 'events': [], 'covered_s': [], 'audio_s': 0.}

    def _observe(self, pad, info):
        if info.type & Gst.PadProbeType.BUFFER:
            self._observe_buffer(info.get_buffer(), pad.get_current_caps())
        else:
            self._observe_event(info.get_event())
        return Gst.PadProbeReturn.OK

    def _observe_event(self, event):
        if event.type == Gst.EventType.FLUSH_STOP:
            self._clear()
        elif event.type == Gst.EventType.SEGMENT:
            self._segment = event.parse_segment()
        elif event.type == Gst.EventType.GAP:
            timestamp, duration = event.parse_gap()
            self._cover(timestamp, timestamp + duration)
        if event.type in OBSERVED:
            self._stream['events'].append(event.type.value_nick)

    def _observe_buffer(self, buffer, caps):
        audio = GstAudio.AudioInfo.new_from_caps(caps)
        self._stream['caps'] = caps.to_string()
        self._stream['audio_s'] += buffer.get_size() / audio.bpf / audio.rate
        self._cover(buffer.pts, buffer.pts + buffer.duration)

    def _cover(self, start_ns, end_ns):
        """Adds a time interval to the intervals of running time for which there was data."""
        ends = [self._segment.to_running_time_full(Gst.Format.TIME, t) for t in (start_ns, end_ns)]
        first, last = sorted(sign * running_ns / Gst.SECOND for sign, running_ns in ends)
        self._stream['covered_s'] = merged(self._stream['covered_s'] + [[first, last]])

    def wait(self, kind):
        """Handles messages until one of this kind arrives."""
        while message := self.pipeline.get_bus().timed_pop(TIMEOUT_S * Gst.SECOND):
            if message.type == Gst.MessageType.ERROR:
                raise Failed(': '.join(str(part) for part in message.parse_error()))
            if message.type == Gst.MessageType.WARNING:
                self._facts['warnings'] += 1
            if message.type == Gst.MessageType.STATE_CHANGED and message.src == self.pipeline:
                self._facts['states'].append(message.parse_state_changed().newstate.value_nick)
            if message.type == kind:
                return
        raise Failed(f'no message {kind.first_value_nick} in {TIMEOUT_S} s')

    def wait_for_audio(self, duration_s):
        """Waits until audio of this duration has arrived."""
        start_s = time.monotonic()
        while self._stream['audio_s'] < duration_s:
            if time.monotonic() > start_s + TIMEOUT_S:
                raise Failed(f'{self._stream["audio_s"]} s of audio arrived in {TIMEOUT_S} s')
            time.sleep(0.1)

    def state(self, state):
        """Changes the state, and waits until it is reached."""
        result = self.pipeline.set_state(state)
        self._is_live |= result == Gst.StateChangeReturn.NO_PREROLL
        if result == Gst.StateChangeReturn.ASYNC:
            result = self.pipeline.get_state(TIMEOUT_S * Gst.SECOND)[0]
        if result in (Gst.StateChangeReturn.FAILURE, Gst.StateChangeReturn.ASYNC):
            self.wait(Gst.MessageType.ERROR)
        if state <= Gst.State.READY:
            self._clear()

    def seek(self, start_s, stop_s, flags, rate=1.):
        """Seeks, and waits for its first audio if it flushes in PAUSED."""
        start_ns, stop_ns = round(start_s * Gst.SECOND), round(stop_s * Gst.SECOND)
        if not self.pipeline.seek(rate, Gst.Format.TIME, flags, Gst.SeekType.SET, start_ns,
                                  Gst.SeekType.SET, stop_ns):
            raise Failed(f'the seek to {start_s} s is refused')
        if flags & Gst.SeekFlags.FLUSH:
            self.pipeline.get_state(TIMEOUT_S * Gst.SECOND)

    def query(self):
        """Notes position and duration."""
        for query in self.pipeline.query_position, self.pipeline.query_duration:
            is_known, time_ns = query(Gst.Format.TIME)
            self._facts['queries'].append(time_ns / Gst.SECOND if is_known else None)

    def _latency_s(self):
        """Latency of a live pipeline before `end`, without that of the element under test."""
        query = Gst.Query.new_latency()
        if not (self._pad.peer_query(query) and query.parse_latency().live):
            return None
        subject = self.pipeline.get_by_name('subject')
        own_ns = subject.get_property('latency') if subject else 0
        return (query.parse_latency().min_latency - own_ns) / Gst.SECOND

    def facts(self):
        """Everything that was observed; live streams begin at 0. Stops the pipeline."""
        facts = self._facts | self._stream
        facts |= {'clock': type(self.pipeline.get_clock()).__name__, 'latency_s': self._latency_s()}
        if self._is_live:
            start_s = facts['covered_s'][0][0]
            facts['covered_s'] = [[a - start_s, b - start_s] for a, b in facts['covered_s']]
        self.state(Gst.State.NULL)
        return facts


def write_file(name):
    """Two seconds of stereo, float32."""
    pipeline = Gst.parse_launch(
        'audiotestsrc num-buffers=100 samplesperbuffer=960 ! audio/x-raw,rate=48000,channels=2,format=F32LE'
        f' ! wavenc ! filesink location={name}')
    pipeline.set_state(Gst.State.PLAYING)
    pipeline.get_bus().timed_pop_filtered(TIMEOUT_S * Gst.SECOND, Gst.MessageType.EOS | Gst.MessageType.ERROR)
    pipeline.set_state(Gst.State.NULL)


def durations(pattern):
    """Durations in seconds of all files with this pattern."""
    discoverer = GstPbutils.Discoverer.new(TIMEOUT_S * Gst.SECOND)
    names = sorted(glob.glob(pattern))
    return {name: discoverer.discover_uri(Gst.filename_to_uri(name)).get_duration() / Gst.SECOND
            for name in names}
