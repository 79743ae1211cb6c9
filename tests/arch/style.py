#!/usr/bin/env python3
"""style.py [ROOT] - what a reader should never meet: long lines and functions, tabs, forbidden
words, public headers that do not stand alone. Looks at every file git knows or would add; says
each finding as path:line, then "N passed, N failed" in files.
"""
import os
import pathlib
import re
import subprocess
import sys

COLUMNS, FUNCTION_LINES, FILE_LINES = 100, 70, 600
TEST_COLUMNS, TEST_FILE_LINES = 120, 800  # tables of cases are read by the row
C_SUFFIXES = (".c", ".h", ".cc", ".cpp")
TEXT_SUFFIXES = C_SUFFIXES + (".py", ".js", ".mjs", ".sh", ".cmake", ".ini", ".txt", "")
TABS_ALLOWED = ("Makefile", ".gitmodules", ".csv", ".tsv")

FORBIDDEN = [  # (what matches nowhere, why); split, so that this table is not found itself
    (r"/ro" r"ot/|/wo" r"rk/|/ho" r"me/[a-z]", "a path of one machine"),
    (r"registry\.(npm" r"js|yarn" r"pkg)|deb\.deb" r"ian\.org|py" r"pi\.org|"
     r"pythonhosted\.o" r"rg|crates\.i" r"o\b|proxy\.golang\.o" r"rg|snapshot\.deb" r"ian",
     "the host of a package registry"),
    (r"\b(TO" r"DO|FIX" r"ME|XX" r"X|HA" r"CK)\b", "unfinished: do it, or say what is not there"),
    (r"farm-" r"studio", "a word about the workplace"),
    (r"-----BEGIN [A-Z ]*PRIVATE K" r"EY", "a secret"),
    (r"^(<<<<<<<|>>>>>>>) ", "a merge left half done"),
]
HEADER_CHECKS = [  # each public header alone
    ["gcc", "-std=c11", "-pedantic-errors", "-x", "c"],
    ["g++", "-std=c++17", "-pedantic-errors", "-x", "c++"],
]


def functions(lines):
    """(first line, length) of each function: its body lies between { and } in column one."""
    start = None
    for number, line in enumerate(lines, 1):
        if line == "{":
            start = number
        elif line == "}" and start:
            yield start, number - start + 1
            start = None


def findings(path, text):
    """Every (line, sentence) about one file."""
    lines = text.splitlines()
    columns = TEST_COLUMNS if "tests" in path.parts else COLUMNS
    file_lines = TEST_FILE_LINES if "tests" in path.parts else FILE_LINES
    is_code = path.suffix in TEXT_SUFFIXES and path.name != "LICENSE"
    for number, line in enumerate(lines, 1):
        if is_code and len(line) > columns and "://" not in line:
            yield number, f"{len(line)} columns, at most {columns}"
        if "\t" in line and is_code and not path.name.endswith(TABS_ALLOWED):
            yield number, "a tab"
        if line != line.rstrip() and is_code:
            yield number, "blanks at the end of the line"
        for pattern, why in FORBIDDEN:
            if re.search(pattern, line):
                yield number, f"{why}: {re.search(pattern, line)[0]}"
    if path.suffix in C_SUFFIXES:
        if len(lines) > file_lines:
            yield file_lines, f"{len(lines)} lines, at most {file_lines}: one noun per file"
        for start, length in functions(lines):
            if length > FUNCTION_LINES:
                yield start, f"a function of {length} lines, at most {FUNCTION_LINES}"


def stands_alone(root, header):
    """Every sentence of the compilers about a public header compiled by itself."""
    for command in HEADER_CHECKS:
        run = subprocess.run(
            command + ["-fsyntax-only", "-Wall", "-Wextra", "-Werror", "-I", root / "include", "-"],
            input=f"#include <{header.relative_to(root / 'include')}>\n#include "
                  f"<{header.relative_to(root / 'include')}>\nint loom_header_stands_alone;\n",
            capture_output=True, text=True, check=False)
        if run.returncode:
            yield 1, f"does not stand alone ({' '.join(command[:2])}): {run.stderr.strip()}"


def main(root):
    names = subprocess.run(["git", "-C", root, "ls-files", "-z", "-co", "--exclude-standard"],
                           capture_output=True, check=True).stdout.decode().split("\0")
    passed = failed = 0
    for name in sorted(n for n in names if n and (root / n).is_file()):
        data = (root / name).read_bytes()
        if b"\0" in data:
            continue  # a corpus or another binary file
        path = root / name
        if name.startswith("tests/fuzz/corpus/"):
            continue
        found = list(findings(path, data.decode("utf-8", "replace")))
        if name.startswith("include/loomcache/") and path.suffix == ".h":
            found += stands_alone(root, path)
        for line, sentence in found:
            print(f"{name}:{line}: {sentence}")
        passed, failed = passed + (not found), failed + bool(found)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    os.environ["LC_ALL"] = "C.UTF-8"
    here = pathlib.Path(__file__).resolve().parent.parent.parent
    sys.exit(main(pathlib.Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else here))
