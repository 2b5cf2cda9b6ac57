#!/bin/sh
# tests/bench/run.sh - every benchmark, by hand, on a machine that does nothing else. See README.md.
#
#     tests/bench/run.sh [--build DIR] [--server dev|apache|both] [--watches] [--rounds N] [--scale N] [--sessions N]
#     tests/bench/run.sh [--build DIR] --queue [--server dev|apache|both] [--rounds N] [--items N] [--without-peers]
#     tests/bench/run.sh [--build DIR] --barrier [--server dev|apache|both] [--rounds N] [--milliseconds N] [--members N] [--without-peers]
#     tests/bench/run.sh [--build DIR] --caches [--server dev|old|apache|all] [--rounds N] [--leaves N,N...] [--without-peers]
#     tests/bench/run.sh [--build DIR] --semaphore [--server dev|apache|both] [--rounds N] [--operations N] [--without-peers]
#     tests/bench/run.sh [--build DIR] --locks [--server dev|apache|both] [--rounds N] [--milliseconds N] [--contenders N,N...] [--without-peers]
#
# Builds what it needs, optimised, in DIR (default build-bench) and prints one table per server.
set -eu

root=$(cd "$(dirname "$0")/../.." && pwd)
build=$root/build-bench
if [ "${1:-}" = --build ]; then
    build=$2
    shift 2
fi

if [ ! -f "$build/build.ninja" ]; then
    meson setup --buildtype=release -Db_ndebug=true "$build" "$root" >/dev/null
fi
targets="tests/bench/bench-null tests/bench/bench-docent tests/bench/bench-cut tests/bench/bench-idle tests/bench/bench-locks tests/bench/bench-barrier tests/bench/bench-start"
targets="$targets tests/bench/bench-watches tests/bench/bench-watches-null tests/bench/bench-cache tests/bench/bench-cache-null"
targets="$targets tests/bench/bench-fire tests/bench/bench-fire-null tests/bench/bench-queue tests/bench/bench-queue-null tests/bench/bench-queue-put tests/bench/bench-semaphore"
targets="$targets tests/bench/bench-contend tests/bench/bench-contend-null"
if ninja -C "$build" -t targets all | grep -q '^tests/bench/bench-apache:'; then
    targets="$targets tests/bench/bench-apache tests/bench/bench-watches-apache tests/bench/bench-fire-apache"
else
    echo "The C client of Apache ZooKeeper (libzookeeper-mt-dev) is not installed: left out"
fi
# shellcheck disable=SC2086 # One word per target.
ninja -C "$build" $targets subprojects/devserver/docent-devserver >/dev/null

script=bench.py
if [ "${1:-}" = --caches ]; then
    script=caches.py
    shift
elif [ "${1:-}" = --queue ]; then
    script=queues.py
    shift
elif [ "${1:-}" = --barrier ]; then
    script=barriers.py
    shift
elif [ "${1:-}" = --semaphore ]; then
    script=semaphores.py
    shift
elif [ "${1:-}" = --locks ]; then
    script=locks.py
    shift
fi
exec python3 "$root/tests/bench/$script" --programs "$build/tests/bench" \
    --devserver "$build/subprojects/devserver/docent-devserver" "$@"
