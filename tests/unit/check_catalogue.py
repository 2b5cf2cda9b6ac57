"""The table of failures in tests/sim/README.md names scenarios and tests that exist, and they name the failure. Speaks TAP.

    check_catalogue.py ROOT

A scenario names a failure in its text, a test in the comment above it or in its own name (test_f14_...), a file in its first comment.
Numbers may be a range: "F-01 to F-06".
"""
import glob
import os
import re
import sys


def numbers(text):
    """The numbers of all failures that @text names."""
    found = {int(number) for number in re.findall(r"\bF-(\d+)", text)}
    for low, high in re.findall(r"\bF-(\d+) to F-(\d+)", text):
        found |= set(range(int(low), int(high) + 1))
    return found


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def scenarios(root):
    text = read(os.path.join(root, "tests", "sim", "scenarios.c"))
    return {name: numbers(told) for name, told in re.findall(r'\.name = "([^"]+)",\s*\.text = "([^"]*)"', text)}


def tests(root):
    """Functions of the C tests and their files: what each is about."""
    found = {}
    for path in glob.glob(os.path.join(root, "tests", "*", "*.c")) + glob.glob(os.path.join(root, "tests", "*", "*.py")):
        text = read(path)
        head = re.match(r'/\*.*?\*/|"""(.*?)"""', text, flags=re.S)
        about_file = numbers(head.group(0)) if head else set()
        found[os.path.relpath(path, os.path.join(root, "tests"))] = about_file
        for comment, name in re.findall(r"(/\*(?:(?!\*/).)*\*/\n)?(?:static )?void (\w+)\(void \*\*state\)", text, flags=re.S):
            found[name] = numbers(comment) | {int(number) for number in re.findall(r"(?:^|_)f(\d+)(?=_)", name)}
    return found


def main():
    root = sys.argv[1]
    known = {**tests(root), **scenarios(root)}
    table = re.findall(r"^\| (F-\d+) \| ([^|]*) \| ([^|]*) \|$", read(os.path.join(root, "tests", "sim", "README.md")), flags=re.M)
    results = [(len(table) > 20, "there is a table", "")]
    seen = [int(number[2:]) for number, _, _ in table]
    results.append((seen == sorted(set(seen)), "each failure has one row, in order", ""))
    for number, _, where in table:
        places = re.findall(r"`([^`]+)`", where)
        for place in places:
            if place not in known:
                results.append((False, f"{number}: {place} exists", ""))
            else:
                results.append((int(number[2:]) in known[place], f"{number}: {place} says so", ""))
        results.append((where.strip() != "", f"{number} has a place", ""))

    print(f"1..{len(results)}")
    for at, (good, text, _) in enumerate(results, 1):
        print(f"{'ok' if good else 'not ok'} {at} - {text}")
    return 0 if all(good for good, _, _ in results) else 1


sys.exit(main())
