"""The shared library exports what the public headers declare, no more and no less. Speaks TAP.

    check_symbols.py NM LIBRARY FOLDER
"""
import glob
import os
import re
import subprocess
import sys

COMMENT = re.compile(r"/\*.*?\*/", re.S)
# From DOCENT_API to the name that stands before the parameter list; attributes have parameter lists too.
DECLARATION = re.compile(r"\bDOCENT_API\b([^;{]*?)\b(docent_\w+)\s*\(", re.S)


def declared(headers):
    names = set()
    for header in headers:
        with open(header, encoding="utf-8") as file:
            text = COMMENT.sub("", file.read())
        text = re.sub(r"^\s*#(?:[^\n]*\\\n)*[^\n]*", "", text, flags=re.M)
        names.update(match.group(2) for match in DECLARATION.finditer(text))
    return names


def exported(nm, library):
    run = subprocess.run([nm, "-D", "--defined-only", library], check=True, capture_output=True, text=True)
    # Sanitizers and the linker leave names that begin with underscores.
    names = (line.split()[-1].split("@")[0] for line in run.stdout.splitlines())
    return {name for name in names if not name.startswith("_")}


def main():
    nm, library, folder = sys.argv[1:]
    headers = glob.glob(os.path.join(folder, "*.h"))
    wanted, found = declared(headers), exported(nm, library)
    missing, unmeant = sorted(wanted - found), sorted(found - wanted)
    print("1..3")
    print("ok 1 - headers declare functions" if wanted else "not ok 1 - headers declare functions")
    for number, names, text in ((2, missing, "everything declared is exported"), (3, unmeant, "nothing else is exported")):
        print(f"{'not ok' if names else 'ok'} {number} - {text}")
        for name in names:
            print("#", name)
    return 1 if missing or unmeant or not wanted else 0


sys.exit(main())
