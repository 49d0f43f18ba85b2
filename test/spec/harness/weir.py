"""The program under test."""

import base64
import hashlib
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time

from . import PATIENCE, metrics
from .caller import Caller
from .waiting import wait_process

ROOT = pathlib.Path(__file__).resolve().parents[3]
REPORTS = re.compile(
    r"ERROR: \w+Sanitizer|runtime error:|WARNING: \w+Sanitizer|"
    r"Assertion .* failed"
)
OWN = ("/healthz", "/readyz", "/metrics")
GAUGES = (
    "weir_queue_length",
    "weir_slots_used",
    "weir_body_buffer_bytes",
    "weir_connections",
    "weir_reservations",
)


def binary():
    """$WEIR_BIN, else the newest build for tests, else the release."""
    if os.environ.get("WEIR_BIN"):
        return pathlib.Path(os.environ["WEIR_BIN"])
    builds = [*ROOT.glob("build/test*/weir"), ROOT / "build/dev/weir"]
    builds = [b for b in builds if b.exists()] or [ROOT / "build/weir"]
    return max(builds, key=lambda b: b.stat().st_mtime if b.exists() else 0)


def free_ports(n):
    """${n} ports that nobody uses now."""
    sockets = [socket.socket() for _ in range(n)]
    for sock in sockets:
        sock.bind(("127.0.0.1", 0))
    ports = [sock.getsockname()[1] for sock in sockets]
    for sock in sockets:
        sock.close()
    return ports


def is_gate(pid):
    """Is ${pid} a gate?  Engines are children of the keeper, too."""
    try:
        words = pathlib.Path("/proc/%d/cmdline" % pid).read_bytes()
    except FileNotFoundError:
        return False
    return words.split(b"\0")[1:2] == [b"gate"]


def new_key(seed):
    """A key as weir makes them, the same for the same ${seed}."""
    secret = hashlib.sha256(seed.encode()).digest()
    return "weir_" + base64.urlsafe_b64encode(secret).decode().rstrip("=")


def hash_of(key):
    return "sha256:" + hashlib.sha256(key.encode()).hexdigest()


def merged(base, more):
    """${base} with ${more} laid over it; dictionaries are merged."""
    out = dict(base)
    for key, value in more.items():
        if isinstance(value, dict) and isinstance(out.get(key), dict):
            value = merged(out[key], value)
        out[key] = value
    return out


class Feed:
    """The lines of a stream, collected by a thread."""

    def __init__(self, stream, change):
        self.lines = []
        self.change = change
        self.ended = False
        self.thread = threading.Thread(target=self._read, args=[stream])
        self.thread.daemon = True
        self.thread.start()

    def _read(self, stream):
        for line in stream:
            with self.change:
                self.lines.append(line.rstrip("\n"))
                self.change.notify_all()
        with self.change:
            self.ended = True
            self.change.notify_all()


class Weir:
    """A running weir.

    `config` is a dictionary (JSON is YAML), YAML text, or a function that
    makes one of these from this weir, whose folder and port it may name.
    """

    def __init__(
        self, config=None, engine=None, args=(), env=None, program=None
    ):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="weir-"))
        self.port = free_ports(1)[0]
        self.config_path = self.folder / "weir.yaml"
        self.log_path = None
        self.args = list(args)
        self.env = env or {}
        self.program = program or binary()
        self.engine = engine
        self.change = threading.Condition()
        self.process = None
        self.kills = 0
        self.is_checked = True
        self.write_config(config(self) if callable(config) else config or {})

    # --- configuration ---

    def base(self):
        """What every configuration of a spec begins with."""
        config = {
            "listen": "127.0.0.1:%d" % self.port,
            "state": str(self.folder / "state"),
            "control": str(self.folder / "ctl.sock"),
            # Specs compare bodies byte for byte; context_test.py turns it on.
            "edits": {"truncate": False, "output": False},
        }
        if self.engine:
            config["engines"] = [
                {
                    "name": "local",
                    "url": self.engine.url,
                    "kind": self.engine.kind,
                    "slots": self.engine.slots,
                }
            ]
        return config

    def write_config(self, config):
        """Write the file that the next start or reload reads."""
        if isinstance(config, dict):
            full = merged(self.base(), config)
            self.log_path = full.get("log", {}).get("path", "-")
            config = json.dumps(full, indent=1)
        self.config_path.write_text(config)

    # --- life ---

    def start(self):
        (self.folder / "state").mkdir(exist_ok=True)
        env = {
            **os.environ,
            "ASAN_OPTIONS": "detect_leaks=1:exitcode=99",
            "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1",
            "HOME": str(self.folder),
            **self.env,
        }
        env.pop("WEIR_CONFIG", None)
        self.process = subprocess.Popen(
            [self.program, "serve", "-c", self.config_path, *self.args],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=env,
            cwd=self.folder,
            text=True,
            start_new_session=True,
        )
        self.out = Feed(self.process.stdout, self.change)
        self.err = Feed(self.process.stderr, self.change)
        self._wait_ready()
        return self

    def _wait_ready(self):
        """Until /healthz is answered; the socket may come after the start."""
        end = time.monotonic() + PATIENCE
        while True:
            try:
                with self.connect() as caller:
                    assert caller.get("/healthz").status == 200
                    return
            except ConnectionRefusedError:
                pass
            with self.change:
                # Woken by each line and by the end; else look again soon.
                self.change.wait(0.02)
                gone = self.err.ended and self.out.ended
            assert not gone, "weir did not start:\n" + self.stderr()
            assert time.monotonic() < end, "weir does not answer"

    def wait_engine_up(self, name="local"):
        """Until weir knows that its engine answers."""
        self.wait_metric("weir_engine_up", lambda v: v == 1, engine=name)
        return self

    def stderr(self):
        return "\n".join(self.err.lines)

    def stop(self):
        """End it in good order; nothing may have been reported."""
        if self.process is None:
            return
        try:
            if self.process.poll() is None:
                self.process.send_signal(signal.SIGTERM)
            try:
                code = self.process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                code = "still running after SIGTERM"
            self.out.thread.join(PATIENCE)
            self.err.thread.join(PATIENCE)
            report = REPORTS.search(self.stderr())
            assert not report, self.stderr()
            assert code == 0, "weir ended with %s\n%s" % (code, self.stderr())
        finally:
            self.kill()

    def kill(self):
        """End it and all of its children at once."""
        if self.process and self.process.poll() is None:
            pids = [self.process.pid, *self.children()]
            for pid in pids:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            self.process.wait(PATIENCE)
        shutil.rmtree(self.folder, ignore_errors=True)

    # --- processes ---

    @property
    def keeper_pid(self):
        return self.process.pid

    def children(self):
        """Pids of the keeper's children."""
        path = "/proc/%d/task/%d/children"
        text = pathlib.Path(path % (self.process.pid, self.process.pid))
        try:
            return [int(pid) for pid in text.read_text().split()]
        except FileNotFoundError:
            return []

    def gates(self):
        """Pids of all gates, those that leave too."""
        return [pid for pid in self.children() if is_gate(pid)]

    def gate_pid(self):
        """The gate, or the only process of `serve -1`."""
        gates = self.gates()
        assert len(gates) < 2, "the keeper has %d gates" % len(gates)
        return gates[0] if gates else self.process.pid

    def kill_gate(self):
        """kill -9 the gate and wait until it is gone; its pid."""
        pid = self.gate_pid()
        self.kills += 1
        os.kill(pid, signal.SIGKILL)
        assert wait_process(pid)
        return pid

    def descriptors(self):
        """How many descriptors the gate has open."""
        return len(os.listdir("/proc/%d/fd" % self.gate_pid()))

    def memory(self):
        """Resident bytes of the gate."""
        text = pathlib.Path("/proc/%d/statm" % self.gate_pid()).read_text()
        return int(text.split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def reload(self, config=None, command=False):
        """Write ${config}, if any, and reload; by SIGHUP or by command.

        The command's CompletedProcess is returned.
        """
        if config is not None:
            self.write_config(config)
        if command:
            return self.run("reload")
        os.kill(self.process.pid, signal.SIGHUP)
        return None

    def run(self, *args, **more):
        """Run a command of weir beside this one, with its configuration."""
        env = {**os.environ, "HOME": str(self.folder), **self.env}
        return subprocess.run(
            [binary(), *args, "-c", str(self.config_path)],
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            env=env,
            cwd=self.folder,
            **more,
        )

    # --- talking to it ---

    @property
    def address(self):
        return ("127.0.0.1", self.port)

    @property
    def url(self):
        return "http://127.0.0.1:%d" % self.port

    def connect(self, **more):
        return Caller(self.address, **more)

    def ask(self, method, path, body=None, fields=(), **more):
        """One request on a connection of its own; the whole response."""
        with self.connect() as caller:
            return caller.ask(method, path, body, fields, **more)

    def get(self, path, fields=()):
        return self.ask("GET", path, None, fields)

    def post(self, path, body, fields=()):
        return self.ask("POST", path, body, fields)

    def metrics(self):
        return metrics.parse(self.get("/metrics").text())

    # --- the log ---

    def _records(self):
        records = []
        if self.log_path == "-":
            lines = list(self.out.lines)
        else:
            lines = pathlib.Path(self.log_path).read_text().splitlines()
        for line in lines:
            records.append(json.loads(line))
        return records

    def request_lines(self):
        """The parsed lines of all requests."""
        return [r for r in self._records() if "event" not in r]

    def access_lines(self):
        """The same without those for weir's own pages."""
        return [r for r in self.request_lines() if r.get("path") not in OWN]

    def event_lines(self):
        return [r for r in self._records() if "event" in r]

    def _wait_lines(self, get, what, timeout):
        end = time.monotonic() + timeout
        while True:
            found = get()
            if found:
                return found
            left = end - time.monotonic()
            assert left > 0, "no %s in:\n%s" % (
                what,
                "\n".join(map(json.dumps, self._records()[-20:])),
            )
            with self.change:
                self.change.wait(min(left, 0.05))

    def wait_log(self, which=1, timeout=PATIENCE):
        """Wait for the line of a request.

        ${which} is how many lines there must be in all (the last of these is
        returned), a request's id, or a function of a line.
        """
        if callable(which):
            match = which
        elif isinstance(which, str):

            def match(line):
                return line.get("id") == which

        else:

            def get():
                lines = self.access_lines()
                return lines[which - 1] if len(lines) >= which else None

            return self._wait_lines(get, "line %d" % which, timeout)

        def find():
            return next(filter(match, self.access_lines()), None)

        return self._wait_lines(find, "such line", timeout)

    def wait_event(self, code, n=1, timeout=PATIENCE):
        """Wait for the ${n}-th line of event ${code}."""

        def get():
            lines = [r for r in self.event_lines() if r["event"] == code]
            return lines[n - 1] if len(lines) >= n else None

        return self._wait_lines(get, "event %s" % code, timeout)

    def wait_metric(self, name, test, timeout=PATIENCE, **labels):
        """Wait until the sum of a metric's series passes ${test}."""

        seen = []

        def get():
            seen.append(metrics.total(self.metrics(), name, **labels))
            return seen[-1:] if test(seen[-1]) else None

        try:
            return self._wait_lines(get, "fit value", timeout)[0]
        except AssertionError:
            raise AssertionError("%s is %g" % (name, seen[-1])) from None

    # --- after a spec ---

    def check_quiet(self):
        """All that requests took is given back, each has left one line."""
        if self.process is None or self.process.poll() is not None:
            return

        def quiet():
            now = self.metrics()
            busy = {g: metrics.total(now, g) for g in GAUGES}
            busy["weir_connections"] -= 1  # the question's own
            busy = {g: n for g, n in busy.items() if n != 0}
            if busy:
                self.unrest = str(busy)
                return False
            lost = metrics.total(now, "weir_log_lines_dropped_total")
            if self.kills or lost:
                return True  # what a killed gate had not written is lost
            # The question itself is counted after its answer was made.
            want = 1 + metrics.total(now, "weir_requests_total")
            lines = self.request_lines()
            ids = {line["id"] for line in lines}
            assert len(ids) == len(lines), "a request has two lines"
            self.unrest = "%d requests, %d lines" % (want, len(lines))
            return len(lines) == want or self._wait_lines(
                lambda: len(self.request_lines()) == want, self.unrest, 1
            )

        self.unrest = ""
        try:
            self._wait_lines(quiet, "rest", PATIENCE)
        except AssertionError as e:
            raise AssertionError("after the spec: " + self.unrest) from e
