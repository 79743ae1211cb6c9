"""runner.py - finds test functions, runs them with a deadline each, counts.

A test is a function test_*; it fails by raising. It takes a `Scene`, which starts servers and
stops them when the test ends, however it ends. `@long` marks what only the long run does.
"""
import signal
import time
import traceback

from kit import where
from kit.scene import Scene

TEST_S = 60
LONG_TEST_S = 600


class Skip(Exception):
    """Something outside the project is absent; the reason is printed at the end."""


class TooLong(BaseException):
    """The test's own deadline; not an Exception, so that no test swallows it."""


def long(test):
    test.is_long = True
    return test


def lasting(seconds):
    """A test that is known to need more than the usual deadline."""
    def mark(test):
        test.limit_s = seconds
        return test
    return mark


def tests_of(suite, module, only, with_long):
    found = [(f"{suite}.{name[5:]}", test) for name, test in vars(module).items()
             if name.startswith("test_") and callable(test)]
    return [(name, test) for name, test in found
            if (with_long or name in only or not getattr(test, "is_long", False))
            and (not only or suite in only or name in only)]


def _alarm(_number, _frame):
    raise TooLong()


def _reason(error):
    """The sentence, and the line of the suite at which it was raised."""
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if "/suites/" in frame.filename:
            place = f"{frame.filename.rsplit('/', 1)[1]}:{frame.lineno}: {frame.line}"
            break
    else:
        place = "outside the suites"
    return f"{type(error).__name__}: {error} [{place}]"


def run_one(test):
    """None, or what went wrong. Skip passes through."""
    limit_s = getattr(test, "limit_s", LONG_TEST_S if getattr(test, "is_long", False) else TEST_S)
    if where.sanitized():
        limit_s *= 4
    scene = Scene()
    signal.signal(signal.SIGALRM, _alarm)
    signal.alarm(limit_s)
    try:
        test(scene)
        scene.close()
        return None
    except Skip:
        raise
    except TooLong as error:
        return f"not finished after {limit_s} s {_reason(error)}"
    except Exception as error:  # pylint: disable=broad-except
        return _reason(error) + scene.last_words()
    finally:
        signal.alarm(0)
        scene.kill()


def run_all(tests, with_long):
    failures, skips, passed, started = [], [], 0, time.monotonic()
    for name, test in tests:
        at = time.monotonic()
        try:
            reason = run_one(test)
        except Skip as skip:
            skips.append(f"{name}: {skip}")
            continue
        verdict = "ok" if reason is None else "FAILED"
        print(f"{verdict:6} {name} ({time.monotonic() - at:.1f} s)", flush=True)
        if reason is None:
            passed += 1
        else:
            failures.append(f"{name}: {reason}")
            print(f"       {reason}", flush=True)
    for line in skips:
        print(f"SKIPPED: {line}")
    for line in failures:
        print(f"FAILED: {line}")
    kind = "with the long ones" if with_long else "without the long ones (--long)"
    print(f"{len(tests)} tests, {kind}, in {time.monotonic() - started:.0f} s")
    print(f"{passed} passed, {len(failures)} failed")
    return 1 if failures or not passed else 0
