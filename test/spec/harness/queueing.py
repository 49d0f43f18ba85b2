"""Requests that wait: at the engine until they are let go, or in line."""

from . import asks, replies
from .waiting import Signal


def hold(engine):
    """Let the next request wait at the engine; returns what ends that."""
    go = Signal()

    def script(exchange):
        exchange.wait(go)
        exchange.answer()

    engine.then(script)
    return go


def hold_stream(engine, pieces=1):
    """The same, after some pieces of a stream."""
    go = Signal()

    def script(exchange):
        made, _, _, kind = replies.of(exchange.request)
        exchange.begin(kind)
        for piece in made[:pieces]:
            exchange.chunk(piece)
        exchange.wait(go)
        for piece in made[pieces:]:
            exchange.chunk(piece)
        exchange.end()

    engine.then(script)
    return go


def send(weir, dialect="ollama", **more):
    """Send a request on a connection of its own, which is returned."""
    caller = weir.connect()
    caller.send(asks.request_bytes(dialect, **more))
    return caller


def wait_line(weir, n):
    """Until ${n} wait in weir's queue."""
    weir.wait_metric("weir_queue_length", lambda v: v == n)
