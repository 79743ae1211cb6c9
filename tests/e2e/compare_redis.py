#!/usr/bin/env python3
"""The same random commands to a LoomCache and to a Redis: the replies must be the same bytes.

    compare_redis.py PORT REDIS_PORT [COMMANDS [SEED]]

Both servers are flushed.  Strings, counters, bits, expiries and the keys' own commands are tried
with good and bad arguments; what depends on the clock or on hashing is left out.  Ends with 1 and
the commands that led there at the first reply that differs.
"""
import random
import socket
import sys

KEYS = ["k%d" % i for i in range(6)] + ["{t}a", "absent"]
SHORT = ["s1", "s2", "absent"]  # for LCS, whose cost is the product of two lengths
BATCH = 200


class Client:
    """Speaks RESP2 over a blocking socket; a reply is returned as the bytes that came."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=30)
        self.file = self.socket.makefile("rb")

    def send(self, commands):
        out = bytearray()
        for command in commands:
            out += b"*%d\r\n" % len(command)
            for arg in command:
                out += b"$%d\r\n%s\r\n" % (len(arg), arg)
        self.socket.sendall(out)

    def reply(self):
        line = self.file.readline()
        if not line.endswith(b"\r\n"):
            raise EOFError("the connection was closed")
        mark, n = line[:1], line[1:-2]
        if mark == b"$" and int(n) >= 0:
            return line + self.file.read(int(n) + 2)
        if mark == b"*" and int(n) >= 0:
            return line + b"".join(self.reply() for _ in range(int(n)))
        return line


class Words:
    """Arguments drawn at random; most are good, some are not."""

    def __init__(self, seed):
        self.random = random.Random(seed)

    def one(self, *choices):
        return self.random.choice(choices)

    def maybe(self, *args):
        return list(args) if self.random.random() < 0.4 else []

    def key(self):
        return self.random.choice(KEYS)

    def integer(self):
        r = self.random
        return str(r.choice([r.randint(-3, 12), r.randint(-3, 12), r.randint(-70, 70),
                             r.randint(-2**63, 2**63 - 1), 2**63 - 1, -2**63]))

    def any_integer(self):
        return self.integer() if self.random.random() < 0.95 else self.one(
            "", "x", "1.5", "01", "-0", "+1", " 1", "1 ", str(2**63), "0x1")

    def number(self):
        r = self.random
        return r.choice([self.integer(), "%.3f" % r.uniform(-99, 99), "1e%d" % r.randint(-20, 25),
                         repr(r.uniform(-1, 1)), "inf", "-inf", "nan", "abc", "", "1e5000", "3.0e3"])

    def value(self):
        r = self.random
        kind = r.random()
        if kind < 0.35:
            return self.integer()
        if kind < 0.5:
            return self.number()
        if kind < 0.6:
            return r.randbytes(r.randint(0, 40))
        if kind < 0.65:
            return r.randbytes(r.randint(3000, 9000))
        return self.short()

    def short(self):
        return "".join(self.random.choice("abcd") for _ in range(self.random.randint(0, 30)))

    def offset(self):
        r = self.random
        return str(r.choice([r.randint(0, 40), r.randint(0, 400), r.randint(-2, 2), 2**32]))

    def bit_range(self):
        start, end = self.integer(), self.integer()
        return self.one([], [start, end], [start, end, self.one("BYTE", "bit")])

    def type(self):
        return self.one("u8", "i8", "u1", "i1", "u63", "i64", "i5", "u13", "i33",
                        self.one("u64", "i65", "u0", "x3", "u"))

    def expiry(self):
        return self.one(["EX", "1000"], ["PX", "1000000"], ["EXAT", "9999999999"], ["KEEPTTL"],
                        ["PXAT", "9999999999999"], ["EX", "0"], ["PX", "-1"], ["EX", "x"], ["EX"],
                        ["EXAT", str(2**62)], ["PX", str(2**63 - 1)], ["PERSIST"], ["EX", "5", "EX", "6"])

    def fields(self):
        ops = []
        for _ in range(self.random.randint(0, 4)):
            where = [self.type(), self.one("#", "") + self.offset()]
            ops += self.one(["GET"] + where, ["SET"] + where + [self.any_integer()],
                            ["INCRBY"] + where + [self.any_integer()],
                            ["OVERFLOW", self.one("WRAP", "SAT", "FAIL", "NONE")])
        return ops

    def command(self):
        key = self.key
        return self.random.choice([
            lambda: ["GET", key()],
            lambda: ["SET", key(), self.value()],
            lambda: ["SET", key(), self.value()] + self.maybe(self.one("NX", "XX", "GET"))
            + self.maybe(*self.expiry()) + self.maybe("GET"),
            lambda: ["SETNX", key(), self.value()],
            lambda: ["SETEX", key(), self.one("100", "0", "x"), self.value()],
            lambda: ["PSETEX", key(), self.one("100000", "-1"), self.value()],
            lambda: ["GETSET", key(), self.value()],
            lambda: ["GETDEL", key()],
            lambda: ["GETEX", key()] + self.maybe(*self.expiry()),
            lambda: ["MGET"] + [key() for _ in range(self.random.randint(1, 5))],
            lambda: [self.one("MSET", "MSETNX")]
            + [w for _ in range(self.random.randint(1, 3)) for w in (key(), self.value())],
            lambda: ["APPEND", key(), self.value()],
            lambda: ["STRLEN", key()],
            lambda: [self.one("GETRANGE", "SUBSTR"), key(), self.any_integer(), self.any_integer()],
            lambda: ["SETRANGE", key(), self.offset(), self.value()],
            lambda: [self.one("INCR", "DECR"), key()],
            lambda: [self.one("INCRBY", "DECRBY"), key(), self.any_integer()],
            lambda: ["INCRBYFLOAT", key(), self.number()],
            lambda: ["SET", self.one("s1", "s2"), self.short()],
            lambda: ["LCS", self.one(*SHORT), self.one(*SHORT)] + self.maybe(self.one("LEN", "IDX"))
            + self.maybe("MINMATCHLEN", self.integer()) + self.maybe("WITHMATCHLEN"),
            lambda: ["SETBIT", key(), self.offset(), self.one("0", "1", "1", "2")],
            lambda: ["GETBIT", key(), self.offset()],
            lambda: ["BITCOUNT", key()] + self.bit_range(),
            lambda: ["BITPOS", key(), self.one("0", "1")] + self.bit_range(),
            lambda: ["BITPOS", key(), self.one("0", "1"), self.integer()],
            lambda: ["BITOP", self.one("AND", "OR", "XOR", "NOT", "NO"), key()]
            + [key() for _ in range(self.random.randint(1, 3))],
            lambda: [self.one("BITFIELD", "BITFIELD", "BITFIELD_RO"), key()] + self.fields(),
            lambda: [self.one("DEL", "UNLINK", "EXISTS", "TOUCH"), key(), key()],
            lambda: [self.one("TYPE", "PERSIST", "PERSIST"), key()],
            lambda: [self.one("RENAME", "RENAMENX"), key(), key()],
            lambda: ["COPY", key(), key()] + self.maybe("REPLACE"),
            lambda: [self.one("EXPIREAT", "PEXPIREAT"), key(), self.one("9999999990", "1", "x", "0")]
            + self.maybe(self.one("NX", "XX", "GT", "LT", "FOO")),
        ])()


def as_bytes(command):
    return [arg if isinstance(arg, bytes) else arg.encode() for arg in command]


def show(command):
    return " ".join(repr(arg)[1:] if len(arg) < 60 else "<%d bytes>" % len(arg) for arg in command)


def main():
    ports = [int(a) for a in sys.argv[1:3]]
    n = int(sys.argv[3]) if len(sys.argv) > 3 else 20000
    seed = int(sys.argv[4]) if len(sys.argv) > 4 else random.randrange(10**6)
    words, history = Words(seed), []
    clients = [Client(port) for port in ports]
    for client in clients:
        client.send([[b"FLUSHALL"]])
        client.reply()
    for done in range(0, n, BATCH):
        batch = [as_bytes(words.command()) for _ in range(BATCH)]
        for client in clients:
            client.send(batch)
        differs = None
        for command in batch:
            ours, theirs = clients[0].reply(), clients[1].reply()
            if differs is None:
                history.append(command)
                if ours != theirs:
                    differs = (ours, theirs)
        if differs:
            print("seed %d: after %d commands" % (seed, len(history)))
            for command in history[-12:]:
                print("   ", show(command))
            print("LoomCache:", differs[0][:500], "\nRedis:    ", differs[1][:500])
            return 1
    print("%d commands, the same replies (seed %d)" % (len(history), seed))
    return 0


if __name__ == "__main__":
    sys.exit(main())
