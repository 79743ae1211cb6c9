"""Starting and stopping: what is refused, with which sentence and exit code, and a clean end."""
import os
import shutil
import signal
import socket

from kit import where
from kit.scene import free_port
from kit.until import until
from kit.wire import Wire, command

QUIET = ("--set", "health.port=0", "--set", "exporter.prometheus.port=0")


def ends(scene, code, *args, words=(), env=None):
    node = scene.bare(*args, env=env)
    got = node.ended()
    log = node.log()
    assert got == code, f"exit code {got}, not {code}: {log}"
    for word in words:
        assert word in log, f"expected '{word}' in: {log}"
    node.check_log()


def listening(node, port):
    with open(f"/proc/{node.process.pid}/net/tcp", encoding="ascii") as table:
        return any(line.split()[1].endswith(f":{port:04X}") and line.split()[3] == "0A"
                   for line in list(table)[1:])


def test_port_in_use(scene):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        free = free_port()
        ends(scene, 1, "--port", port, *QUIET, words=[str(port), "Address already in use"])
        ends(scene, 1, "--port", free, "--set", f"health.port={port}", *QUIET[2:],
             words=[str(port), "in use"])
        ends(scene, 1, "--port", free, *QUIET[:2], "--set", f"exporter.prometheus.port={port}",
             words=[str(port), "in use"])


def test_listeners_off(scene):
    """Port 0 and LOOMCACHE_SERVER_ENABLED=false: no client port, health still answers."""
    for how in ({"server__port": 0}, {"server__enabled": "false"},
                {"env": {"LOOMCACHE_SERVER_ENABLED": "false"}}):
        how.setdefault("server__port", free_port())
        node = scene.node(**how)
        assert node.http("/health")[0] == 200
        assert not how["server__port"] or not listening(node, how["server__port"])
        node.stop()
    node = scene.node(health__port=0)
    with node.wire() as wire:
        assert wire.ask("PING") == "PONG"
    node = scene.node(exporter_DOT_prometheus__port=0)
    assert node.http("/health")[0] == 200


def test_dual_stack(scene):
    node = scene.node()
    with Wire(node.port, "127.0.0.1") as four:
        assert four.ask("SET", "k", "v") == "OK"
    with open("/proc/net/if_inet6", encoding="ascii") as table:
        has_six = table.read() != ""
    if has_six:
        with Wire(node.port, "::1") as six:
            assert six.ask("GET", "k") == b"v"


def test_open_to_the_network(scene):
    for bind in ("*", "0.0.0.0", "localhost,0.0.0.0"):
        ends(scene, 2, "--port", free_port(), "--set", f"server.bind={bind}", *QUIET,
             words=["requirepass", "allow_open"])
    for extra in ({"server__allow_open": "true"}, {"server__requirepass": "secret"}):
        node = scene.node(server__bind="*", **extra)
        with node.wire() as wire:
            assert str(wire.ask("PING")).startswith("NOAUTH" if "server__requirepass" in extra else "PONG")
    ends(scene, 1, "--port", free_port(), "--set", "server.bind=192.0.2.7", "--set",
         "server.allow_open=true", *QUIET, words=["192.0.2.7"])


def test_plugins_refused(scene):
    fresh = scene.folder / "plugins"
    shutil.copytree(where.build() / "plugins", fresh)
    path = ("--set", f"plugins.path={fresh}")
    good = (where.build() / "plugins" / "eviction_sieve.so").read_bytes()
    cases = {
        "eviction_text.so": (b"I am not a plugin, only a text.\n", "text"),
        "eviction_short.so": (good[:len(good) // 2], "short"),
        "eviction_tiny.so": (good[:40], "tiny"),
        "eviction_empty.so": (b"", "empty"),
        "eviction_kindly.so": ((fresh / "storage_memory.so").read_bytes(), "kindly"),
    }
    for name, (body, policy) in cases.items():
        (fresh / name).write_bytes(body)
        ends(scene, 2, "--port", 0, *QUIET, *path, "--set", f"eviction.policy={policy}",
             words=["loomcache: ", name])
    libc = next(p for p in ("/lib/x86_64-linux-gnu/libm.so.6", "/lib/aarch64-linux-gnu/libm.so.6",
                            "/usr/lib/libm.so.6") if os.path.exists(p))
    shutil.copy(libc, fresh / "eviction_foreign.so")
    ends(scene, 2, "--port", 0, *QUIET, *path, "--set", "eviction.policy=foreign",
         words=["eviction_foreign.so"])
    ends(scene, 2, "--port", 0, *QUIET, *path, "--set", "eviction.policy=absent", words=["absent"])
    ends(scene, 2, "--port", 0, *QUIET, *path, "--set", "exporter.plugins=absent", words=["absent"])
    ends(scene, 2, "--port", 0, *QUIET, "--set", f"plugins.load={fresh}/eviction_text.so",
         words=["eviction_text.so"])
    ends(scene, 2, "--port", 0, *QUIET, "--set", "plugins.path=/nowhere/at/all", words=["/nowhere/at/all"])


def test_every_policy_starts(scene):
    for file in sorted((where.build() / "plugins").glob("eviction_*.so")):
        policy = file.stem.split("_", 1)[1]
        node = scene.node(eviction__policy=policy)
        with node.wire() as wire:
            assert wire.ask("SET", "k", "v") == "OK" and wire.ask("GET", "k") == b"v"
            assert policy.encode() in repr(wire.ask("PLUGIN", "LIST")).encode()
        node.stop()


def test_stop_delivers_what_is_owed(scene):
    """A reply that the client has not taken yet still arrives after SIGTERM, then a clean end."""
    node = scene.node(shutdown__drain="20s")
    value = os.urandom(1 << 20) * 8
    with node.wire(receive_bytes=8192) as wire:
        assert wire.ask("SET", "big", value) == "OK"
        wire.send(command("GET", "big") + command("ECHO", "last"))
        assert wire.line() == b"$%d" % len(value)
        node.process.send_signal(signal.SIGTERM)
        node.wait_log("stopping")
        assert wire.file.read(len(value) + 2) == value + b"\r\n", "the reply was cut"
        assert wire.reply() == b"last"
        assert wire.is_closed()
    assert node.ended() == 0, node.log()


def test_stop_is_quick(scene):
    node = scene.node(shutdown__drain="10min")
    with node.wire() as wire:
        assert wire.ask("PING") == "PONG"
        node.process.send_signal(signal.SIGTERM)
        assert node.ended() == 0, "a client that is owed nothing must not hold up the end"
    other = scene.node()
    other.process.send_signal(signal.SIGINT)
    assert other.ended() == 0


def test_shutdown_command(scene):
    node = scene.node()
    with node.wire() as wire:
        wire.send(command("SHUTDOWN", "NOSAVE"))
        assert wire.is_closed()
    assert node.ended() == 0


def test_second_signal(scene):
    """The first waits for a client that does not read, the second ends at once."""
    node = scene.node(shutdown__drain="10min")
    with node.wire(receive_bytes=4096) as wire:
        assert wire.ask("SET", "big", b"x" * (32 << 20)) == "OK"
        wire.send(command("GET", "big"))
        assert wire.line().startswith(b"$")
        node.process.send_signal(signal.SIGTERM)
        node.wait_log("stopping")
        node.process.send_signal(signal.SIGTERM)
        assert node.ended() == 130
    assert "exiting at once" in node.log()


def test_status_while_stopping(scene):
    node = scene.node(shutdown__drain="10min")
    assert '"status":"ok"' in node.http("/health")[1] and node.http("/readyz")[0] == 200
    with node.wire(receive_bytes=4096) as wire:
        assert wire.ask("SET", "big", b"x" * (32 << 20)) == "OK"
        wire.send(command("GET", "big"))
        assert wire.line().startswith(b"$")
        node.process.send_signal(signal.SIGTERM)
        node.wait_log("stopping")
        status, body = until(lambda: node.http("/readyz")[0] == 503 and node.http("/health"),
                             "/readyz to say that the node is stopping")
        assert status == 503 and '"status":"stopping"' in body and "shutting down" in body, body
        assert node.http("/livez")[0] == 200
        until(lambda: not node.listens(), "the client port to be closed")
    assert node.ended() == 0
