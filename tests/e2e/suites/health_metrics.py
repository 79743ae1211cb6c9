"""Health endpoints, the Prometheus page, the statsd exporter."""
import json
import socket
import subprocess

from kit import where
from kit.until import until
from kit.wire import command


def promtool():
    done = subprocess.run([where.SOURCE / "scripts" / "get-promtool"], capture_output=True,
                          text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-500:]
    return done.stdout.splitlines()[-1]


def test_health_paths(scene):
    node = scene.node(node__id="node-7")
    status, body = node.http("/health")
    said = json.loads(body)
    assert status == 200 and said["status"] == "ok" and said["node"] == "node-7"
    assert said["reasons"] == [] and 0 <= said["uptime_seconds"] < 60
    assert node.http("/livez")[0] == 200 and node.http("/readyz")[0] == 200
    assert node.http("/nothing")[0] == 404
    assert node.http("/health?verbose=1")[0] == 200


def test_health_reasons(scene):
    node = scene.node(server__max_clients=1)
    with node.wire() as wire:
        assert wire.ask("PING") == "PONG"
        status, body = node.http("/health")
        assert status == 200 and "max_clients" in json.loads(body)["reasons"][0]
    until(lambda: json.loads(node.http("/health")[1])["reasons"] == [], "the reason to go away")


def test_page_is_clean(scene):
    node = scene.node()
    with node.wire() as wire:
        for words in (("SET", "k", "v"), ("GET", "k"), ("INCR", "k"), ("NOSUCH",), ("INFO",)):
            wire.ask(*words)
    status, page = node.http("/metrics", node.metrics_port)
    assert status == 200 and page.endswith("\n")
    done = subprocess.run([promtool(), "check", "metrics"], input=page, capture_output=True,
                          text=True, timeout=60, check=False)
    assert done.returncode == 0 and not done.stderr.strip(), done.stdout + done.stderr
    assert node.http("/other", node.metrics_port)[0] == 404


def test_counters(scene):
    node = scene.node(storage__max_items=10, storage__partitions=1, eviction__policy="fifo")
    before = node.metrics()
    with node.wire() as wire:
        for i in range(15):
            wire.ask("SET", f"k{i}", "v")
        wire.ask("MGET", "k14", "k13", "k0")
        wire.ask("SET", "k14", "w", "PX", 1)
        until(lambda: wire.ask("GET", "k14") is None, "the key to expire")
        wire.ask("DEL", "k13")
        wire.ask("INCR", "k12")
        wire.ask("GET")
        wire.ask("CONFIG", "SET", "maxclients", 99)
        after = node.metrics()

    def moved(name):
        return after[name] - before.get(name, 0)
    assert moved('loomcache_evictions_total{policy="fifo"}') == 5
    assert moved("loomcache_inserts_total") == 15 and moved("loomcache_overwrites_total") == 1
    assert moved("loomcache_deletes_total") == 1 and moved("loomcache_expired_total") == 1
    assert after["loomcache_items"] == 8 and after["loomcache_max_items"] == 10
    gets = after['loomcache_commands_total{command="get"}']
    assert moved("loomcache_cache_hits_total") == 2 + gets - 1, "MGET's two, all GETs but the last"
    assert moved("loomcache_cache_misses_total") == 2, "MGET's one and the last GET"
    assert moved('loomcache_command_failures_total{command="incr"}') == 1
    assert moved('loomcache_command_rejections_total{command="get"}') == 1
    assert after['loomcache_commands_total{command="set"}'] == 16
    assert moved("loomcache_audit_events_total") == 1
    assert after["loomcache_connections"] == 1 and after["loomcache_rss_bytes"] > 1 << 20
    assert after["loomcache_used_bytes"] > 0 and after["loomcache_uptime_seconds"] >= 0
    buckets = [v for k, v in after.items()
               if k.startswith('loomcache_command_duration_seconds_bucket{command="set"')]
    assert buckets == sorted(buckets) and buckets[-1] == 16
    assert after['loomcache_command_duration_seconds_count{command="set"}'] == 16
    assert moved('loomcache_network_bytes_total{direction="in"}') > 300


def test_what_did_not_run_is_no_call(scene):
    """A rejected command is counted as rejected only; one in MULTI when EXEC runs it."""
    node = scene.node()
    with node.wire() as wire:
        wire.send(command("GET") + command("GET", "a", "b") + command("GET", "k") + command("GET"))
        said = [wire.reply() for _ in range(4)]
        assert said[2] is None and all("wrong number" in one for one in said[:2] + said[3:])
        assert [wire.ask(*words.split()) for words in ("MULTI", "SET k v", "INCR k", "INCR")][2] == "QUEUED"
        assert wire.ask("EXEC").startswith("EXECABORT")
        for words in ("MULTI", "SET k v", "INCR k", "EXEC"):
            wire.ask(*words.split())
        assert wire.ask("CONFIG", "SET", "slowlog-log-slower-than", 0) == "OK"
        for words in (("GET", "k"), ("GET",)):
            wire.ask(*words)
        stats = wire.ask("INFO", "commandstats").decode()
    for name, counts in (("get", (2, 4, 0)), ("set", (1, 0, 0)), ("incr", (1, 1, 1))):
        line = next(line for line in stats.splitlines() if line.startswith(f"cmdstat_{name}:"))
        fields = dict(field.split("=") for field in line.split(":")[1].split(","))
        got = tuple(int(fields[one]) for one in ("calls", "rejected_calls", "failed_calls"))
        assert got == counts, f"{name}: {got}, expected {counts}"


def test_compression_metric(scene):
    node = scene.node(storage__compress="lz4")
    with node.wire() as wire:
        assert wire.ask("SET", "k", b"abcd" * 5000) == "OK" and wire.ask("GET", "k") == b"abcd" * 5000
        metrics = node.metrics()
        assert metrics["loomcache_compressed_raw_bytes"] >= 20_000
        assert metrics["loomcache_compression_ratio"] > 5, metrics["loomcache_compression_ratio"]
        assert wire.ask("APPEND", "k", "e") == 20_001 and wire.ask("GETRANGE", "k", -2, -1) == b"de"
        noise = bytes((i * i * 7919 >> 5) % 256 for i in range(5000))
        assert wire.ask("SET", "n", noise) == "OK" and wire.ask("GET", "n") == noise


def test_statsd(scene):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind(("127.0.0.1", 0))
        receiver.settimeout(0.2)
        node = scene.node(exporter__plugins="prometheus,statsd", exporter_DOT_statsd__interval="100ms",
                          exporter_DOT_statsd__port=receiver.getsockname()[1])
        with node.wire() as wire:
            for _ in range(7):
                wire.ask("GET", "absent")
        missed = []

        def heard():
            try:
                lines = receiver.recv(65_536).decode().splitlines()
            except TimeoutError:
                return False
            assert all(":" in line and "|" in line for line in lines), lines
            missed.extend(float(line.split(":")[1].split("|")[0]) for line in lines
                          if "cache_misses" in line)
            return sum(missed) >= 7
        until(heard, "statsd to tell of seven misses")
        assert sum(missed) == 7, missed
