"""Engines that break: callers are told so, in their dialect."""

import json

import pytest

from harness import asks, replies
from harness.asks import DIALECTS, ask
from harness.waiting import Signal
from harness.wire import Closed

every_dialect = pytest.mark.parametrize("dialect", DIALECTS)
ENDS = ["close", "reset", "clean end"]


def broken_stream(end, pieces=3, text=None):
    """A script: some events, and then no more."""

    def script(exchange):
        made, _, _, kind = replies.of(exchange.request)
        exchange.begin(kind)
        for piece in made[:pieces]:
            exchange.chunk(piece)
        if text:
            exchange.chunk(text)
        if end == "clean end":
            exchange.end()
        elif end == "reset":
            exchange.reset()
        else:
            exchange.close()

    return script


def last_unit(dialect, body):
    """The error at the end of a stream, as that dialect tells it."""
    if dialect in ("ollama", "generate"):
        return json.loads(body.rstrip(b"\n").split(b"\n")[-1])["error"]
    unit = body.rstrip(b"\n").split(b"\n\n")[-1].split(b"\n")
    if dialect == "anthropic":
        assert unit[0] == b"event: error"
        told = json.loads(unit[1].partition(b": ")[2])
        assert told["type"] == "error"
        return told["error"]["message"]
    assert unit[0].startswith(b"data: ")
    return json.loads(unit[0][6:])["error"]["message"]


@every_dialect
@pytest.mark.parametrize("end", ENDS)
def test_a_stream_that_breaks_ends_with_an_error(weir, engine, dialect, end):
    engine.then(broken_stream(end))
    with weir.connect() as caller:
        r = caller.begin(
            "POST", DIALECTS[dialect], asks.body(dialect, stream=True)
        )
        assert r.status == 200
        body = r.body
        whole = b"".join(replies.of(engine.requests[0])[0][:3])
        assert body.startswith(whole)
        assert last_unit(dialect, body)
        assert b"[DONE]" not in body and b'"done":true' not in body
        assert b"message_stop" not in body
    line = weir.wait_log()
    assert line["err"] == "upstream_incomplete"


@every_dialect
def test_a_stream_that_breaks_inside_an_event(weir, engine, dialect):
    """What follows the torn piece can still be read."""
    engine.then(broken_stream("close", text=b'data: {"choi'))
    with weir.connect() as caller:
        r = caller.begin(
            "POST", DIALECTS[dialect], asks.body(dialect, stream=True)
        )
        assert last_unit(dialect, r.body)
    assert weir.wait_log()["err"] == "upstream_incomplete"


@every_dialect
def test_a_whole_answer_that_breaks_is_no_answer(weir, engine, dialect):
    """Half a body: the caller sees that it is half."""

    def script(exchange):
        exchange.head(
            200,
            [("Content-Type", "application/json"), ("Content-Length", "999")],
        )
        exchange.send(b'{"half":')
        exchange.close()

    engine.then(script, script)
    with weir.connect() as caller:
        caller.send(asks.request_bytes(dialect))
        try:
            r = caller.response().finish()
            assert r.status == 502
            asks.error_of(dialect, r)
        except (Closed, ConnectionResetError):
            pass  # it was seen to be cut
    assert weir.wait_log()["err"] == "upstream_incomplete"


@every_dialect
@pytest.mark.parametrize("end", ["close", "reset"])
def test_an_engine_that_dies_at_once_is_asked_again(
    weir, engine, dialect, end
):
    """Before a byte of the answer the caller sees a delay, no error."""
    dies = {
        "close": lambda exchange: exchange.close(),
        "reset": lambda exchange: exchange.reset(),
    }
    engine.then(dies[end])
    assert ask(weir, dialect).status == 200
    assert len(engine.requests) == 2
    assert engine.requests[0].body == engine.requests[1].body
    line = weir.wait_log()
    assert (line["status"], line["err"]) == (200, None)


@pytest.mark.weir(queue={"retries": 0})
@pytest.mark.parametrize("dialect", ["ollama", "openai", "anthropic"])
def test_without_retries_the_caller_is_told(weir, engine, dialect):
    engine.script = lambda exchange: exchange.close()
    r = ask(weir, dialect)
    assert r.status == 502
    asks.error_of(dialect, r)
    assert weir.wait_log()["err"] == "engine_error"


def test_a_pooled_connection_that_went_stale_is_no_fault(weir, engine):
    def script(exchange):
        exchange.answer()
        exchange.close()

    for n in range(1, 6):
        engine.then(script)
        assert ask(weir, "ollama").status == 200
        assert "retries" not in weir.wait_log(n)


@pytest.mark.weir(queue={"hold": "0s"})
@pytest.mark.parametrize("dialect", ["ollama", "openai", "anthropic"])
def test_an_engine_that_is_away(weir, engine, dialect):
    engine.stop()
    r = ask(weir, dialect)
    assert r.status == 503
    assert r.field("retry-after")
    asks.error_of(dialect, r)
    assert weir.wait_log()["err"] == "engine_unavailable"
    weir.wait_metric("weir_engine_up", lambda v: v == 0)
    ready = weir.get("/readyz")
    assert ready.status == 503
    assert ready.json()["engines"][0]["why"]
    engine.start()
    weir.wait_engine_up()
    assert ask(weir, dialect).status == 200
    assert weir.get("/readyz").status == 200


def test_an_engine_that_is_away_for_a_moment_is_waited_for(weir, engine):
    engine.stop()
    with weir.connect() as caller:
        caller.send(asks.request_bytes("openai"))
        weir.wait_metric("weir_queue_length", lambda v: v == 1)
        engine.start()
        assert caller.response().finish().status == 200
    assert weir.wait_log()["retries"] >= 0


@pytest.mark.parametrize("status", [400, 404, 500, 503])
@every_dialect
def test_what_the_engine_answers_is_the_answer(weir, engine, dialect, status):
    body = b'{"error":{"message":"SECRET words","type":"x","code":null}}'
    if dialect == "anthropic":
        body = b'{"type":"error",' + body[1:]
    engine.script = lambda exchange: exchange.whole(body, status)
    r = ask(weir, dialect)
    assert (r.status, r.body) == (status, body)
    line = weir.wait_log()
    assert line["status"] == status
    assert "SECRET" not in str(line)


def timeouts(**more):
    def config(weir):
        engine = weir.base()["engines"][0]
        return {"engines": [{**engine, **more}]}

    return config


@pytest.mark.parametrize("dialect", ["ollama", "openai", "anthropic"])
def test_silence_before_the_first_byte_ends(start_weir, engine, dialect):
    weir = start_weir(timeouts(first_byte="300ms"), engine)
    engine.then(lambda exchange: exchange.wait_hangup())
    r = ask(weir, dialect)
    assert r.status == 504
    asks.error_of(dialect, r)
    assert weir.wait_log()["err"] == "engine_timeout"
    engine.wait(lambda e: e.hangups == 1)


@every_dialect
def test_silence_inside_a_stream_ends(start_weir, engine, dialect):
    weir = start_weir(timeouts(between_bytes="300ms"), engine)

    def script(exchange):
        made, _, _, kind = replies.of(exchange.request)
        exchange.begin(kind)
        exchange.chunk(made[0])
        exchange.wait_hangup()

    engine.then(script)
    with weir.connect() as caller:
        r = caller.begin(
            "POST", DIALECTS[dialect], asks.body(dialect, stream=True)
        )
        assert last_unit(dialect, r.body)
    engine.wait(lambda e: e.hangups == 1)
    assert weir.wait_log()["err"] in ("engine_timeout", "upstream_incomplete")


def test_an_engine_that_answers_before_it_has_read_all(weir, engine):
    """An early refusal of the engine reaches the caller."""
    big = asks.body("ollama", prompt="x" * (1 << 20))
    engine.then(lambda exchange: exchange.whole({"error": "no"}, 400))
    assert weir.post("/api/chat", big).status == 400


def test_interim_answers_of_the_engine_are_not_the_answer(weir, engine):
    def script(exchange):
        exchange.send(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n")
        exchange.answer()

    engine.then(script)
    assert ask(weir, "ollama").status == 200


def test_two_engines_share_the_work(start_weir, start_engine):
    one, two = start_engine(slots=1), start_engine(slots=1)
    go = Signal()

    def script(exchange):
        exchange.wait(go)
        exchange.answer()

    one.script = two.script = script

    def config(weir):
        return {
            "engines": [
                {"name": n, "url": e.url, "kind": "ollama", "slots": 1}
                for n, e in (("one", one), ("two", two))
            ]
        }

    weir = start_weir(config)
    weir.wait_engine_up("one").wait_engine_up("two")
    callers = [weir.connect() for _ in range(2)]
    for caller in callers:
        caller.send(asks.request_bytes("ollama"))
    for e in (one, two):
        e.wait(lambda e: e.in_flight == 1)
    go.set()
    for caller in callers:
        assert caller.response().finish().status == 200
        caller.close()
    weir.wait_log(2)
    assert {x["engine"] for x in weir.access_lines()} == {"one", "two"}
