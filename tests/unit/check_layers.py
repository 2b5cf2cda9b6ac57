"""The source keeps to the design's layers. Speaks TAP.

    check_layers.py ROOT

Includes point downwards; only core/drive and the development server's front end know sockets, clocks, threads, signals and
entropy; the warnings of all projects are the same; the top level holds what it should.
"""
import glob
import os
import re
import sys

# What each folder may include from inside, beside itself and the public headers.
DRIVE_SEAMS = ["core/drive/await.h", "core/drive/files.h", "core/drive/thread_mutex.h"]  # Declared by the driver, called by whoever blocks, is
# looked at, or has a file.
ALLOWED = {
    "core/wire/": [],
    "core/session/": ["core/wire/"],
    "core/client/": ["core/wire/", "core/session/"] + DRIVE_SEAMS,
    "recipes/": ["core/client/machine.h", "core/client/core.h", "core/wire/alloc.h"] + DRIVE_SEAMS,
    "core/drive/": ["core/wire/", "core/session/", "core/client/"],
    "subprojects/devserver/src/": ["core/wire/"],
}
WORLDLY_HEADERS = re.compile(
    r"^(event2/.*|sys/(socket|time|select|epoll|poll|timerfd|eventfd|random|un|wait)\.h|netinet/.*|arpa/.*|netdb\.h|poll\.h|"
    r"pthread\.h|threads\.h|time\.h|unistd\.h|signal\.h|semaphore\.h|fcntl\.h)$")
WORLDLY_CALLS = re.compile(
    r"(?<![\w.>])(clock_gettime|gettimeofday|time|clock|getrandom|getentropy|arc4random\w*|rand|random|rand_r|srand|sleep|usleep|"
    r"nanosleep|poll|select|socket|connect|fork|pthread_\w+|thrd_\w+|mtx_\w+|cnd_\w+)\s*\(")
WORLDLY_PLACES = re.compile(r"^(core/drive/.*|subprojects/devserver/src/(front\w*|main|store)\.[ch])$")
TOP_LEVEL = {"meson.build", "meson_options.txt", "core", "recipes", "include", "tests", "examples", "subprojects", "README.md",
             "CHANGELOG.md", "LICENSE"}

COMMENT_OR_TEXT = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)
INCLUDE = re.compile(r'^\s*#\s*include\s*(?:<([^>]+)>|"([^"]+)")', re.M)


def sources(root):
    for folder in ALLOWED:
        for path in glob.glob(os.path.join(root, folder, "**", "*.[ch]"), recursive=True):
            yield folder, os.path.relpath(path, root)


def without_comments_and_text(text):
    return COMMENT_OR_TEXT.sub(lambda match: "\n" * match.group(0).count("\n") or " ", text)


def faults_of(root, folder, path):
    with open(os.path.join(root, path), encoding="utf-8") as file:
        text = file.read()
    layers, world = [], []
    for match in INCLUDE.finditer(text):
        line = text.count("\n", 0, match.start()) + 1
        name = match.group(1) or match.group(2)
        if WORLDLY_HEADERS.match(name) and not WORLDLY_PLACES.match(path):
            world.append(f"{path}:{line} includes <{name}>")
        if not name.startswith(("core/", "recipes/", "subprojects/", "tests/")):
            continue
        if not any(name.startswith(good) for good in ALLOWED[folder] + [folder]):
            layers.append(f"{path}:{line} includes {name}")
    if not WORLDLY_PLACES.match(path):
        code = without_comments_and_text(text)
        # A declaration of a hook, such as (*now_ms)(...), does not match; a member called through -> or . neither.
        for match in WORLDLY_CALLS.finditer(code):
            world.append(f"{path}:{code.count(chr(10), 0, match.start()) + 1} calls {match.group(1)}()")
    return layers, world


def warnings_of(path):
    with open(path, encoding="utf-8") as file:
        text = file.read()
    found = re.search(r"docent_warnings = cc\.get_supported_arguments\((.*?)\)", text, re.S)
    level = re.search(r"warning_level=(\d|everything)", text)
    arguments = re.findall(r"'([^']+)'", found.group(1)) if found else None
    used = "add_project_arguments(docent_warnings" in text
    return arguments, level.group(1) if level else None, used


def top_level_faults(root):
    names = {name for name in os.listdir(root) if not name.startswith(".")}
    # A build directory may lie here; Meson marks its own.
    names = {name for name in names if not os.path.isdir(os.path.join(root, name, "meson-private"))}
    return [f"unexpected: {name}" for name in sorted(names - TOP_LEVEL)] + [f"missing: {name}" for name in sorted(TOP_LEVEL - names)]


def main():
    root = sys.argv[1]
    layers, world, count = [], [], 0
    for folder, path in sources(root):
        count += 1
        more_layers, more_world = faults_of(root, folder, path)
        layers += more_layers
        world += more_world

    builds = [os.path.join(root, "meson.build")] + sorted(glob.glob(os.path.join(root, "subprojects", "*", "meson.build")))
    expected = warnings_of(builds[0])
    warnings = [f"{os.path.relpath(path, root)}: {warnings_of(path)}" for path in builds if warnings_of(path) != expected]
    if expected[0] is None or not expected[2]:
        warnings.append("meson.build: no list of warnings found, or it is not used")

    checks = [
        ("there is something to check", [] if count > 10 else [f"only {count} files found"]),
        ("includes point downwards", layers),
        ("only the drivers know the world", world),
        ("all projects have the same warnings", warnings),
        ("the top level holds what it should", top_level_faults(root)),
    ]
    print(f"1..{len(checks)}")
    for number, (text, faults) in enumerate(checks, 1):
        print(f"{'not ok' if faults else 'ok'} {number} - {text}")
        for fault in faults:
            print("#", fault)
    return 1 if any(faults for _, faults in checks) else 0


sys.exit(main())
