#!/bin/sh
# Formatting, static analysis, and headers that compile alone.
set -eu
jobs=${1:-2}
cd "$(dirname "$0")/.."
git ls-files '*.cpp' '*.hpp' | xargs clang-format-19 --dry-run -Werror
cmake --preset dev >/dev/null
cmake --build build/dev -j "$jobs" >/dev/null
git ls-files '*.hpp' | xargs -P "$jobs" -n 1 sh -c \
  'clang++-19 -std=c++23 -fsyntax-only -x c++ -I. -Ibuild/dev/generated -DSPDLOG_FMT_EXTERNAL -DBOOST_ASIO_SEPARATE_COMPILATION -Wno-pragma-once-outside-header "$0" || { echo "does not compile alone: $0"; exit 255; }'
git ls-files '*.cpp' | xargs -P "$jobs" -n 4 clang-tidy-19 -p build/dev --quiet
echo "lint: ok"
