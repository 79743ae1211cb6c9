"""where.py - the folders and programs that the tests use."""
import os
import pathlib
import shutil

SOURCE = pathlib.Path(__file__).resolve().parents[3]
E2E = SOURCE / "tests" / "e2e"
_build = None


def set_build(path):
    global _build
    _build = path


def build():
    return _build


def program():
    return _build / "loomcache"


def work():
    """A folder in the build for what the tests build themselves."""
    path = _build / "tests" / "e2e"
    path.mkdir(parents=True, exist_ok=True)
    return path


def tool(name):
    """A program on PATH or unpacked by scripts/setup; None when there is none."""
    unpacked = SOURCE / "build" / "tools" / "usr" / "bin" / name
    found = shutil.which(name)
    return found or (str(unpacked) if unpacked.exists() else None)


def traces():
    """The folder of traces; it may be absent."""
    given = os.environ.get("LOOMCACHE_TRACES")
    return pathlib.Path(given) if given else SOURCE.parent / "shared" / "traces"


def sanitized():
    """Whether the program was built with a sanitizer, and so is several times slower."""
    cache = _build / "CMakeCache.txt"
    for line in cache.read_text().splitlines() if cache.exists() else []:
        if line.startswith("LOOM_SANITIZE:"):
            return line.split("=", 1)[1] not in ("", "OFF")
    return False
