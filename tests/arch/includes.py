#!/usr/bin/env python3
"""includes.py [ROOT] - fails when a file includes what its place in the house forbids.

Calls go downstairs only: a room may include its own headers, those of lower floors and the public
ones; rooms on one floor do not know each other. Plugins see <loomcache/...> and the system.
Says every arrow that is wrong, then "N passed, N failed" in files.
"""
import pathlib
import re
import sys

FLOORS = {  # room: floor; server, ctl and check are programs, nobody includes them
    "base": 0,
    "wire": 1, "journal": 1, "plugin": 1,
    "store": 2,
    "command": 3,
    "replica": 4,
    "server": 5, "ctl": 5, "check": 5,
}
ONLY_IN = [  # (library header, where it may appear)
    (re.compile(r"uv(/.*)?\.h"), "core/server/"),
    (re.compile(r"raft(/.*)?\.h"), "core/replica/gate.c"),
]
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', re.MULTILINE)
COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)


def room_of(path):
    parts = path.split("/")
    return parts[1] if len(parts) > 2 and parts[0] == "core" else None


def wrong_in_core(path, quote, target):
    """Why a file of a room may not include target, or None."""
    here, there = room_of(path), room_of(target)
    if here not in FLOORS:
        return f"core/{here}/ is no room; rooms are {', '.join(FLOORS)}"
    if there is None:
        if quote == '"':
            return 'say #include "core/<room>/<file>.h", a path from the repository\'s root'
        return None
    if quote == "<":
        return 'rooms are included with "", libraries with <>'
    if there not in FLOORS:
        return f"core/{there}/ is no room"
    if here != there and FLOORS[there] >= FLOORS[here]:
        way = "upstairs" if FLOORS[there] > FLOORS[here] else "sideways"
        return f"{way}: {here} is on floor {FLOORS[here]}, {there} on {FLOORS[there]}"
    return None


def wrong(root, path, quote, target):
    """Why path may not include target, or None."""
    top = path.split("/")[0]
    for header, owner in ONLY_IN:
        if header.fullmatch(target) and not path.startswith(owner):
            return f"only {owner} may know this library"
    if top == "core":
        return wrong_in_core(path, quote, target)
    if top == "include":
        if target.startswith("loomcache/") or (quote == "<" and "/" not in target):
            return None
        return "a public header includes standard headers and <loomcache/...> only"
    if top in ("plugins", "examples"):
        own = (root / path).parent / target
        if quote == "<" and not (root / target).exists():
            return None
        folders = ((root / path).resolve().parent, root / "plugins/common")
        if quote == '"' and own.exists() and own.resolve().parent in folders:
            return None
        return ("a plugin includes <loomcache/...>, its own folder, ../common, system and library "
                "headers only")
    return None


def main(root):
    passed = failed = 0
    for top in ("core", "plugins", "include", "examples"):
        for file in sorted((root / top).rglob("*.[ch]*")):
            if file.suffix not in (".c", ".h", ".cc", ".cpp"):
                continue
            path = file.relative_to(root).as_posix()
            text = COMMENT.sub(lambda m: "\n" * m[0].count("\n"), file.read_text("utf-8"))
            bad = 0
            for m in INCLUDE.finditer(text):
                why = wrong(root, path, m[1], m[2])
                if why:
                    line = text.count("\n", 0, m.start(1)) + 1
                    print(f"{path}:{line}: must not include {m[2]}: {why}")
                    bad += 1
            passed, failed = passed + (not bad), failed + bool(bad)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    here = pathlib.Path(__file__).resolve().parent.parent.parent
    sys.exit(main(pathlib.Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else here))
