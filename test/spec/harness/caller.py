"""A caller: one raw connection to weir."""

import json
import socket
import struct

from . import PATIENCE
from .wire import Reader, Response, connect


def request(method, path, body=None, fields=(), host="localhost"):
    """The bytes of an ordinary request; ${body} may be bytes or a JSON value.

    ${fields} is a list of (name, value) or a dict.
    """
    if isinstance(fields, dict):
        fields = list(fields.items())
    lines = ["%s %s HTTP/1.1" % (method, path), "Host: %s" % host]
    if body is not None:
        if not isinstance(body, bytes):
            body = json.dumps(body).encode()
            lines.append("Content-Type: application/json")
        lines.append("Content-Length: %d" % len(body))
    lines += ["%s: %s" % field for field in fields]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + (body or b"")


def bearer(key):
    return {"Authorization": "Bearer " + key}


class Caller:
    """One connection.  Use it with `with`; it closes what it opened."""

    def __init__(self, address, receive_bytes=None):
        if receive_bytes:  # a small window, for readers that are slow
            self.sock = socket.socket(socket.AF_INET)
            self.sock.setsockopt(
                socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes
            )
            self.sock.settimeout(PATIENCE)
            self.sock.connect(address)
        else:
            self.sock = connect(address)
        self.sock.settimeout(PATIENCE)
        self.reader = Reader(self.sock)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def send(self, data):
        self.sock.sendall(data)

    def send_cut(self, data, cuts):
        """Send ${data} in pieces that end at ${cuts}, each in a packet."""
        at = 0
        for cut in [*cuts, len(data)]:
            self.sock.sendall(data[at:cut])
            at = cut

    def response(self, method="POST"):
        """The next response, its body still to come; 1xx are skipped."""
        while True:
            r = Response(self.reader, method)
            if r.status >= 200 or r.status == 101:
                return r

    def begin(self, method, path, body=None, fields=(), **more):
        """Send a request; its response as soon as the head is there."""
        self.send(request(method, path, body, fields, **more))
        return self.response(method)

    def ask(self, method, path, body=None, fields=(), **more):
        """Send a request; its whole response."""
        return self.begin(method, path, body, fields, **more).finish()

    def get(self, path, fields=(), **more):
        return self.ask("GET", path, None, fields, **more)

    def post(self, path, body, fields=(), **more):
        return self.ask("POST", path, body, fields, **more)

    def is_closed(self):
        """Wait until the other side closes; False if it sends instead."""
        return self.reader.at_end()

    def half_close(self):
        self.sock.shutdown(socket.SHUT_WR)

    def reset(self):
        """End the connection with a RST."""
        self.sock.setsockopt(
            socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
        )
        self.close()

    def close(self):
        self.sock.close()
