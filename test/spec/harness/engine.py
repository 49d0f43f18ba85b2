"""An engine whose every byte a spec decides."""

import socket
import struct
import threading
import time
import traceback

from . import PATIENCE, replies
from .waiting import Signal, wait_hangup
from .wire import Closed, Reader, Request, WireError, values

INFERENCE = (
    "/api/chat",
    "/api/generate",
    "/api/embed",
    "/v1/chat/completions",
    "/v1/completions",
    "/v1/messages",
    "/v1/embeddings",
)


class HungUp(Exception):
    """The other side closed while a script still had something to say."""


class Exchange:
    """One request at the engine and what a script does about it."""

    def __init__(self, engine, sock, request, number):
        self.engine = engine
        self.sock = sock
        self.request = request
        self.number = number  # of its connection
        self.hung_up_at = None
        self.is_chunked = False
        self.closes = False

    def send(self, data):
        """Send exactly these bytes."""
        try:
            self.sock.sendall(data)
        except OSError as e:
            self.hung_up_at = time.monotonic()
            raise HungUp from e

    def head(self, status=200, fields=(), reason="OK"):
        """Send a status line and these fields, (name, value) each."""
        lines = ["HTTP/1.1 %d %s" % (status, reason)]
        lines += ["%s: %s" % f for f in fields]
        self.send("\r\n".join(lines).encode() + b"\r\n\r\n")

    def begin(self, kind="application/json", status=200, fields=()):
        """Send the head of a chunked answer."""
        self.is_chunked = True
        self.head(
            status,
            [
                ("Content-Type", kind),
                ("Transfer-Encoding", "chunked"),
                *fields,
            ],
        )

    def chunk(self, data):
        self.send(b"%x\r\n%s\r\n" % (len(data), data))

    def end(self):
        """Send the last chunk."""
        self.send(b"0\r\n\r\n")

    def whole(self, body, status=200, kind="application/json", fields=()):
        """Send a whole answer of known length."""
        if not isinstance(body, bytes):
            body = replies.dump(body)
        self.head(
            status,
            [
                ("Content-Type", kind),
                ("Content-Length", str(len(body))),
                *fields,
            ],
        )
        if self.request.method != "HEAD":
            self.send(body)

    def answer(self):
        """Answer as an engine does."""
        pieces, whole, stream, kind = replies.of(self.request)
        if not stream:
            self.whole(whole)
            return
        self.begin(kind)
        for piece in pieces:
            self.chunk(piece)
        self.end()

    def wait(self, signal, timeout=PATIENCE):
        """Wait for a Signal of the spec."""
        assert signal.wait(timeout), "the spec did not go on"

    def wait_hangup(self, timeout=PATIENCE):
        """Wait until the caller's side closes; when that was, or None."""
        self.hung_up_at = wait_hangup(self.sock, timeout)
        return self.hung_up_at

    def close(self):
        """End the connection in good order behind what was sent."""
        self.closes = True

    def reset(self):
        """Break the connection with a RST."""
        self.closes = True
        self.sock.setsockopt(
            socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
        )


class ScriptedEngine:
    """Listens on a free port; answers inference as ${script} says.

    A script is called with an Exchange in a thread of its connection's own.
    `then` lines scripts up for the next requests; when none is left `script`
    answers, by default as an engine would.  Requests that infer nothing get
    what an engine of ${kind} with ${models} says, and are kept apart.
    """

    def __init__(self, kind="ollama", models=(replies.MODEL,), slots=4, port=0):
        self.kind = kind
        self.models = [
            m if isinstance(m, dict) else replies.listed(m) for m in models
        ]
        self.slots = slots
        self.loaded = None  # names of what is loaded; None: everything
        self.pages = {}  # (method, path) to a script that answers it
        self.script = Exchange.answer
        self.paths = set(INFERENCE)
        self.unread = set()  # paths whose scripts read the body themselves
        self.requests = []
        self.probes = []
        self.faults = []
        self.hangups = 0
        self.connections = 0
        self.in_flight = 0
        self.most_in_flight = 0
        self._scripts = []
        self._change = threading.Condition()
        self._sockets = set()
        self._listener = None
        self.port = port
        self.start()

    @property
    def url(self):
        return "http://127.0.0.1:%d" % self.port

    @property
    def address(self):
        return ("127.0.0.1", self.port)

    def then(self, *scripts):
        """Answer the next requests with these scripts, in order."""
        with self._change:
            self._scripts += scripts
        return self

    # --- life ---

    def start(self):
        """Listen, on the same port as before if there was one."""
        self._listener = socket.socket()
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listener.bind(("127.0.0.1", self.port))
        self._listener.listen(1024)
        self.port = self._listener.getsockname()[1]
        thread = threading.Thread(target=self._accept, args=[self._listener])
        thread.daemon = True
        thread.start()

    def stop(self):
        """Stop listening and break every connection, as a kill does."""
        if self._listener is None:
            return
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._listener = None
        with self._change:
            sockets = list(self._sockets)
        for sock in sockets:
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def check(self):
        """Raise what went wrong in a script."""
        assert not self.faults, "\n".join(self.faults)

    def _accept(self, listener):
        while True:
            try:
                sock, _ = listener.accept()
            except OSError:
                return
            sock.settimeout(PATIENCE * 3)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._change:
                self.connections += 1
                self._sockets.add(sock)
                number = self.connections
            thread = threading.Thread(target=self._serve, args=[sock, number])
            thread.daemon = True
            thread.start()

    def _serve(self, sock, number):
        reader = Reader(sock)
        try:
            while True:
                request = Request(reader, self.unread)
                exchange = Exchange(self, sock, request, number)
                self._answer(exchange)
                if exchange.closes:
                    break
                if "close" in values(request.fields, "connection"):
                    break
        except (Closed, HungUp, OSError):
            pass
        except WireError:
            # What weir sends must be sound whatever its callers send.
            self.faults.append(traceback.format_exc())
        finally:
            sock.close()
            with self._change:
                self._sockets.discard(sock)
                self._change.notify_all()

    # --- one request ---

    def _answer(self, exchange):
        request = exchange.request
        if request.path not in self.paths:
            self._answer_probe(exchange)
            return
        with self._change:
            script = self._scripts.pop(0) if self._scripts else self.script
            self.requests.append(request)
            self.in_flight += 1
            self.most_in_flight = max(self.most_in_flight, self.in_flight)
            self._change.notify_all()
        try:
            script(exchange)
        except HungUp:
            raise
        except Exception:
            self.faults.append(traceback.format_exc())
            exchange.closes = True
        finally:
            with self._change:
                self.in_flight -= 1
                if exchange.hung_up_at:
                    self.hangups += 1
                self._change.notify_all()

    def _answer_probe(self, exchange):
        request = exchange.request
        method = "GET" if request.method == "HEAD" else request.method
        path = request.path.partition("?")[0]
        with self._change:
            self.probes.append(request)
            busy = self.in_flight
            self._change.notify_all()
        if (method, path) in self.pages:
            self.pages[method, path](exchange)
            return
        body = replies.page(
            self.kind, method, path, self.models, self.slots, self.loaded, busy
        )
        server = [("Server", "llama.cpp")]
        fields = server if self.kind == "llama-server" else []
        if body is None:
            exchange.whole({"error": "no such page"}, 404, fields=fields)
        elif isinstance(body, str):
            exchange.whole(body.encode(), kind="text/plain; charset=utf-8")
        else:
            exchange.whole(body, fields=fields)

    # --- waiting ---

    def wait(self, condition, timeout=PATIENCE):
        """Wait until ${condition}(engine); it is asked at each change."""
        with self._change:
            assert self._change.wait_for(
                lambda: condition(self), timeout
            ), "the engine saw %d requests, %d in flight, %d hang-ups" % (
                len(self.requests),
                self.in_flight,
                self.hangups,
            )

    def wait_requests(self, n, timeout=PATIENCE):
        """Wait until ${n} inference requests have come in all; the last."""
        self.wait(lambda e: len(e.requests) >= n, timeout)
        return self.requests[n - 1]


__all__ = ["Exchange", "HungUp", "ScriptedEngine", "Signal"]
