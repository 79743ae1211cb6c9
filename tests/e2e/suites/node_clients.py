"""node-redis and ioredis: each is one Node program in node/, whose checks are told apart here.
The majors before the current ones are tested, too: Debian 12's Node.js is too old for the new."""
import shutil
import subprocess

from kit import where
from kit.runner import Skip, lasting

FOLDER = where.E2E / "node"
PASSWORD = "a password"


def packages():
    """The folder with the installed clients; `npm ci` when the lock file is newer than they are."""
    node, npm = shutil.which("node"), shutil.which("npm")
    assert node and npm, "node and npm are needed (make test installs them: scripts/setup test)"
    installed = FOLDER / "node_modules" / ".package-lock.json"
    lock = FOLDER / "package-lock.json"
    if not installed.exists() or installed.stat().st_mtime < lock.stat().st_mtime:
        done = subprocess.run([npm, "ci", "--no-fund", "--no-audit"], cwd=FOLDER, timeout=170,
                              capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"npm ci failed: {done.stderr[-600:]}"
        installed.touch()
    return node


def run_program(scene, name, package, minimum=0):
    node = packages()
    version = subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout
    if int(version.strip().lstrip("v").split(".")[0]) < minimum:
        raise Skip(f"{package} wants Node.js {minimum}, this is {version.strip()}; the major before "
                   "it is tested")
    open_server, locked = scene.node(), scene.node(server__requirepass=PASSWORD)
    done = subprocess.run(
        [node, FOLDER / name, package, str(open_server.port), str(locked.port), PASSWORD],
        cwd=FOLDER, capture_output=True, text=True, timeout=90, check=False)
    lines = done.stdout.splitlines()
    bad = [line for line in lines if line.startswith("not ok")]
    assert not bad and done.returncode == 0, "; ".join(bad) or done.stdout + done.stderr
    assert lines and lines[-1] == f"ran {len(lines) - 1}", f"the program ended early: {lines[-3:]}"


@lasting(300)
def test_node_redis(scene):
    run_program(scene, "node_redis.mjs", "redis", 20)


@lasting(300)
def test_node_redis_5(scene):
    run_program(scene, "node_redis.mjs", "redis-5")


@lasting(300)
def test_ioredis(scene):
    run_program(scene, "ioredis.mjs", "ioredis", 20)


@lasting(300)
def test_ioredis_5(scene):
    run_program(scene, "ioredis.mjs", "ioredis-5")
