"""Noise suppressors of Debian packages to compare with; each is used if it is installed."""

import ctypes
import ctypes.util
import shutil
import subprocess

import numpy as np

FRAME = 160
WEBRTC = ('webrtcdsp echo-cancel=false gain-control=false high-pass-filter=false noise-suppression=true '
          'noise-suppression-level=high')


def integers(wave):
    return (np.clip(wave, -1, 1) * 32767).astype('<i2')


def aligned(output, wave):
    """Removes the delay of an output, at most 40 ms, and makes it as long as the input."""
    size = 1 << (2 * len(wave)).bit_length()
    products = np.fft.irfft(np.fft.rfft(output, size) * np.fft.rfft(wave, size).conj(), size)
    output = output[int(products[:641].argmax()):][:len(wave)]
    return np.pad(output, (0, len(wave) - len(output)))


def webrtc(wave):
    """The suppressor of WebRTC, in gstreamer1.0-plugins-bad."""
    pipeline = 'fdsrc blocksize=320 ! rawaudioparse format=pcm pcm-format=s16le sample-rate=16000 num-channels=1 ! ' \
        f'audio/x-raw,format=S16LE,rate=16000,channels=1 ! {WEBRTC} ! fdsink'
    padded = np.pad(integers(wave), (0, 1600 + -len(wave) % FRAME))
    done = subprocess.run(['gst-launch-1.0', '--quiet', *pipeline.split()], input=padded.tobytes(),
                          capture_output=True, check=True)
    return aligned(np.frombuffer(done.stdout, '<i2').astype('f4') / 32768, wave)


def has_webrtc():
    return bool(shutil.which('gst-inspect-1.0')) and \
        subprocess.run(['gst-inspect-1.0', '--exists', 'webrtcdsp']).returncode == 0


def speex(wave):
    """The preprocessor of libspeexdsp1."""
    library = ctypes.CDLL(ctypes.util.find_library('speexdsp'))
    library.speex_preprocess_state_init.restype = ctypes.c_void_p
    state = ctypes.c_void_p(library.speex_preprocess_state_init(FRAME, 16000))
    samples = np.pad(integers(wave), (0, 1600 + -len(wave) % FRAME))
    for frame in samples.reshape(-1, FRAME):
        library.speex_preprocess_run(state, frame.ctypes.data_as(ctypes.c_void_p))
    library.speex_preprocess_state_destroy(state)
    return aligned(samples.astype('f4') / 32768, wave)


def suppressors():
    found = {}
    if has_webrtc():
        found['WebRTC'] = webrtc
    if ctypes.util.find_library('speexdsp'):
        found['Speex'] = speex
    return found
