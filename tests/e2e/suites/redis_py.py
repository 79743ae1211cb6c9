"""redis-py as Debian ships it: what an application written against Redis does."""
import threading
import time

import redis

from kit.runner import lasting, long
from kit.until import until


def client(node, **how):
    return redis.Redis(host="127.0.0.1", port=node.port, socket_timeout=30, **how)


def raises(words, call, *args, **how):
    try:
        call(*args, **how)
    except redis.RedisError as error:
        assert words in str(error), f"expected '{words}' in '{error}'"
        return error
    raise AssertionError(f"expected an error with '{words}'")


def test_strings(scene):
    r = client(scene.node())
    assert r.ping() and r.echo("hello") == b"hello"
    assert r.set("k", "v") is True and r.get("k") == b"v" and r.get("absent") is None
    assert r.set("k", "w", nx=True) is None and r.set("n", "w", xx=True) is None
    assert r.set("k", "new", get=True) == b"v" and r.getset("k", "x") == b"new"
    assert r.mset({"a": "1", "b": "2"}) and r.mget("a", "absent", "b") == [b"1", None, b"2"]
    assert not r.msetnx({"a": "9", "c": "3"}) and not r.exists("c")
    assert r.append("a", "23") == 3 and r.strlen("a") == 3 and r.getrange("a", 1, -1) == b"23"
    assert r.setrange("a", 5, "!") == 6 and r.get("a") == b"123\0\0!"
    assert r.incr("i", 5) == 5 and r.decr("i", 7) == -2 and r.incrbyfloat("i", 2.5) == 0.5
    raises("not an integer", r.incr, "i")
    assert r.setex("t", 100, "v") and 99 <= r.ttl("t") <= 100 and r.getex("t", persist=True) == b"v"
    assert r.ttl("t") == -1 and r.getdel("t") == b"v" and r.ttl("t") == -2
    assert r.setbit("bits", 7, 1) == 0 and r.getbit("bits", 7) == 1 and r.bitcount("bits") == 1
    assert r.bitpos("bits", 1) == 7 and r.bitop("not", "flip", "bits") == 1
    assert r.bitfield("f").set("u8", 0, 200).incrby("u8", 0, 100).execute() == [0, 44]
    assert r.execute_command("LCS", "a", "a") == b"123\0\0!"


def test_keys(scene):
    r = client(scene.node())
    r.mset({"one": "1", "two": "2", "three": "3"})
    assert r.exists("one", "two", "one", "absent") == 3 and r.type("one") == b"string"
    assert r.touch("one", "absent") == 1 and r.dbsize() == 3
    assert sorted(r.keys("t*")) == [b"three", b"two"] and r.randomkey() in (b"one", b"two", b"three")
    assert r.rename("one", "uno") and r.get("uno") == b"1"
    raises("no such key", r.rename, "absent", "x")
    assert not r.renamenx("uno", "two") and r.copy("uno", "eins") and not r.copy("uno", "two")
    assert r.copy("uno", "two", replace=True) and r.get("two") == b"1"
    assert r.delete("uno", "absent") == 1 and r.unlink("two", "three") == 2
    assert r.flushall() and r.dbsize() == 0


def test_expiry(scene):
    r = client(scene.node())
    r.set("k", "v")
    assert r.expire("k", 100) and not r.expire("k", 50, gt=True) and r.expire("k", 50, lt=True)
    assert 49_000 < r.pttl("k") <= 50_000 and r.persist("k") and r.pttl("k") == -1
    at_ms = int(time.time() * 1000) + 200_000
    assert r.pexpireat("k", at_ms) and r.execute_command("PEXPIRETIME", "k") == at_ms
    assert r.execute_command("EXPIRETIME", "k") == (at_ms + 500) // 1000
    began = time.monotonic()
    r.set("soon", "v", px=60)
    until(lambda: r.get("soon") is None, "the key to expire")
    took = time.monotonic() - began
    assert took >= 0.055, f"expired after {took} s, not 0.06"
    with r.pipeline(transaction=False) as pipe:
        for i in range(500):
            pipe.set(f"gone:{i}", "v", px=1)
        pipe.execute()
    until(lambda: r.dbsize() == 1, "active expiry to remove what nobody reads")
    assert r.expire("k", -1) and r.get("k") is None


def test_scan_iter(scene):
    r = client(scene.node())
    with r.pipeline(transaction=False) as pipe:
        for i in range(5000):
            pipe.set(f"key:{i}", i)
        pipe.execute()
    r.set("other", "1")
    every = list(r.scan_iter(count=100))
    assert len(every) == len(set(every)) == 5001
    assert len(set(r.scan_iter(match="key:12*"))) == 111
    assert len(set(r.scan_iter(_type="STRING"))) == 5001 and not list(r.scan_iter(_type="LIST"))


def test_pipelines(scene):
    r = client(scene.node())
    with r.pipeline(transaction=True) as pipe:
        assert pipe.set("a", 1).incr("a").get("a").execute() == [True, 2, b"2"]
    with r.pipeline(transaction=False) as pipe:
        for i in range(10_000):
            pipe.set(f"p:{i}", i)
        assert all(pipe.execute())
        pipe.mget([f"p:{i}" for i in range(10_000)])
        assert pipe.execute()[0] == [str(i).encode() for i in range(10_000)]
    with r.pipeline(transaction=True) as pipe:
        pipe.set("word", "x").incr("word").set("after", "1")
        said = pipe.execute(raise_on_error=False)
    assert said[0] is True and isinstance(said[1], redis.ResponseError) and r.get("after") == b"1"
    with r.pipeline(transaction=True) as pipe:
        pipe.execute_command("NOSUCH").set("never", "1")
        raises("unknown command", pipe.execute)
    assert r.get("never") is None


def test_watch_retry(scene):
    node = scene.node()
    r = client(node)
    r.set("n", 0)

    def add(pipe):
        n = int(pipe.get("n"))
        pipe.multi()
        pipe.set("n", n + 1)

    def work():
        mine = client(node)
        for _ in range(100):
            mine.transaction(add, "n")

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert r.get("n") == b"400", f"increments were lost: {r.get('n')}"
    with r.pipeline() as pipe:
        pipe.watch("n")
        r.set("n", "changed")
        pipe.multi()
        pipe.set("n", "mine")
        try:
            pipe.execute()
            raise AssertionError("EXEC went through although the watched key had changed")
        except redis.WatchError:
            pass
    assert r.get("n") == b"changed"


@lasting(120)
def test_large_values(scene):
    r = client(scene.node())
    pattern = bytes(range(256)) * 4096
    for n_bytes in (1, 100, 16_384, 16_385, 65_536, 1_000_003, 64 << 20):
        value = (pattern * (n_bytes // len(pattern) + 1))[:n_bytes]
        assert r.set("big", value) and r.strlen("big") == n_bytes
        assert r.get("big") == value, f"{n_bytes} bytes came back differently"
        assert r.getrange("big", -5, -1) == value[-5:]
    raises("", r.execute_command, "SETRANGE", "far", 512 << 20, "x")


@long
def test_largest_value(scene):
    r = client(scene.node(storage__max_memory="2GiB"))
    value = b"0123456789abcdef" * (32 << 20)
    assert r.set("huge", value) and r.strlen("huge") == 512 << 20
    assert r.get("huge") == value
    raises("maximum allowed size", r.append, "huge", "x")


def test_binary_keys(scene):
    r = client(scene.node())
    keys = [b"", b"\0", b"\r\n", bytes(range(256)), "ключ".encode(), b"k" * 65_535]
    for i, key in enumerate(keys):
        assert r.set(key, b"\r\n$%d\0" % i)
    assert [r.get(key) for key in keys] == [b"\r\n$%d\0" % i for i in range(len(keys))]
    assert set(r.scan_iter()) == set(keys)
    raises("", r.set, b"k" * 65_536, "v")


def test_databases(scene):
    node = scene.node()
    r0, r3 = client(node), client(node, db=3)
    r0.set("k", "zero")
    assert r3.get("k") is None and r3.set("k", "three") and r0.get("k") == b"zero"
    assert r0.move("k", 5) and client(node, db=5).get("k") == b"zero" and r0.swapdb(0, 3)
    assert r0.get("k") == b"three" and r3.dbsize() == 0 and r0.flushdb() and r0.dbsize() == 0
    assert client(node, db=5).dbsize() == 1
    raises("out of range", r0.execute_command, "SELECT", 16)


def test_admin(scene):
    r = client(scene.node())
    assert r.config_get("maxmemory")["maxmemory"] == str(1 << 30)
    assert r.config_set("maxmemory", "512mb") and r.config_get("maxmemory*")["maxmemory"] == str(512 << 20)
    raises("", r.config_set, "no-such-key", "1")
    assert r.client_setname("tester") and r.client_getname() == "tester" and r.client_id() > 0
    mine = [c for c in r.client_list() if c["name"] == "tester"]
    assert len(mine) == 1 and mine[0]["cmd"].startswith("client") and r.client_info()["name"] == "tester"
    r.set("k", "v")
    r.get("k"), r.get("absent")
    info = r.info()
    assert info["keyspace_hits"] == 1 and info["keyspace_misses"] == 1 and info["redis_version"]
    assert info["db0"]["keys"] == 1 and info["connected_clients"] == 1 and info["used_memory"] > 0
    assert r.info("commandstats")["cmdstat_get"]["calls"] == 2
    assert r.config_resetstat() and r.info("stats")["keyspace_hits"] == 0
    assert r.config_set("slowlog-log-slower-than", 0) and r.get("k") == b"v"
    assert any(b"GET k" in entry["command"] for entry in r.slowlog_get()) and r.slowlog_len() > 0
    assert r.slowlog_reset() and r.memory_usage("k") > 0 and r.memory_usage("absent") is None
    assert r.object("encoding", "k") in (b"raw", b"embstr", b"int")
    assert r.command_count() == len(r.command()) > 80 and "get" in r.command()
    assert r.time()[0] > 1_600_000_000
    assert r.wait(0, 0) == 0


def test_dump_restore(scene):
    r = client(scene.node())
    for value in (b"", b"12345", b"-1", b"text", b"a" * 20_000, bytes(range(256)) * 40):
        r.set("k", value)
        packed = r.dump("k")
        r.delete("copy")
        assert r.restore("copy", 0, packed) and r.get("copy") == value
    raises("BUSYKEY", r.restore, "copy", 0, packed)
    assert r.restore("copy", 50_000, packed, replace=True) and 0 < r.pttl("copy") <= 50_000
    raises("DUMP payload version or checksum are wrong", r.restore, "bad", 0, packed[:-1] + b"?")


def test_client_kill_and_reconnect(scene):
    node = scene.node()
    r, other = client(node), client(node)
    other.set("k", "v")
    victim = other.client_id()
    assert r.client_kill_filter(_id=victim) == 1
    try:
        other.get("k")
    except redis.ConnectionError:
        pass  # this redis-py tells the caller, and connects again the next time
    assert other.get("k") == b"v" and other.client_id() != victim
    raises("No such client", r.client_kill, "127.0.0.1:1")
    node.stop()
    raises("", other.get, "k")
    again = scene.node(server__port=node.port)
    assert again.port == node.port and other.set("k", "w") and other.get("k") == b"w"


def test_password_in_client(scene):
    node = scene.node(server__requirepass="secret")
    raises("Authentication required", client(node).get, "k")
    raises("invalid username-password", client(node, password="wrong").get, "k")
    assert client(node, password="secret").set("k", "v")
    assert client(node, username="default", password="secret").get("k") == b"v"


def test_resp3(scene):
    """redis-py 5 speaks RESP3 itself; the one of Debian 12 does not, there the raw wire asks."""
    node = scene.node()
    if int(redis.__version__.split(".")[0]) >= 5:
        r = client(node, protocol=3)
        assert r.set("k", "v") and r.get("k") == b"v" and r.config_get("port")
    with node.wire() as wire:
        hello = wire.ask("HELLO", 3)
        assert isinstance(hello, dict) and hello[b"proto"] == 3
        assert wire.ask("GET", "absent") is None
        assert wire.ask("CONFIG", "GET", "port") == {b"port": str(node.port).encode()}
        assert wire.ask("HELLO", 4).startswith("NOPROTO")
