#!/bin/sh
# examples/run.sh - the tour: from a fresh machine to three processes that contend for a lock, in one command.
#
#     examples/run.sh [--connect HOST:PORT]
#
# Installs what is missing (from the distribution's packages), builds into build/, starts the development server, lets three
# processes contend for one lock, kills the holder, and shows the next one getting in with a larger token. With --connect the
# same happens against a real ensemble, and no server is started. Stops everything that it started. Exits 0 only if the tokens
# grew from holder to holder.
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"
servers=
while [ $# -gt 0 ]; do
    case $1 in
    --connect)
        servers=${2:?--connect wants HOST:PORT}
        shift 2
        ;;
    -h | --help)
        sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//;p;}' "$0"
        exit 0
        ;;
    *)
        echo "usage: examples/run.sh [--connect HOST:PORT]" >&2
        exit 2
        ;;
    esac
done

scratch=$(mktemp -d)
started= # Process ids of ours, the newest first.
clean_up()
{
    for pid in $started; do
        kill "$pid" 2>/dev/null || true
    done
    for pid in $started; do
        wait "$pid" 2>/dev/null || true
    done
    rm -rf "$scratch"
}
trap clean_up EXIT
trap 'exit 130' INT TERM

say()
{
    printf '\n== %s\n' "$*"
}

fail()
{
    printf 'examples/run.sh: %s\n' "$*" >&2
    exit 1
}

# await SECONDS WHAT COMMAND...: repeats the command until it succeeds.
await()
{
    tries=$(($1 * 10))
    what=$2
    shift 2
    until "$@"; do
        tries=$((tries - 1))
        [ "$tries" -gt 0 ] || fail "$what: not in time"
        sleep 0.1
    done
}

# The lines that say who got the lock, one per holder, oldest first.
holders()
{
    grep ': holds the lock, token ' "$scratch/log" || true
}

holders_are()
{
    [ "$(holders | wc -l)" -ge "$1" ]
}

finished_are()
{
    [ "$(grep -c ': done, ' "$scratch/log")" -ge "$1" ]
}

# The $1-th holder's process id, or token.
holder_pid()
{
    holders | sed -n "$1s/.*(pid \([0-9]*\)).*/\1/p"
}

holder_token()
{
    holders | sed -n "$1s/.*token \([0-9]*\),.*/\1/p"
}

server_listens()
{
    grep -q ':[0-9][0-9]*' "$scratch/server"
}

say "What it takes: compiler, meson, libraries"
# shellcheck source=tests/lib/setup.sh
. tests/lib/setup.sh
docent_install build

say "Building into build/"
[ -f build/build.ninja ] || meson setup build >"$scratch/meson" || {
    cat "$scratch/meson"
    fail "meson setup failed"
}
targets=examples/lock
[ -n "$servers" ] || targets="$targets subprojects/devserver/docent-devserver"
# shellcheck disable=SC2086 # One word per target.
ninja -C build $targets

if [ -z "$servers" ]; then
    say "Starting the development server"
    build/subprojects/devserver/docent-devserver --port 0 >"$scratch/server" &
    started="$! $started"
    await 5 "the development server" server_listens
    cat "$scratch/server"
    servers=127.0.0.1:$(sed -n '1s/.*:\([0-9][0-9]*\).*/\1/p' "$scratch/server")
fi

say "Three processes contend for one lock at $servers; each holds it for 2 seconds"
touch "$scratch/log"
tail -n +1 -f "$scratch/log" &
started="$! $started"
for worker in 1 2 3; do
    build/examples/lock "$servers" /docent-tour/lock "worker-$worker" 2 >>"$scratch/log" 2>&1 &
    started="$! $started"
done
await 30 "the first holder" holders_are 1

victim=$(holder_pid 1)
say "Killing the holder, process $victim; its session lives on at the server until it times out (4 s)"
kill -KILL "$victim"
await 30 "the second holder" holders_are 2
await 30 "the third holder" holders_are 3
await 10 "the end of the third holder's work" finished_are 2
sleep 0.2 # For tail to show the last line.

first=$(holder_token 1)
second=$(holder_token 2)
third=$(holder_token 3)
if [ "$first" -lt "$second" ] && [ "$second" -lt "$third" ]; then
    say "Tokens grew from holder to holder: $first < $second < $third"
else
    fail "tokens did not grow: $first, $second, $third"
fi
