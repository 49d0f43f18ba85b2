"""Engines that die: whose answer has not begun waits and is sent again.

The first end is that of a pooled connection, which may just have been stale:
it is replaced at once and counts for nothing.
"""

import time

import pytest

from harness import asks
from harness.asks import DIALECTS, ask, request_bytes
from harness.waiting import Signal


def dies(exchange):
    exchange.reset()


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_silent_death_costs_a_delay(weir, engine, dialect):
    engine.then(dies, dies)
    assert ask(weir, dialect).status == 200
    assert len(engine.requests) == 3
    assert len({r.body for r in engine.requests}) == 1
    line = weir.wait_log()
    assert (line["err"], line["retries"]) == (None, 1)


def test_a_stale_connection_counts_for_nothing(weir, engine):
    engine.then(dies)
    assert ask(weir, "openai").status == 200
    assert "retries" not in weir.wait_log()


@pytest.mark.weir(queue={"retries": 0})
def test_retries_can_be_turned_off(weir, engine):
    engine.then(dies, dies)
    r = ask(weir, "openai")
    assert r.status == 502
    assert asks.error_of("openai", r)[1] == "engine_error"
    assert len(engine.requests) == 2


def test_what_kills_it_alone_five_times_is_refused(weir, engine):
    engine.then(*[dies] * 6)
    r = ask(weir, "openai")
    assert r.status == 502
    assert asks.error_of("openai", r)[1] == "request_kills_engine"
    assert len(engine.requests) == 6
    # The circuit is open now; it closes with the first success.
    assert ask(weir, "openai").status == 200


def test_after_a_death_in_company_suspects_run_alone(weir, engine):
    go = Signal()
    here, most = [], []

    def dies_together(exchange):
        exchange.wait(go)
        exchange.reset()

    def alone(exchange):
        here.append(exchange)
        time.sleep(0.05)
        most.append(len(here))
        here.pop()  # before the answer: it lets the next one in
        exchange.answer()

    engine.then(*[dies_together] * 3, *[alone] * 3)
    callers = [weir.connect() for _ in range(3)]
    for caller in callers:
        caller.send(request_bytes("ollama"))
    engine.wait(lambda e: e.in_flight == 3)
    time.sleep(0.3)  # none can still be taken for a stale connection
    go.set()
    for caller in callers:
        assert caller.response().finish().status == 200
        caller.close()
    assert most == [1, 1, 1]
    assert len(engine.requests) == 6


@pytest.mark.parametrize(
    "status, text",
    [
        (500, "model runner has unexpectedly stopped, this may be due to"),
        (500, "an error was encountered while running the model: unexpected"),
        (500, 'Post "http://127.0.0.1:34309/tokenize": read tcp 127.0.0.1'),
        (500, 'health resp: Get "http://127.0.0.1:34309/health": EOF'),
        (500, "connection refused"),
        (500, "error reading llama-server chat response: read tcp"),
        (503, '{"code":503,"message":"Loading model"}'),
    ],
)
def test_an_engine_that_says_it_is_not_well(weir, engine, status, text):
    engine.then(lambda x: x.whole({"error": text}, status=status))
    assert ask(weir, "ollama").status == 200
    assert len(engine.requests) == 2


def test_any_other_error_is_the_callers(weir, engine):
    engine.then(lambda x: x.whole({"error": "does not fit"}, status=500))
    r = ask(weir, "ollama")
    assert r.status == 500 and r.json() == {"error": "does not fit"}
    assert len(engine.requests) == 1
    assert weir.wait_log()["err"] == "engine_status"


def test_an_engine_that_goes_and_comes_back(weir, engine):
    assert ask(weir, "ollama").status == 200
    engine.stop()
    with weir.connect() as caller:
        caller.send(request_bytes("ollama"))
        weir.wait_metric("weir_engine_up", lambda v: v == 0)
        engine.start()
        assert caller.response().finish().status == 200


# --- how long is it waited for? ---


def gone(weir, engine):
    """An engine that was there, and is not."""
    assert ask(weir, "ollama").status == 200
    engine.stop()


@pytest.mark.weir(queue={"hold": "700ms"})
@pytest.mark.parametrize("n", [1, 3])
def test_an_engine_that_stays_away_is_waited_for_as_long_as_hold(
    weir, engine, n
):
    """Nothing else happens meanwhile that would have the line looked at."""
    gone(weir, engine)
    begin = time.monotonic()
    callers = [weir.connect() for _ in range(n)]
    for caller in callers:
        caller.send(request_bytes("openai"))
    for caller in callers:
        r = caller.response().finish()
        assert 0.65 < time.monotonic() - begin < 1.2
        assert r.status == 503
        assert asks.error_of("openai", r)[1] == "engine_unavailable"
        caller.close()


@pytest.mark.weir(queue={"wait": "400ms"})
def test_the_time_without_an_engine_is_no_wait(weir, engine):
    gone(weir, engine)
    with weir.connect() as caller:
        caller.send(request_bytes("ollama"))
        weir.wait_metric("weir_engine_up", lambda v: v == 0)
        time.sleep(0.8)
        engine.start()
        assert caller.response().finish().status == 200


@pytest.mark.engine(slots=1)
@pytest.mark.weir(queue={"wait": "600ms"})
def test_after_it_the_wait_goes_on(weir, engine):
    """Of the wait 0.6 s are left when the engine is back, and end there."""
    go = Signal()
    gone(weir, engine)
    callers = [weir.connect() for _ in range(2)]
    for caller in callers:
        caller.send(request_bytes("openai"))
    weir.wait_metric("weir_queue_length", lambda v: v == 2)
    time.sleep(0.8)
    engine.then(lambda e: (e.wait(go), e.answer()))
    begin = time.monotonic()
    engine.start()
    weir.wait_log(lambda line: line["err"] == "queue_timeout")
    assert 0.5 < time.monotonic() - begin < 3
    go.set()
    statuses = [caller.response().finish().status for caller in callers]
    assert sorted(statuses) == [200, 503]
    for caller in callers:
        caller.close()


def test_a_callers_own_deadline_holds_without_an_engine(weir, engine):
    gone(weir, engine)
    begin = time.monotonic()
    r = ask(weir, "openai", fields={"X-Weir-Deadline": "500ms"})
    assert 0.45 < time.monotonic() - begin < 1.2, r.body
    assert r.status == 503
