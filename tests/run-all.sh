#!/usr/bin/env bash
# All tests, as CI runs them: everything under AddressSanitizer and UBSan; what has threads or coroutines under
# ThreadSanitizer and, since g++ 12 compiles some coroutines wrongly, with g++ under AddressSanitizer too. Among the
# first is a minute of the fuzzer (tests/fuzz) on what routers print; what it found once is replayed by all three.
# The last line sums up: N passed, N failed, N skipped.
set -u
shopt -s nullglob  # nothing was tested where nothing was built
jobs=${1:-2}
cd "$(dirname "$0")/.." || exit 1
coroutine_targets="test_connection test_aggregator test_scheduler test_agent"
failed=0

build() {  # build PRIORITY NAME PRESET [TARGET ...]
  priority=$1 name=$2 preset=$3
  shift 3
  cmake --preset "$preset" >"build/$preset.log" 2>&1 || { cat "build/$preset.log"; return 1; }
  nice -n "$priority" cmake --build "build/$preset" -j "$jobs" ${*:+--target "$@"} >"build/$preset.log" 2>&1 && return
  tail -n 60 "build/$preset.log"
  echo "== $name: does not build =="
  return 1
}

# One more at a time than there are cores: many tests wait rather than work.
run() {  # run PRESET
  ctest --preset "$1" -j $((jobs + 1)) --no-tests=error --output-junit "$PWD/build/junit-$1.xml"
}

asan="clang 19, AddressSanitizer and UBSan"
tsan="clang 19, ThreadSanitizer"
gcc="g++ 12, AddressSanitizer"
mkdir -p build
rm -f build/junit-*.xml

# Each step is a job with a process group of its own, so that whoever ends this ends all of it, at once.
set -m
trap 'for job in $(jobs -p); do kill -- "-$job" 2>/dev/null; done; exit 1' INT TERM

echo "== $asan: build =="
build 0 "$asan" ci &
if wait $!; then
  # The other two are built at the lowest priority while the first tests run.
  { build 19 "$tsan" tsan $coroutine_targets; built=$?; build 19 "$gcc" gcc $coroutine_targets && exit "$built"; } &
  builds=$!
  echo "== $asan: test =="
  run ci &
  wait $! || failed=1
  echo "== $tsan; $gcc: build =="
  wait "$builds" || failed=1
  echo "== $tsan; $gcc: test =="
  run gcc >build/gcc-test.log 2>&1 &
  gcc_tests=$!
  run tsan &
  wait $! || failed=1
  wait "$gcc_tests" || failed=1
  cat build/gcc-test.log
else
  failed=1
fi

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
