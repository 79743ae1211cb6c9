"""Malformed RESP, odd but legal RESP, inline commands, passwords, HTTP on the client port."""
import socket

from kit.until import until
from kit.wire import Closed, Refused, command

MALFORMED = [
    (b"*x\r\n", "invalid multibulk length"),
    (b"*99999999999999999999\r\n", "invalid multibulk length"),
    (b"*2147483648\r\n", "invalid multibulk length"),
    (b"*+1\r\n", "invalid multibulk length"),
    (b"* 1\r\n", "invalid multibulk length"),
    (b"*1 \r\n", "invalid multibulk length"),
    (b"*1\r\n:1\r\n", "expected '$', got ':'"),
    (b"*1\r\nPING\r\n", "expected '$', got 'P'"),
    (b"*1\r\n\x01\r\n", "expected '$', got '\\x01'"),
    (b"*1\r\n$-1\r\n", "invalid bulk length"),
    (b"*1\r\n$\r\n", "invalid bulk length"),
    (b"*1\r\n$four\r\nPING\r\n", "invalid bulk length"),
    (b"*1\r\n$536870913\r\n", "invalid bulk length"),
    (b"*1\r\n$4\r\nPINGxx", "expected CRLF"),
    (b"*1\r\n$" + b"1" * 100 + b"\r\n", "too big bulk count string"),
    (b"*" + b"1" * 100 + b"\r\n", "too big mbulk count string"),
    (b"GET \"unbalanced\r\n", "unbalanced quotes"),
    (b"GET 'a'b\r\n", "unbalanced quotes"),
    (b"x" * 70_000, "too big inline request"),
]


def send_in_pieces(wire, data, step):
    try:
        for at in range(0, len(data), step):
            wire.send(data[at:at + step])
    except ConnectionError:
        pass  # refused before the last piece; the answer can still be read


def test_malformed(scene):
    node = scene.node()
    with node.wire() as other:
        for bad, words in MALFORMED:
            for step in (len(bad), 1) if len(bad) < 1000 else (len(bad),):
                with node.wire() as wire:
                    send_in_pieces(wire, bad, step)
                    try:
                        answer = wire.reply()
                    except Closed:
                        raise AssertionError(f"{bad[:40]!r} in pieces of {step}: closed without a word") \
                            from None
                    assert isinstance(answer, Refused), (bad[:40], answer)
                    assert answer.startswith("ERR Protocol error: ") and words in answer, (bad[:40], answer)
                    assert wire.is_closed(), f"not closed after {bad[:40]!r}"
        assert other.ask("PING") == "PONG"
    assert node.metrics()["loomcache_protocol_errors_total"] == len(MALFORMED) * 2 - 1


def test_what_came_before_is_answered(scene):
    node = scene.node()
    with node.wire() as wire:
        wire.send(command("SET", "k", "v") + command("GET", "k") + b"*1\r\n!\r\n" + command("SET", "k", "no"))
        assert wire.reply() == "OK" and wire.reply() == b"v"
        assert wire.reply().startswith("ERR Protocol error")
        assert wire.is_closed()
    with node.wire() as wire:
        assert wire.ask("GET", "k") == b"v"


def test_odd_but_legal(scene):
    with scene.node().wire() as wire:
        wire.send(b"\r\n*0\r\n*-1\r\n" + command("PING"))
        assert wire.reply() == "PONG"
        for byte in command("SET", b"k\r\n", b"\0"):
            wire.send(bytes([byte]))
        assert wire.reply() == "OK" and wire.ask("get", b"k\r\n") == b"\0"
        answer = wire.ask("")
        assert isinstance(answer, Refused) and "unknown command" in answer
        answer = wire.ask(b"no\r\nsuch\0" + b"x" * 5000, "a\nb")
        assert isinstance(answer, Refused) and "unknown command" in answer and len(answer) < 1000
        assert "wrong number of arguments for 'get' command" in wire.ask("GET")
        assert wire.ask("PING") == "PONG"


def test_inline(scene):
    with scene.node().wire() as wire:
        wire.send(b"SET k 'single quoted'\r\nget k\n  GET   \"k\"  \r\n\r\n"
                  b"SET e \"\\x41\\r\\n\\\"\"\r\nGET e\r\n")
        assert wire.reply() == "OK" and wire.reply() == b"single quoted" == wire.reply()
        assert wire.reply() == "OK" and wire.reply() == b'A\r\n"'
        wire.send(b"PING\r\n" + command("PING") + b"PING hello\r\n")
        assert (wire.reply(), wire.reply(), wire.reply()) == ("PONG", "PONG", b"hello")
        wire.send(b"QUIT\r\n")
        assert wire.reply() == "OK" and wire.is_closed()


def test_password(scene):
    node = scene.node(server__requirepass="open sesame")
    with node.wire() as wire:
        for words in (("GET", "k"), ("SET", "k", "v"), ("INFO",), ("CONFIG", "GET", "*"),
                      ("SHUTDOWN",), ("FLUSHALL",), ("CLIENT", "LIST"), ("HELLO", "3"), ("MULTI",)):
            answer = wire.ask(*words)
            assert isinstance(answer, Refused) and answer.startswith("NOAUTH"), (words, answer)
        for words in (("AUTH", "wrong"), ("AUTH", "default", "open sesam"), ("AUTH", ""),
                      ("AUTH", "someone", "open sesame"), ("HELLO", "3", "AUTH", "default", "no")):
            answer = wire.ask(*words)
            assert isinstance(answer, Refused) and answer.startswith("WRONGPASS"), (words, answer)
        assert wire.ask("GET", "k").startswith("NOAUTH")
        assert wire.ask("AUTH", "open sesame") == "OK" and wire.ask("SET", "k", "v") == "OK"
        assert wire.ask("RESET") == "RESET" and wire.ask("GET", "k").startswith("NOAUTH")
    with node.wire() as wire:
        hello = wire.ask("HELLO", "3", "AUTH", "default", "open sesame", "SETNAME", "me")
        assert hello[b"proto"] == 3 and wire.ask("CLIENT", "GETNAME") == b"me"
        assert wire.ask("CONFIG", "GET", "requirepass") in ({b"requirepass": b"open sesame"},
                                                           {b"requirepass": b"***"})
        assert wire.ask("CONFIG", "SET", "requirepass", "new") == "OK"
    with node.wire() as wire:
        assert wire.ask("AUTH", "open sesame").startswith("WRONGPASS") and wire.ask("AUTH", "new") == "OK"
    assert "open sesame" not in node.log() and "new" not in node.log().split("requirepass")[-1][:40]
    with scene.node().wire() as wire:
        assert "without any password configured" in wire.ask("AUTH", "x")


def test_limits_before_auth(scene):
    node = scene.node(server__requirepass="secret")
    for bad, words in ((b"*11\r\n", "unauthenticated multibulk length"),
                       (b"*2\r\n$4\r\nAUTH\r\n$16385\r\n", "unauthenticated bulk length")):
        with node.wire() as wire:
            wire.send(bad)
            answer = wire.reply()
            assert "Protocol error" in answer and words in answer, answer
            assert wire.is_closed()
    with node.wire() as wire:  # the limits of what follows AUTH in one packet are the wide ones
        wire.send(command("AUTH", "secret") + command("SET", "k", b"x" * 20_000)
                  + command("MGET", *["k"] * 20))
        assert wire.reply() == "OK" == wire.reply()
        assert [len(value) for value in wire.reply()] == [20_000] * 20


def http(node, request):
    with socket.create_connection(("127.0.0.1", node.port), 20) as client:
        client.sendall(request)
        answer = b""
        while piece := client.recv(65_536):
            answer += piece
        return answer


def test_http_on_the_client_port(scene):
    for node in (scene.node(), scene.node(server__requirepass="secret")):
        answer = http(node, b"GET /health HTTP/1.1\r\nHost: a\r\nUser-Agent: b\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 200 ") and b'"status":"ok"' in answer, answer
        assert b"Connection: close" in answer and answer.count(b"HTTP/1.1") == 1
        assert http(node, b"GET /nothing HTTP/1.0\r\n\r\n").startswith(b"HTTP/1.1 404 ")
        assert http(node, b"HEAD /livez HTTP/1.1\r\n\r\n").endswith(b"\r\n\r\n")
        assert http(node, b"POST /health HTTP/1.1\r\nContent-Length: 9\r\n\r\nSET k v\r\n").startswith(
            (b"HTTP/1.1 405 ", b"HTTP/1.1 501 ", b"HTTP/1.1 400 "))
        smuggled = http(node, b"POST / HTTP/1.1\r\nHost: x\r\n\r\nSET stolen yes\r\n")
        assert smuggled.count(b"\r\n\r\n") <= 1 and b"+OK" not in smuggled, smuggled
        until(lambda n=node: n.metrics()["loomcache_connections"] == 0, "the HTTP clients to be gone")
    with node.wire() as wire:
        assert wire.ask("AUTH", "secret") == "OK" and wire.ask("EXISTS", "stolen") == 0
