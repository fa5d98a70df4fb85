#!/usr/bin/env python3
"""Fails when a source or a header of the product does not compile by itself, without what is precompiled and what other sources
include before it in a quick build. A header is checked as if it were a source; those that come first in a source have shown it there.

    tests/lint/compiles_alone.py BUILD-FOLDER [FILE...]    BUILD-FOLDER is configured without DAVIT_QUICK; it need not be built
"""

import concurrent.futures
import json
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
PRODUCT = ("core", "io", "modules", "api", "cli", "bench")
# What was checked before is not compiled again. For CCACHE_DEPEND see CMakeLists.txt.
CACHE = ["env", "CCACHE_DEPEND=1", "ccache"] if shutil.which("ccache") else []


def source_commands(build):
    """The command that compiles each source of the tree, without the source and what it is compiled to."""
    found = {}
    for entry in json.loads((build / "compile_commands.json").read_text()):
        source = pathlib.Path(entry["file"])
        if source.suffix == ".cpp" and source.is_relative_to(ROOT):
            words = shlex.split(entry["command"])
            at = words.index("-o")
            found[source.relative_to(ROOT)] = [w for w in words[:at] + words[at + 2 :] if w not in ("-c", entry["file"])]
    return found


def first_include(source):
    match = re.search(r'^\s*#\s*include\s+([<"])([^>"]+)', (ROOT / source).read_text(), re.MULTILINE)
    return pathlib.Path(match[2]) if match and match[1] == '"' else None


def product_files(commands):
    """All sources, and the headers that come first in none."""
    sources = {s for s in commands if s.parts[0] in PRODUCT}
    headers = {h.relative_to(ROOT) for top in (*PRODUCT, "tests") for h in (ROOT / top).rglob("*.h")}
    return sorted(sources | headers - {first_include(s) for s in sources})


def command_for(file, commands):
    """The file's own command; for a header that of a source in the nearest folder: its own, those above it, those below, any."""
    if file in commands:
        return commands[file]
    for folder in file.parents:
        for inside in (lambda s: s.parent == folder, lambda s: folder != pathlib.Path(".") and s.is_relative_to(folder)):
            if near := sorted(filter(inside, commands)):
                return commands[near[0]]
    return next(iter(commands.values()))


def complaint(file, commands, lists):
    options = ["-fsyntax-only", "-Wno-pragma-once-outside-header", "-MD", "-MF", str(lists / (str(file).replace("/", "_") + ".d"))]
    command = CACHE + command_for(file, commands) + options + ["-x", "c++", str(ROOT / file)]
    result = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return None if result.returncode == 0 else f"{file} does not compile by itself:\n{result.stdout}"


def main():
    build = pathlib.Path(sys.argv[1]).resolve()
    commands = source_commands(build)
    lists = build / "compiles_alone"
    lists.mkdir(exist_ok=True)
    files = [pathlib.Path(f).resolve().relative_to(ROOT) for f in sys.argv[2:]] or product_files(commands)
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        found = [c for c in pool.map(lambda f: complaint(f, commands, lists), files) if c]
    print("\n".join(found) or f"{len(files)} files compile by themselves")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
