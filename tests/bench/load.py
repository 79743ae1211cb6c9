"""Load on a server: loadgen.c is compiled, run, and its result joined with the server's CPU."""
import json
import os
import shlex
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))


def say(*words):
    print(*words, file=sys.stderr, flush=True)


def compile_tools(folder):
    """Compiles loadgen.c and floor.c into folder; returns their paths."""
    cc = shlex.split(os.environ.get("CC", "cc"))
    for name in ("loadgen", "floor"):
        subprocess.run(cc + ["-D_GNU_SOURCE", "-O2", "-o", os.path.join(folder, name),
                             os.path.join(HERE, name + ".c"), "-lpthread"], check=True, timeout=120)
    return os.path.join(folder, "loadgen"), os.path.join(folder, "floor")


def command_of(bench, server, op, options):
    command = [bench.loadgen, "--protocol", server.protocol, "--port", str(server.port), "--op", op]
    for name, value in options.items():
        if value is True:
            command.append("--" + name.replace("_", "-"))
        elif value is not None:
            command += ["--" + name.replace("_", "-"), str(value)]
    return command


def finish(server, result):
    if result["errors"]:
        raise SystemExit(f"bench: {server.name}: {result['errors']} errors, the first: "
                         f"{result['first_error']}")
    if result["ops"] == 0:
        raise SystemExit(f"bench: {server.name} answered nothing")
    return result


def run(bench, server, op, cpus=None, timeout=700, **options):
    """One run to its end: loadgen's result and what the server used for it."""
    command = command_of(bench, server, op, options)
    cpu, (user, system) = server.cpu_seconds(), server.user_share()
    pin = (lambda: os.sched_setaffinity(0, cpus)) if cpus else None
    done = subprocess.run(command, stdout=subprocess.PIPE, timeout=timeout, preexec_fn=pin,
                          check=False)
    if done.returncode:
        raise SystemExit(f"bench: {server.name}: the load failed: {' '.join(command)}")
    cpu_after, (user_after, system_after) = server.cpu_seconds(), server.user_share()
    result = finish(server, json.loads(done.stdout))
    user, system = user_after - user, system_after - system
    result["cpu"] = (cpu_after - cpu) * 1e6 / result["ops"]
    result["user"] = result["cpu"] * user / max(user + system, 1)
    return result


class Held:
    """A load whose connections stay open, idle, until the block ends."""

    def __init__(self, bench, server, op, **options):
        command = command_of(bench, server, op, dict(options, hold=True))
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.server = server

    def __enter__(self):
        line = self.process.stdout.readline()
        if not line:
            self.process.wait(10)
            raise SystemExit(f"bench: {self.server.name} did not hold the connections")
        return finish(self.server, json.loads(line))

    def __exit__(self, *_):
        self.process.stdin.close()
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()
