"""SCAN's guarantee while another client makes the tables grow and shrink."""
import threading

from kit import where
from kit.wire import command

STABLE = 20_000
CHURN = 100_000
PIPELINED = 500


def pipelined(wire, commands):
    for at in range(0, len(commands), PIPELINED):
        batch = commands[at:at + PIPELINED]
        wire.send(b"".join(batch))
        for _ in batch:
            wire.reply()


def churn(node, stop, rounds, errors):
    """Inserts 100,000 keys and deletes them again, over and over: tables grow by a factor of six."""
    try:
        with node.wire() as wire:
            while not stop.is_set():
                pipelined(wire, [command("SET", f"churn:{i}", "x") for i in range(CHURN)])
                pipelined(wire, [command("DEL", f"churn:{i}") for i in range(CHURN)])
                rounds.append(1)
    except Exception as error:  # pylint: disable=broad-except
        errors.append(error)


def full_scan(wire, *options):
    cursor, seen, n_calls = b"0", set(), 0
    while True:
        cursor, keys = wire.ask("SCAN", cursor, *options)
        assert int(cursor) < 1 << 53, cursor
        seen.update(keys)
        n_calls += 1
        assert n_calls < 2_000_000, "SCAN does not come to an end"
        if cursor == b"0":
            return seen, n_calls


def test_scan_while_tables_grow(scene):
    node = scene.node(storage__partitions=4)
    stable = {b"stable:%d" % i for i in range(STABLE)}
    with node.wire() as wire:
        pipelined(wire, [command("SET", key, "v") for key in stable])
        stop, rounds, errors = threading.Event(), [], []
        other = threading.Thread(target=churn, args=(node, stop, rounds, errors))
        other.start()
        try:
            n_scans, n_before = 0, 0
            while len(rounds) < (1 if where.sanitized() else 3) or n_scans < 4:
                for count in (10, 200, 5000):
                    seen, n_calls = full_scan(wire, "COUNT", count)
                    assert stable <= seen, f"{len(stable - seen)} keys missed with COUNT {count}"
                    assert all(key.startswith((b"stable:", b"churn:")) for key in seen)
                    assert n_calls > 1, "one call went through everything"
                seen, _ = full_scan(wire, "MATCH", "stable:1*", "COUNT", 500)
                assert seen == {key for key in stable if key.startswith(b"stable:1")}
                n_scans += 1
                n_before = len(rounds)
                assert not errors, errors[0]
        finally:
            stop.set()
            other.join()
        assert not errors and n_before >= 1
        assert wire.ask("DBSIZE") == STABLE
        assert full_scan(wire)[0] == stable


def test_scan_small_steps(scene):
    """COUNT 1, keys added between every two calls."""
    with scene.node(storage__partitions=1).wire() as wire:
        stable = {b"stable:%d" % i for i in range(500)}
        pipelined(wire, [command("SET", key, "v") for key in stable])
        cursor, seen, n = b"0", set(), 0
        while True:
            cursor, keys = wire.ask("SCAN", cursor, "COUNT", 1)
            seen.update(keys)
            for _ in range(20):
                wire.ask("SET", f"new:{n}", "v")
                n += 1
            if cursor == b"0":
                break
            assert n < 400_000, "SCAN does not come to an end"
        assert stable <= seen, f"{len(stable - seen)} keys missed"
