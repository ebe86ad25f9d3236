#!/usr/bin/python3
"""Tests the page of torchstreamer-server in Chromium. See tests/page.sh.

    page_test.py FOLDER_OF_PICTURES [CHECK...]
"""

import pathlib
import sys
import tempfile
import time
import traceback

import looks
import streaming
from bench import Bench

CHECKS = [streaming.file_round_trip, streaming.playing, streaming.played_samples, streaming.microphone,
          streaming.microphone_refused, streaming.file_not_decoded, streaming.token,
          streaming.server_gone, streaming.model_refused, streaming.two_tabs, streaming.busy_server,
          looks.narrow, looks.keyboard_and_names, looks.pictures, looks.no_other_requests,
          looks.quiet_console]


def main(folder, *names):
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    passed = failed = 0
    with tempfile.TemporaryDirectory() as temporary:
        bench = Bench(pathlib.Path(temporary), folder)
        try:
            for check in CHECKS:
                if names and check.__name__ not in names:
                    continue
                start, open_tabs = time.monotonic(), len(bench.tabs)
                try:
                    check(bench)
                    passed += 1
                    result = 'ok'
                except Exception:  # the other checks run anyway
                    traceback.print_exc(file=sys.stdout)
                    failed += 1
                    result = 'failed'
                print(f'{result}: {check.__name__} ({time.monotonic() - start:.0f} s)', flush=True)
                for tab in bench.tabs[open_tabs:]:
                    tab.close()
        finally:
            bench.close()
    print(f'{passed} passed, {failed} failed')
    return failed > 0


if __name__ == '__main__':
    sys.exit(main(*sys.argv[1:]))
