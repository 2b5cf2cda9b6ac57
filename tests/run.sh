#!/bin/sh
# tests/run.sh - builds and runs the tests. The last line of output is "N passed, N failed, N skipped".
#
#     tests/run.sh [--build DIR] [SUITE...]
#
# Without arguments everything: unit sim fuzz live interop bench. Installs what is missing from the distribution's packages
# and builds into DIR (default build/). Exits 0 only if something ran and nothing failed.
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"
build=build
if [ "${1:-}" = --build ]; then
    build=${2:?--build wants a directory}
    shift 2
fi
for suite in "$@"; do
    case $suite in
    unit | sim | fuzz | live | interop | bench) ;;
    *)
        echo "usage: tests/run.sh [--build DIR] [SUITE...]    SUITE: unit sim fuzz live interop bench" >&2
        exit 2
        ;;
    esac
done
[ $# -gt 0 ] || set -- unit sim fuzz live interop bench

# shellcheck source=tests/lib/setup.sh
. tests/lib/setup.sh
docent_install build test

# A build directory that was made before the tests could be built does not have them: -Dtests=enabled makes it complain.
if [ -f "$build/build.ninja" ]; then
    meson configure "$build" -Dtests=enabled -Ddevserver=enabled
else
    meson setup "$build" -Dtests=enabled -Ddevserver=enabled
fi
ninja -C "$build"

status=0
for suite in "$@"; do
    echo "== $suite"
    log=$build/meson-logs/run-$suite
    rm -f "$build/meson-logs/run-$suite".*
    # "docent:" leaves out tests of subprojects that are not ours. The count below decides, and meson's own word beside it.
    meson test -C "$build" --no-rebuild --print-errorlogs --suite "docent:$suite" --logbase "run-$suite" || status=1
    [ -f "$log.json" ] || echo "{\"name\": \"$suite\", \"result\": \"ERROR\", \"stdout\": \"\"}" >"$log.json"
done

logs=
for suite in "$@"; do
    logs="$logs $build/meson-logs/run-$suite.json"
done
# shellcheck disable=SC2086 # One word per suite.
python3 tests/lib/count.py $logs || status=1
exit "$status"
