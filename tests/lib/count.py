"""Counts what test programs reported: "N passed, N failed, N skipped", from meson's logs in JSON (one object per test program
and line) or from the last lines of earlier counts.

    count.py FILE...

A TAP program counts as many tests as it reports, any other as one. A program that ended badly without reporting a
failure (killed, timed out, fewer tests than planned, a non-zero exit after the last test) counts one failure more. Nothing at all
is a failure too. Exits 0 only if nothing failed.
"""
import json
import re
import sys

TAP_LINE = re.compile(r"^(not )?ok\b([^#\n]*)(?:#\s*(\w+))?", re.MULTILINE)
SUMMARY = re.compile(r"^(\d+) passed, (\d+) failed, (\d+) skipped$")


def count_tap(text):
    passed = failed = skipped = 0
    for match in TAP_LINE.finditer(text):
        directive = (match.group(3) or "").upper()
        if directive == "SKIP":
            skipped += 1
        elif match.group(1) and directive != "TODO":
            failed += 1
        else:
            passed += 1
    return passed, failed, skipped


def count_program(record):
    """The counts of one program, and whether it needs to be named."""
    result = record.get("result", "ERROR")
    passed, failed, skipped = count_tap(record.get("stdout") or "")
    if result in ("OK", "EXPECTEDFAIL"):
        return (passed, failed, skipped) if passed + failed + skipped else (1, 0, 0)
    if result == "SKIP":
        return (passed, failed, max(skipped, 1))
    return (passed, max(failed, 1), skipped)


def name_failures(record):
    """What failed of a program, and the end of what it said: a long log's reader sees its last lines first."""
    print("failed: %s (%s, status %s)" % (record.get("name"), record.get("result"), record.get("returncode")))
    for match in TAP_LINE.finditer(record.get("stdout") or ""):
        if match.group(1) and (match.group(3) or "").upper() != "TODO":
            print("failed:     %s" % match.group(0).strip())
    for line in (record.get("stderr") or "").splitlines()[-8:]:
        print("failed:     | %s" % line[:300])


def count_file(name):
    total = [0, 0, 0]
    with open(name, encoding="utf-8", errors="replace") as lines:
        for line in lines:
            summary = SUMMARY.match(line.strip())
            if summary:
                counts = [int(number) for number in summary.groups()]
            elif line.startswith("{"):
                record = json.loads(line)
                counts = count_program(record)
                if counts[1]:
                    name_failures(record)
            else:
                continue
            total = [a + b for a, b in zip(total, counts)]
    if sum(total) == 0:
        print("failed: nothing was tested (%s)" % name)
        total[1] = 1
    return total


def main():
    total = [0, 0, 0]
    for name in sys.argv[1:]:
        total = [a + b for a, b in zip(total, count_file(name))]
    print("%d passed, %d failed, %d skipped" % tuple(total))
    return 1 if total[1] else 0


if __name__ == "__main__":
    sys.exit(main())
