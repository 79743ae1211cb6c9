"""The measurements through a server.  Each returns (markdown, names of the servers it ran).

throughput   closed loop, all hits, keys uniform; every server loaded first, rounds interleaved and
             rotated, so that a disturbance meets all alike
latency      open loop: the same offered rate for all, server and client on cores of their own
memory       growth of the resident size per item, beyond key and value; also after as many random
             overwrites
connections  growth of the resident size per connection, after one GET each and after a burst of
             replies larger than a socket's buffer; the kernel's own memory is not in it
syscalls     system calls per operation, counted by strace -f -c attached during a run
"""
import os
import shutil
import signal
import subprocess
import time

import load
from load import say
from report import median, table, verdict
from servers import Server

FLOOR_TARGETS = {(1, 64): 1.15, (1, 1024): 1.15, (16, 64): 1.5, (16, 1024): 2.2}
LATENCY_TARGET, CONNECTION_TARGET, SYSCALL_TARGET = 1.25, 600, 1.05
MEMORY_TARGETS = {(16, 64): 33, (24, 512): 60}


def fill(bench, server, n_keys, key_bytes, value_bytes):
    return load.run(bench, server, "set", connections=20, threads=2, pipeline=32, keys=n_keys,
                    key_bytes=key_bytes, value_bytes=value_bytes, sequential=True, count=n_keys)


def rounds_of(servers, n_rounds, one):
    """{name: [result per round]}, interleaved and rotated."""
    got, order = {s.name: [] for s in servers}, list(servers)
    for i in range(n_rounds):
        for server in order[i % len(order):] + order[:i % len(order)]:
            got[server.name].append(one(server, i))
    return got


def ratios(got, name, other, field):
    return [a[field] / b[field] for a, b in zip(got[name], got[other]) if b[field] > 0]


def best_peer(got, field):
    peers = [n for n in got if n not in ("loomcache", "floor")]
    return min(peers, key=lambda n: median([r[field] for r in got[n]]), default=None)


def detail(got):
    rows = []
    for name, results in got.items():
        m = {f: median([r[f] for r in results]) for f in
             ("cpu", "user", "rps", "p50", "p99", "misses")}
        floor = f"{median(ratios(got, name, 'floor', 'cpu')):.2f}" if "floor" in got else ""
        rows.append([name, f"{m['cpu']:.2f}", f"{m['user']:.2f}", floor, f"{m['rps'] / 1e3:.0f}",
                     f"{m['p50']:.0f}", f"{m['p99']:.0f}", f"{m['misses']:.0f}"])
    return table(["server", "CPU s/M ops", "of it user", "x floor", "k ops/s", "p50 us", "p99 us",
                  "misses"], rows)


def throughput_row(case, got, target):
    to_floor = ratios(got, "loomcache", "floor", "cpu")
    peer = best_peer(got, "cpu")
    row = [case, f"{median([r['cpu'] for r in got['loomcache']]):.2f}"]
    if peer:
        row += [f"{peer} {median([r['cpu'] for r in got[peer]]):.2f}",
                f"{median(ratios(got, 'loomcache', peer, 'cpu')):.2f}"]
    else:
        row += ["none", "not measured"]
    row += [f"{median(to_floor):.2f}", f"{min(to_floor):.2f}-{max(to_floor):.2f}"]
    return row + verdict(median(to_floor), target)


def throughput(bench):
    o, rows, details = bench.options, [], ""
    names = ["loomcache"] + bench.peers + ["floor"]
    for value_bytes in o.values:
        servers = [Server(bench, n, o.threads, o.memory_mb, value_bytes=value_bytes)
                   for n in names]
        for server in servers[:-1]:
            say(f"loading {o.keys} keys of {value_bytes} bytes into {server.name}")
            fill(bench, server, o.keys, 16, value_bytes)
        for depth in o.pipelines:
            for op in ("get", "set"):
                case = f"{op.upper()} {value_bytes} B, pipeline {depth}"
                say(f"{case}: {o.rounds} rounds of {o.seconds} s x {len(servers)} servers")
                got = rounds_of(servers, o.rounds, lambda s, i: load.run(
                    bench, s, op, connections=50, threads=o.client_threads, pipeline=depth,
                    keys=o.keys, value_bytes=value_bytes, seconds=o.seconds, seed=i + 1))
                rows.append(throughput_row(case, got, FLOOR_TARGETS.get((depth, value_bytes))))
                details += f"{case}:\n\n{detail(got)}"
        for server in servers:
            server.stop()
    head = ["case", "loomcache CPU s/M ops", "best peer", "x best peer", "x floor",
            "rounds' x floor", "target x floor", "met"]
    text = (f"{o.threads} server threads, {o.client_threads} client threads, 50 connections, "
            f"16-byte keys, {o.keys} keys, limit {o.memory_mb} MiB; {o.rounds} rounds of "
            f"{o.seconds} s.\n\n")
    return text + table(head, rows) + details, names


def split_cpus():
    """(server's, client's) cores; None when there is only one."""
    cpus = sorted(os.sched_getaffinity(0))
    half = len(cpus) // 2
    return (set(cpus[:half]), set(cpus[half:2 * half])) if half else None


def latency(bench):
    o, split = bench.options, split_cpus()
    if split is None:
        return "Skipped: one core cannot be shared by server and client.\n\n", ["loomcache"]
    names, rows, details = ["loomcache"] + bench.peers, [], ""
    n_rounds, threads = max(9, o.rounds), min(o.threads, len(split[0]))
    servers = [Server(bench, n, threads, o.memory_mb, cpus=split[0]) for n in names]
    for server in servers:
        fill(bench, server, o.keys, 16, 64)
    for rate in o.rates:
        for op in ("get", "set"):
            case = f"{op.upper()} 64 B at {rate}/s"
            say(f"{case}: {n_rounds} rounds of {o.seconds} s x {len(servers)} servers")
            got = rounds_of(servers, n_rounds, lambda s, i: load.run(
                bench, s, op, cpus=split[1], connections=50, threads=len(split[1]), keys=o.keys,
                rate=rate, seconds=o.seconds, seed=i + 1))
            peer = best_peer(got, "p99")
            ratio = median(ratios(got, "loomcache", peer, "p99")) if peer else None
            rows.append([case, f"{median([r['p99'] for r in got['loomcache']]):.0f}",
                         f"{peer} {median([r['p99'] for r in got[peer]]):.0f}" if peer else "none",
                         f"{ratio:.2f}" if peer else "not measured"]
                        + verdict(ratio, LATENCY_TARGET))
            details += f"{case}:\n\n{detail(got)}"
    for server in servers:
        server.stop()
    text = (f"{threads} server threads on cores {sorted(split[0])}, the client on "
            f"{sorted(split[1])}; {n_rounds} paired rounds of {o.seconds} s.\n\n")
    return text + table(["case", "loomcache p99 us", "best peer", "x best peer", "target", "met"],
                        rows) + details, names


def available_bytes():
    with open("/proc/meminfo", encoding="utf8") as f:
        return next(int(x.split()[1]) << 10 for x in f if x.startswith("MemAvailable:"))


def memory_row(bench, name, n_items, key_bytes, value_bytes):
    payload = key_bytes + value_bytes
    if available_bytes() < n_items * (payload + 150) * 1.5:
        return [name, f"skipped: {available_bytes() >> 20} MiB are free"] + [""] * 5
    limit_mb = 1024 + (n_items * (payload + 250) >> 20)
    server = Server(bench, name, bench.options.threads, limit_mb)
    fill(bench, server, 2000, key_bytes, value_bytes)
    empty = server.settled_rss_bytes()
    fill(bench, server, n_items, key_bytes, value_bytes)
    full = server.settled_rss_bytes()
    shape = {"connections": 20, "pipeline": 16, "keys": n_items, "key_bytes": key_bytes,
             "value_bytes": value_bytes, "count": n_items}
    lost = load.run(bench, server, "get", sequential=True, **shape)["misses"]
    load.run(bench, server, "set", **shape)
    churned = server.settled_rss_bytes()
    server.stop()
    overhead = (full - empty) / (n_items - 2000) - payload
    ours = name == "loomcache" and n_items >= 1000000  # what the targets are said for
    target = MEMORY_TARGETS.get((key_bytes, value_bytes)) if ours else None
    return [name, f"{empty / 2**20:.1f}", f"{overhead:.1f}",
            f"{(churned - empty) / (n_items - 2000) - payload:.1f}", lost] \
        + verdict(overhead, target)


def memory(bench):
    names, text = ["loomcache"] + bench.peers, ""
    for n_items in bench.options.items:
        for key_bytes, value_bytes in MEMORY_TARGETS:
            rows = []
            for name in names:
                if name == "valkey-1t" and "valkey" in names:
                    continue  # the same layout
                say(f"memory: {n_items} x {key_bytes}+{value_bytes} in {name}")
                rows.append(memory_row(bench, name, n_items, key_bytes, value_bytes))
            text += f"{n_items} items, {key_bytes}-byte keys, {value_bytes}-byte values:\n\n"
            text += table(["server", "RSS before, MiB", "bytes beyond payload",
                           "after overwriting", "lost", "target", "met"], rows)
    return text, names


def connections(bench):
    o, rows = bench.options, []
    names = ["loomcache"] + [n for n in bench.peers if n != "valkey-1t" or "valkey"
                             not in bench.peers]
    shape = {"connections": o.idle, "threads": 1, "keys": 200, "value_bytes": 16384}
    for name in names:
        say(f"connections: {o.idle} idle in {name}")
        server = Server(bench, name, o.threads, o.memory_mb, connections=o.idle + 500)
        fill(bench, server, 200, 16, 16384)
        load.run(bench, server, "get", keys=200, value_bytes=16384, pipeline=16, count=4000)
        before = server.settled_rss_bytes(at_least=3)
        sizes = []
        for depth in (1, 16):
            with load.Held(bench, server, "get", per_connection=1, pipeline=depth, active=50,
                           **shape):
                # redis and valkey shrink the buffers of idle clients after 2 to 5 seconds
                sizes.append((server.settled_rss_bytes(at_least=8) - before) / o.idle)
        target = CONNECTION_TARGET if name == "loomcache" and o.idle >= 10000 else None
        rows.append([name, f"{sizes[0]:.0f}", f"{sizes[1]:.0f}"] + verdict(max(sizes), target))
        server.stop()
    text = f"{o.idle} connections held; burst: 16 GETs of 16 KiB on each, in one write.\n\n"
    return text + table(["server", "bytes each after one GET", "after the burst", "target", "met"],
                        rows), names


def trace(bench, server, n_ops):
    """System calls during n_ops GETs: ({name: calls}, sentence when strace cannot)."""
    out = os.path.join(bench.folder, f"strace-{server.name}")
    said = out + ".said"
    with open(said, "wb") as errors:
        strace = subprocess.Popen(["strace", "-f", "-c", "-o", out, "-p", str(server.process.pid)],
                                  stdin=subprocess.DEVNULL, stderr=errors)
    try:
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline and strace.poll() is None:
            with open(said, encoding="utf8") as f:
                if "attached" in f.read():
                    break
            time.sleep(0.02)
        if strace.poll() is not None:
            with open(said, encoding="utf8") as f:
                return {}, f.read().strip()
        load.run(bench, server, "get", connections=50, threads=bench.options.client_threads,
                 keys=10000, count=n_ops)
    finally:
        if strace.poll() is None:
            strace.send_signal(signal.SIGINT)
            try:
                strace.wait(10)
            except subprocess.TimeoutExpired:
                strace.kill()
                strace.wait()
    calls = {}
    with open(out, encoding="utf8") as f:
        for line in f:
            words = line.split()
            if len(words) >= 5 and words[3].isdigit() and words[-1] != "total":
                calls[words[-1]] = int(words[3])
    return calls, ""


def syscalls(bench):
    if shutil.which("strace") is None:
        return "Skipped: strace is not installed.\n\n", ["loomcache"]
    names, rows, n_ops, n_floor = ["floor", "loomcache"] + bench.peers, [], 20000, None
    for name in names:
        say(f"system calls of {name}")
        server = Server(bench, name, bench.options.threads, bench.options.memory_mb)
        if name != "floor":
            fill(bench, server, 10000, 16, 64)
        calls, why = trace(bench, server, n_ops)
        server.stop()
        if not calls:
            return f"Skipped: strace cannot attach: {why}\n\n", ["loomcache"]
        total = sum(calls.values()) / n_ops
        n_floor = n_floor or total
        top = sorted(calls, key=calls.get, reverse=True)[:3]
        rows.append([name, f"{total:.3f}", f"{total / n_floor:.3f}",
                     ", ".join(f"{c} {calls[c] / n_ops:.2f}" for c in top)]
                    + verdict(total / n_floor, SYSCALL_TARGET if name == "loomcache" else None))
    return (f"{n_ops} GETs of 64 bytes, pipeline 1, 50 connections; connecting is in it.\n\n"
            + table(["server", "calls per operation", "x floor", "most of them", "target", "met"],
                    rows)), names
