"""Slots stay charged while an engine works for a caller that is gone."""

import threading
import time

import pytest

from harness import asks
from harness.asks import ask
from harness.waiting import Signal

llama = pytest.mark.engine(kind="llama-server", slots=1)


def hang_up(weir, engine, stream=False):
    """A request whose caller goes while the engine goes on until ${end}."""
    end = Signal()
    engine.then(lambda exchange: exchange.wait(end))
    caller = weir.connect()
    caller.send(asks.request_bytes("openai", stream))
    engine.wait_requests(1)
    caller.close()
    assert weir.wait_log(1)["status"] == 499
    return end


@llama
def test_the_slot_stays_charged_until_the_engine_is_idle(weir, engine):
    end = hang_up(weir, engine)
    weir.wait_metric("weir_slots_lingering", lambda v: v == 1)
    weir.wait_metric("weir_slots_used", lambda v: v == 1)
    done = []
    waiting = threading.Thread(
        target=lambda: done.append(ask(weir, "openai").status)
    )
    waiting.start()
    # Two looks find it at work.
    slots = [("GET", "/slots")]
    engine.wait(
        lambda e: sum((r.method, r.path) in slots for r in e.probes) >= 2
    )
    assert len(engine.requests) == 1 and not done
    assert weir.get("/readyz").json()["engines"][0]["lingering"] == 1
    end.set()
    waiting.join()
    assert done == [200]
    weir.wait_metric("weir_slots_lingering", lambda v: v == 0)


@llama
def test_looks_are_two_seconds_apart(weir, engine):
    at = []
    engine.pages["GET", "/slots"] = lambda exchange: (
        at.append(time.monotonic()),
        exchange.whole([{"id": 0, "is_processing": len(at) < 3}]),
    )
    end = hang_up(weir, engine)
    gone = time.monotonic()
    engine.wait(lambda e: len(at) == 3)
    end.set()
    assert all(b - a > 1.9 for a, b in zip([gone - 0.1, *at], at))
    weir.wait_metric("weir_slots_lingering", lambda v: v == 0)


@llama
def test_a_stream_gives_its_slot_back_at_once(weir, engine):
    end = hang_up(weir, engine, stream=True)
    weir.wait_metric("weir_slots_used", lambda v: v == 0)
    end.set()


@pytest.mark.engine(slots=1)
def test_ollama_notices_by_itself(weir, engine):
    end = hang_up(weir, engine)
    weir.wait_metric("weir_slots_used", lambda v: v == 0)
    end.set()


@llama
def test_without_a_proof_the_bound_ends_it(weir, engine):
    engine.pages["GET", "/slots"] = lambda exchange: exchange.whole(
        {"error": "no"}, 501
    )
    end = Signal()
    engine.then(lambda exchange: exchange.wait(end))
    caller = weir.connect()
    caller.send(asks.request_bytes("openai", max_tokens=5))
    engine.wait_requests(1)
    caller.close()
    weir.wait_metric("weir_slots_lingering", lambda v: v == 1)
    # 2 s and 0.1 s for each token.
    weir.wait_metric("weir_slots_used", lambda v: v == 0)
    end.set()


@llama
def test_an_engine_that_dies_works_for_nobody(weir, engine):
    end = hang_up(weir, engine)
    weir.wait_metric("weir_slots_lingering", lambda v: v == 1)
    engine.stop()
    end.set()
    weir.wait_metric("weir_slots_lingering", lambda v: v == 0, timeout=40)
    engine.start()
    assert ask(weir, "openai").status == 200


def crash(weir, engine, stream=False):
    """A gate that dies with a request at the engine, which goes on."""
    end = Signal()
    engine.then(lambda exchange: exchange.wait(end))
    with weir.connect() as caller:
        caller.send(asks.request_bytes("openai", stream))
        engine.wait_requests(1)
        weir.wait_event("engine_up")  # the log is written behind
        weir.kill_gate()
        weir.wait_event("engine_up", 2)
    return end


@llama
def test_a_gate_that_crashes_forgets_no_slot(weir, engine):
    end = crash(weir, engine)
    weir.wait_metric("weir_slots_lingering", lambda v: v == 1)
    done = []
    waiting = threading.Thread(
        target=lambda: done.append(ask(weir, "openai").status)
    )
    waiting.start()
    slots = [("GET", "/slots")]
    engine.wait(
        lambda e: sum((r.method, r.path) in slots for r in e.probes) >= 2
    )
    assert len(engine.requests) == 1 and not done
    end.set()
    waiting.join()
    assert done == [200]
    weir.wait_metric("weir_slots_lingering", lambda v: v == 0)


@pytest.mark.engine(slots=1)
def test_ollama_notices_that_a_gate_has_crashed(weir, engine):
    end = crash(weir, engine)
    assert ask(weir, "ollama").status == 200
    end.set()


@llama
def test_an_engine_that_died_too_has_nothing_left(weir, engine):
    end = crash(weir, engine)
    end.set()
    engine.stop()
    weir.wait_event("engine_down")
    weir.wait_metric("weir_slots_lingering", lambda v: v == 0)
