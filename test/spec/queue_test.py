"""The line: bounded places, bounded waits, who came first is served first."""

import time

import pytest

from harness import asks, metrics
from harness.asks import ask
from harness.caller import bearer, request
from harness.queueing import hold, send, wait_line
from harness.waiting import Signal
from harness.weir import hash_of, new_key

KEY = new_key("late")


@pytest.mark.engine(slots=2)
def test_the_engine_never_has_more_than_its_slots(weir, engine):
    go = Signal()

    def script(exchange):
        exchange.wait(go)
        exchange.answer()

    engine.script = script
    callers = [send(weir) for _ in range(10)]
    wait_line(weir, 8)
    engine.wait(lambda e: e.in_flight == 2)
    go.set()
    for caller in callers:
        assert caller.response().finish().status == 200
        caller.close()
    assert engine.most_in_flight == 2
    assert metrics.total(weir.metrics(), "weir_slots") == 2


@pytest.mark.engine(slots=1)
def test_who_came_first_is_served_first(weir, engine):
    go = hold(engine)
    callers = [send(weir, seed=0)]
    engine.wait_requests(1)
    for n in range(1, 6):
        callers.append(send(weir, seed=n))
        wait_line(weir, n)
    go.set()
    for caller in callers:
        assert caller.response().finish().status == 200
        caller.close()
    assert [r.json()["seed"] for r in engine.requests] == list(range(6))


@pytest.mark.engine(slots=1)
@pytest.mark.weir(
    queue={"length": 16}, callers=[{"name": "late", "key": hash_of(KEY)}]
)
@pytest.mark.parametrize("dialect", ["ollama", "openai", "anthropic"])
def test_a_full_line_refuses_at_once(weir, engine, dialect):
    """The last sixteenth is kept for callers with nothing waiting."""
    go = hold(engine)
    callers = [send(weir)]
    engine.wait_requests(1)
    for n in range(1, 16):
        callers.append(send(weir))
        wait_line(weir, n)
    begin = time.monotonic()
    r = ask(weir, dialect)
    assert time.monotonic() - begin < 0.5
    assert r.status == 503
    assert int(r.field("retry-after")) >= 1
    text, code = asks.error_of(dialect, r)
    assert code in (None, "queue_full", "overloaded_error")
    callers.append(send(weir, fields=bearer(KEY)))
    wait_line(weir, 16)
    assert ask(weir, dialect, fields=bearer(KEY)).status == 503
    go.set()
    for caller in callers:
        assert caller.response().finish().status == 200
        caller.close()
    assert weir.wait_log(lambda x: x["err"] == "queue_full")["status"] == 503


@pytest.mark.engine(slots=1)
@pytest.mark.weir(queue={"wait": "300ms"})
def test_a_wait_ends(weir, engine):
    go = hold(engine)
    first = send(weir)
    engine.wait_requests(1)
    begin = time.monotonic()
    r = ask(weir, "openai", stream=True)
    assert 0.25 < time.monotonic() - begin < 2
    assert r.status == 503
    assert r.field("retry-after")
    assert asks.error_of("openai", r)[1] == "queue_timeout"
    go.set()
    assert first.response().finish().status == 200
    first.close()
    line = weir.wait_log(lambda x: x["err"] == "queue_timeout")
    assert 250 <= line["queue_ms"] <= 2000


@pytest.mark.engine(slots=1)
def test_listings_pass_by_the_line(weir, engine):
    go = hold(engine)
    first = send(weir)
    engine.wait_requests(1)
    second = send(weir)
    wait_line(weir, 1)
    for path in ("/api/tags", "/api/ps", "/v1/models", "/api/version"):
        assert weir.get(path).status == 200
    go.set()
    for caller in (first, second):
        assert caller.response().finish().status == 200
        caller.close()


@pytest.mark.engine(slots=1)
def test_the_wait_stands_in_the_log(weir, engine):
    go = hold(engine)
    first = send(weir)
    engine.wait_requests(1)
    second = send(weir)
    wait_line(weir, 1)
    begin = time.monotonic()
    while time.monotonic() - begin < 0.12:
        weir.metrics()
    go.set()
    for caller in (first, second):
        assert caller.response().finish().status == 200
        caller.close()
    weir.wait_log(2)
    waits = sorted(x["queue_ms"] for x in weir.access_lines())
    assert waits[0] < 100 <= waits[1]


def test_slots_are_asked_of_the_engine(start_weir, start_engine):
    engine = start_engine(kind="llama-server", slots=3)
    config = {
        "engines": [{"name": "local", "url": engine.url, "kind": "auto"}]
    }
    weir = start_weir(config, engine)
    weir.wait_metric("weir_slots", lambda v: v == 3)
    ready = weir.get("/readyz").json()
    assert ready["engines"][0]["kind"] == "llama-server"


OTHER = "nomic-embed"


@pytest.mark.engine(models=("llama3.2", OTHER), slots=1)
def test_slots_are_each_models_own(weir, engine):
    """Embeddings count as all that an engine works on."""
    here, most = {}, {}

    def script(exchange):
        model = exchange.request.json()["model"]
        here[model] = here.get(model, 0) + 1
        most[model] = max(most.get(model, 0), here[model])
        exchange.wait(go)
        here[model] -= 1
        exchange.answer()

    go = Signal()
    engine.script = script
    callers = []
    for _ in range(3):
        for model in ("llama3.2", OTHER):
            callers.append(send(weir, model=model))
            caller = weir.connect()
            caller.send(
                request(
                    "POST", "/api/embed", {"model": model, "input": "weir"}
                )
            )
            callers.append(caller)
    wait_line(weir, 10)
    engine.wait(lambda e: e.in_flight == 2)
    go.set()
    for caller in callers:
        assert caller.response().finish().status == 200
        caller.close()
    assert most == {"llama3.2": 1, OTHER: 1}


@pytest.mark.engine(kind="openai", slots=1)
def test_names_that_nobody_lists_share_the_slots(weir, engine):
    go = hold(engine)
    callers = [send(weir, "openai", model="one")]
    engine.wait_requests(1)
    callers.append(send(weir, "openai", model="two"))
    wait_line(weir, 1)
    go.set()
    for caller in callers:
        assert caller.response().finish().status == 200
        caller.close()
    assert engine.most_in_flight == 1
