#!/usr/bin/env python3
"""Fails when a header of the product does not compile by itself: it is checked as if it were a source file. Headers that come
first in a source that was built have shown it there already, and are not checked again unless they are named; not in a test,
where precompiled headers may have helped.

    tests/lint/headers_alone.py BUILD-FOLDER [HEADER...]      BUILD-FOLDER has a compile_commands.json, and is built
"""

import concurrent.futures
import json
import os
import pathlib
import re
import shlex
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
TOP_FOLDERS = ("core", "io", "modules", "api", "cli", "bench", "tests")


def built_sources(build):
    """What the build compiles of the tree: the entries of the compilation database, with their sources. Where CMake has several
    compiled as one, the entry's file includes them by their whole paths."""
    included = re.compile(r'^#include "(/.*\.cpp)"$', re.MULTILINE)
    for entry in json.loads((build / "compile_commands.json").read_text()):
        source = pathlib.Path(entry["file"])
        several = source.parent.name == "Unity"
        for one in map(pathlib.Path, included.findall(source.read_text())) if several else [source]:
            if one.suffix == ".cpp" and one.is_relative_to(ROOT) and one.exists():
                yield entry, one


def first_includes(build):
    """The headers that some source has before anything else."""
    first = re.compile(r'^\s*#\s*include\s+([<"])([^>"]+)', re.MULTILINE)
    matches = (first.search(source.read_text()) for _, source in built_sources(build) if not source.is_relative_to(ROOT / "tests"))
    return {pathlib.Path(m[2]) for m in matches if m and m[1] == '"'}


def flags_by_folder(build):
    """For each folder with sources, the compiler and flags of one of them."""
    found = {}
    for entry, source in built_sources(build):
        words = entry["arguments"] if "arguments" in entry else shlex.split(entry["command"])
        words = words[next(at for at, word in enumerate(words) if "clang" in word) :]  # without what launches the compiler
        kept, skip = [], False
        for word in words:
            if skip or word == "-c" or word == entry["file"]:
                skip = False
            elif word in ("-o", "-Xclang"):  # the latter brings precompiled headers
                skip = True
            else:
                kept.append(word)
        found.setdefault(source.relative_to(ROOT).parent, kept)
    return found


def flags_for(header, known):
    """The flags of the nearest folder that has some: the header's own, those above it, those below, any."""
    for folder in header.parents:
        if folder in known:
            return known[folder]
        for below in sorted(known):
            if folder != pathlib.Path(".") and below.is_relative_to(folder):
                return known[below]
    return next(iter(known.values()))


def complaint(header, known):
    command = flags_for(header, known) + ["-fsyntax-only", "-Wno-pragma-once-outside-header", "-x", "c++", str(ROOT / header)]
    result = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return None if result.returncode == 0 else f"{header} does not compile by itself:\n{result.stdout}"


def main():
    build = pathlib.Path(sys.argv[1]).resolve()
    known = flags_by_folder(build)
    headers = [pathlib.Path(h).resolve().relative_to(ROOT) for h in sys.argv[2:]]
    if not headers:
        everything = {h.relative_to(ROOT) for top in TOP_FOLDERS for h in (ROOT / top).rglob("*.h")}
        headers = sorted(everything - first_includes(build))
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        found = [c for c in pool.map(lambda h: complaint(h, known), headers) if c]
    print("\n".join(found) or f"{len(headers)} headers compile by themselves")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
