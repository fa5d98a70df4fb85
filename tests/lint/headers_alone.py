#!/usr/bin/env python3
"""Fails when a header of the product does not compile by itself: each one is checked as if it were a source file.

    tests/lint/headers_alone.py BUILD-FOLDER [HEADER...]      BUILD-FOLDER has a compile_commands.json
"""

import concurrent.futures
import json
import os
import pathlib
import shlex
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
TOP_FOLDERS = ("core", "io", "modules", "api", "cli", "bench", "tests")


def flags_by_folder(build):
    """For each folder with sources, the compiler and flags of one of them."""
    found = {}
    for entry in json.loads((build / "compile_commands.json").read_text()):
        source = pathlib.Path(entry["file"])
        if source.suffix != ".cpp" or not source.is_relative_to(ROOT):
            continue
        words = entry["arguments"] if "arguments" in entry else shlex.split(entry["command"])
        if words[0].endswith("ccache"):
            words = words[1:]
        kept, skip = [], False
        for word in words:
            if skip or word == "-c" or word == entry["file"]:
                skip = False
            elif word == "-o":
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
    known = flags_by_folder(pathlib.Path(sys.argv[1]).resolve())
    headers = [pathlib.Path(h).resolve().relative_to(ROOT) for h in sys.argv[2:]]
    headers = headers or sorted(h.relative_to(ROOT) for top in TOP_FOLDERS for h in (ROOT / top).rglob("*.h"))
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        found = [c for c in pool.map(lambda h: complaint(h, known), headers) if c]
    print("\n".join(found) or f"{len(headers)} headers compile by themselves")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
