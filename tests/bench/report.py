"""What was measured, as markdown: to standard output, and with --record into docs/bench.md."""
import os
import platform
import re
import statistics
import subprocess
import time

import servers

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
HEAD = """# Measurements

Written by `tests/bench/run ... --record`, never by hand: each section is one run and says when,
where and with what.  What is measured how stands in the head of tests/bench/measure.py.  The
headline is server CPU seconds per million operations (= microseconds per operation), which a busy
machine disturbs less than operations per second; ratios are medians of the rounds' ratios.  The
floor (tests/bench/floor.c) answers over the same system calls and stores nothing.
"""


def median(values):
    return statistics.median(values)


def verdict(value, target):
    """The columns target and met of a table."""
    if target is None:
        return ["", ""]
    if value is None:
        return [f"<= {target:g}", "not measured"]
    return [f"<= {target:g}", "yes" if value <= target else "no"]


def table(head, rows):
    rows = [[str(cell) for cell in row] for row in rows]
    align = ["---"] + ["---:"] * (len(head) - 1)
    return "\n".join("| " + " | ".join(row) + " |" for row in [head, align] + rows) + "\n\n"


def first_of(path, pattern):
    with open(path, encoding="utf8") as f:
        found = re.search(pattern, f.read(), re.M)
    return found[1].strip() if found else "unknown"


def circumstances(bench, names, repeat):
    """When, where, with what and how again: the lines above each section's tables."""
    git = subprocess.run(["git", "-C", ROOT, "describe", "--always", "--dirty"], text=True,
                         capture_output=True, check=False).stdout.strip()
    memory = int(first_of("/proc/meminfo", r"^MemTotal:\s+(\d+)")) >> 20
    load = " ".join(f"{x:.1f}" for x in os.getloadavg())
    lines = [
        time.strftime("%d %B %Y, %H:%M UTC", time.gmtime()) + f"; load average before {bench.load}"
        f", after {load}",
        f"{first_of('/proc/cpuinfo', '^model name.*: (.*)')}, {os.cpu_count()} CPUs, {memory} GiB, "
        f"Linux {platform.release()}, {first_of('/etc/os-release', 'PRETTY_NAME=.(.*).$')}",
        servers.version([os.path.join(bench.options.build, "loomcache"), "--version"])
        + (f" ({git})" if git else "")
        + (", with " + " ".join(bench.options.set) if bench.options.set else ""),
    ]
    for program in sorted({servers.PEERS[n][0] for n in names if n in servers.PEERS}):
        name = next(n for n in names if servers.PEERS.get(n, [None])[0] == program)
        lines.append(servers.version([servers.find(name), "--version"]))
    for name in servers.PEERS:
        if name in bench.options.peers and name not in names and "loomcache" in names \
                and len(names) > 1:
            lines.append(f"{name}: not measured here")
    lines.append(f"again: `make bench ARGS=\"{repeat}\"`")
    return "".join(f"- {line}\n" for line in lines) + "\n"


def record(name, text):
    """Replaces the section of that name in docs/bench.md, or appends it."""
    path = os.path.join(ROOT, "docs", "bench.md")
    begin, end = f"<!-- {name} begins -->\n", f"<!-- {name} ends -->\n"
    old = HEAD
    if os.path.exists(path):
        with open(path, encoding="utf8") as f:
            old = f.read()
    section = begin + text.rstrip() + "\n" + end
    if begin in old and end in old:
        before, rest = old.split(begin, 1)
        new = before + section + rest.split(end, 1)[1]
    else:
        new = old.rstrip() + "\n\n" + section
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path + ".new", "w", encoding="utf8") as f:
        f.write(new)
    os.replace(path + ".new", path)
