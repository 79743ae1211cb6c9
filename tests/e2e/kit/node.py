"""node.py - one running loomcache: start, wait, connect, stop, read what it said."""
import os
import signal
import socket
import subprocess
import urllib.error
import urllib.request

from kit import where
from kit.until import until
from kit.wire import Wire


def _clean_environment(extra):
    """The caller's LOOMCACHE_ variables would change what is tested."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("LOOMCACHE_")}
    kept.update(extra or {})
    return kept


class Node:
    n_started = 0

    def __init__(self, scene, args, options, env=None, prefix=()):
        env = options.pop("env", env)
        prefix = options.pop("prefix", prefix)
        sets = []
        for name, value in options.items():
            section, key = name.replace("_DOT_", ".").split("__")
            if value is not None:
                sets += ["--set", f"{section}.{key}={value}"]
        self.port = options.get("server__port")
        self.health_port = options.get("health__port")
        self.metrics_port = options.get("exporter_DOT_prometheus__port")
        Node.n_started += 1
        self.out_path = scene.folder / f"out.{Node.n_started}"
        self.err_path = scene.folder / f"err.{Node.n_started}"
        self.code = None
        with open(self.out_path, "wb") as out, open(self.err_path, "wb") as err:
            self.process = subprocess.Popen(
                [*prefix, str(where.program()), *map(str, args), *sets], stdin=subprocess.DEVNULL,
                stdout=out, stderr=err, env=_clean_environment(env), cwd=scene.folder)

    # --- waiting ---

    def wait_ready(self):
        until(self._ready, "the server to become ready", limit_s=20)
        return self

    def _ready(self):
        if self.process.poll() is not None:
            raise AssertionError(f"the server ended with {self.process.returncode}: {self.log()}")
        return " ready: " in self.log() or '"ready: ' in self.log()

    def wait_log(self, words):
        until(lambda: words in self.log(), f"the log to say '{words}'")

    def ended(self, limit_s=20):
        """Waits for the program's own end; its exit code."""
        return self.process.wait(limit_s)

    # --- ends ---

    def stop(self, expect=0):
        self.process.send_signal(signal.SIGTERM)
        code = self.ended()
        assert code == expect, f"exit code {code} after SIGTERM: {self.log()[-2000:]}"

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(10)

    def check_log(self):
        """No sanitizer's report and no broken assertion in what it said."""
        log = self.log()
        for word in ("ERROR: AddressSanitizer", "runtime error:", "ERROR: LeakSanitizer",
                     "WARNING: ThreadSanitizer", "assertion"):
            assert word not in log, log[-4000:]

    # --- what it says ---

    def log(self):
        return self.err_path.read_text(errors="replace")

    def out(self):
        return self.out_path.read_text(errors="replace")

    def wire(self, **how):
        return Wire(self.port, **how)

    def http(self, path, port=None):
        """(status, body) of a GET."""
        url = f"http://127.0.0.1:{port or self.health_port}{path}"
        try:
            with urllib.request.urlopen(url, timeout=10) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def metrics(self):
        """{'name{labels}': value} of the metrics page."""
        _, page = self.http("/metrics", self.metrics_port)
        lines = [line for line in page.splitlines() if line and not line.startswith("#")]
        return {line.rsplit(" ", 1)[0]: float(line.rsplit(" ", 1)[1]) for line in lines}

    def listens(self):
        try:
            socket.create_connection(("127.0.0.1", self.port), 5).close()
            return True
        except ConnectionRefusedError:
            return False
