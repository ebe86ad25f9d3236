"""Scenarios: each plays a Run to its end, as those of gst-validate with similar names do."""

import time

from run import Gst

NULL, READY, PAUSED, PLAYING = Gst.State.NULL, Gst.State.READY, Gst.State.PAUSED, Gst.State.PLAYING
EOS, SEGMENT_DONE = Gst.MessageType.EOS, Gst.MessageType.SEGMENT_DONE
FLUSH, SEGMENT, ACCURATE = Gst.SeekFlags.FLUSH, Gst.SeekFlags.SEGMENT, Gst.SeekFlags.ACCURATE


def to_end(run):
    run.state(PAUSED)
    run.state(PLAYING)
    run.wait(EOS)


def queries(run):
    run.state(PAUSED)
    run.query()
    to_end(run)
    run.query()


def states(run):
    """Up and down through all states; the last time to the end."""
    for state in READY, PAUSED, READY, NULL, PAUSED, PLAYING, PAUSED, NULL:
        run.state(state)
    to_end(run)


def seeks(run):
    run.state(PAUSED)
    for start_s in 1.5, 0.25, 1:
        run.seek(start_s, 1.75, FLUSH | ACCURATE)
        run.query()
    to_end(run)


def reverse(run):
    run.state(PAUSED)
    run.seek(0.5, 1.5, FLUSH | ACCURATE, rate=-1.)
    to_end(run)


def fast_forward(run):
    run.state(PAUSED)
    run.seek(0.5, 1.5, FLUSH | ACCURATE, rate=2.)
    to_end(run)


def loop(run, rate=1.):
    """A loop without flushes: the running time continues."""
    run.state(PAUSED)
    run.seek(0.5, 1.5, FLUSH | ACCURATE | SEGMENT, rate)
    run.state(PLAYING)
    for flags in ACCURATE | SEGMENT, ACCURATE | SEGMENT, ACCURATE:
        run.wait(SEGMENT_DONE)
        run.seek(0.5, 1.5, flags, rate)
    run.wait(EOS)


def gapless_loop(run):
    """A loop in which the element under test continues the signal."""
    if element := run.pipeline.get_by_name('subject'):
        Gst.util_set_object_arg(element, 'new-segment', 'continue')
    loop(run)


def reverse_loop(run):
    loop(run, rate=-1.)


def pause_and_resume(run):
    for _ in range(3):
        run.state(PLAYING)
        time.sleep(0.2)
        run.state(PAUSED)
    to_end(run)


def receive(run):
    """Plays until 1.5 s have arrived."""
    run.state(PAUSED)
    run.state(PLAYING)
    run.wait_for_audio(1.5)
