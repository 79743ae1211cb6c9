"""The programs that are measured: where they are, how they are started, what they use.

Every server gets the same threads, memory limit and connections, listens on 127.0.0.1 at a free
port, keeps nothing on disk, and is ended by its process id.  A peer that is not installed is left
out, and the output says so.
"""
import os
import shutil
import socket
import subprocess
import time

LIVE = []
PEERS = {  # name: (environment variable, program)
    "redis": ("REDIS_SERVER", "redis-server"),
    "valkey": ("VALKEY_SERVER", "valkey-server"),
    "valkey-1t": ("VALKEY_SERVER", "valkey-server"),
    "memcached": ("MEMCACHED", "memcached"),
    "pogocache": ("POGOCACHE", "pogocache"),
}


def find(name):
    """The program of a peer, or None."""
    variable, program = PEERS[name]
    named = os.environ.get(variable)
    if named:
        return named if os.access(named, os.X_OK) else None
    return shutil.which(program)


def version(command):
    out = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    lines = (out.stdout + out.stderr).strip().splitlines()
    return lines[0].strip() if lines else "version unknown"


def loomcache_command(options, port, threads, memory_mb, connections):
    command = [os.path.join(options.build, "loomcache"), "--port", str(port)]
    settings = ["server.bind=127.0.0.1", f"server.threads={threads}", "health.port=0",
                "exporter.plugins=", f"storage.max_memory={memory_mb}MiB",
                f"server.max_clients={connections}"] + options.set
    for setting in settings:
        command += ["--set", setting]
    return command


def peer_command(name, port, folder, threads, memory_mb, connections):
    program = find(name)
    if name == "memcached":
        command = [program, "-p", port, "-U", 0, "-l", "127.0.0.1", "-t", threads,
                   "-m", memory_mb, "-c", connections]
        return command + (["-u", "root"] if os.getuid() == 0 else [])
    if name == "pogocache":
        return [program, "-h", "127.0.0.1", "-p", port, "--threads", threads,
                "--maxmemory", f"{memory_mb}mb", "--maxconns", connections]
    command = [program, "--port", port, "--bind", "127.0.0.1", "--dir", folder, "--save", "",
               "--daemonize", "no", "--appendonly", "no", "--maxclients", connections,
               "--maxmemory", f"{memory_mb}mb", "--maxmemory-policy", "allkeys-lru"]
    return command + (["--io-threads", threads] if name == "valkey" else [])


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Server:
    """One running server; stop() ends it."""

    def __init__(self, bench, name, threads, memory_mb=4096, connections=2000, cpus=None,
                 value_bytes=64):
        self.name, self.port = name, free_port()
        self.protocol = "meta" if name == "memcached" else "resp"
        self.folder = os.path.join(bench.folder, f"{name}-{self.port}")
        os.makedirs(self.folder)
        if name == "loomcache":
            command = loomcache_command(bench.options, self.port, threads, memory_mb, connections)
        elif name == "floor":
            command = [bench.floor, self.port, threads, value_bytes]
        else:
            command = peer_command(name, self.port, self.folder, threads, memory_mb, connections)
        self.command = [str(word) for word in command]
        environment = {k: v for k, v in os.environ.items() if not k.startswith("LOOMCACHE_")}
        with open(os.path.join(self.folder, "out"), "wb") as out:
            self.process = subprocess.Popen(
                self.command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, cwd=self.folder,
                env=environment, start_new_session=True,
                preexec_fn=(lambda: os.sched_setaffinity(0, cpus)) if cpus else None)
        LIVE.append(self)
        self.await_answer()

    def await_answer(self, seconds=20):
        question, answer = b"*1\r\n$4\r\nPING\r\n", b"+PONG"
        if self.protocol == "meta":
            question, answer = b"version\r\n", b"VERSION"
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                with socket.create_connection(("127.0.0.1", self.port), 2) as s:
                    s.settimeout(2)
                    s.sendall(question)
                    if s.recv(64).startswith(answer):
                        return
            except OSError:
                time.sleep(0.02)
        self.stop()
        with open(os.path.join(self.folder, "out"), encoding="utf8", errors="replace") as f:
            tail = f.read()[-800:]
        raise SystemExit(f"bench: {self.name} does not answer: {' '.join(self.command)}\n{tail}")

    def cpu_seconds(self):
        """CPU time of all its threads: the process' own clock, exact to the nanosecond."""
        return time.clock_gettime((~self.process.pid << 3) | 2)

    def user_share(self):
        """(user, system) ticks so far; the kernel samples them, so only their ratio is used."""
        with open(f"/proc/{self.process.pid}/stat", encoding="utf8") as f:
            fields = f.read().rsplit(")", 1)[1].split()
        return int(fields[11]), int(fields[12])

    def rss_bytes(self):
        with open(f"/proc/{self.process.pid}/smaps_rollup", encoding="utf8") as f:
            for line in f:
                if line.startswith("Rss:"):
                    return int(line.split()[1]) * 1024
        raise SystemExit(f"bench: no resident size of {self.name}")

    def settled_rss_bytes(self, at_least=0.0, limit=20):
        """The resident size once it has stood still for two seconds."""
        start = changed = time.monotonic()
        last = self.rss_bytes()
        while time.monotonic() < start + limit:
            time.sleep(0.25)
            now = self.rss_bytes()
            if abs(now - last) > 65536:
                last, changed = now, time.monotonic()
            if time.monotonic() - max(changed, start + at_least - 2) > 2:
                break
        return self.rss_bytes()

    def stop(self):
        if self in LIVE:
            LIVE.remove(self)
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(8)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


def stop_all():
    for server in list(LIVE):
        server.stop()
