"""The table of checks. A pipeline contains ELEMENT, the place of the element under test and of its reference."""

import subprocess
from collections import namedtuple

from pipelines import F32, launch, player, timeline, webrtc
from run import Run, durations, write_file
from scenarios import (fast_forward, gapless_loop, loop, pause_and_resume, queries, receive, reverse,
                       reverse_loop, seeks, states, to_end)

# Two seconds of audio.
SOURCE = ('audiotestsrc num-buffers=100 samplesperbuffer=960 '
          '! audio/x-raw,rate=48000,channels=2,format=F32LE')
LIVE = SOURCE.replace('audiotestsrc', 'audiotestsrc is-live=true')
SILENCE = SOURCE.replace('audiotestsrc', 'audiotestsrc wave=silence')
FILE = 'filesrc location=in.wav ! wavparse'

END = 'fakesink name=end'
MIDDLE = 'identity name=end ! audioconvert'
MIX = ('audioresample ! audio/x-raw,rate=48000 '
       f'! audiomixer name=mix ! {END} {SOURCE.replace("100", "50")} ! mix.')
CONCAT = f'concat name=parts ! ELEMENT ! {END} {SOURCE} ! parts.'
SPLIT = ('mux.audio_0 splitmuxsink name=mux muxer-factory=matroskamux max-size-time=500000000 '
         'location=%02d.mka')
HLS = 'hls.audio hlssink2 name=hls target-duration=1 location=%02d.ts playlist-location=list.m3u8'

OPUS = 'audioconvert ! audioresample ! opusenc'
SEND_OPUS, RECEIVE_OPUS = f'{OPUS} ! rtpopuspay', 'rtpopusdepay name=depay ! opusdec plc=true'
SEND_L16, RECEIVE_L16 = 'audioconvert ! rtpL16pay', 'rtpL16depay'
RTP = (f'rtpbin name=sender rtpbin name=receiver do-lost=true latency=1000 {LIVE} ! SEND '
       '! sender.send_rtp_sink_0 sender.send_rtp_src_0 ! identity name=losses ! receiver.recv_rtp_sink_0 '
       f'receiver. ! RECEIVE ! {F32} ELEMENT ! {END}')
WEBRTC = (f'webrtcbin name=sender webrtcbin name=receiver {LIVE} ! {SEND_OPUS} ! identity name=losses '
          '! application/x-rtp,media=audio,encoding-name=OPUS,payload=96 ! sender. '
          f'{RECEIVE_OPUS} ! {F32} ELEMENT ! {END} async=false')


def rtp(send, receive):
    return RTP.replace('SEND', send).replace('RECEIVE', receive)


def plays(pipeline, scenario, files=''):
    """Observes a pipeline, and the files with the pattern `files` that it writes."""
    make = launch(pipeline) if isinstance(pipeline, str) else pipeline

    def observe(subject):
        write_file('in.wav')
        run = Run(make(subject.text))
        scenario(run)
        return run.facts() | {'files': durations(files)}
    return observe


def plays_64_channels(subject):
    """With more than 63 channels audioresample of GStreamer 1.22 crashes."""
    channels = 63 if subject.element == 'audioresample' else 64
    source = SOURCE.replace('channels=2', f'channels={channels},channel-mask=(bitmask)0')
    return plays(f'{source} ! ELEMENT ! {END}', to_end)(subject)


def inspects(subject):
    """Observes what gst-inspect-1.0 prints about every element."""
    shown = subprocess.run(['gst-inspect-1.0', subject.element], capture_output=True, text=True)
    headings = 'Factory Details:', 'Plugin Details:', 'Pad Templates:', 'Pads:', 'Element Properties:'
    return {'status': shown.returncode, 'errors': shown.stderr,
            'headings': [heading for heading in headings if heading in shown.stdout]}


def discovers(subject):
    """Observes what gst-discoverer-1.0 prints about a file, except for its path and its random name."""
    run = Run(launch(f'{SOURCE} ! ELEMENT ! {MIDDLE} ! {OPUS} ! oggmux ! filesink location=out.ogg')(
        subject.text))
    to_end(run)
    run.facts()
    shown = subprocess.run(['gst-discoverer-1.0', 'out.ogg'], capture_output=True, text=True)
    lines = shown.stdout.splitlines()
    return {'status': shown.returncode,
            'lines': [line for line in lines if 'file:' not in line and 'Stream ID' not in line]}


# A check: the function that observes, packages that .ci/prepare does not install, facts that may
# differ, smallest allowed difference of times in seconds, and whether it is part of the quick run.
Check = namedtuple('Check', 'observe packages different tolerance_s is_quick', defaults=['', '', 0., True])
BAD = 'gstreamer1.0-plugins-bad'
CHECKS = {
    'gst-inspect-1.0': Check(inspects),
    'gst-discoverer-1.0': Check(discovers, packages='gstreamer1.0-plugins-base-apps'),

    'start to end': Check(plays(f'{SOURCE} ! ELEMENT ! {END}', queries)),
    'all states': Check(plays(f'{SOURCE} ! ELEMENT ! {END}', states)),
    'pause and resume': Check(plays(f'{FILE} ! ELEMENT ! {END} sync=true', pause_and_resume), is_quick=False),
    'seeks': Check(plays(f'{FILE} ! ELEMENT ! {END}', seeks)),
    'segment loop': Check(plays(f'{FILE} ! ELEMENT ! {END}', loop)),
    'gapless segment loop': Check(plays(f'{FILE} ! ELEMENT ! {END}', gapless_loop)),
    'reverse': Check(plays(f'{SOURCE} ! ELEMENT ! {END}', reverse)),
    'reverse segment loop': Check(plays(f'{SOURCE} ! ELEMENT ! {END}', reverse_loop)),
    'fast forward': Check(plays(f'{FILE} ! ELEMENT ! {END}', fast_forward)),
    '64 channels': Check(plays_64_channels, different='caps'),

    'playbin': Check(plays(player('playbin', 'in.wav'), queries)),
    'playbin, seeks': Check(plays(player('playbin', 'in.wav'), seeks)),
    # playbin3 of GStreamer 1.22 does not reach PAUSED in one run of 75, also with audioresample.
    'playbin3': Check(plays(player('playbin3', 'in.wav'), queries), is_quick=False),
    'playbin3, seeks': Check(plays(player('playbin3', 'in.wav'), seeks), is_quick=False),
    'GES timeline': Check(plays(timeline('in.wav'), queries), packages='gir1.2-ges-1.0', is_quick=False),

    'opus': Check(plays(f'{SOURCE} ! {OPUS} ! opusdec ! {F32} ELEMENT ! {MIDDLE} ! {OPUS} ! opusdec ! fakesink',
                        to_end)),
    'concat, different rate': Check(plays(f'{CONCAT} {SOURCE.replace("48000", "44100")} ! parts.', to_end)),
    'concat, different channels': Check(plays(
        f'{CONCAT} {SOURCE.replace("channels=2", "channels=6,channel-mask=(bitmask)0x3f")} ! parts.', to_end)),
    'audiomixer, GAP events': Check(plays(f'{SOURCE} ! identity name=gaps ! ELEMENT ! {MIX}', to_end)),
    'audiomixer, GAP buffers': Check(plays(f'{SILENCE} ! ELEMENT ! {MIX}', to_end)),
    'splitmuxsink': Check(plays(f'{SOURCE} ! ELEMENT ! {MIDDLE} ! {OPUS} ! {SPLIT}', to_end, '*.mka')),
    'hlssink2': Check(plays(f'{SOURCE} ! ELEMENT ! {MIDDLE} ! voaacenc ! aacparse ! {HLS}', to_end, '*.ts'),
                      packages=BAD, is_quick=False),

    # Which packets count as lost depends on the load of the machine.
    'rtpbin, L16, 5 % loss': Check(plays(rtp(SEND_L16, RECEIVE_L16), to_end), is_quick=False),
    # opusdec emits overlapping buffers at the start, and webrtcbin squeezes timestamps; the elements continue
    # the signal.
    'rtpbin, opus, 5 % loss': Check(plays(rtp(SEND_OPUS, RECEIVE_OPUS), to_end), different='covered_s',
                                    tolerance_s=0.1),
    'webrtcbin, opus, 5 % loss': Check(plays(webrtc(WEBRTC), receive), different='covered_s', tolerance_s=0.1,
                                       packages=f'{BAD} gstreamer1.0-nice gir1.2-gst-plugins-bad-1.0',
                                       is_quick=False),
}
