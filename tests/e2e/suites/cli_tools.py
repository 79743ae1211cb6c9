"""The command-line programs of Redis and Valkey: redis-cli, redis-benchmark, valkey-benchmark."""
import re
import subprocess

from kit import where
from kit.runner import Skip
from kit.wire import command

BENCHMARKED = "ping,set,get,incr,mset"
OURS = [("GETRANGE", "k:__rand_int__", "0", "5"), ("EXPIRE", "k:__rand_int__", "100"),
        ("APPEND", "a:__rand_int__", "x"), ("SETBIT", "b", "7", "1")]


def needed(name):
    path = where.tool(name)
    assert path, f"{name} is needed (make test installs it: scripts/setup test)"
    return path


def run(node, name, *args, stdin=b"", limit_s=50, code=0):
    done = subprocess.run([needed(name), "-p", str(node.port), *args], input=stdin, timeout=limit_s,
                          capture_output=True, check=False)
    said = (done.stdout + done.stderr).decode(errors="replace")
    assert done.returncode == code, f"{name} {args}: exit code {done.returncode}: {said[-800:]}"
    return said


def cli(node, *args, **how):
    return run(node, "redis-cli", *args, **how)


def test_cli_commands(scene):
    node = scene.node()
    assert cli(node, "SET", "k", "v").strip() == "OK" and cli(node, "GET", "k").strip() == "v"
    assert cli(node, "-n", "3", "EXISTS", "k").strip() == "0"
    assert "not an integer" in cli(node, "INCR", "k")
    said = cli(node, stdin=b"SET a 1\nINCR a\nGET \"a\"\nMULTI\nINCR a\nEXEC\n")
    assert said.split() == ["OK", "2", "2", "OK", "QUEUED", "3"], said
    assert cli(node, "-x", "SET", "raw", stdin=b"a\0b").strip() == "OK"
    assert cli(node, "STRLEN", "raw").strip() == "3"
    assert "redis_version:" in cli(node, "INFO", "server")
    assert cli(node, "-r", "50", "INCR", "loops").split()[-1] == "50"


def test_cli_resp3(scene):
    node = scene.node()
    if "-3 " not in run(node, "redis-cli", "--help"):
        raise Skip("this redis-cli has no option -3")
    assert cli(node, "-3", "SET", "k", "v").strip() == "OK"
    assert "maxmemory" in cli(node, "-3", "CONFIG", "GET", "maxmemory")
    assert "# Server" in cli(node, "-3", "INFO", "server")


def test_cli_pipe(scene):
    node = scene.node()
    bulk = b"".join(command("SET", f"mass:{i}", f"value {i}") for i in range(100_000))
    said = cli(node, "--pipe", stdin=bulk)
    assert "errors: 0, replies: 100000" in said, said
    assert cli(node, "DBSIZE").strip() == "100000"
    said = cli(node, "--pipe", stdin=command("SET", "k", "v") + command("INCR", "k"), code=1)
    assert "errors: 1, replies: 2" in said, said


def test_cli_scans(scene):
    node = scene.node()
    bulk = b"".join(command("SET", f"key:{i}", "x" * (i % 100)) for i in range(3000))
    cli(node, "--pipe", stdin=bulk + command("SET", "biggest", "x" * 5000))
    assert len(set(cli(node, "--scan").split())) == 3001
    assert len(set(cli(node, "--scan", "--pattern", "key:1*").split())) == 1111
    said = cli(node, "--bigkeys")
    assert re.search(r"Biggest string found .*biggest.* has 5000 bytes", said), said
    said = cli(node, "--memkeys")
    assert re.search(r"Biggest string found .*biggest.* has \d{4,} bytes", said), said


def test_cli_auth(scene):
    node = scene.node(server__requirepass="secret")
    assert "NOAUTH" in cli(node, "GET", "k")
    assert cli(node, "-a", "secret", "--no-auth-warning", "SET", "k", "v").strip() == "OK"


def benchmark(scene, name):
    node = scene.node()
    for extra in (("-P", "1"), ("-P", "16"), ("-P", "16", "--threads", "2")):
        said = run(node, name, "-q", "-n", "10000", "-c", "50", "-r", "1000", "-d", "64", "-t",
                   BENCHMARKED, *extra)
        assert len(re.findall(r"[1-9][\d.]* requests per second", said)) == 6, said
        assert "rror" not in said.replace("ERROR: failed to fetch CONFIG", "x"), said
    for words in OURS:
        said = run(node, name, "-q", "-n", "5000", "-c", "20", "-r", "1000", *words)
        assert "requests per second" in said and "rror" not in said, said
    metrics = node.metrics()
    assert metrics['loomcache_commands_total{command="get"}'] == 30_000
    assert 'loomcache_command_failures_total{command="get"}' not in metrics or \
        metrics['loomcache_command_failures_total{command="get"}'] == 0


def test_redis_benchmark(scene):
    benchmark(scene, "redis-benchmark")


def test_valkey_benchmark(scene):
    benchmark(scene, "valkey-benchmark")
