"""Eviction through the server: the limit holds, and traces miss exactly as often as they should.

A trace is replayed as a look-aside cache is used: GET, and SET when that missed, in exact order on
one connection; the GETs in between travel together, and what follows a miss is asked only after
its SET. The expected ratios are the traces' own table (REFERENCE.csv), or a model in this file
where the table has no row.
"""
import csv
import gzip
from collections import OrderedDict, deque

from kit import where
from kit.runner import Skip, lasting, long
from kit.wire import command

POLICIES = {"lru": "LRU", "fifo": "FIFO", "sieve": "SIEVE", "s3fifo": "S3-FIFO"}


def keys_of(trace, limit=None):
    path = where.traces() / f"{trace}.csv.gz"
    if not path.exists():
        raise Skip(f"the trace {path} is absent: set LOOMCACHE_TRACES to the folder of traces")
    with gzip.open(path, "rt") as lines:
        keys = [line.split(",", 1)[0] for _, line in zip(range(limit or 1 << 60), lines)]
    assert len(keys) == limit or not limit and len(keys) > 50_000
    return keys


def expected(trace, fraction):
    """(cache size, {policy: miss ratio}) of the table."""
    with open(where.traces() / "REFERENCE.csv", encoding="ascii") as table:
        rows = [row for row in csv.DictReader(table)
                if row["trace"] == trace and row["fraction_of_unique"] == fraction]
    ratios = {ours: float(row["miss_ratio"]) for row in rows for ours, theirs in POLICIES.items()
              if row["policy"] == theirs}
    assert len(ratios) == len(POLICIES), f"the table lacks rows for {trace} at {fraction}"
    return int(rows[0]["cache_size"]), ratios


class Replayer:
    """GET every key; on a miss SET it before anything later is asked.

    Whether a GET hits decides what comes next, so the exact order allows only so much in one
    packet: the SET of a miss and the GET after it.
    """

    def __init__(self, wire):
        self.socket, self.file, self.misses = wire.socket, wire.file, 0

    def run(self, keys):
        readline, read, sendall = self.file.readline, self.file.read, self.socket.sendall
        owed = b""
        for key in keys:
            sendall(owed + command("GET", key))
            if owed:
                line = readline()
                assert line == b"+OK\r\n", line
                owed = b""
            line = readline()
            if line == b"$-1\r\n":
                self.misses += 1
                owed = command("SET", key, "v")
            else:
                assert line == b"$1\r\n", line
                read(3)
        if owed:
            sendall(owed)
            assert readline() == b"+OK\r\n"


def miss_ratio(scene, policy, size, keys):
    node = scene.node(eviction__policy=policy, storage__max_items=size, storage__partitions=1,
                      server__threads=1)
    with node.wire() as wire:
        replayer = Replayer(wire)
        replayer.run(keys)
        n_items = wire.ask("DBSIZE")
        assert n_items <= size, f"{n_items} items, the limit is {size}"
    metrics = node.metrics()
    assert metrics["loomcache_cache_misses_total"] == replayer.misses
    assert metrics["loomcache_evict_fallback_total"] == 0
    node.stop()
    return replayer.misses / len(keys)


def compare(scene, trace, fraction, policies=tuple(POLICIES)):
    keys = keys_of(trace)
    size, ratios = expected(trace, fraction)
    wrong = []
    for policy in policies:
        got = miss_ratio(scene, policy, size, keys)
        if abs(got - ratios[policy]) >= 0.0005 + 0.00005:  # the table itself has four decimals
            wrong.append(f"{policy} on {trace} with {size} items: {got:.4f}, expected {ratios[policy]}")
    assert not wrong, "; ".join(wrong)


@lasting(150)
def test_web07_1_percent(scene):
    compare(scene, "web07", "0.01", ("lru", "s3fifo"))


@lasting(150)
def test_web07_10_percent(scene):
    compare(scene, "web07", "0.1", ("fifo", "sieve"))


@long
def test_web07_all(scene):
    for fraction in ("0.01", "0.1"):
        compare(scene, "web07", fraction)


@long
def test_corda_1_percent(scene):
    compare(scene, "corda", "0.01")


@long
def test_corda_10_percent(scene):
    compare(scene, "corda", "0.1")


# --- models, for the beginning of oltp, which the table does not know ---

def model_lru(size, keys):
    kept, misses = OrderedDict(), 0
    for key in keys:
        if key in kept:
            kept.move_to_end(key)
            continue
        misses += 1
        if len(kept) == size:
            kept.popitem(last=False)
        kept[key] = True
    return misses


def model_fifo(size, keys):
    kept, misses = OrderedDict(), 0
    for key in keys:
        if key not in kept:
            misses += 1
            if len(kept) == size:
                kept.popitem(last=False)
            kept[key] = True
    return misses


def model_sieve(size, keys):
    """A list by age (a dict of neighbours), one bit, one hand: Zhang et al., NSDI 2024."""
    bit, newer, older, head, tail, hand, misses = {}, {}, {}, None, None, None, 0
    for key in keys:
        if key in bit:
            bit[key] = True
            continue
        misses += 1
        if len(bit) == size:
            at = hand if hand is not None else tail
            while bit[at]:
                bit[at] = False
                at = newer[at] if newer[at] is not None else tail
            hand, before, after = newer[at], older.pop(at), newer.pop(at)
            del bit[at]
            if before is not None:
                newer[before] = after
            else:
                tail = after
            if after is not None:
                older[after] = before
            else:
                head = before
        bit[key], newer[key], older[key] = False, None, head
        if head is not None:
            newer[head] = key
        head, tail = key, key if tail is None else tail
    return misses


def model_s3fifo(size, keys):
    """Small queue a tenth, ghosts nine tenths, two hits to move: Yang et al., SOSP 2023."""
    n_small, n_ghost = size // 10, size * 9 // 10
    n_main = size - n_small
    small, main, ghost, hits, misses = deque(), deque(), OrderedDict(), {}, 0

    def evict_main():
        while True:
            key = main.popleft()
            if hits[key] == 0:
                del hits[key]
                return
            hits[key] = min(hits[key], 3) - 1
            main.append(key)

    def evict_small():
        while small:
            key = small.popleft()
            if hits[key] >= 2:
                hits[key] = 0
                main.append(key)
                continue
            del hits[key]
            if len(ghost) == n_ghost:
                ghost.popitem(last=False)
            ghost[key] = True
            return

    for key in keys:
        if key in hits:
            hits[key] += 1
            continue
        misses += 1
        known = ghost.pop(key, False)
        while len(hits) >= size:
            if len(main) > n_main or not small:
                evict_main()
            else:
                evict_small()
        hits[key] = 0
        (main if known else small).append(key)
    return misses


MODELS = {"lru": model_lru, "fifo": model_fifo, "sieve": model_sieve, "s3fifo": model_s3fifo}


def against_models(scene, size, keys, policies=tuple(MODELS)):
    wrong = []
    for policy in policies:
        want, got = MODELS[policy](size, keys) / len(keys), miss_ratio(scene, policy, size, keys)
        if abs(want - got) >= 0.0005:
            wrong.append(f"{policy} with {size} items: {got:.4f}, the model says {want:.4f}")
    assert not wrong, "; ".join(wrong)


def test_models_agree_with_the_table(scene):
    """So that the models may stand in for the table."""
    del scene
    for trace in ("web07", "corda"):
        keys = keys_of(trace)
        for fraction in ("0.01", "0.1"):
            size, ratios = expected(trace, fraction)
            for policy, model in MODELS.items():
                got = model(size, keys) / len(keys)
                assert abs(got - ratios[policy]) < 0.0005, (trace, size, policy, got, ratios[policy])


@lasting(120)
def test_oltp_beginning(scene):
    against_models(scene, 1869, keys_of("oltp", 20_000), ("lru", "s3fifo"))


@long
def test_oltp_300000_small(scene):
    against_models(scene, 1869, keys_of("oltp", 300_000))


@long
def test_oltp_300000_large(scene):
    against_models(scene, 18_688, keys_of("oltp", 300_000))


def test_every_policy_holds_the_limit(scene):
    """However many partitions; and what is read is what was written."""
    for file in sorted((where.build() / "plugins").glob("eviction_*.so")):
        policy = file.stem.split("_", 1)[1]
        if policy == "none":
            continue
        node = scene.node(eviction__policy=policy, storage__max_items=1000, storage__partitions=4)
        with node.wire() as wire:
            for start in range(0, 20_000, 500):
                batch = range(start, start + 500)
                wire.send(b"".join(command("SET", f"k{i}", i) + command("GET", f"k{i // 2}")
                                   for i in batch))
                for i in batch:
                    assert wire.reply() == "OK"
                    assert wire.reply() in (None, str(i // 2).encode())
                n = wire.ask("DBSIZE")
                assert n <= 1000, f"{policy}: {n} items"
            assert n > 900, f"{policy} keeps only {n} of 1000 items"
        node.stop()


def test_memory_limit_holds(scene):
    node = scene.node(storage__max_memory="8MiB", storage__partitions=2)
    with node.wire() as wire:
        for i in range(0, 20_000, 100):
            wire.send(b"".join(command("SET", f"k{j}", b"x" * (j * 37 % 4000)) for j in range(i, i + 100)))
            assert all(wire.reply() == "OK" for _ in range(100))
        metrics = node.metrics()
        assert metrics["loomcache_used_bytes"] <= 8 << 20, metrics["loomcache_used_bytes"]
        assert metrics["loomcache_used_bytes"] > 6 << 20 and metrics["loomcache_items"] > 2000
        assert wire.ask("CONFIG", "SET", "maxmemory", "2mb") == "OK"
        assert wire.ask("SET", "one", "more") == "OK"
        assert wire.ask("SET", "big", b"x" * (3 << 20)).startswith("OOM ")
