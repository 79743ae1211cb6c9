"""hiredis: native/hiredis.c, compiled here with the machine's compiler and library."""
import os
import subprocess

from kit import where


def test_hiredis(scene):
    program = where.work() / "hiredis"
    cc = os.environ.get("CC", "cc")
    built = subprocess.run(
        [cc, "-std=gnu11", "-Wall", "-Wextra", "-O1", "-o", program,
         where.E2E / "native" / "hiredis.c", "-lhiredis"],
        capture_output=True, text=True, timeout=60, check=False)
    assert built.returncode == 0, built.stderr
    node = scene.node()
    done = subprocess.run([program, str(node.port)], capture_output=True, text=True, timeout=60,
                          check=False)
    lines = done.stdout.splitlines()
    assert done.returncode == 0 and len(lines) >= 10, done.stdout + done.stderr
    assert all(line.startswith("ok ") for line in lines), done.stdout
