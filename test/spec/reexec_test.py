"""Another program takes over in the same process; callers do not notice."""

import json
import os
import pathlib
import shutil
import signal
import threading
import time

import pytest

from harness import asks, metrics, replies
from harness.asks import ask
from harness.waiting import Signal, wait_process
from harness.weir import binary
from supervise_test import engine as run_engine
from supervise_test import fake, pid_of

LIMITED = {"callers": [{"name": "anonymous", "rate": "2/hour", "burst": 1}]}
METERED = {"callers": [{"name": "anonymous", "tokens": "4k/hour"}]}


def reexec(weir, by_signal=False):
    """Re-execute and wait until the new gate serves; the old gate's pid."""
    old = weir.gates()[0]
    n = sum(e["event"] == "reexecuted" for e in weir.event_lines())
    if by_signal:
        os.kill(weir.keeper_pid, signal.SIGUSR2)
    else:
        done = weir.run("reexec")
        assert done.returncode == 0, done.stdout + done.stderr
        assert "serves" in done.stdout
    weir.wait_event("reexecuted", n + 1)
    return old


def began(pid):
    """When a process began: with its pid its identity."""
    text = pathlib.Path("/proc/%d/stat" % pid).read_text()
    return text.rpartition(")")[2].split()[19]


class Load:
    """Callers that ask all the time, half of them on kept connections."""

    def __init__(self, weir, callers=8):
        self.weir = weir
        self.failed = []
        self.served = 0
        self.stop = threading.Event()
        self.some = threading.Condition()
        self.threads = [
            threading.Thread(target=self.run, args=[i % 2 == 0])
            for i in range(callers)
        ]
        for thread in self.threads:
            thread.start()

    def run(self, keeps):
        caller = None
        while not self.stop.is_set():
            try:
                caller = caller or self.weir.connect()
                response = ask(caller, "ollama")
                assert response.status == 200, response.status
                if not keeps or response.field("connection") == "close":
                    caller.close()
                    caller = None
            except Exception as e:
                self.failed.append(repr(e))
                caller = None
            with self.some:
                self.served += 1
                self.some.notify_all()
        if caller:
            caller.close()

    def wait_served(self, n=40):
        with self.some:
            want = self.served + n
            assert self.some.wait_for(lambda: self.served >= want, 20)

    def end(self):
        self.stop.set()
        for thread in self.threads:
            thread.join()


@pytest.mark.parametrize("by_signal", [False, True], ids=["reexec", "SIGUSR2"])
def test_under_load_nothing_fails(weir, engine, by_signal):
    keeper, born = weir.keeper_pid, began(weir.keeper_pid)
    load = Load(weir)
    try:
        for _ in range(3):
            load.wait_served()
            old = reexec(weir, by_signal)
            load.wait_served()
            assert wait_process(old)
    finally:
        load.end()
    assert load.failed == []
    assert weir.keeper_pid == keeper and began(keeper) == born
    assert weir.process.poll() is None
    assert len(weir.gates()) == 1


@pytest.mark.weir(**LIMITED)
def test_limits_are_not_forgotten(weir, engine):
    got = [ask(weir, "openai").status for _ in range(3)]
    assert got == [200, 200, 429]
    reexec(weir)
    assert ask(weir, "openai").status == 429
    assert len(engine.requests) == 2


def held(engine, said=None):
    """Let the engine's next answer stop behind its first piece."""
    go = Signal()

    def script(exchange):
        made, _, _, kind = replies.of(exchange.request)
        exchange.begin(kind)
        exchange.chunk(made[0])
        exchange.wait(go)
        for piece in made[1:]:
            exchange.chunk(piece)
        exchange.end()

    engine.then(script)
    return go


def begin(caller):
    response = caller.begin(
        "POST", "/api/chat", asks.body("ollama", stream=True)
    )
    lines = response.lines()
    next(lines)
    return lines


def test_a_stream_goes_on_in_the_old_gate(weir, engine):
    go = held(engine)
    with weir.connect() as caller:
        lines = begin(caller)
        old = reexec(weir)
        assert ask(weir, "openai").status == 200
        assert old in weir.gates()
        go.set()
        assert list(lines)[-1]["done"] is True
        # It may bring one more request, and is told that it was the last.
        more = ask(caller, "ollama")
        assert more.status == 200 and more.field("connection") == "close"
    assert wait_process(old)
    weir.wait_event("gate_left")
    ids = [line["id"] for line in weir.access_lines()]
    assert len(set(ids)) == 3


def test_both_gates_count_together(weir, engine):
    """The sum is exact at any moment; the old gate's requests are seen."""

    def told():
        return metrics.total(
            weir.metrics(), "weir_requests_total", model="llama3.2"
        )

    assert ask(weir, "ollama").status == 200
    go = held(engine)
    with weir.connect() as caller:
        lines = begin(caller)
        old = reexec(weir)
        assert told() == 1
        assert metrics.total(weir.metrics(), "weir_slots_used") == 1
        assert metrics.total(weir.metrics(), "weir_connections") == 2
        status = json.loads(weir.run("status", "--json").stdout)
        assert status["leaving"] == {"gates": [1], "in_flight": 1, "waiting": 0}
        assert ask(weir, "ollama").status == 200
        assert told() == 2
        go.set()
        assert list(lines)[-1]["done"] is True
        weir.wait_metric("weir_requests_total", lambda n: n == 3, model="llama3.2")
    assert wait_process(old)
    weir.wait_event("gate_left")
    assert told() == 3
    assert metrics.total(weir.metrics(), "weir_slots_used") == 0
    status = json.loads(weir.run("status", "--json").stdout)
    assert "leaving" not in status
    # And through more of them than take turns.
    for n in range(4, 8):
        assert wait_process(reexec(weir))
        assert told() == n - 1
        assert ask(weir, "ollama").status == 200
        assert told() == n


def test_the_old_gates_requests_are_listed_and_cancelled(weir, engine):
    go = held(engine)
    with weir.connect() as caller:
        lines = begin(caller)
        old = reexec(weir)
        told = weir.run("status").stdout
        assert "earlier gates have 1 in flight, 0 waiting" in told
        short = told.split("Gate 1, which leaves")[1].split()[10]
        done = weir.run("cancel", short)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "Cancelled" in done.stdout and short in done.stdout
        assert "cancelled" in list(lines)[-1]["error"]
    go.set()
    assert wait_process(old)
    assert weir.wait_log(1)["err"] == "request_cancelled"
    weir.wait_event("gate_left")
    done = weir.run("cancel", short)
    assert done.returncode == 1 and "No request" in done.stderr
    assert "earlier gates" not in weir.run("status").stdout


@pytest.mark.engine(slots=1)
def test_the_old_gates_slots_are_taken(weir, engine):
    go = held(engine)
    with weir.connect() as caller:
        lines = begin(caller)
        old = reexec(weir)
        waiting = weir.connect()
        waiting.send(asks.request_bytes("ollama"))
        weir.wait_metric("weir_queue_length", lambda n: n == 1)
        # Were the slot taken for free it would go now.
        time.sleep(0.2)
        assert len([r for r in engine.requests if r.method == "POST"]) == 1
        go.set()
        assert list(lines)[-1]["done"] is True
        assert waiting.response().status == 200
        waiting.close()
    assert wait_process(old)


@pytest.mark.weir(**METERED)
def test_what_the_old_gate_settles_is_charged_once(weir, engine):
    def used():
        status = json.loads(weir.run("status", "--json").stdout)
        assert status is not None
        answer = ask(weir, "ollama")
        return answer.field("x-ratelimit-remaining-tokens")

    first = int(used())
    each = first - int(used())
    go = held(engine)
    with weir.connect() as caller:
        lines = begin(caller)
        old = reexec(weir)
        go.set()
        assert list(lines)[-1]["done"] is True
    assert wait_process(old)
    weir.wait_event("gate_left")
    # The one in flight, and the one that asks.
    assert first - 3 * each - int(used()) in range(-3, 4)


def test_engines_are_not_touched(start_weir):
    weir = start_weir({"engines": [run_engine(fake())]})
    weir.wait_engine_up()
    engine = pid_of(weir)
    born = began(engine)
    log = weir.folder / "state" / "engines" / "local.log"
    for _ in range(2):
        old = reexec(weir)
        assert wait_process(old)
    assert ask(weir, "openai").json()["choices"][0]["message"][
        "content"
    ] == "pid %d" % engine
    assert began(engine) == born
    assert "started" in log.read_text()
    # Its end is noticed as ever, and another one started.
    os.kill(engine, signal.SIGKILL)
    weir.wait_event("engine_ended")
    again = pid_of(weir, 2)
    assert again != engine
    weir.wait_engine_up()
    # And by a later program it is stopped as ever.
    reexec(weir)
    weir.stop()
    assert wait_process(again)


@pytest.fixture
def copy(tmp_path):
    """A copy of the program, that may be replaced."""
    path = tmp_path / "weir"
    shutil.copy(binary(), path)
    return path


def replace(path, content):
    """Put another program at ${path}, as an installer does."""
    new = path.with_name("new")
    if isinstance(content, str):
        new.write_text(content)
        new.chmod(0o755)
    else:
        shutil.copy(content, new)
    new.rename(path)


BROKEN = {
    "no program": "this is no program\n",
    "one that fails": "#!/bin/sh\nexit 1\n",
    "one that says nothing": "#!/bin/sh\nexit 0\n",
    "one that dies": "#!/bin/sh\nkill -SEGV $$\n",
    "one that refuses": "#!/bin/sh\necho 'I know no option lisen'; exit 1\n",
    "another": pathlib.Path("/bin/cat"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_program_changes_nothing(start_weir, engine, copy, name):
    weir = start_weir(LIMITED, engine, program=copy)
    gate = weir.gate_pid()
    replace(copy, BROKEN[name])
    load = Load(weir, 0)
    assert ask(weir, "ollama").status == 200
    done = weir.run("reexec")
    assert done.returncode == 1 and "Nothing has changed" in done.stderr
    if "refuses" in name:
        assert "I know no option lisen" in done.stderr
    weir.wait_event("reexec_failed")
    assert weir.gate_pid() == gate
    assert [ask(weir, "ollama").status for _ in range(2)] == [200, 429]
    # A good one is taken afterwards.
    replace(copy, binary())
    old = reexec(weir)
    assert wait_process(old)
    assert ask(weir, "ollama").status == 429
    load.end()


def test_a_missing_program_changes_nothing(start_weir, engine, copy):
    weir = start_weir({}, engine, program=copy)
    copy.unlink()
    done = weir.run("reexec")
    assert done.returncode == 1 and "Nothing has changed" in done.stderr
    assert ask(weir, "ollama").status == 200


def test_a_gate_that_cannot_start_is_undone(start_weir, engine, copy):
    """The new program runs, but its gate does not: back to the old one."""

    def config(weir):
        (weir.folder / "logs").mkdir()
        return {"log": {"path": str(weir.folder / "logs" / "log")}}

    # A gate that cannot start ends at once, and frees nothing.
    env = {"ASAN_OPTIONS": "detect_leaks=0:exitcode=99"}
    weir = start_weir(config, engine, program=copy, env=env)
    gate, born = weir.gate_pid(), began(weir.keeper_pid)
    logs = weir.folder / "logs"
    logs.rename(weir.folder / "away")
    logs.write_text("in the way")
    done = weir.run("reexec")
    assert done.returncode == 1, done.stdout
    assert "could not start" in done.stderr
    assert weir.gate_pid() == gate and began(weir.keeper_pid) == born
    assert ask(weir, "ollama").status == 200
    logs.unlink()
    (weir.folder / "away").rename(logs)
    assert weir.run("reexec").returncode == 0
    assert wait_process(gate)
    assert ask(weir, "ollama").status == 200


def test_stopping_ends_gates_that_leave(weir, engine):
    go = held(engine)
    with weir.connect() as caller:
        lines = begin(caller)
        old = reexec(weir)
        weir.process.send_signal(signal.SIGTERM)
        go.set()
        assert list(lines)[-1]["done"] is True
    assert wait_process(old)
    weir.stop()


def test_reload_works_behind_it(weir, engine):
    reexec(weir)
    assert weir.reload(LIMITED, True).returncode == 0
    assert [ask(weir, "ollama").status for _ in range(3)] == [200, 200, 429]
    reexec(weir)
    assert ask(weir, "ollama").status == 429
