"""wire.py - a raw connection that speaks RESP, also badly, and reads replies plainly.

Replies are: str for simple strings, bytes for bulk strings, int, None, list, dict (RESP3), and
Refused for errors - returned, not raised, so that tests can look at their words.
"""
import socket


class Refused(str):
    """An error reply, without its minus sign."""


class Closed(Exception):
    """The server closed the connection."""


def command(*words):
    out = [b"*%d\r\n" % len(words)]
    for word in words:
        word = word if isinstance(word, bytes) else str(word).encode()
        out.append(b"$%d\r\n%s\r\n" % (len(word), word))
    return b"".join(out)


class Wire:
    def __init__(self, port, host="127.0.0.1", limit_s=20, receive_bytes=None):
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.socket = socket.socket(family, socket.SOCK_STREAM)
        if receive_bytes:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        self.socket.settimeout(limit_s)
        self.socket.connect((host, port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.file = self.socket.makefile("rb", 1 << 16)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.file.close()
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)

    def line(self):
        try:
            line = self.file.readline()
        except ConnectionResetError as error:
            raise Closed() from error
        if not line.endswith(b"\r\n"):
            raise Closed()
        return line[:-2]

    def _bulk(self, n):
        body = self.file.read(n + 2)
        if len(body) != n + 2:
            raise Closed()
        return body[:-2]

    def reply(self):
        line = self.line()
        kind, rest = line[:1], line[1:]
        if kind == b"+":
            return rest.decode()
        if kind == b"-":
            return Refused(rest.decode())
        if kind == b":":
            return int(rest)
        if kind == b"$":
            return None if rest == b"-1" else self._bulk(int(rest))
        if kind == b"=":
            return self._bulk(int(rest))[4:]
        if kind in (b"*", b">", b"~"):
            return None if rest == b"-1" else [self.reply() for _ in range(int(rest))]
        if kind == b"%":
            return {self.reply(): self.reply() for _ in range(int(rest))}
        if kind == b"_":
            return None
        if kind == b"#":
            return rest == b"t"
        if kind == b",":
            return float(rest)
        raise AssertionError(f"not a reply: {line[:80]!r}")

    def ask(self, *words):
        self.send(command(*words))
        return self.reply()

    def is_closed(self):
        """Whether the server has closed; reads what is still there. Waits for the socket's limit."""
        try:
            while self.file.read(1 << 16):
                pass
            return True
        except ConnectionResetError:
            return True
        except TimeoutError:
            return False
