"""HTTP/1.1 bytes off a socket, strictly: what is odd raises WireError."""

import json
import re
import socket
import time

from . import PATIENCE

TOKEN = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
STATUS_LINE = re.compile(rb"HTTP/1\.1 ([1-5][0-9][0-9]) ([\t\x20-\x7e]*)")
REQUEST_LINE = re.compile(rb"([A-Z]+) (\S+) HTTP/1\.1")


class WireError(Exception):
    """Bytes that no HTTP/1.1 peer should have sent."""


class Closed(WireError):
    """The other side closed where a message must go on."""


class Reader:
    """Buffered reading from a socket; keeps all bytes that it took."""

    def __init__(self, sock):
        self.sock = sock
        self.buffer = b""
        self.taken = bytearray()

    def fill(self):
        """Take more bytes; Closed at the end."""
        data = self.sock.recv(65536)
        if not data:
            raise Closed("closed after %r" % bytes(self.taken[-80:]))
        self.buffer += data

    def take(self, n):
        data, self.buffer = self.buffer[:n], self.buffer[n:]
        self.taken += data
        return data

    def exactly(self, n):
        parts, have = [self.buffer], len(self.buffer)
        while have < n:
            self.buffer = b""
            self.fill()
            parts.append(self.buffer)
            have += len(self.buffer)
        self.buffer = b"".join(parts)
        return self.take(n)

    def some(self, most):
        """At least one byte, at most ${most}."""
        if not self.buffer:
            self.fill()
        return self.take(most)

    def line(self):
        """One line without its CRLF; a bare CR or LF is an error."""
        while b"\n" not in self.buffer:
            if len(self.buffer) > 1 << 20:
                raise WireError("a line without end")
            self.fill()
        line = self.take(self.buffer.index(b"\n") + 1)
        if not line.endswith(b"\r\n") or b"\r" in line[:-2]:
            raise WireError("bare CR or LF: %r" % line)
        return line[:-2]

    def at_end(self):
        """Has the other side closed, with nothing left unread?"""
        if self.buffer:
            return False
        try:
            self.fill()
        except Closed:
            return True
        except ConnectionResetError:
            return True
        return False


def read_fields(reader):
    """Header or trailer fields up to the empty line: [(name, value)]."""
    fields = []
    while True:
        line = reader.line()
        if not line:
            return fields
        name, colon, value = line.partition(b":")
        if not colon or not TOKEN.fullmatch(name):
            raise WireError("not a field: %r" % line)
        if re.search(rb"[\x00-\x08\x0a-\x1f\x7f]", value):
            raise WireError("control character in a field: %r" % line)
        fields.append((name.decode(), value.strip(b" \t").decode("latin-1")))


def values(fields, name):
    """All values of a field, whatever the case of its name."""
    return [v for n, v in fields if n.lower() == name.lower()]


def framing(fields):
    """('sized', n), ('chunked', None) or ('none', None)."""
    lengths = values(fields, "content-length")
    codings = values(fields, "transfer-encoding")
    if len(lengths) > 1 or len(codings) > 1 or (lengths and codings):
        raise WireError("ambiguous framing: %r" % fields)
    if codings:
        if codings[0].lower() != "chunked":
            raise WireError("odd coding: %r" % codings)
        return "chunked", None
    if lengths:
        if not re.fullmatch("[0-9]+", lengths[0]):
            raise WireError("odd length: %r" % lengths)
        return "sized", int(lengths[0])
    return "none", None


def read_chunks(reader):
    """Yield each chunk's data; ends behind the last chunk."""
    while True:
        size = reader.line()
        if not re.fullmatch(rb"[0-9a-fA-F]{1,8}", size):
            raise WireError("odd chunk size: %r" % size)
        n = int(size, 16)
        if n == 0:
            if read_fields(reader):
                raise WireError("trailer fields")
            return
        yield reader.exactly(n)
        if reader.exactly(2) != b"\r\n":
            raise WireError("no CRLF behind a chunk")


class Request:
    """A request as an engine got it."""

    def __init__(self, reader, unread=()):
        reader.taken.clear()
        line = REQUEST_LINE.fullmatch(reader.line())
        if not line:
            raise WireError("not a request line")
        self.method, self.target = (g.decode() for g in line.groups())
        self.fields = read_fields(reader)
        kind, n = framing(self.fields)
        self.head = bytes(reader.taken)
        self.reader, self.framing = reader, (kind, n)
        self.body = b"" if self.path in unread else b"".join(self.rest())
        self.raw = bytes(reader.taken)
        self.at = time.monotonic()

    def rest(self):
        """Yield its body as it comes, once."""
        kind, n = self.framing
        if kind == "chunked":
            yield from read_chunks(self.reader)
        elif n:
            yield self.reader.exactly(n)

    @property
    def path(self):
        return self.target.partition("?")[0]

    def field(self, name):
        """The one value of a field, None if it is absent."""
        found = values(self.fields, name)
        assert len(found) < 2, "%s stands %d times" % (name, len(found))
        return found[0] if found else None

    def json(self):
        return json.loads(self.body)


class Response:
    """A response as a caller gets it: its head now, its body as it comes."""

    def __init__(self, reader, method="POST"):
        self.reader = reader
        start = len(reader.taken)
        line = STATUS_LINE.fullmatch(reader.line())
        if not line:
            raise WireError("not a status line: %r" % bytes(reader.taken))
        self.status = int(line.group(1))
        self.reason = line.group(2).decode()
        self.fields = read_fields(reader)
        self.head = bytes(reader.taken[start:])
        self.first_at = time.monotonic()
        self.chunks = []
        self.times = []
        self.kind, self.length = framing(self.fields)
        if method == "HEAD" or self.status < 200 or self.status in (204, 304):
            self.pieces_left = iter(())
        else:
            self.pieces_left = self._pieces()

    def _pieces(self):
        if self.kind == "chunked":
            yield from read_chunks(self.reader)
        elif self.kind == "sized":
            left = self.length
            while left:
                data = self.reader.some(left)
                left -= len(data)
                yield data
        else:
            try:
                while True:
                    yield self.reader.some(1 << 20)
            except Closed:
                pass

    def pieces(self):
        """Yield the body's bytes as they come."""
        for piece in self.pieces_left:
            self.chunks.append(piece)
            self.times.append(time.monotonic())
            yield piece

    def finish(self):
        """Read the rest of the body; returns self."""
        for _ in self.pieces():
            pass
        return self

    @property
    def body(self):
        self.finish()
        return b"".join(self.chunks)

    def text(self):
        return self.body.decode()

    def json(self):
        return json.loads(self.body)

    def field(self, name):
        """The one value of a field, None if it is absent."""
        found = values(self.fields, name)
        assert len(found) < 2, "%s stands %d times" % (name, len(found))
        return found[0] if found else None

    def units(self, end):
        """Yield what stands before each ${end} in the body, as it comes."""
        rest = b""
        for piece in self.pieces():
            rest += piece
            while end in rest:
                unit, _, rest = rest.partition(end)
                yield unit
        if rest:
            raise WireError("the body ends inside a unit: %r" % rest)

    def lines(self):
        """Yield the JSON value of each NDJSON line, as it comes."""
        for line in self.units(b"\n"):
            if line.strip():
                yield json.loads(line)

    def events(self):
        """Yield (name, data) of each server-sent event, as it comes."""
        for unit in self.units(b"\n\n"):
            name, data = None, []
            for line in unit.split(b"\n"):
                key, _, value = line.partition(b":")
                value = value[1:] if value.startswith(b" ") else value
                if key == b"event":
                    name = value.decode()
                elif key == b"data":
                    data.append(value.decode())
            if data:
                yield name, "\n".join(data)

    def data(self):
        """Yield the JSON of each server-sent event; [DONE] as that text."""
        for _, data in self.events():
            yield data if data == "[DONE]" else json.loads(data)


def connect(address):
    """A connected socket: (host, port), or a unix socket's path."""
    if isinstance(address, tuple):
        sock = socket.create_connection(address, PATIENCE)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    else:
        sock = socket.socket(socket.AF_UNIX)
        sock.settimeout(PATIENCE)
        sock.connect(str(address))
    return sock
