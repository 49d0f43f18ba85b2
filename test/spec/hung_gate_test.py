"""A gate that lives and does nothing is ended and replaced."""

import os
import signal
import threading
import time

from harness.asks import ask
from harness.weir import binary, is_gate

QUICK = {"watchdog": "1s"}
# 1 s, a look every quarter of it, and a start; far more with sanitizers.
BOUND = 6 if b"__asan_init" in binary().read_bytes() else 2


def test_a_stopped_gate_is_replaced(start_weir, engine):
    weir = start_weir(QUICK, engine)
    old = weir.gate_pid()
    weir.kills += 1
    begin = time.monotonic()
    os.kill(old, signal.SIGSTOP)
    # Whoever comes meanwhile waits in the socket, and is served.
    assert ask(weir, "ollama").status == 200
    took = time.monotonic() - begin
    assert 1 <= took < BOUND
    assert weir.gate_pid() != old
    assert int(weir.wait_event("gate_hung")["silent_s"]) >= 1
    # SIGABRT has ended it, not SIGKILL: a core shows where it was.
    assert "signal 6" in weir.wait_event("gate_died")["reason"]
    print("a stopped gate: replaced and serving after %.2f s" % took)


def test_what_stops_as_a_whole_does_not_hang(start_weir, engine):
    """As under a suspended machine, a paused container, Ctrl-Z."""
    weir = start_weir(QUICK, engine)
    old = weir.gate_pid()
    for pid in (weir.keeper_pid, old):
        os.kill(pid, signal.SIGSTOP)
    time.sleep(2)  # the span is what is tested
    for pid in (weir.keeper_pid, old):
        os.kill(pid, signal.SIGCONT)
    assert ask(weir, "ollama").status == 200
    assert weir.gate_pid() == old


def test_nobody_watches(start_weir, engine):
    weir = start_weir({"watchdog": "forever"}, engine)
    old = weir.gate_pid()
    os.kill(old, signal.SIGSTOP)
    told = threading.Event()
    thread = threading.Thread(
        target=lambda: (ask(weir, "ollama"), told.set())
    )
    thread.start()
    assert not told.wait(2)
    os.kill(old, signal.SIGCONT)
    thread.join()
    assert weir.gate_pid() == old and is_gate(old)
