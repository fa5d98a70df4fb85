#!/usr/bin/env python3
"""Fails when an #include runs against the arrows of the house (README.md): they go down only.

    tests/lint/include_arrows.py [ROOT]       checks the tree, prints one line for each wrong include
    tests/lint/include_arrows.py --self-test  plants one wrong include for each rule and shows that each is found
"""

import pathlib
import re
import sys
import tempfile

TOP_FOLDERS = ("core", "io", "modules", "api", "cli", "bench", "tests")
SOURCES = {".h", ".hpp", ".cpp", ".c", ".cc"}
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')

# The C++20 standard library, and nothing of the system.
STANDARD = set(
    """algorithm any array atomic barrier bit bitset charconv chrono compare complex concepts condition_variable coroutine
    deque exception execution expected filesystem format forward_list fstream functional future initializer_list iomanip ios
    iosfwd iostream istream iterator latch limits list locale map memory memory_resource mutex new numbers numeric optional
    ostream queue random ranges ratio regex scoped_allocator semaphore set shared_mutex source_location span sstream stack
    stdexcept stop_token streambuf string string_view strstream syncstream system_error thread tuple type_traits typeindex
    typeinfo unordered_map unordered_set utility valarray variant vector version
    cassert cctype cerrno cfenv cfloat cinttypes climits clocale cmath csetjmp csignal cstdarg cstddef cstdint cstdio cstdlib
    cstring ctime cuchar cwchar cwctype
    cxxabi.h""".split()  # the last is the compiler's own library, which tells a type's name
)

# Heavy headers: wherever a header includes one, every file that includes that header pays for it. A header that only
# .cpp files of its own folder include may, so that these share a type of the library.
HEAVY = re.compile(r"^(uv\.h|mbedtls/|psa/|simdjson|archive(_entry)?\.h|rapidjson/|spdlog/|CLI/|sqlite3\.h|llhttp\.h|isa-l)")

# The shim and the init know the launch plan and their protocol, and nothing else of the engine.
PLAIN_PROGRAM = re.compile(r"^modules/runtime/native/(shim|init)(/|_main\.cpp$)")


def module_of(root, path):
    """The folder of the module that a file belongs to: the nearest one above it that declares a module."""
    for folder in path.parents:
        declaration = root / folder / "CMakeLists.txt"
        if folder.parts[:1] == ("modules",) and declaration.is_file() and "davit_module(" in declaration.read_text():
            return folder.as_posix()
    return path.parent.as_posix()


def plain_core_headers(root):
    """core/launch_plan.h and what it includes."""
    found, wanted = set(), ["core/launch_plan.h"]
    while wanted:
        name = wanted.pop()
        if name in found:
            continue
        found.add(name)
        file = root / name
        if file.is_file():
            wanted += [i for _, i in includes(file.read_text()) if i.startswith("core/")]
    return found


def includes(text):
    """(line number, name) of every include, block comments left out."""
    in_comment = False
    for number, line in enumerate(text.splitlines(), 1):
        if in_comment:
            in_comment = "*/" not in line
            continue
        if match := INCLUDE.match(line):
            yield number, match.group(2)
        elif "/*" in line and "*/" not in line.partition("/*")[2]:
            in_comment = True


def is_private(path, includers):
    """Whether a header is included by .cpp files of its own folder only, and by some."""
    return bool(includers) and all(i.suffix == ".cpp" and i.parent == path.parent for i in includers)


def complaint(root, path, text, name, includers):
    """Why `path`, which `includers` include, may not include `name`; or None."""
    top, target = path.parts[0], name.partition("/")[0]
    ours = target in TOP_FOLDERS and (root / target).is_dir()
    if top in ("tests", "bench"):
        return None
    # <poll.h> is the system's, whatever a folder of ours has.
    is_quoted = f'include "{name}"' in text
    if name.startswith("..") or (not ours and is_quoted and (root / path.parent / name).is_file()):
        return "is named from its own folder; name it from the root of the tree"
    if path.suffix in (".h", ".hpp") and HEAVY.match(name) and not is_private(path, includers):
        return "is heavy and is included by a header; include it in a .cpp file"
    if ours and target in ("tests", "bench"):
        return "is no part of the product"

    if top == "core":
        if not (target == "core" and ours) and name not in STANDARD and target != "fmt":
            return "core may include core, the standard library and fmt only"
        return None
    if not ours:
        return None
    if top == "io":
        return None if target in ("core", "io") else "io may include core and io only"
    if top == "modules":
        if PLAIN_PROGRAM.match(path.as_posix()):
            own = name.startswith("modules/runtime/native/")
            return None if own or name in plain_core_headers(root) else "the shim and the init may include core/launch_plan.h and their protocol only"
        if target in ("core", "io") or path.parent.as_posix() == "modules":
            return None if target != "api" and target != "cli" else "modules may include core, io and their own folder only"
        if target == "modules" and name.startswith(module_of(root, path) + "/"):
            return None
        return "a module may include core, io and its own folder only"
    if top == "api":
        if path.parts[1] == "types":
            good = target in ("core", "io") or name.startswith("api/types/")
            return None if good else "api/types, which the command line shares, may include core, io and api/types only"
        if name == "modules/all_modules.h" and re.search(r"^int main\(", text, re.MULTILINE):
            return None
        return None if target in ("core", "io", "api") else "api may include core, io and api only, and its main all_modules"
    if top == "cli":
        good = target in ("core", "io", "cli") or name.startswith("api/types/")
        return None if good else "cli may include api/types, io, core and cli only"
    return None


def check(root):
    """Every wrong include below `root`, as text."""
    texts = {
        file.relative_to(root): file.read_text()
        for top in TOP_FOLDERS
        for file in sorted((root / top).rglob("*"))
        if file.suffix in SOURCES and file.is_file()
    }
    includers = {}
    for path, text in texts.items():
        for _, name in includes(text):
            includers.setdefault(name, set()).add(path)
    wrong = []
    for path, text in texts.items():
        for number, name in includes(text):
            if reason := complaint(root, path, text, name, includers.get(path.as_posix(), set())):
                wrong.append(f"{path}:{number}: {name}: {reason}")
    return wrong


# Files of a small house, and for each planted include whether it must be found.
PLANTED = [
    ("core/a.h", "<string>", False),
    ("core/a.h", "<fmt/format.h>", False),
    ("core/a.h", '"core/launch_plan.h"', False),
    ("core/a.cpp", "<unistd.h>", True),
    ("core/a.cpp", "<sys/stat.h>", True),
    ("core/a.cpp", '"io/b.h"', True),
    ("core/a.cpp", '"modules/one/c.h"', True),
    ("core/a.cpp", '"launch_plan.h"', True),
    ("io/b.cpp", "<uv.h>", False),
    ("io/b.cpp", '"core/a.h"', False),
    ("io/b.h", "<uv.h>", True),
    ("io/b.h", "<simdjson.h>", True),
    ("io/b.cpp", '"modules/one/c.h"', True),
    ("io/b.cpp", '"api/d.h"', True),
    ("modules/one/c.cpp", '"core/a.h"', False),
    ("modules/one/c.cpp", '"io/b.h"', False),
    ("modules/one/part/e.cpp", '"modules/one/c.h"', False),
    ("modules/one/c.cpp", '"modules/two/c.h"', True),
    ("modules/one/c.cpp", '"modules/all_modules.h"', True),
    ("modules/one/c.cpp", '"api/d.h"', True),
    ("modules/all_modules.cpp", '"modules/two/c.h"', False),
    ("modules/all_modules.cpp", '"api/d.h"', True),
    ("modules/runtime/native/shim/s.cpp", '"core/launch_plan.h"', False),
    ("modules/runtime/native/shim/s.cpp", '"modules/runtime/native/protocol.h"', False),
    ("modules/runtime/native/shim/s.cpp", '"core/a.h"', True),
    ("modules/runtime/native/shim/s.cpp", '"io/b.h"', True),
    ("api/d.cpp", '"api/types/t.h"', False),
    ("api/d.cpp", '"modules/one/c.h"', True),
    ("api/d.cpp", '"modules/all_modules.h"', True),
    ("api/main.cpp", '"modules/all_modules.h"', False),
    ("api/main.cpp", '"modules/one/c.h"', True),
    ("api/types/t.h", '"api/d.h"', True),
    ("cli/f.cpp", '"api/types/t.h"', False),
    ("cli/f.cpp", '"io/b.h"', False),
    ("cli/f.cpp", '"api/d.h"', True),
    ("cli/f.cpp", '"modules/one/c.h"', True),
    ("io/b.cpp", '"tests/g.h"', True),
]


def self_test():
    failures = []
    for file, include, is_wrong in PLANTED:
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            for name in {planted[0] for planted in PLANTED} | {
                "core/launch_plan.h", "modules/one/c.h", "modules/two/c.h", "modules/all_modules.h", "api/d.h", "tests/g.h",
                "modules/runtime/native/protocol.h",
            }:
                (root / name).parent.mkdir(parents=True, exist_ok=True)
                (root / name).write_text("")
            for module in ("one", "two"):
                (root / "modules" / module / "CMakeLists.txt").write_text(f"davit_module(modules/{module})\n")
            (root / "api/main.cpp").write_text("int main() {}\n")
            planted = root / file
            planted.write_text(f"#include {include}\n" + planted.read_text())
            if bool(check(root)) != is_wrong:
                failures.append(f"{file} with {include} is {'not found' if is_wrong else 'refused'}")
    return failures


def main():
    if sys.argv[1:] == ["--self-test"]:
        found = self_test()
    else:
        found = check(pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parents[2]))
    print("\n".join(found), end="\n" if found else "")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
