"""Every call of the public headers, and every retry policy by name, has its row in test_policy.c. Speaks TAP.

    check_calls.py ROOT
"""
import glob
import os
import re
import sys


def main():
    root = sys.argv[1]
    headers = {os.path.basename(path): re.sub(r"/\*.*?\*/", "", open(path, encoding="utf-8").read(), flags=re.S)
               for path in glob.glob(os.path.join(root, "include", "docent", "*.h"))}
    test = open(os.path.join(root, "tests", "unit", "test_policy.c"), encoding="utf-8").read()
    rows = set(re.findall(r"\b(?:ROW|PATIENT)\((docent_\w+_async),", test))
    if re.search(r"^    OP\(", test, flags=re.M):
        rows.add("docent_run_async")
    policies = set(re.findall(r"\bPOLICY\((docent_retry_\w+)\(", test))

    results = []
    calls = {call for text in headers.values() for call in re.findall(r"\b(docent_\w+_async)\(", text)}
    makers = set(re.findall(r"static inline docent_retry (docent_retry_\w+)\(", headers.get("retry.h", "")))
    results.append((len(calls) > 10 and len(makers) > 5, "the headers have calls and policies"))
    results += [(call in rows, f"{call}() has a row in test_policy.c") for call in sorted(calls)]
    results += [(call in calls, f"{call}(), which has a row, is declared") for call in sorted(rows)]
    results += [(maker in policies, f"{maker}() is tried in test_policy.c") for maker in sorted(makers)]

    print(f"1..{len(results)}")
    for number, (good, text) in enumerate(results, 1):
        print(f"{'ok' if good else 'not ok'} {number} - {text}")
    return 0 if all(good for good, _ in results) else 1


sys.exit(main())
