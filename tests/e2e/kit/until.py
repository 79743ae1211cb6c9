"""until.py - waiting for a condition, never for a time."""
import time

from kit import where

PAUSE_S = 0.005


def until(condition, what, limit_s=15):
    """Asks `condition` until it says something true, and returns that; fails after limit_s."""
    if where.sanitized():
        limit_s *= 3
    end = time.monotonic() + limit_s
    while True:
        said = condition()
        if said:
            return said
        if time.monotonic() > end:
            raise AssertionError(f"waited {limit_s} s in vain for {what}")
        time.sleep(PAUSE_S)
