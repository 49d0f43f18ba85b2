"""weir under a service manager: sockets that it opened, what it is told."""

import os
import socket
import subprocess
import time

import pytest

from harness.asks import ask
from harness.weir import Weir, binary, free_ports
from reexec_test import reexec
from supervise_test import engine as run_engine
from supervise_test import fake


class Manager:
    """Hears what a service is to tell."""

    def __init__(self, folder):
        self.path = str(folder / "notify")
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.sock.bind(self.path)
        self.sock.settimeout(20)
        self.heard = []

    def wait(self, line):
        """Until ${line} was told; what came before it."""
        while line not in self.heard:
            self.heard += self.sock.recv(4096).decode().split("\n")
        return self.heard[: self.heard.index(line)]


@pytest.fixture
def manager(tmp_path):
    m = Manager(tmp_path)
    yield m
    m.sock.close()


def test_ready_when_it_listens(start_weir, engine, manager):
    weir = start_weir({}, engine, env={"NOTIFY_SOCKET": manager.path})
    manager.wait("READY=1")
    weir.stop()
    manager.wait("STOPPING=1")


def test_an_abstract_socket(start_weir, engine):
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    name = "weir-spec-%d" % os.getpid()
    sock.bind("\0" + name)
    sock.settimeout(20)
    start_weir({}, engine, env={"NOTIFY_SOCKET": "@" + name})
    assert b"READY=1" in sock.recv(4096)
    sock.close()


def test_the_watchdog_hears_of_it(start_weir, engine, manager):
    env = {"NOTIFY_SOCKET": manager.path, "WATCHDOG_USEC": "300000"}
    start_weir({}, engine, env=env)
    manager.wait("READY=1")
    begin = time.monotonic()
    for _ in range(5):
        manager.heard.clear()
        manager.wait("WATCHDOG=1")
    assert time.monotonic() - begin < 5 * 0.3


def test_ready_when_models_are(start_weir, manager):
    """The slow engine is not up yet: more time is asked for until it is."""
    env = {"NOTIFY_SOCKET": manager.path}
    config = {"ready": "models", "engines": [run_engine(fake("slow", 2))]}
    weir = start_weir(config, env=env)
    before = manager.wait("READY=1")
    assert any(b.startswith("EXTEND_TIMEOUT_USEC=") for b in before)
    assert weir.get("/readyz").status == 200


def test_a_later_program_goes_on_telling(start_weir, engine, manager):
    env = {"NOTIFY_SOCKET": manager.path, "WATCHDOG_USEC": "300000"}
    weir = start_weir({}, engine, env=env)
    manager.wait("READY=1")
    reexec(weir)
    for _ in range(5):
        manager.heard.clear()
        manager.wait("WATCHDOG=1")
    assert ask(weir, "ollama").status == 200


class Activated(Weir):
    """A weir whose sockets were opened before it was started."""

    def __init__(self, sockets, **more):
        super().__init__(**more)
        self.sockets = sockets
        script = self.folder / "activate"
        # As systemd does: from descriptor 3 on, and the pid is its own.
        script.write_text(
            "#!/bin/sh\nexport LISTEN_PID=$$ LISTEN_FDS=%d\n"
            'exec %s "$@"\n' % (len(sockets), binary())
        )
        script.chmod(0o755)
        self.program = script

    def start(self):
        popen = subprocess.Popen

        def passing(*args, **kwargs):
            for i, sock in enumerate(self.sockets):
                os.dup2(sock.fileno(), 50 + i, inheritable=True)

            def place():
                for i in range(len(self.sockets)):
                    os.dup2(50 + i, 3 + i, inheritable=True)

            fds = [3 + i for i in range(len(self.sockets))]
            fds += [50 + i for i in range(len(self.sockets))]
            return popen(*args, pass_fds=fds, preexec_fn=place, **kwargs)

        subprocess.Popen = passing
        try:
            return super().start()
        finally:
            subprocess.Popen = popen


@pytest.fixture
def activated():
    weirs = []

    def start(sockets, config):
        weirs.append(Activated(sockets, config=config))
        return weirs[-1]

    yield start
    for weir in weirs:
        try:
            weir.stop()
        finally:
            weir.kill()


def listening(port):
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind(("127.0.0.1", port))
    sock.listen(64)
    return sock


def test_given_sockets_are_taken(activated):
    """Who connects before weir runs is served when it does."""
    port = free_ports(1)[0]
    sock = listening(port)
    early = socket.create_connection(("127.0.0.1", port), 20)
    early.sendall(b"GET /healthz HTTP/1.0\r\n\r\n")
    weir = activated([sock], {"listen": "127.0.0.1:%d" % port})
    weir.port = port
    weir.start()
    sock.close()
    assert early.recv(4096).startswith(b"HTTP/1.")
    early.close()
    # It is still the same socket behind a re-execution, and a reload.
    weir.program = binary()
    assert weir.reload(command=True).returncode == 0
    assert weir.get("/healthz").status == 200


def test_one_that_is_not_configured_is_told(activated):
    ports = free_ports(2)
    sock = listening(ports[0])
    weir = activated([sock], {"listen": "127.0.0.1:%d" % ports[1]})
    weir.port = ports[1]
    weir.start()
    sock.close()
    assert "not in `listen`" in weir.stderr()
