"""loomctl against real nodes, and the probe that loomcache has of itself."""
import json
import os
import socket
import subprocess
import time

from kit import where
from kit.scene import free_port

SECRET = "correct-horse-battery"


def ctl(node, *args, code=0, env=None):
    """(standard output, standard error) of one loomctl."""
    port = node if isinstance(node, int) else node.port
    kept = {k: v for k, v in os.environ.items() if not k.startswith("LOOMC")}
    done = subprocess.run([str(where.build() / "loomctl"), "-p", str(port), *map(str, args)],
                          env={**kept, **(env or {})}, stdin=subprocess.DEVNULL, timeout=30,
                          capture_output=True, check=False)
    out, err = done.stdout.decode(), done.stderr.decode()
    assert done.returncode == code, f"loomctl {args}: exit code {done.returncode}: {out}{err}"
    assert SECRET not in out + err, f"the password is printed: {out}{err}"
    assert code == 0 or (err.startswith("loomctl: ") and err.count("\n") == 1), err
    return out, err


def rows(node, *args, **how):
    """What loomctl --json prints: a value per line."""
    return [json.loads(line) for line in ctl(node, "--json", *args, **how)[0].splitlines()]


def test_ctl_status(scene):
    node = scene.node(node__id="anna", storage__max_memory="64MiB", eviction__policy="sieve")
    wire = node.wire()
    for i in range(30):
        wire.ask("SET", f"k{i}", "v")
    assert wire.ask("SELECT", "5") == "OK" and wire.ask("SET", "other", "db") == "OK"
    for name in ("other", "other", "other", "absent"):
        wire.ask("GET", name)
    said, = rows(node, "status")
    assert said["node"] == "anna" and said["policy"] == "sieve" and said["items"] == 31, said
    assert said["memory_limit_bytes"] == 64 << 20, said
    assert 0 < said["memory_used_bytes"] < said["memory_rss_bytes"], said
    assert (said["hits"], said["misses"], said["hit_ratio"]) == (3, 1, 0.75), said
    assert said["connections"] == 2 and said["evictions"] == 0, said
    text, _ = ctl(node, "status")
    for words in ("node         anna", "policy       sieve", "items        31",
                  "of 64.0 MiB for items", "[........................]",
                  "hit ratio    75.00%  (3 hits, 1 misses)"):
        assert words in text, f"'{words}' is not in: {text}"
    assert rows(scene.node(), "status")[0]["hit_ratio"] is None


def test_ctl_status_full(scene):
    """The bar fills as memory does, and evictions are counted."""
    node = scene.node(storage__max_memory="8MiB", storage__partitions=4)
    wire = node.wire()
    for i in range(1500):
        wire.ask("SET", f"k{i}", b"x" * 10_000)
    said, = rows(node, "status")
    assert said["evictions"] > 100, said
    share = said["memory_used_bytes"] / said["memory_limit_bytes"]
    bar = ctl(node, "status")[0].split("[")[1].split("]")[0]
    assert 0.8 < share <= 1.05 and abs(bar.count("#") - 24 * share) <= 2, (share, bar)


def test_ctl_ping_plugins(scene):
    node = scene.node()
    assert ctl(node, "ping")[0] == "PONG\n" and rows(node, "ping") == [{"ok": True}]
    found = {(row["kind"], row["name"]): row for row in rows(node, "plugins")}
    assert found["eviction", "s3fifo"]["instances"] > 0, found
    assert "small_ratio" in found["eviction", "s3fifo"]["options"], found
    assert found["exporter", "prometheus"]["options"]["port"] == str(node.metrics_port), found
    table = ctl(node, "plugins")[0].splitlines()
    assert table[0].split()[:5] == ["KIND", "NAME", "VERSION", "INSTANCES", "MEMORY"], table
    assert len(table) == len(found) + 1 and any("small_ratio=" in line for line in table), table


def test_ctl_config(scene):
    file = scene.file("node.ini", "[storage]\nmax_memory = 100MiB\n")
    node = scene.node(file)
    assert rows(node, "config", "get", "storage.max_memory")[0]["value"] == "100MiB"
    ctl(node, "config", "set", "storage.max_memory", "200MiB")
    ctl(node, "config", "set", "slowlog-log-slower-than", "-1")
    assert "200MiB" in ctl(node, "config", "get", "storage.max_*")[0]
    assert rows(node, "status")[0]["memory_limit_bytes"] == 200 << 20
    ctl(node, "config", "rewrite")
    assert "200MiB" in file.read_text()
    _, said = ctl(node, "config", "set", "storage.max_memory", "lots", code=1)
    assert "storage.max_memory" in said, said
    assert "no key matches" in ctl(node, "config", "get", "absent*", code=1)[1]


def test_ctl_lists(scene):
    node = scene.node(server__slowlog_threshold=0)
    wire = node.wire()
    wire.ask("CLIENT", "SETNAME", "loom")
    wire.ask("SET", "k", b'\x00\xff"\xc3\xa9\x1b[2J')
    slow = rows(node, "slowlog", 50)
    mine = [row for row in slow if row["command"][0] == "SET"]
    assert mine and mine[0]["command"] == ["SET", "k", '\x00\ufffd"é\x1b[2J'], slow
    assert mine[0]["name"] == "loom" and abs(mine[0]["time"] - time.time()) < 100, mine
    text = ctl(node, "slowlog", 50)[0]
    assert "\x1b" not in text and "\\x1b[2J" in text, text
    assert len(ctl(node, "slowlog", 1)[0].splitlines()) == 2
    clients = rows(node, "clients")
    assert [row["name"] for row in clients if row["name"]] == ["loom"] and len(clients) == 2
    assert "loom" in ctl(node, "clients")[0]


def test_ctl_password(scene):
    node = scene.node(server__requirepass=SECRET)
    assert "LOOMCTL_PASSWORD" in ctl(node, "ping", code=1)[1]
    ctl(node, "-a", SECRET, "ping")
    ctl(node, "ping", env={"LOOMCTL_PASSWORD": SECRET})
    assert "refused the password" in ctl(node, "-a", "wrong", "ping", code=1)[1]
    assert "refused the password" in ctl(node, "-a", SECRET + "x", "ping", code=1)[1]
    for pattern in ("*", "*pass*", "requirepass", "server.requirepass"):
        found = rows(node, "config", "get", pattern, env={"LOOMCTL_PASSWORD": SECRET})
        assert "***" in [row["value"] for row in found], found
    assert "none set" in ctl(scene.node(), "-a", SECRET, "ping", code=1)[1]


def test_ctl_password_hidden(scene):
    """Not in the list of processes either, once it runs."""
    node = scene.node(server__requirepass=SECRET)
    with subprocess.Popen([str(where.build() / "loomctl"), "-p", str(node.port), "-a", SECRET,
                           "watch", "60", "--json"], stdout=subprocess.PIPE) as process:
        assert json.loads(process.stdout.readline())["items"] == 0
        with open(f"/proc/{process.pid}/cmdline", "rb") as words:
            said = words.read()
        process.kill()
    assert SECRET.encode() not in said and b"watch" in said, said


def test_ctl_errors(scene):
    port = free_port()
    _, said = ctl(port, "status", code=1)
    assert "127.0.0.1" in said and str(port) in said and "refused" in said and "running" in said
    with socket.create_server(("127.0.0.1", 0)) as other:
        subprocess_port = other.getsockname()[1]
        process = subprocess.Popen([str(where.build() / "loomctl"), "-p", str(subprocess_port),
                                    "ping"], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL)
        taken, _ = other.accept()
        taken.recv(100)
        taken.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        said = process.communicate(timeout=20)[1].decode()
        taken.close()
        assert process.returncode == 1 and "does not speak" in said, said
    for words in ([], ["nonsense"], ["config"], ["config", "get"], ["ping", "more"], ["--nonsense"],
                  ["--json=1", "ping"], ["--count", "0", "watch"], ["ping", "-p"],
                  ["-p", "70000", "ping"], ["a", "b", "c", "d", "e", "f"]):
        ctl(port, *words, code=2)
    node = scene.node()
    for seconds in ("0", "x", "-1"):
        ctl(node, "watch", seconds, code=2)
    assert "status" in ctl(port, "--help")[0]
    version = ctl(port, "--version")[0].split()[1]
    assert rows(node, "status")[0]["version"] == version


def test_ctl_watch_shutdown(scene):
    node = scene.node()
    assert len(rows(node, "watch", 1, "--count", 2)) == 2
    assert ctl(node, "watch", 1, "--count", 1)[0].count("ops/s") == 1
    assert "stopping" in ctl(node, "shutdown")[0]
    assert node.ended() == 0, node.log()
    ctl(node, "ping", code=1)


def probe(scene, code, **options):
    sets = [word for name, value in options.items()
            for word in ("--set", f"{name.replace('__', '.')}={value}")]
    asked = scene.bare("--healthcheck", *sets)
    assert asked.ended(10) == code, asked.log()
    return asked.log()


def test_healthcheck(scene):
    """loomcache --healthcheck: what an image probes itself with."""
    node = scene.node()
    assert probe(scene, 0, health__port=node.health_port) == ""
    assert "404" in probe(scene, 1, health__port=node.metrics_port)
    assert "refused" in probe(scene, 1, health__port=free_port())
    assert "port is 0" in probe(scene, 1, health__port=0)
    wide = scene.node(health__bind="*", server__allow_open="true")
    probe(scene, 0, health__bind="*", health__port=wide.health_port, server__allow_open="true")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        began = time.monotonic()
        said = probe(scene, 1, health__port=silent.getsockname()[1])
        assert "timed out" in said and 1.5 < time.monotonic() - began < 9, said
