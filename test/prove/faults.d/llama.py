"""The faults of a real llama-server that weir runs."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time

import memory
from bench import (LLAMA, Waiting, at, events, pid_of, say, status, until,
                   until_ready)
from harness.waiting import wait_process
from harness.weir import free_ports

PROMISED_S = 0.050
CALLERS = 8


def killed(bench, times=6):
    """kill -9 with callers at work; more than three make a crash loop."""
    found, cured = [], []
    for _ in range(times // 3):
        with bench.weir(bench.llama()) as weir:
            for n in range(1, 4):
                pid = pid_of(weir, n)
                until_ready(weir)
                waiting = Waiting(weir, CALLERS)
                began = time.time()
                os.kill(pid, signal.SIGKILL)
                told = weir.wait_event("engine_ended", n)
                assert told["reason"] == "signal 9, Killed"
                assert weir.get("/readyz").status == 503
                found.append(at(told) - began)
                weir.wait_event("model_ready", n + 1)
                waiting.finish()
                cured.append(until_ready(weir) - began)
    assert max(found) < PROMISED_S, found
    bench.table.add("kill -9 of llama-server, %d callers" % CALLERS, times,
                    found, cured, told["reason"])


def stopped(bench, times=3):
    found, cured = [], []
    with bench.weir(bench.llama()) as weir:
        for n in range(1, times + 1):
            pid = pid_of(weir, n)
            until_ready(weir)
            began = time.time()
            os.kill(pid, signal.SIGSTOP)
            waiting = Waiting(weir, CALLERS)
            told = weir.wait_event("engine_hung", n)
            assert told["pid"] == pid
            found.append(at(told) - began)
            waiting.finish()
            cured.append(until_ready(weir) - began)
    assert max(found) < 8, found
    bench.table.add("SIGSTOP of llama-server, %d callers" % CALLERS, times,
                    found, cured, told["reason"])


def bad_option(bench):
    """Exit at start: a crash loop, an alert, and the reload that cures it."""
    out = bench.folder / "alert"
    script = bench.folder / "alert.sh"
    script.write_text("#!/bin/sh\necho \"$WEIR_ALERT\" >>%s\n" % out)
    script.chmod(0o755)
    alerts = [{"command": str(script), "after": "1s"}]
    run = bench.llama(more=["--no-such-option"])
    began = time.time()
    with bench.weir(run, up=False, alerts=alerts) as weir:
        told = weir.wait_event("engine_ended")
        found = at(told) - began
        loop = weir.wait_event("engine_crash_loop", timeout=60)
        assert loop["exits"] == 5 and loop["restart_ms"] == 30000
        ready = weir.get("/readyz")
        assert ready.status == 503 and "crash loop" in ready.json()["reason"]
        assert status(weir)["process"]["phase"] == "crash_loop"
        until(lambda: "crash_loop" in [
            r.get("alert") for r in events(weir, "alert")], "no alert")
        until(out.exists, "nobody was told")
        began = time.time()
        engine = {"name": "local", "kind": "llama-server", "slots": 4,
                  "run": bench.llama()}
        weir.reload({"engines": [engine], "alerts": alerts,
                     "models": {"tiny": {"preload": True}}})
        cured = until_ready(weir) - began
        assert say(weir).status == 200
    bench.table.add("exits at start (an unknown option)", 1, [found], [cured],
                    told["reason"])
    bench.table.add("the fifth exit of it: a crash loop", 1,
                    [at(loop) - at(told)], [cured],
                    ready.json()["reason"] + "; alert crash_loop")


def port_elsewhere(bench):
    """Somebody answers at its address: weir starts none until it is free."""
    port = free_ports(1)[0]
    other = subprocess.Popen(
        [sys.executable, "-m", "http.server", "--bind", "127.0.0.1",
         str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until(lambda: socket.socket().connect_ex(("127.0.0.1", port)) == 0,
              "no server")
        began = time.time()
        with bench.weir(bench.llama(), up=False, engine={
                "url": "http://127.0.0.1:%d" % port}) as weir:
            told = weir.wait_event("engine_elsewhere")
            assert "(pid %d)" % other.pid in told["note"]
            found = at(told) - began
            other.kill()
            other.wait()
            began = time.time()
            cured = until_ready(weir) - began
    finally:
        other.kill()
    bench.table.add("its port is another program's", 1, [found], [cured],
                    "served elsewhere by " + told["note"].split(" (")[0])


def port_taken(bench):
    """A port of its own choice that is taken: the engine itself complains."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        run = bench.llama(more=["--port", str(port)])
        began = time.time()
        with bench.weir(run, up=False) as weir:
            told = weir.wait_event("engine_ended")
            found = at(told) - began
    assert "its port is taken" in told["reason"], told
    bench.table.add("its port is taken by another (`--port`)", 1, [found], [],
                    told["reason"])


def missing(bench):
    program = bench.folder / "absent" / "llama-server"
    began = time.time()
    with bench.weir(bench.llama(program), up=False) as weir:
        told = weir.wait_event("engine_ended")
        found = at(told) - began
        assert status(weir)["state"] == "down"
        assert "cannot be started" in json.dumps(weir.get("/readyz").json())
        os.symlink(LLAMA.parent, program.parent)
        began = time.time()
        cured = until_ready(weir) - began
    bench.table.add("its program is missing", 1, [found], [cured],
                    told["reason"])


def replaced(bench, times=2):
    """An update: another file under the same name, by rename."""
    folder = bench.folder / "update"
    shutil.copytree(LLAMA.parent, folder, copy_function=os.link,
                    symlinks=True)
    program = folder / "llama-server"
    found, cured = [], []
    with bench.weir(bench.llama(program)) as weir:
        for n in range(1, times + 1):
            fresh = folder / "fresh"
            shutil.copy(LLAMA, fresh)
            with open(fresh, "ab") as file:
                file.write(b"an update")
            os.rename(fresh, program)
            assert say(weir).status == 200
            pid = pid_of(weir, n)
            assert os.readlink("/proc/%d/exe" % pid).endswith("(deleted)")
            waiting = Waiting(weir, CALLERS)
            began = time.time()
            os.kill(pid, signal.SIGKILL)
            waiting.finish()
            told = weir.wait_event("engine_program", n)
            assert told["path"] == str(program)
            found.append(at(told) - began)
            cured.append(until_ready(weir) - began)
            pid = pid_of(weir, n + 1)
            assert os.readlink("/proc/%d/exe" % pid) == str(program)
    bench.table.add("its program is replaced, then kill -9", times, found,
                    cured, "it runs another program than before")


def model_gone(bench):
    """Deleted while it runs; then cut."""
    for word, spoil in (("deleted", lambda p: p.unlink()),
                        ("corrupt", lambda p: p.write_bytes(b"x" * 4096))):
        model = bench.make_model(word, 3)
        whole = model.read_bytes()
        with bench.weir(bench.llama(model=model)) as weir:
            spoil(model)
            began = time.time()
            os.kill(pid_of(weir), signal.SIGKILL)
            told = weir.wait_event("engine_ended", 2)
            found = at(told) - began
            ready = weir.get("/readyz")
            assert ready.status == 503, ready.body
            assert "its model's file" in json.dumps(ready.json()), ready.body
            fresh = bench.folder / "whole"
            fresh.write_bytes(whole)
            began = time.time()
            os.rename(fresh, model)
            cured = until_ready(weir) - began
        assert "its model's file" in told["reason"], told
        bench.table.add("llama-server's model is %s, then kill -9" % word, 1,
                        [found], [cured], told["reason"])


def oom_killed(bench, times=2):
    found, cured = [], []
    for _ in range(times):
        with bench.weir(bench.llama()) as weir:
            limited = memory.Limited(pid_of(weir))
            if not limited.is_there:
                print("skipped: oom kill; no control group is ours to make")
                return
            waiting = Waiting(weir, CALLERS)
            hog = limited.hog()
            hog.hold(1)
            pid = pid_of(weir)
            limited.set(limited.used() + (8 << 20))
            # The engine is the one that the kernel is to choose.
            with open("/proc/%d/oom_score_adj" % pid, "w") as file:
                file.write("1000")
            hog.process.stdin.write("200\n")
            hog.process.stdin.flush()
            assert wait_process(pid)
            began = time.time()
            told = weir.wait_event("engine_ended")
            hog.end()
            limited.free()
            found.append(max(0, at(told) - began))
            assert "memory ran out" in told["reason"], told
            waiting.finish()
            cured.append(until_ready(weir) - began)
    bench.table.add("killed by the kernel at a memory limit, %d callers"
                    % CALLERS, times, found, cured, told["reason"])


def pressed(bench):
    """Its group is nearly full: one request at a time, before any kill."""
    with bench.weir(bench.llama()) as weir:
        limited = memory.Limited(pid_of(weir))
        if not limited.is_there:
            print("skipped: pressure; no control group is ours to make")
            return
        limited.set(limited.used() + (400 << 20))
        hog = limited.hog()
        began = time.time()
        hog.hold(370)
        told = weir.wait_event("memory_pressed")
        waiting = Waiting(weir, CALLERS, tokens=400)
        most = 0
        while any(t.is_alive() for t in waiting.threads):
            for row in weir.get("/metrics").text().splitlines():
                if row.startswith("weir_slots_used{"):
                    most = max(most, int(float(row.split()[-1])))
        waiting.finish()
        assert most == 1, most
        assert not events(weir, "engine_ended")
        found = at(told) - began
        began = time.time()
        hog.end()
        over = weir.wait_event("memory_relieved")
    bench.table.add("its control group is nearly full", 1, [found],
                    [at(over) - began],
                    told["reason"] + "; %d request at a time" % most)


ALL = (killed, stopped, bad_option, port_elsewhere, port_taken, missing,
       replaced, model_gone, oom_killed, pressed)
