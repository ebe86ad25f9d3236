#!/usr/bin/python3
"""Plays pipelines with tsmodel and with identity in the same place, and with tsresample and audioresample.
States, lengths, clocks and written files must be the same.

    conformance.py [quick] [CHECK...]   runs all checks, the quick ones, or those with these names

TORCHSTREAMER_MODELS is the folder of the test models. The last line counts the checks.
"""

import faulthandler
import os
import subprocess
import sys
import tempfile
import time
from collections import namedtuple

from checks import CHECKS
from run import TIMEOUT_S, Failed, end_after_exceptions

MODEL = os.environ.get('TORCHSTREAMER_MODELS', '') + '/known_ahead.script.pt'
RATE = 'capsfilter caps=audio/x-raw,rate=16000'
# An element, and its launch text in a pipeline.
Subject = namedtuple('Subject', 'element text')
# A reference, the element under test, and the largest difference of times: audioresample loses frames at the
# end of a signal, and has a latency of 2 ms.
Pair = namedtuple('Pair', 'reference own tolerance_s')
PAIRS = [
    Pair(Subject('identity', 'identity'),
         Subject('tsmodel', f'tsmodel name=subject channels=each location={MODEL}'), 1e-6),
    Pair(Subject('audioresample', f'audioresample ! {RATE}'),
         Subject('tsresample', f'tsresample name=subject ! {RATE}'), 3e-3),
]


def is_alike(a, b, tolerance_s):
    """Equality, but times (floats) may differ by the tolerance."""
    if isinstance(a, float) and isinstance(b, float):
        return abs(a - b) <= tolerance_s
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(is_alike(x, y, tolerance_s) for x, y in zip(a, b))
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(is_alike(a[key], b[key], tolerance_s) for key in a)
    return a == b


def observe(check, subject):
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        try:
            return check.observe(subject)
        except Failed as failure:
            return {'failure': f'{subject.element}: {failure}'}
        finally:
            os.chdir('/')


def differences(check, pair):
    """Text about the facts that differ; empty if the check passes."""
    expected, got = observe(check, pair.reference), observe(check, pair.own)
    if failure := got.get('failure') or expected.get('failure'):
        return failure
    compared = expected.keys() - check.different.split()
    tolerance_s = max(pair.tolerance_s, check.tolerance_s)
    return '\n'.join(f'{fact}: {got[fact]}\n  {pair.reference.element}: {expected[fact]}'
                     for fact in compared if not is_alike(expected[fact], got[fact], tolerance_s))


def missing_packages(check):
    return [package for package in check.packages.split()
            if subprocess.run(['dpkg', '-s', package], capture_output=True).returncode]


def chosen(names):
    if names == ['quick']:
        return [name for name in CHECKS if CHECKS[name].is_quick]
    return names or list(CHECKS)


def main(names):
    end_after_exceptions()
    faulthandler.enable()
    passed = failed = 0
    for name in chosen(names):
        if missing := missing_packages(CHECKS[name]):
            print(f'skipped: {name}: missing {" ".join(missing)}')
            continue
        for pair in PAIRS:
            faulthandler.dump_traceback_later(8 * TIMEOUT_S, exit=True)
            start_s = time.monotonic()
            different = differences(CHECKS[name], pair)
            passed, failed = passed + (not different), failed + bool(different)
            if different:
                print(different)
            seconds = round(time.monotonic() - start_s)
            print(f'{"failed" if different else "ok"}: {name}, {pair.own.element} ({seconds} s)', flush=True)
    print(f'{passed} passed, {failed} failed')
    return failed > 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
