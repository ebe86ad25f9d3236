#!/usr/bin/env bash
# Installs missing packages, builds, and runs every test. The last line counts them.
#
#   tests/run.sh [TEST...]   all, or these tests of meson
set -uo pipefail
cd "$(dirname "$0")/.."
build=${BUILD:-build}
report=$build/meson-logs/testlog.junit.xml
rm -f "$report"
if ! .ci/prepare tests; then
  echo "0 passed, 1 failed"
  exit 1
fi
export PREPARED=1

meson test -C "$build" --no-rebuild --print-errorlogs "$@"
status=$?

# These scripts count their checks in their last lines. A run of selected tests skips them.
more=()
if [ $# = 0 ]; then
  for script in tests/style.sh tests/sanitize.sh tests/fuzz/run.sh 'tests/conformance.sh quick' \
    'tests/soak.sh 60'; do
    more+=("$($script | tee >(cat >&2) | tail -n 1)")
  done
fi

# Counts every test case of every program from the report.
[ -f "$report" ] || echo '<testsuites/>' > "$report"
/usr/bin/python3 - "$report" "$status" "${more[@]}" <<'PYTHON' || status=1
import re
import sys
import xml.etree.ElementTree as xml

cases = [case for suite in xml.parse(sys.argv[1]).iter('testsuite') for case in suite.iter('testcase')]
bad = [c for c in cases if c.find('failure') is not None or c.find('error') is not None]
skipped = [c for c in cases if c.find('skipped') is not None]
failed = len(bad) or int(sys.argv[2] != '0' or not cases)  # a program that crashed reports no case
for case in bad:
    print('failed:', case.get('classname'), case.get('name'))
passed = len(cases) - len(bad) - len(skipped)
for line in sys.argv[3:]:  # without counts the script has stopped early
    counts = re.fullmatch(r'(\d+) passed, (\d+) failed', line)
    passed += int(counts[1]) if counts else 0
    failed += int(counts[2]) if counts else 1
tail = f', {len(skipped)} skipped' if skipped else ''
print(f'{passed} passed, {failed} failed{tail}')
sys.exit(failed > 0)
PYTHON
exit $status
