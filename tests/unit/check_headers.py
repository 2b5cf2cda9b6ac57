"""Every public header compiles alone, as C and as C++, and every options struct has both its initialisers, the function
inline. Speaks TAP.

    check_headers.py ROOT
"""
import glob
import os
import re
import shutil
import subprocess
import sys

LANGUAGES = [("gcc", "c", "c99"), ("gcc", "c", "c11"), ("g++", "c++", "c++17")]
WARNINGS = ["-Wall", "-Wextra", "-Werror", "-pedantic", "-fsyntax-only"]


def main():
    root = sys.argv[1]
    folders = [os.path.join(root, "include"), os.path.join(root, "subprojects", "devserver", "include")]
    includes = [f"-I{folder}" for folder in folders if os.path.isdir(folder)]
    results = []

    def check(good, text, detail=""):
        results.append((good, text, detail))

    def compile_text(compiler, language, standard, source, text):
        if shutil.which(compiler) is None:
            results.append((None, text, f"no {compiler}"))
            return
        run = subprocess.run([compiler, f"-std={standard}", "-x", language, *WARNINGS, *includes, "-"], input=source,
                             capture_output=True, text=True)
        check(run.returncode == 0, text, run.stderr)

    headers = sorted(path for folder in folders for path in glob.glob(os.path.join(folder, "docent", "*.h")))
    check(bool(headers), "there are public headers")
    umbrella = set(re.findall(r"#include <(docent/[^>]+)>", open(os.path.join(folders[0], "docent", "docent.h")).read()))
    for path in headers:
        name = "docent/" + os.path.basename(path)
        text = open(path, encoding="utf-8").read()
        for compiler, language, standard in LANGUAGES:
            # Twice: the guard is part of the promise. A declaration: macros alone are no translation unit.
            source = f"#include <{name}>\n#include <{name}>\nextern int unit;\n"
            compile_text(compiler, language, standard, source, f"{name} as {standard}")
        if path.startswith(folders[0] + os.sep) and name not in ("docent/docent.h", "docent/export.h"):
            check(name in umbrella or any(f"#include <{name}>" in open(os.path.join(folders[0], other)).read() for other in
                                          umbrella), f"{name} is part of docent.h")
        for macro, struct in re.findall(r"#define (DOCENT_\w+) \.struct_size = sizeof\((\w+)\)", text):
            # Part of the caller: the library may have been compiled with a longer struct.
            check(re.search(rf"static inline void {struct}_init\({struct} \*\w+\)\n\{{", text) is not None,
                  f"{struct} has an inline {struct}_init()", f"{name}: define static inline void {struct}_init({struct} *options)")
            compile_text("gcc", "c", "c11", f"#include <{name}>\n{struct} value = {{ {macro} }};\n", f"{macro} initialises {struct}")
            check(re.search(rf"typedef struct {struct} \{{\s*size_t struct_size;", text) is not None,
                  f"{struct} begins with struct_size")

    print(f"1..{len(results)}")
    for number, (good, text, detail) in enumerate(results, 1):
        if good is None:
            print(f"ok {number} - {text} # SKIP {detail}")
            continue
        print(f"{'ok' if good else 'not ok'} {number} - {text}")
        for line in detail.splitlines() if not good else []:
            print("#", line)
    return 0 if all(good is not False for good, _, _ in results) else 1


sys.exit(main())
