"""Configuration as a user meets it: files, environment, command line, reload, rewrite."""
import json
import signal
import time

from kit import where
from kit.until import until
from kit.wire import Refused

QUIET = ("--set", "health.port=0", "--set", "exporter.prometheus.port=0")


def said(scene, *args, env=None, limit_s=20):
    """(exit code, what it said) of a run that ends by itself."""
    node = scene.bare(*args, env=env)
    return node.ended(limit_s), node.out() + node.log()


def refused(scene, text, *words):
    path = scene.file("bad.ini", text)
    code, sentence = said(scene, "--check-config", path)
    assert code == 2, f"exit code {code} for {text!r}: {sentence}"
    for word in words:
        assert word in sentence, f"expected '{word}' in: {sentence}"
    assert len(sentence.strip().splitlines()) == 1, f"more than one sentence: {sentence}"
    assert said(scene, path, *QUIET)[0] == 2, f"a start with {text!r} was not refused"


def test_check_config_good(scene):
    good = scene.file("good.ini", "[server]\nport = 7777\nidle_timeout = 5min\n[storage]\n"
                                  "max_memory = 64MiB\n[eviction]\npolicy = sieve\n")
    code, sentence = said(scene, "--check-config", good)
    assert code == 0 and "good.ini" in sentence and "sieve" in sentence, sentence
    for shipped in ("loomcache.ini", "minimal.ini"):
        code, sentence = said(scene, "--check-config", where.SOURCE / "config" / shipped)
        assert code == 0, sentence


def test_check_config_bad(scene):
    refused(scene, "[server]\n\nprot = 1\n", "bad.ini:3", "prot", "port")
    refused(scene, "[sever]\nport = 1\n", "bad.ini:2", "sever")
    refused(scene, "[server]\nport = 70000\n", "bad.ini:2", "70000", "65535")
    refused(scene, "[server]\nport = many\n", "bad.ini:2", "many")
    refused(scene, "[storage]\nmax_memory = 5 parsecs\n", "bad.ini:2", "parsecs")
    refused(scene, "[server]\nidle_timeout = 5 fortnights\n", "bad.ini:2", "fortnights")
    refused(scene, "[server]\nenabled = perhaps\n", "bad.ini:2", "perhaps")
    refused(scene, "[storage]\npartitions = 3\n", "bad.ini:2", "power of two")
    refused(scene, "[server]\npersistence_enabled = true\n", "bad.ini:2", "false")
    refused(scene, "port = 1\n", "bad.ini:1")
    refused(scene, "[server\nport = 1\n", "bad.ini:1")
    refused(scene, "[eviction]\npolicy = s3fido\n", "s3fido")
    refused(scene, "[eviction.s3fifo]\nsmall_ration = 0.1\n", "bad.ini:2", "small_ratio")
    refused(scene, "[log]\nlevel = loud\n", "bad.ini:2", "debug or info or warn or error")
    code, sentence = said(scene, "--check-config", scene.folder / "absent.ini")
    assert code == 2 and "absent.ini" in sentence and "No such file" in sentence, sentence


def test_command_line(scene):
    code, text = said(scene, "--help")
    assert code == 0 and "--check-config" in text and "LOOMCACHE_SERVER_PORT" in text
    code, text = said(scene, "--version")
    assert code == 0 and text.startswith("loomcache ")
    for args in (("--prot", "1"), ("--set", "server.port"), ("--port",), ("--port", "x"),
                 ("one.ini", "two.ini"), ("--set", "server.nosuch=1")):
        code, text = said(scene, *args)
        assert code == 2 and text.startswith("loomcache: "), (args, code, text)


def test_describe(scene):
    code, text = said(scene, "--describe")
    assert code == 0
    for words in ("[server] port = 7654", "[eviction.s3fifo] small_ratio", "LOOMCACHE_NODE_ID",
                  "loomcache_cache_hits_total", "[exporter.statsd] ", "plugin eviction lfu"):
        assert words in text, f"--describe does not say '{words}'"
    code, text = said(scene, "--describe", "--json")
    assert code == 0 and all(isinstance(json.loads(line), dict) for line in text.splitlines())


def test_precedence(scene):
    path = scene.file("a.ini", "[node]\nid = file\n[server]\nmax_clients = 11\nbacklog = 12\n"
                               "slowlog_len = 13\n")
    env = {"LOOMCACHE_SERVER_MAX_CLIENTS": "21", "LOOMCACHE_SERVER_BACKLOG": "22",
           "LOOMCACHE_EXPORTER_PROMETHEUS_PATH": "/m", "LOOMCACHE_EVICTION_POLICY": "fifo"}
    node = scene.node(path, env=env, server__max_clients=31)
    with node.wire() as wire:
        def get(key):
            return wire.ask("CONFIG", "GET", key)[1]
        assert (get("maxclients"), get("tcp-backlog"), get("slowlog-max-len")) == (b"31", b"22", b"13")
    assert node.http("/m", node.metrics_port)[0] == 200
    assert '"node":"file"' in node.http("/health")[1]
    assert "policy fifo" in node.log()


def test_environment(scene):
    env = {"LOOMCACHE_SERVER_PROT": "1", "LOOMCACHE_SERVICE_HOST": "10.0.0.1",
           "LOOMCACHE_SERVICE_PORT": "7654", "LOOMCACHE_PORT": "tcp://10.0.0.1:7654",
           "LOOMCACHE_PORT_7654_TCP_ADDR": "10.0.0.1", "LOOMCACHE_NODES": "a,b"}
    log = scene.node(env=env).log()
    warnings = [line for line in log.splitlines() if "WARN" in line]
    assert len(warnings) == 1, warnings
    assert "LOOMCACHE_SERVER_PROT" in warnings[0] and "LOOMCACHE_SERVER_PORT" in warnings[0]
    code, sentence = said(scene, *QUIET, env={"LOOMCACHE_SERVER_PORT": "many"})
    assert code == 2 and "LOOMCACHE_SERVER_PORT" in sentence and "many" in sentence, sentence
    code, sentence = said(scene, *QUIET, env={"LOOMCACHE_EVICTION_S3FIFO_SMALL_RATIO": "7"})
    assert code == 2 and "LOOMCACHE_EVICTION_S3FIFO_SMALL_RATIO" in sentence, sentence


def test_reload(scene):
    path = scene.file("r.ini", "[server]\nmax_clients = 50\n[log]\nlevel = info\n")
    node = scene.node(path)
    with node.wire() as wire:
        def clients():
            return wire.ask("CONFIG", "GET", "maxclients")[1]
        assert clients() == b"50"
        path.write_text("[server]\nmax_clients = 60\nbacklog = 77\n")
        node.process.send_signal(signal.SIGHUP)
        until(lambda: clients() == b"60", "SIGHUP to change max_clients")
        node.wait_log("backlog")  # said: changes only at the next start
        path.write_text("[server]\nmax_clients = none at all\n")
        node.process.send_signal(signal.SIGHUP)
        node.wait_log("nothing was changed")
        assert "r.ini:2" in node.log() and clients() == b"60" and wire.ask("PING") == "PONG"


def test_config_rewrite(scene):
    path = scene.file("w.ini", "# my own words\n[server]\nmax_clients = 50 ; many\n")
    node = scene.node(path)
    with node.wire() as wire:
        assert wire.ask("CONFIG", "SET", "maxclients", 70, "maxmemory", "77mb") == "OK"
        assert wire.ask("CONFIG", "REWRITE") == "OK"
    text = path.read_text()
    assert "# my own words" in text and "max_clients = 70" in text, text
    node.stop()
    again = scene.node(path)
    with again.wire() as wire:
        assert wire.ask("CONFIG", "GET", "maxmemory")[1] == str(77 << 20).encode()
        assert wire.ask("CONFIG", "GET", "maxclients")[1] == b"70"
    with scene.node().wire() as wire:
        answer = wire.ask("CONFIG", "REWRITE")
        assert isinstance(answer, Refused) and "without a config file" in answer, answer


def test_config_set_is_all_or_nothing(scene):
    with scene.node().wire() as wire:
        before = wire.ask("CONFIG", "GET", "maxclients")
        answer = wire.ask("CONFIG", "SET", "maxclients", 5, "maxmemory", "much")
        assert isinstance(answer, Refused) and wire.ask("CONFIG", "GET", "maxclients") == before
        answer = wire.ask("CONFIG", "SET", "port", 5)
        assert isinstance(answer, Refused), answer
        assert wire.ask("CONFIG", "SET", "storage.max_items", 100) == "OK"
        assert wire.ask("CONFIG", "GET", "storage.max_items") == [b"storage.max_items", b"100"]


def test_log_json_and_file(scene):
    log_file = scene.folder / "log.json"
    node = scene.bare("--port", 0, *QUIET, "--set", "log.format=json", "--set", f"log.file={log_file}")
    until(lambda: log_file.exists() and "ready" in log_file.read_text(), "the log file's last line")
    moved = log_file.rename(scene.folder / "log.old")
    node.process.send_signal(signal.SIGHUP)
    until(log_file.exists, "SIGHUP to open the log file again")
    node.stop()
    for line in (moved.read_text() + log_file.read_text()).splitlines():
        assert "level" in json.loads(line), line


def test_starts_within_two_seconds(scene):
    began = time.monotonic()
    node = scene.node()
    with node.wire() as wire:
        assert wire.ask("PING") == "PONG"
    took = time.monotonic() - began
    assert took < (8 if where.sanitized() else 2), f"the start took {took:.2f} s"
