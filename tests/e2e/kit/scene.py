"""scene.py - the servers and files of one test, gone when the test is."""
import pathlib
import shutil
import socket
import tempfile

from kit.node import Node


def free_port():
    """A TCP port that nobody has on either loopback; taken by its user soon after."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as four:
        four.bind(("127.0.0.1", 0))
        return four.getsockname()[1]


class Scene:
    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="loomcache-e2e-"))
        self.nodes = []

    def node(self, *args, wait=True, **options):
        """Starts a server. Options are written as storage__max_items=5; ports are chosen."""
        for section in ("server", "health", "exporter.prometheus"):
            options.setdefault(section.replace(".", "_DOT_") + "__port", free_port())
        options.setdefault("server__threads", 2)
        node = Node(self, args, options)
        self.nodes.append(node)
        if wait:
            node.wait_ready()
        return node

    def bare(self, *args, **how):
        """Starts the program with exactly these arguments."""
        node = Node(self, args, {}, **how)
        self.nodes.append(node)
        return node

    def file(self, name, text):
        path = self.folder / name
        if isinstance(text, bytes):
            path.write_bytes(text)
        else:
            path.write_text(text)
        return path

    def close(self):
        """The orderly end: every server that still runs must stop with exit code 0."""
        for node in self.nodes:
            if node.process.poll() is None:
                node.stop()
            node.check_log()

    def kill(self):
        for node in self.nodes:
            node.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def last_words(self):
        """The end of each server's log, for a failure's reason."""
        said = ""
        for node in self.nodes:
            lines = node.log().splitlines()[-4:]
            said += "".join(f"\n       | {line[:300]}" for line in lines)
        return said
