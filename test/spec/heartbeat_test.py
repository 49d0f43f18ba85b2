"""Streams that wait get signs of life; whatever comes then comes inside."""

import json

import pytest

from harness import asks, replies
from harness.asks import DIALECTS, request_bytes
from harness.waiting import Signal

BEATS = {
    "ollama": b" ",
    "generate": b" ",
    "openai": b":\n\n",
    "completion": b":\n\n",
    "anthropic": b'event: ping\ndata: {"type":"ping"}\n\n',
}
every_dialect = pytest.mark.parametrize("dialect", DIALECTS)
often = pytest.mark.weir(queue={"heartbeat": "1s"})


def late(go, end):
    """A script: silence until ${go}, then ${end}(exchange)."""

    def script(exchange):
        exchange.wait(go)
        end(exchange)

    return script


def begin(weir, engine, dialect, end, fields=()):
    """Send a stream whose answer waits; the head that a beat brought."""
    go = Signal()
    engine.then(late(go, end))
    caller = weir.connect()
    caller.send(request_bytes(dialect, stream=True, fields=fields))
    r = caller.response()
    assert r.status == 200
    return go, caller, r


@every_dialect
@often
def test_a_beat_brings_the_head_and_the_answer_follows(weir, engine, dialect):
    go, caller, r = begin(weir, engine, dialect, lambda x: x.answer())
    go.set()
    body = r.body
    caller.close()
    whole = b"".join(replies.of(engine.requests[0])[0])
    beat = BEATS[dialect]
    beats = 0
    while body.startswith(beat):
        body = body[len(beat) :]
        beats += 1
    assert beats >= 1
    if dialect in ("openai", "completion"):
        # weir asked for the usage chunk itself and keeps it.
        assert b'"choices":[]' not in body and b"[DONE]" in body
    else:
        assert body == whole
    assert weir.wait_log()["err"] is None


@every_dialect
@often
def test_an_error_of_the_engine_comes_inside(weir, engine, dialect):
    def refuse(exchange):
        exchange.whole({"error": "no such thing"}, status=400)

    go, caller, r = begin(weir, engine, dialect, refuse)
    go.set()
    body = r.body
    caller.close()
    assert b"no such thing" in body
    last = body.rstrip(b"\n").split(b"\n")[-1]
    told = last.partition(b"data: ")[2] if b"data: " in last else last
    assert json.loads(told.strip())["error"] == "no such thing"
    line = weir.wait_log()
    assert (line["status"], line["err"]) == (200, "engine_status")


@pytest.mark.engine(slots=1)
@pytest.mark.weir(queue={"heartbeat": "1s", "wait": "2s"})
def test_a_refusal_comes_inside_too(weir, engine):
    go = Signal()
    engine.then(late(go, lambda x: x.answer()))
    with weir.connect() as first, weir.connect() as second:
        first.send(request_bytes("ollama"))
        engine.wait_requests(1)
        second.send(request_bytes("openai", stream=True))
        r = second.response()
        assert r.status == 200
        told = r.body.rstrip(b"\n").split(b"data: ")[-1]
        assert json.loads(told)["error"]["code"] == "queue_timeout"
        go.set()
        assert first.response().finish().status == 200


@pytest.mark.engine(slots=1)
@pytest.mark.weir(queue={"heartbeat": "1s"})
def test_a_caller_that_asks_hears_its_place(weir, engine):
    go = Signal()
    engine.then(late(go, lambda x: x.answer()))
    with weir.connect() as first, weir.connect() as second:
        first.send(request_bytes("ollama"))
        engine.wait_requests(1)
        second.send(
            request_bytes(
                "openai", stream=True, fields={"X-Weir-Queue-Updates": "1"}
            )
        )
        r = second.response()
        go.set()
        assert r.body.startswith(b": weir place=1\n\n")
        assert first.response().finish().status == 200


@often
def test_answers_that_do_not_stream_get_none(weir, engine):
    go = Signal()
    engine.then(late(go, lambda x: x.answer()))
    with weir.connect() as caller:
        caller.send(request_bytes("openai"))
        engine.wait_requests(1)
        with weir.connect() as other:
            other.send(request_bytes("openai", stream=True))
            assert other.response().finish().status == 200
        go.set()
        r = caller.response().finish()
        assert r.status == 200 and r.json()["object"] == "chat.completion"


@pytest.mark.engine(slots=1)
def test_a_caller_sets_its_own_deadline(weir, engine):
    go = Signal()
    engine.then(late(go, lambda x: x.answer()))
    with weir.connect() as first, weir.connect() as second:
        first.send(request_bytes("ollama"))
        engine.wait_requests(1)
        second.send(
            request_bytes("openai", fields={"X-Weir-Deadline": "500ms"})
        )
        r = second.response().finish()
        assert r.status == 503
        assert asks.error_of("openai", r)[1] == "queue_timeout"
        go.set()
        assert first.response().finish().status == 200
    assert engine.requests[0] and len(engine.requests) == 1


@pytest.mark.parametrize("text", ["soon", "-1s", "", "10"])
def test_a_deadline_that_cannot_be_read(weir, engine, text):
    r = asks.ask(
        weir, "openai", fields={"X-Weir-Deadline": text}
    )
    if text == "":
        assert r.status == 200
        return
    assert r.status == 400
    assert asks.error_of("openai", r)[1] == "invalid_deadline"
    assert engine.requests == []
