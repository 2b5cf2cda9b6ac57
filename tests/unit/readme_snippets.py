"""Every C snippet of README.md stands, line by line, in the example that it names. Speaks TAP.

    readme_snippets.py ROOT

A snippet names its example in the line above its fence: <!-- from examples/lock.c -->
"""
import os
import re
import sys

SOURCE = re.compile(r"<!-- from (\S+) -->$")


def snippets(lines):
    """Pairs of (name of the example or None, lines) for every fenced block of C."""
    found, block, above, source = [], None, "", None
    for line in lines:
        if block is None and line.startswith("```c") and line.strip() in ("```c", "```C"):
            match = SOURCE.match(above)
            block, source = [], match.group(1) if match else None
        elif block is not None and line.strip() == "```":
            found.append((source, block))
            block = None
        elif block is not None:
            block.append(line.rstrip())
        above = line.strip()
    return found


def stands_in(block, lines):
    size = len(block)
    return any(lines[start:start + size] == block for start in range(len(lines) - size + 1))


def check(root, source, block):
    if source is None:
        return "a snippet names no example"
    try:
        with open(os.path.join(root, source), encoding="utf-8") as example:
            lines = [line.rstrip() for line in example]
    except OSError as error:
        return "%s: %s" % (source, error.strerror)
    if not block or not stands_in(block, lines):
        return "a snippet does not stand in %s" % source
    return None


def main():
    root = sys.argv[1]
    with open(os.path.join(root, "README.md"), encoding="utf-8") as readme:
        found = snippets(readme)
    if not found:
        print("1..1\nnot ok 1 - README.md has a snippet of C")
        return 1
    print("1..%d" % len(found))
    failed = 0
    for number, (source, block) in enumerate(found, 1):
        problem = check(root, source, block)
        failed += problem is not None
        print("%sok %d - %s" % ("not " if problem else "", number, problem or "the snippet stands in " + source))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
