#!/bin/sh
# All tests, as CI runs them: everything under AddressSanitizer and UBSan; what has threads or coroutines under
# ThreadSanitizer and, since g++ 12 compiles some coroutines wrongly, with g++ under AddressSanitizer too. Among the
# first is a minute of the fuzzer (tests/fuzz) on what routers print; what it found once is replayed by all three.
# The last line sums up: N passed, N failed, N skipped.
set -u
jobs=${1:-2}
cd "$(dirname "$0")/.." || exit 1
coroutine_targets="test_connection test_aggregator test_scheduler test_agent"
failed=0

run() {  # run NAME PRESET [TARGET ...]
  name=$1 preset=$2
  shift 2
  echo "== $name: build =="
  cmake --preset "$preset" >"build/$preset.log" 2>&1 || { cat "build/$preset.log"; failed=1; return; }
  cmake --build "build/$preset" -j "$jobs" ${*:+--target "$@"} >"build/$preset.log" 2>&1 ||
    { tail -n 60 "build/$preset.log"; echo "== $name: does not build =="; failed=1; return; }
  echo "== $name: test =="
  ctest --preset "$preset" -j "$jobs" --no-tests=error --output-junit "$PWD/build/junit-$preset.xml" || failed=1
}

mkdir -p build
rm -f build/junit-*.xml
run "clang 19, AddressSanitizer and UBSan" ci
run "clang 19, ThreadSanitizer" tsan $coroutine_targets
run "g++ 12, AddressSanitizer" gcc $coroutine_targets

python3 - build/junit-*.xml <<'EOF'
import sys, xml.etree.ElementTree as tree
total = failures = skipped = 0
for file in sys.argv[1:]:
    suite = tree.parse(file).getroot()
    total += int(suite.get("tests", 0))
    failures += int(suite.get("failures", 0))
    skipped += int(suite.get("skipped", 0)) + int(suite.get("disabled", 0))
    for case in suite.iter("testcase"):
        if case.get("status") not in ("run",):
            print(f"{case.get('status')}: {case.get('name')} ({file})")
print(f"{total - failures - skipped} passed, {failures} failed, {skipped} skipped")
EOF
exit $failed
