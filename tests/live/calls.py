"""What every public function returns in every state of a client and from every place, against calls.table. Speaks TAP.

    calls.py ROOT                  The table has every function that the public headers declare, and no other.
    calls.py ROOT PROGRAM          And what PROGRAM (calls.c) gets is what the table says.
    calls.py ROOT PROGRAM --write  Makes the table of what PROGRAM gets. Read the difference before you believe it.
"""
import collections
import glob
import os
import re
import subprocess
import sys
import textwrap

STATES = ["before", "connected", "read-only", "suspended", "lost", "closing", "closed"]
PLACES = ["loop", "callback", "foreign", "forked"]
DRIVERS = ["poll", "base", "thread"]
COMMENT = re.compile(r"/\*.*?\*/", re.S)
DECLARATION = re.compile(r"\bDOCENT_API\b([^;{]*?)\b(docent_\w+)\s*\(", re.S)


def declared(root):
    names = set()
    for header in glob.glob(os.path.join(root, "include", "docent", "*.h")):
        with open(header, encoding="utf-8") as file:
            text = COMMENT.sub("", file.read())
        text = re.sub(r"^\s*#(?:[^\n]*\\\n)*[^\n]*", "", text, flags=re.M)
        names.update(match.group(2) for match in DECLARATION.finditer(text))
    return names


def read_table(path):
    """{function: {(place, state): answer}}. A block is names, each at the beginning of a line or behind another, then answers, indented."""
    table, names, answers = {}, [], False
    with open(path, encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            if line.startswith("#") or not line.strip():
                continue
            if not line.startswith(" "):
                names = line.split() if answers else names + line.split()
                answers = False
                for name in line.split():
                    if name in table:
                        raise SystemExit(f"{path}:{number}: {name} stands there twice")
                    table[name] = {}
                continue
            answers = True
            places, *cells = re.split(r"\s{2,}", line.strip())
            places = PLACES if places == "everywhere" else places.split(", ")
            if len(cells) == 1:
                cells *= len(STATES)
            if len(cells) != len(STATES) or not set(places) <= set(PLACES):
                raise SystemExit(f"{path}:{number}: places, and one answer or {len(STATES)}")
            for name in names:
                for place in places:
                    table[name].update({(place, state): cell for state, cell in zip(STATES, cells)})
    return table


def measure(program, driver):
    run = subprocess.run([program, driver], stdout=subprocess.PIPE, text=True, timeout=300)
    if run.returncode != 0:
        raise SystemExit(f"{program} {driver}: ended with {run.returncode}")
    found = collections.defaultdict(dict)
    for line in run.stdout.splitlines():
        function, state, place, answer = line.split("\t")
        found[function][place, state] = answer
    return found


def write_table(path, runs):
    head = []
    with open(path, encoding="utf-8") as file:
        for line in file:
            if not line.startswith("#"):
                break
            head.append(line)
    groups = collections.defaultdict(list)
    for function in sorted(set().union(*runs)):
        merged = {}
        for run in runs:
            for cell, answer in run[function].items():
                merged.setdefault(cell, set()).add(answer)
        groups[tuple(" or ".join(sorted(merged[place, state])) for place in PLACES for state in STATES)].append(function)
    width = max(len(cell) for cells in groups for cell in cells if len(set(cells)) > 1) + 2
    with open(path, "w", encoding="utf-8") as file:
        file.writelines(head)
        for cells, functions in sorted(groups.items(), key=lambda group: group[1]):
            rows = {}
            for number, place in enumerate(PLACES):
                row = cells[number * len(STATES):(number + 1) * len(STATES)]
                rows.setdefault(row, []).append(place)
            file.write("\n" + "\n".join(textwrap.wrap(" ".join(functions), 130, break_on_hyphens=False)) + "\n")
            for row, places in rows.items():
                where = "everywhere" if len(places) == len(PLACES) else ", ".join(places)
                text = row[0] if len(set(row)) == 1 else "".join(cell.ljust(width) for cell in row).rstrip()
                file.write(f"  {where.ljust(27)}{text}\n")


def main():
    root, *rest = sys.argv[1:]
    path = os.path.join(root, "tests", "live", "calls.table")
    if rest[1:] == ["--write"]:
        write_table(path, [measure(rest[0], driver) for driver in DRIVERS])
        return 0
    table, results = read_table(path), []

    def check(faults, text):
        results.append((not faults, text, faults))

    names = declared(root)
    check([] if names else ["no declarations"], "the headers declare functions")
    check(sorted(f"{name}: give it a call in calls.c and a place in calls.table" for name in names - set(table)),
          "every public function is in the table")
    check(sorted(set(table) - names), "the table has no others")
    check(sorted({f"{name}: from {place}, {state}" for name, cells in table.items() for place in PLACES for state in STATES
                  if (place, state) not in cells}), "the table says something about every place and state")
    for driver in DRIVERS if rest else []:
        found, faults = measure(rest[0], driver), []
        places = [place for place in PLACES if driver != "thread" or place != "loop"]  # That thread does nothing outside of callbacks.
        for name, cells in sorted(table.items()):
            for (place, state), due in cells.items():
                answer = found[name].get((place, state), "nothing: it was not called")
                if place in places and answer not in due.split(" or "):
                    faults.append(f"{name}, {state}, {place}: {answer}, not {due}")
        faults += [f"{name}: not in the table" for name in sorted(set(found) - set(table))]
        check(faults, f"what comes back with a loop turned by {driver}")

    print(f"1..{len(results)}")
    for number, (good, text, faults) in enumerate(results, 1):
        print(f"{'ok' if good else 'not ok'} {number} - {text}")
        for fault in faults:
            print("#", fault)
    return 0 if all(good for good, _, _ in results) else 1


sys.exit(main())
