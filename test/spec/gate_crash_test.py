"""kill -9 of the gate: nobody is refused, nothing is forgotten."""

import os
import select
import signal
import threading
import time

import pytest

from harness import asks, metrics, replies
from harness.asks import ask
from harness.caller import bearer
from harness.waiting import Signal
from harness.weir import binary, hash_of, new_key
from harness.wire import WireError

# The promise is made for a build without sanitizers.
BOUND = 1 if b"__asan_init" in binary().read_bytes() else 0.2
ALIVE = 1.1  # a gate that lived shorter is started again with a delay
KEYS = {name: new_key(name) for name in ("heavy", "light", "other")}
LIMITED = {"callers": [{"name": "anonymous", "rate": "2/hour", "burst": 1}]}


class Load:
    """Callers that ask all the time; counts what becomes of it."""

    def __init__(self, weir, callers=8):
        self.weir = weir
        self.refused = 0
        self.broken = 0
        self.served = []
        self.stop = threading.Event()
        self.lock = threading.Lock()
        self.some = threading.Condition(self.lock)
        self.threads = [
            threading.Thread(target=self.run) for _ in range(callers)
        ]
        for thread in self.threads:
            thread.start()

    def run(self):
        while not self.stop.is_set():
            try:
                begin = time.monotonic()
                status = ask(self.weir, "ollama").status
            except ConnectionRefusedError:
                with self.lock:
                    self.refused += 1
            except (WireError, OSError):
                with self.lock:
                    self.broken += 1
            else:
                with self.lock:
                    self.served.append((begin, time.monotonic(), status))
                    self.some.notify_all()

    def wait_served(self, since, n=20):
        with self.lock:
            assert self.some.wait_for(
                lambda: sum(b > since for b, _, _ in self.served) >= n, 20
            )

    def end(self):
        self.stop.set()
        for thread in self.threads:
            thread.join()


def test_under_load_nobody_is_refused(weir, engine):
    load = Load(weir)
    try:
        for _ in range(3):
            load.wait_served(time.monotonic() + ALIVE)
            killed_at = time.monotonic()
            old = weir.kill_gate()
            load.wait_served(killed_at)
            assert weir.gate_pid() != old
            new = [
                end - killed_at
                for begin, end, _ in load.served
                if begin > killed_at
            ]
            assert min(new) < BOUND
    finally:
        load.end()
    assert load.refused == 0
    # Only what was in flight at a kill may break.
    assert load.broken <= 3 * len(load.threads)
    assert {status for _, _, status in load.served} == {200}
    weir.wait_event("gate_died", 3)


@pytest.mark.weir(**LIMITED)
def test_limits_are_not_forgotten(weir, engine):
    got = [ask(weir, "openai") for _ in range(3)]
    assert [r.status for r in got] == [200, 200, 429]
    weir.kill_gate()
    r = ask(weir, "openai")
    assert r.status == 429
    assert int(r.field("retry-after")) <= int(got[2].field("retry-after"))
    assert len(engine.requests) == 2


@pytest.mark.engine(slots=1)
@pytest.mark.weir(
    callers=[{"name": n, "key": hash_of(k)} for n, k in KEYS.items()]
)
def test_what_callers_were_served_is_not_forgotten(weir, engine):
    """Two compete; one has an answer that costs as much as many of the
    other's.  A gate that began anew would give out turn by turn."""

    def send(name):
        caller = weir.connect()
        caller.send(asks.request_bytes("ollama", fields=bearer(KEYS[name])))
        return caller

    def compete(names):
        """The order in which they are served behind one that is held."""
        go = Signal()
        engine.then(lambda e: (e.wait(go), e.answer()))
        callers = [send("other")]
        engine.wait(lambda e: e.in_flight == 1)
        before = len(weir.access_lines())
        for n, name in enumerate(names):
            callers.append(send(name))
            weir.wait_metric("weir_queue_length", lambda v: v == n + 1)
        go.set()
        for caller in callers:
            assert caller.response().finish().status == 200
            caller.close()
        weir.wait_log(before + len(callers))
        lines = weir.access_lines()[before + 1 :]
        return [line["caller"] for line in lines]

    costly = {**replies.ollama_end(replies.WORDS), "prompt_eval_count": 3000}
    go = Signal()
    engine.then(
        lambda e: (e.wait(go), e.answer()),
        lambda e: e.whole({"message": {"content": "x"}, **costly}),
    )
    callers = [send("other")]
    engine.wait_requests(1)
    for n, name in enumerate(["heavy", "light"]):
        callers.append(send(name))
        weir.wait_metric("weir_queue_length", lambda v: v == n + 1)
    go.set()
    for caller in callers:
        assert caller.response().finish().status == 200
        caller.close()
    mixed = ["light", "heavy"] * 4  # who comes later may be lifted
    weir.wait_log(3)
    weir.kill_gate()
    weir.wait_engine_up()
    assert compete(mixed) == ["light"] * 4 + ["heavy"] * 4


def test_a_request_that_comes_in_between_waits(weir, engine):
    """The socket is the keeper's: a connection is accepted all the time."""
    os.kill(weir.gate_pid(), signal.SIGSTOP)
    caller = weir.connect()
    caller.send(asks.request_bytes("ollama"))
    begin = time.monotonic()
    weir.kill_gate()
    assert caller.response().finish().status == 200
    assert time.monotonic() - begin < 1
    caller.close()


def test_streams_of_the_dead_gate_break_visibly(weir, engine):
    go = Signal()

    def script(exchange):
        exchange.begin("application/x-ndjson")
        exchange.chunk(replies.ollama()[0][0])
        exchange.wait_hangup()
        go.set()

    engine.then(script)
    with weir.connect() as caller:
        r = caller.begin(
            "POST", "/api/chat", asks.body("ollama", stream=True)
        )
        lines = r.lines()
        next(lines)
        weir.kill_gate()
        with pytest.raises((WireError, ConnectionResetError)):
            list(lines)
    assert go.wait(), "the engine is told"
    assert ask(weir, "ollama").status == 200


def test_the_keeper_outlives_many_gates(weir, engine):
    keeper = weir.keeper_pid
    for n in range(1, 4):
        weir.kill_gate()
        assert ask(weir, "ollama").status == 200
        weir.wait_log(n)
    told = metrics.total(weir.metrics(), "weir_gate_generation")
    assert told == 4
    assert weir.keeper_pid == keeper


def test_a_keeper_that_dies_takes_its_gate_along(weir, engine):
    """No gate is left behind that nobody looks after."""
    gate = weir.gate_pid()
    descriptor = os.pidfd_open(gate)
    weir.is_checked = False
    os.kill(weir.keeper_pid, signal.SIGKILL)
    weir.process.wait()

    assert select.select([descriptor], [], [], 20)[0]
    os.close(descriptor)
    weir.process = None


def test_one_process_serves_too(start_weir, engine):
    weir = start_weir({}, engine, args=["-1"])
    assert ask(weir, "ollama").status == 200
    assert weir.children() == []


def sums(weir):
    """What the operator sees: requests, observed ends, connections."""
    now = weir.metrics()
    return tuple(
        metrics.total(now, name, **labels)
        for name, labels in (
            ("weir_requests_total", {"model": "llama3.2", "status": "200"}),
            ("weir_request_duration_seconds_count", {"model": "llama3.2"}),
            ("weir_errors_total", {}),
            ("weir_input_tokens_total", {}),
        )
    )


def test_what_was_counted_is_not_forgotten(weir, engine):
    """Each request once, whichever gate answered it."""
    ask(weir, "ollama")
    _, _, _, each = sums(weir)
    assert each > 0
    for n in range(2, 6):
        weir.kill_gate()
        before = sums(weir)
        assert before == (n - 1, n - 1, 0, each * (n - 1))
        assert ask(weir, "ollama").status == 200
        assert sums(weir) == (n, n, 0, each * n)
    now = weir.metrics()
    buckets = [
        value
        for name, labels, value in now
        if name == "weir_request_duration_seconds_bucket"
        and labels["model"] == "llama3.2"
    ]
    assert buckets == sorted(buckets) and buckets[-1] == 5
    # What was in flight is a gate's own, and died with it.
    assert metrics.total(now, "weir_slots_used") == 0
    assert metrics.total(now, "weir_connections") == 1
