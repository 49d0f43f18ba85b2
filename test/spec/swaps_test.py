"""How often real engines load their models, with weir and without.

doc/swaps.md shows the tables that `-s` prints.
"""

import pathlib
import shutil
import tempfile
import threading
import time

import pytest

from harness import metrics
from harness.caller import Caller
from harness.real import RealEngine, make_model, program
from harness.weir import free_ports

CLIENTS = (256, 320)  # num_ctx of each
ROUNDS = 6


def loads_of(engine):
    """How many runners an Ollama has started."""
    return sum("llama-server" in x and "--port" in x for x in engine.out.lines)


def chat(address, model, num_ctx):
    body = {
        "model": model,
        "stream": False,
        "messages": [{"role": "user", "content": "Once upon a time"}],
        "options": {"num_ctx": num_ctx, "num_predict": 4},
    }
    with Caller(address) as caller:
        r = caller.post("/api/chat", body)
    assert r.status == 200, r.text()
    return r.json()


def storm(address, engine):
    """Two clients in turns; (loads, seconds, answers)."""
    before, begin = loads_of(engine), time.monotonic()
    done = [
        chat(address, engine.model, n)["done"]
        for _ in range(ROUNDS)
        for n in CLIENTS
    ]
    return loads_of(engine) - before, time.monotonic() - begin, sum(done)


def test_two_clients_with_different_num_ctx(start_weir, ollama):
    weir = start_weir({}, ollama)
    chat(weir.address, ollama.model, CLIENTS[0])  # it is loaded from here on
    with_weir = storm(weir.address, ollama)
    without = storm(ollama.address, ollama)
    n = ROUNDS * len(CLIENTS)
    print("\n| | requests | answered | loads | seconds |")
    print("|---|---|---|---|---|")
    print("| Ollama alone | %d | %d | %d | %.1f |" % (n, *pick(without)))
    print("| through weir | %d | %d | %d | %.1f |" % (n, *pick(with_weir)))
    assert without[0] == n and with_weir[0] == 0
    assert without[2] == with_weir[2] == n
    now = weir.metrics()
    assert metrics.total(now, "weir_reloads_avoided_total") == n + 1


def pick(result):
    loads, seconds, done = result
    return done, loads, seconds


def test_slots_are_read_off_the_runner(start_weir, ollama):
    """OLLAMA_NUM_PARALLEL, which the API does not tell."""
    weir = start_weir(lambda w: auto(w, ollama))
    weir.wait_engine_up()
    weir.wait_metric("weir_slots", lambda v: v == 2)
    assert not [e for e in weir.event_lines() if e["event"] == "slots_guessed"]


def auto(weir, engine):
    """The configuration that leaves the slots to weir."""
    return {
        "engines": [
            {"name": "local", "url": engine.url, "kind": engine.kind}
        ]
    }


MODELS = ("one", "two", "three")


@pytest.fixture(scope="module")
def router():
    """A llama-server that starts others and may hold one of three models."""
    path = program(
        "WEIR_LLAMA_SERVER",
        "get-llama-server",
        "llama-server/bin/llama-server",
        "llama-server",
    )
    folder = pathlib.Path(tempfile.mkdtemp(prefix="weir-router-"))
    port = free_ports(1)[0]
    model = make_model(folder)
    (folder / "models").mkdir()
    for name in MODELS:
        shutil.copy(model, folder / "models" / (name + ".gguf"))
    argv = [path, "--models-dir", folder / "models", "--models-max", "1"]
    argv += ["--host", "127.0.0.1", "--port", str(port), "--parallel", "2"]
    argv += ["--threads", "1", "--threads-batch", "1", "--offline"]
    engine = RealEngine("llama-server", argv, port, "one", slots=2)
    try:
        yield engine.wait_answer("/health")
    finally:
        engine.stop()
        shutil.rmtree(folder)


def crowd(address, each=8):
    """Two callers for each model, ${each} requests one after the other.

    (answered, seconds, longest wait)
    """
    statuses, waits = [], []

    def work(model):
        for _ in range(each):
            begin = time.monotonic()
            body = {
                "model": model,
                "max_tokens": 8,
                "messages": [{"role": "user", "content": "Once"}],
            }
            with Caller(address) as caller:
                r = caller.post("/v1/chat/completions", body)
            statuses.append(r.status)
            waits.append(time.monotonic() - begin)

    threads = [threading.Thread(target=work, args=[m]) for m in MODELS * 2]
    begin = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return statuses.count(200), time.monotonic() - begin, max(waits)


def test_three_models_on_an_engine_that_holds_one(start_weir, router):
    weir = start_weir({}, router)
    done, seconds, longest = crowd(weir.address)
    loads = metrics.total(weir.metrics(), "weir_loads_total", result="ok")
    before = starts(router)
    done_alone, seconds_alone, longest_alone = crowd(router.address)
    alone = starts(router) - before
    print("\n| | requests | answered | loads | seconds | longest wait |")
    print("|---|---|---|---|---|---|")
    row = "| %s | 48 | %d | %d | %.1f | %.1f |"
    print(row % ("alone", done_alone, alone, seconds_alone, longest_alone))
    print(row % ("through weir", done, loads, seconds, longest))
    assert done == 48
    assert 3 <= loads < 24
    assert not metrics.total(weir.metrics(), "weir_loads_total", result="lost")


def starts(engine):
    return sum("spawning server instance" in x for x in engine.out.lines)
