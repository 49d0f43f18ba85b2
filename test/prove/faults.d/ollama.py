"""The faults of a real Ollama that weir runs."""

import os
import signal
import time

import traced
from bench import Waiting, at, events, pid_of, runner_of, say, until_ready
from harness.asks import error_of
from harness.waiting import wait_process

PATH = "/api/chat"
CALLERS = 4


def server_killed(bench, times=3):
    found, cured = [], []
    with bench.ollama() as weir:
        for n in range(1, times + 1):
            pid = pid_of(weir, n)
            until_ready(weir)
            runner = runner_of(pid)
            waiting = Waiting(weir, CALLERS, PATH)
            began = time.time()
            os.kill(pid, signal.SIGKILL)
            told = weir.wait_event("engine_ended", n)
            assert wait_process(runner), "an orphan keeps its memory"
            found.append(at(told) - began)
            weir.wait_event("model_ready", n + 1)
            waiting.finish()
            cured.append(until_ready(weir) - began)
    assert max(found) < 0.05, found
    bench.table.add("kill -9 of Ollama, %d callers" % CALLERS, times, found,
                    cured, told["reason"] + "; its orphan is ended")


def runner_killed(bench, times=3):
    """Nothing is noticed before somebody asks: Ollama starts another."""
    cured = []
    with bench.ollama() as weir:
        pid = pid_of(weir)
        for _ in range(times):
            waiting = Waiting(weir, CALLERS, PATH)
            began = time.time()
            os.kill(runner_of(pid), signal.SIGKILL)
            waiting.finish()
            cured.append(time.time() - began)
        assert len(events(weir, "engine_started")) == 1
    bench.table.add("kill -9 of Ollama's runner, %d callers" % CALLERS, times,
                    [], cured, "retries in the log lines of requests")


def runner_stopped(bench, times=3):
    found, cured = [], []
    with bench.ollama() as weir:
        pid = pid_of(weir)
        for n in range(1, times + 1):
            runner = runner_of(pid)
            began = time.time()
            os.kill(runner, signal.SIGSTOP)
            waiting = Waiting(weir, 2, PATH)
            told = weir.wait_event("engine_hung", n)
            assert told["pid"] == runner
            assert weir.get("/api/tags").status == 200
            found.append(at(told) - began)
            waiting.finish()
            cured.append(time.time() - began)
        assert len(events(weir, "engine_started")) == 1
    bench.table.add("SIGSTOP of Ollama's runner, 2 callers", times, found,
                    cured, told["reason"])


def runner_hangs(bench, times=2):
    """It is there, not stopped, and does nothing; /api/tags answers."""
    found, cured = [], []
    for _ in range(times):
        with bench.ollama() as weir:
            pid = pid_of(weir)
            runner = runner_of(pid)
            traced.hold(runner)
            began = time.time()
            waiting = Waiting(weir, 2, PATH)
            told = weir.wait_event("engine_hung", timeout=60)
            assert told["pid"] == runner
            assert weir.get("/api/tags").status == 200
            found.append(at(told) - began)
            waiting.finish()
            cured.append(time.time() - began)
            steps = [r["step"] for r in events(weir, "engine_cure")]
            weir.wait_event("engine_cured")
            assert wait_process(runner), "it is there still"
            assert len(events(weir, "engine_started")) == 1
    assert max(found) < 32, found
    bench.table.add("Ollama's runner hangs, 2 callers", times, found, cured,
                    told["reason"] + "; cure: " + ", ".join(steps))


def server_stopped(bench):
    with bench.ollama() as weir:
        pid = pid_of(weir)
        began = time.time()
        os.kill(pid, signal.SIGSTOP)
        waiting = Waiting(weir, 2, PATH)
        told = weir.wait_event("engine_hung")
        found = at(told) - began
        waiting.finish()
        cured = until_ready(weir) - began
        assert told["pid"] == pid
    bench.table.add("SIGSTOP of Ollama, 2 callers", 1, [found], [cured],
                    told["reason"])


def again_served(weir, began):
    """Once its file is back.  Ollama keeps what it has seen without it."""
    was_killed = False
    while (r := say(weir, PATH, "other")).status != 200:
        assert time.time() - began < 60, (r.status, r.body)
        if b"does not support" in r.body and not was_killed:
            os.kill(pid_of(weir), signal.SIGKILL)
            was_killed = True
        time.sleep(0.2)
    return time.time() - began


def model_spoiled(bench):
    """Listed, and yet it cannot be loaded; the other one is served."""
    for word in ("deleted", "corrupt"):
        blob = bench.blob_of("other") if bench.store else None
        with bench.ollama() as weir:
            blob = blob or bench.blob_of("other")
            whole = blob.read_bytes()
            if word == "deleted":
                blob.unlink()
            else:
                blob.write_bytes(whole[: len(whole) // 2])
            try:
                began = time.time()
                r = say(weir, PATH, "other")
                found = time.time() - began
                assert r.status == 503, (r.status, r.body)
                said = error_of("ollama", r)[0]
                began = time.time()
                assert say(weir, PATH, "other").status == 503
                again = time.time() - began
                assert again < 0.5, again
                assert say(weir, PATH).status == 200
            finally:
                blob.write_bytes(whole)
            began = time.time()
            cured = again_served(weir, began)
        bench.table.add("Ollama's model is %s; asked again: 503 in %.0f ms"
                        % (word, again * 1000), 1, [found], [cured], said)


ALL = (server_killed, runner_killed, runner_stopped, runner_hangs,
       server_stopped, model_spoiled)
