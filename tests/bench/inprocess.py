"""The measurements without sockets: layout.c, path.c and policy_cost.c, linked with libloom_core.a.

Compiled with the flags of core/server/main.c and linked like loomcache, both read from the build.
"""
import glob
import json
import os
import re
import shlex
import subprocess

from load import HERE, say
from report import ROOT

POLICIES = ["none", "fifo", "random", "sieve", "lfu", "lru_sampled", "lru", "s3fifo"]


def flags_of(build):
    with open(os.path.join(build, "compile_commands.json"), encoding="utf8") as f:
        entry = next(e for e in json.load(f) if e["file"].endswith("core/server/main.c"))
    words = shlex.split(entry["command"])
    at = words.index("-o")
    with open(os.path.join(build, "build.ninja"), encoding="utf8") as f:
        rule = re.search(r"^build loomcache: .*?\n\n", f.read(), re.M | re.S)[0]
    flags = re.search(r"LINK_FLAGS = (.*)", rule)[1]
    libraries = re.search(r"LINK_LIBRARIES = (.*)", rule)[1]
    return words[:at], shlex.split(flags), shlex.split(libraries)


def compile_one(bench, name, more=()):
    compile_words, link_flags, libraries = flags_of(bench.options.build)
    program = os.path.join(bench.folder, name)
    sources = [os.path.join(HERE, name + ".c"), *more]
    subprocess.run(compile_words + ["-o", program] + sources + link_flags + libraries,
                   cwd=bench.options.build, check=True, timeout=300)
    return program


def output_of(command, timeout, codes=(0,)):
    say(f"{os.path.basename(command[0])} {' '.join(command[2:])}")
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=timeout, check=False)
    if done.returncode not in codes:
        raise SystemExit(f"bench: {os.path.basename(command[0])} failed ({done.returncode})")
    return done.stdout


def inprocess(bench):
    plugins, n = os.path.join(bench.options.build, "plugins"), max(bench.options.items)
    program = compile_one(bench, "layout")
    text = ("The storage room alone (layout.c):\n\n| policy | items | shape | RSS beyond payload, "
            "bytes | counted beyond payload | ns per insert | ns per hit |\n"
            "|---|---:|---:|---:|---:|---:|---:|\n")
    text += output_of([program, plugins, str(n), "16", "64", *POLICIES], 1200)
    text += output_of([program, plugins, str(n), "24", "512", "s3fifo"], 600)
    program = compile_one(bench, "path")
    text += ("\nThe data path without sockets (path.c):\n\n| command | items | value bytes | "
             "pipeline | least ns | median ns |\n|---|---:|---:|---:|---:|---:|\n")
    for value in ("64", "1024"):
        for depth in ("1", "16"):
            text += output_of([program, plugins, "s3fifo", str(bench.options.keys), value, depth],
                              300)
    text += "\nEach policy's cost (policy_cost.c); target: a hit of the default <= 20 ns.\n\n"
    if os.path.exists(os.path.join(HERE, "policy_cost.c")):
        kit = glob.glob(os.path.join(ROOT, "tests", "kit", "policy_kit*.c"))
        program = compile_one(bench, "policy_cost", kit)
        text += output_of([program, bench.options.build], 600, codes=(0, 1))
    else:
        text += "Not measured: policy_cost.c is not here.\n"
    return text + "\n", ["loomcache"]
