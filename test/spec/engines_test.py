"""Several engines: who gets a request, and who takes over from whom."""

import json
import time

import pytest

from harness import replies
from harness.asks import ask
from harness.queueing import send
from harness.waiting import Signal

OTHER = "qwen3:8b"


def start_two(start_weir, engines, **more):
    rows = [
        {"name": n, "url": e.url, "kind": e.kind, "slots": e.slots}
        for n, e in zip("ab", engines)
    ]
    weir = start_weir({"engines": rows, **more})
    for name in "ab":
        weir.wait_engine_up(name)
    return weir


def finish(callers):
    answers = [caller.response().finish() for caller in callers]
    for caller in callers:
        caller.close()
    return answers


def engine_row(weir, name):
    rows = json.loads(weir.run("status", "--json").stdout)["engines"]
    return next(row for row in rows if row["name"] == name)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("dialect", ["ollama", "openai", "anthropic"])
def test_another_engine_takes_over_before_the_answer(
    start_engine, start_weir, dialect, stream
):
    """The one that failed is asked last, though it has room.  Its first
    connection may have been stale: it is asked once more."""
    a, b = start_engine(), start_engine()
    weir = start_two(start_weir, (a, b))
    a.then(*[lambda e: e.reset()] * 2)
    r = ask(weir, dialect, stream=stream)
    assert r.status == 200 and b"error" not in r.body
    assert (len(a.requests), len(b.requests)) == (2, 1)
    assert a.requests[0].body == b.requests[0].body
    line = weir.wait_log()
    assert (line["engine"], line["retries"], line["err"]) == ("b", 1, None)


def test_what_was_in_flight_at_a_dead_engine_goes_to_another(
    start_engine, start_weir
):
    a, b = start_engine(slots=2), start_engine(slots=2)
    weir = start_two(start_weir, (a, b))
    go = Signal()
    script = [lambda e: (e.wait(go), e.answer())] * 2
    a.then(*[lambda e: e.wait_hangup()] * 2)
    b.then(*script)
    callers = [send(weir) for _ in range(4)]
    for engine in (a, b):
        engine.wait(lambda e: e.in_flight == 2)
    a.stop()
    weir.wait_metric("weir_queue_length", lambda v: v == 2)
    go.set()
    assert [r.status for r in finish(callers)] == [200] * 4
    assert (len(a.requests), len(b.requests)) == (2, 4)
    assert b.most_in_flight == 2


def test_an_answer_that_has_begun_is_not_taken_over(start_engine, start_weir):
    a, b = start_engine(), start_engine()
    weir = start_two(start_weir, (a, b))

    def breaks(exchange):
        exchange.begin("application/x-ndjson")
        exchange.chunk(replies.ollama()[0][0])
        exchange.reset()

    a.then(breaks)
    r = ask(weir, "ollama", stream=True)
    assert r.status == 200
    assert "error" in json.loads(r.body.splitlines()[-1])
    assert (len(a.requests), len(b.requests)) == (1, 0)


def test_models_are_asked_for_where_they_are(start_engine, start_weir):
    a = start_engine(models=(replies.MODEL,))
    b = start_engine(models=(replies.MODEL, OTHER))
    weir = start_two(start_weir, (a, b))
    for _ in range(3):
        assert ask(weir, "openai", model=OTHER).status == 200
    assert (len(a.requests), len(b.requests)) == (0, 3)
    # Where nobody has it, whoever is asked says so.
    assert ask(weir, "openai", model="nobody's").status == 200


def test_who_has_it_loaded_before_who_would_load_it(start_engine, start_weir):
    a, b = start_engine(), start_engine()
    a.loaded, b.loaded = [], [replies.MODEL]
    weir = start_two(start_weir, (a, b))
    callers = [send(weir) for _ in range(8)]
    assert [r.status for r in finish(callers)] == [200] * 8
    assert (len(a.requests), len(b.requests)) == (0, 8)


# --- the circuit breaker ---


def silent(exchange):
    """Too slow: one of five in a row."""
    exchange.wait_hangup()


def open_circuit(weir, engine, n=5):
    engine.then(*[silent] * n)
    for _ in range(n):
        assert ask(weir, "openai").status == 504
    assert engine_row(weir, "a")["breaker"] in ("open", "trial")


def start_hasty(start_weir, engines):
    """Engines that must answer within 150 ms."""
    rows = [
        {
            "name": name,
            "url": engine.url,
            "kind": engine.kind,
            "slots": engine.slots,
            "first_byte": "150ms",
        }
        for name, engine in zip("ab", engines)
    ]
    weir = start_weir({"engines": rows})
    weir.wait_engine_up("a")
    return weir


def test_a_circuit_that_opened_is_tried_by_one(start_engine, start_weir):
    engine = start_engine()
    weir = start_hasty(start_weir, [engine])
    open_circuit(weir, engine)
    engine.most_in_flight = 0
    here = []

    def trial(exchange):
        here.append(engine_row(weir, "a")["breaker"])
        here.append(engine.in_flight)
        exchange.answer()

    engine.then(trial)
    callers = [send(weir) for _ in range(4)]
    assert [r.status for r in finish(callers)] == [200] * 4
    assert here == ["trial", 1]
    assert engine_row(weir, "a")["breaker"] == "closed"


def test_a_trial_that_fails_opens_it_for_longer(start_engine, start_weir):
    engine = start_engine()
    weir = start_hasty(start_weir, [engine])
    open_circuit(weir, engine)
    engine.then(silent)
    begin = time.monotonic()
    assert ask(weir, "openai").status == 504
    first = time.monotonic() - begin
    begin = time.monotonic()
    assert ask(weir, "openai").status == 200
    second = time.monotonic() - begin
    # 1 s and 2 s, each from the failure before.
    assert 0.5 < first < 1.9 < second < 4
    assert engine_row(weir, "a")["breaker"] == "closed"


def test_an_open_circuit_leaves_the_work_to_others(start_engine, start_weir):
    a, b = start_engine(), start_engine()
    b.stop()
    weir = start_hasty(start_weir, (a, b))
    open_circuit(weir, a)
    b.start()
    weir.wait_engine_up("b")
    n = len(a.requests)
    callers = [send(weir) for _ in range(6)]
    assert [r.status for r in finish(callers)] == [200] * 6
    # At most the one that tries whether a is well again.
    assert len(a.requests) - n <= 1
