"""A caller that goes away: its engine is free within 100 ms."""

import random
import threading
import time

import pytest

from harness import asks, replies
from harness.asks import ask
from harness.waiting import Signal

BOUND = 0.1
WAYS = {
    "close": lambda caller: caller.close(),
    "reset": lambda caller: caller.reset(),
    "half close": lambda caller: caller.half_close(),
}
every_way = pytest.mark.parametrize("way", WAYS)


def send(caller, stream=True):
    caller.send(asks.request_bytes("ollama", stream))


def gone_line(weir, n=1):
    line = weir.wait_log(n)
    assert (line["status"], line["err"]) == (499, "client_closed_request")


@every_way
@pytest.mark.parametrize("stream", [True, False])
def test_while_the_engine_is_silent(weir, engine, way, stream):
    seen = []
    engine.then(lambda exchange: seen.append(exchange.wait_hangup()))
    caller = weir.connect()
    send(caller, stream)
    engine.wait_requests(1)
    at = time.monotonic()
    WAYS[way](caller)
    gone_line(weir)
    engine.wait(lambda e: e.hangups == 1)
    assert seen[0] - at < BOUND
    caller.close()


@every_way
def test_in_the_middle_of_a_stream(weir, engine, way):
    seen = []

    def script(exchange):
        exchange.begin("application/x-ndjson")
        exchange.chunk(replies.ollama()[0][0])
        seen.append(exchange.wait_hangup())

    engine.then(script)
    caller = weir.connect()
    send(caller)
    r = caller.response()
    assert next(r.lines())["done"] is False
    at = time.monotonic()
    WAYS[way](caller)
    engine.wait(lambda e: e.hangups == 1)
    assert seen[0] - at < BOUND
    line = weir.wait_log()
    assert (line["status"], line["err"]) == (200, "client_closed_request")
    caller.close()


@every_way
@pytest.mark.engine(slots=1)
def test_while_it_waits_in_the_line(weir, engine, way):
    """Its place is free at once, and the engine never hears of it."""
    go = Signal()

    def script(exchange):
        exchange.wait(go)
        exchange.answer()

    engine.then(script)
    with weir.connect() as first:
        send(first)
        engine.wait_requests(1)
        caller = weir.connect()
        send(caller)
        weir.wait_metric("weir_queue_length", lambda v: v == 1)
        WAYS[way](caller)
        gone_line(weir)
        caller.close()
        go.set()
        assert first.response().finish().status == 200
    weir.wait_log(2)
    assert len(engine.requests) == 1


def test_while_it_sends_its_body(weir, engine):
    caller = weir.connect()
    caller.send(
        b"POST /api/chat HTTP/1.1\r\nHost: localhost\r\n"
        b"Content-Length: 1000\r\n\r\n{"
    )
    caller.close()
    gone_line(weir)
    assert engine.requests == []


def test_a_slot_is_free_for_the_next(weir, engine):
    """More hang-ups than slots, and the next is served."""
    engine.script = lambda exchange: exchange.wait_hangup()
    for n in range(1, 3 * engine.slots):
        caller = weir.connect()
        send(caller)
        engine.wait_requests(n)
        caller.close()
        engine.wait(lambda e, n=n: e.hangups == n)
    engine.script = replies_answer
    assert ask(weir, "ollama").status == 200


def replies_answer(exchange):
    exchange.answer()


def test_two_hundred_at_random_moments(weir, engine):
    """Afterwards everything is back where it was."""
    seed = random.randrange(1 << 32)
    print("seed", seed)
    dice = random.Random(seed)

    def script(exchange):
        exchange.begin("application/x-ndjson")
        for piece in replies.ollama()[0]:
            exchange.chunk(piece)
            if dice.random() < 0.3 and exchange.wait_hangup(0.01):
                return
        exchange.end()

    def one(stop_after, way):
        caller = weir.connect()
        try:
            data = asks.request_bytes("ollama", True)
            caller.send(data[: stop_after if stop_after < 150 else None])
            if stop_after >= 200:
                caller.sock.recv(1 + (stop_after - 200) * 20)
            WAYS[way](caller)
        except OSError:
            pass
        caller.close()

    engine.script = script
    ask(weir, "ollama")
    before = weir.descriptors()
    threads = [
        threading.Thread(
            target=one,
            args=[dice.randrange(1, 260), dice.choice(["close", "reset"])],
        )
        for _ in range(200)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    engine.script = replies_answer
    assert ask(weir, "ollama").status == 200
    weir.wait_metric("weir_slots_used", lambda v: v == 0)
    weir.wait_metric("weir_connections", lambda v: v == 1)  # this question's
    assert weir.descriptors() <= before + engine.slots
