"""Overload: every limit is met with a clear answer, and other clients notice nothing."""
import socket
import time

from kit import where
from kit.runner import lasting
from kit.until import until
from kit.wire import Closed, Refused, Wire, command

MIB = 1 << 20


def healthy(wire):
    assert wire.ask("SET", "other", "fine") == "OK" and wire.ask("GET", "other") == b"fine"


def last_words(wire, words):
    """The server says `words` and closes."""
    try:
        answer = wire.reply()
    except Closed:
        raise AssertionError(f"closed without a word; expected '{words}'") from None
    assert isinstance(answer, Refused) and words in answer, f"expected '{words}', got: {answer!r}"
    assert wire.is_closed(), f"not closed after: {answer}"


def test_max_clients(scene):
    node = scene.node(server__max_clients=5)
    wires = [node.wire() for _ in range(5)]
    for wire in wires:
        healthy(wire)
    last_words(node.wire(), "max number of clients reached")
    wires.pop().close()

    def admitted():
        with node.wire() as wire:
            try:
                return wire.ask("PING") == "PONG"
            except (Closed, OSError):
                return False
    until(admitted, "room for another client")
    assert node.metrics()["loomcache_connections_rejected_total"] >= 1
    assert wires[0].ask("CONFIG", "SET", "maxclients", 100) == "OK"
    more = [node.wire() for _ in range(50)]
    assert all(wire.ask("PING") == "PONG" for wire in more)


def test_out_of_descriptors(scene):
    node = scene.node(prefix=("prlimit", "--nofile=64:64"))
    wires, refusal = [], None
    for _ in range(80):
        wire = node.wire()
        try:
            answer = wire.ask("PING")
        except (Closed, ConnectionError):
            raise AssertionError("a client was dropped without a word") from None
        if answer != "PONG":
            refusal = answer
            break
        wires.append(wire)
    assert len(wires) > 20 and "max number of clients" in str(refusal), (len(wires), refusal)
    began = cpu_seconds(node)
    for _ in range(20):
        try:
            node.wire().reply()
        except (Closed, ConnectionError):
            pass
    for wire in wires:
        healthy(wire)
    assert cpu_seconds(node) - began < 1, "it spins"
    for wire in wires[5:]:
        wire.close()

    def recovered():
        try:
            with node.wire() as wire:
                return wire.ask("PING") == "PONG"
        except (Closed, ConnectionError):
            return False
    until(recovered, "the server to accept again")
    assert "out of file descriptors" in node.log() and node.log().count("\n") < 200


def cpu_seconds(node):
    with open(f"/proc/{node.process.pid}/stat", encoding="ascii") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / 100


def test_argument_limits(scene):
    node = scene.node(server__args_max=1024, server__bulk_max="1MiB", server__query_buffer_max="2MiB")
    with node.wire() as other:
        with node.wire() as wire:
            assert wire.ask("MGET", *["k"] * 1023) == [None] * 1023
            wire.send(b"*1025\r\n")
            last_words(wire, "Protocol error: invalid multibulk length")
        with node.wire() as wire:
            assert wire.ask("SET", "k", b"x" * MIB) == "OK"
            wire.send(b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$%d\r\n" % (MIB + 1))
            last_words(wire, "Protocol error: invalid bulk length")
        with node.wire() as wire:
            wire.send(b"*1000\r\n$4\r\nMSET\r\n")
            try:
                for i in range(10):
                    wire.send(b"$%d\r\n%s\r\n" % (500_000, b"x" * 500_000))
            except ConnectionError:
                pass  # cut while it still sends: the answer may be lost with the rest
            assert wire.is_closed(), "the query buffer grew beyond its limit"
        with node.wire() as wire:  # the same, but the client stops at the line that is too much
            wire.send(b"*1000\r\n$4\r\nMSET\r\n" + (b"$500000\r\n%s\r\n" % (b"x" * 500_000)) * 4)
            wire.send(b"$500000\r\n")
            last_words(wire, "Protocol error: too big command")
        healthy(other)
    assert node.metrics()["loomcache_protocol_errors_total"] == 4


def test_inline_limit(scene):
    node = scene.node(server__inline_max="1KiB")
    with node.wire() as wire:
        wire.send(b"ECHO " + b"x" * 1000 + b"\r\n")
        assert wire.reply() == b"x" * 1000
        wire.send(b"x" * 1200)
        last_words(wire, "Protocol error: too big inline request")


@lasting(90)
def test_slow_reader(scene):
    node = scene.node(server__output_buffer_max="4MiB", server__threads=1, storage__inline_max="1KiB")
    with node.wire() as other, node.wire(receive_bytes=4096) as slow:
        for size in (500_000, 900):  # borrowed from the store; copied
            assert other.ask("SET", "big", b"x" * size) == "OK"
            before = node.metrics()["loomcache_output_overruns_total"]
            with node.wire(receive_bytes=4096) as slow:
                slow.socket.settimeout(0.2)
                worst = 0
                try:
                    for _ in range(2000):
                        slow.send(command("GET", "big") * 20)
                        began = time.monotonic()
                        healthy(other)
                        worst = max(worst, time.monotonic() - began)
                        if node.process.poll() is not None or "reads too slowly" in node.log():
                            break
                except (ConnectionError, TimeoutError):
                    pass
                until(lambda: node.metrics()["loomcache_output_overruns_total"] == before + 1,
                      "the slow reader to be cut")
                assert worst < (5 if where.sanitized() else 1), f"another client waited {worst:.2f} s"
            healthy(other)
        until(lambda: node.metrics()["loomcache_connections"] <= 2, "the slow clients to be gone")
        assert node.metrics()["loomcache_rss_bytes"] < (900 if where.sanitized() else 120) * MIB


def test_fast_reader_is_not_cut(scene):
    """Replies beyond the limit in total are fine for one who reads them."""
    node = scene.node(server__output_buffer_max="4MiB")
    with node.wire() as wire:
        assert wire.ask("SET", "big", b"x" * MIB) == "OK"
        for _ in range(40):
            assert len(wire.ask("GET", "big")) == MIB


def test_idle_timeout(scene):
    node = scene.node(server__idle_timeout="300ms")
    with node.wire() as idle, node.wire() as busy:
        began = time.monotonic()
        assert idle.ask("PING") == "PONG"
        idle.socket.settimeout(0.02)

        def cut():
            assert busy.ask("PING") == "PONG"
            try:
                return idle.socket.recv(1) == b""
            except TimeoutError:
                return False
        until(cut, "the idle client to be closed")
        took = time.monotonic() - began
        assert took >= 0.29, f"closed after {took:.2f} s"
        assert busy.ask("PING") == "PONG"
    assert node.metrics()["loomcache_connections_idle_closed_total"] >= 1


def test_half_open_http(scene):
    """Half a request on the health port is answered 408 and closed; others are served meanwhile."""
    node = scene.node()
    with socket.create_connection(("127.0.0.1", node.health_port), 20) as half:
        half.sendall(b"GET /health HT")
        assert node.http("/livez")[0] == 200
        answer = b""
        while piece := half.recv(4096):
            answer += piece
        assert answer.startswith(b"HTTP/1.1 408 "), answer[:100]
    crowd = [socket.create_connection(("127.0.0.1", node.health_port), 20) for _ in range(64)]
    for one in crowd:
        one.sendall(b"GET /")
    with socket.create_connection(("127.0.0.1", node.health_port), 20) as late:
        late.sendall(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n")
        assert late.recv(100).startswith(b"HTTP/1.1 503 ")
    for one in crowd:
        one.close()
    until(lambda: node.http("/livez")[0] == 200, "the health port to have room again")
    with socket.create_connection(("127.0.0.1", node.health_port), 20) as long_line:
        long_line.sendall(b"GET /" + b"x" * 20_000 + b" HTTP/1.1\r\n\r\n")
        assert long_line.recv(100).startswith((b"HTTP/1.1 414 ", b"HTTP/1.1 431 ", b"HTTP/1.1 400 "))


def test_out_of_memory(scene):
    node = scene.node(eviction__policy="none", storage__max_memory="4MiB", storage__partitions=1)
    with node.wire() as wire:
        n = 0
        while (answer := wire.ask("SET", f"k{n}", b"x" * 1000)) == "OK":
            n += 1
            assert n < 10_000, "the limit never came"
        assert isinstance(answer, Refused) and answer.startswith("OOM "), answer
        assert n > 3000, f"only {n} KiB of 4 MiB could be used"
        assert wire.ask("DBSIZE") == n and wire.ask("GET", "k0") == b"x" * 1000
        assert str(wire.ask("APPEND", "k1", b"y" * 100_000)).startswith("OOM ")
        assert wire.ask("STRLEN", "k1") == 1000, "a refused APPEND left something behind"
        assert wire.ask("DEL", *[f"k{i}" for i in range(100)]) == 100
        assert wire.ask("SET", "again", b"x" * 1000) == "OK"
    assert node.metrics()["loomcache_oom_total"] >= 2


def test_rss_guard(scene):
    node = scene.node(storage__rss_max="1MiB")
    with node.wire() as wire:
        answer = until(lambda: wire.ask("SET", "k", "v") != "OK" and wire.ask("SET", "k", "v"),
                       "the guard to refuse a write")
        assert answer.startswith("OOM "), answer
        assert wire.ask("GET", "absent") is None and wire.ask("DEL", "k") in (0, 1)
        assert "rss_max" in node.http("/health")[1]
        assert wire.ask("CONFIG", "SET", "storage.rss_max", 0) == "OK"
        until(lambda: wire.ask("SET", "k", "v") == "OK", "writes to be allowed again")


def test_many_idle_clients(scene):
    node = scene.node()
    wires = [Wire(node.port) for _ in range(400)]
    until(lambda: node.metrics()["loomcache_connections"] == 400, "400 connections to be counted")
    assert all(wire.ask("PING") == "PONG" for wire in wires)
