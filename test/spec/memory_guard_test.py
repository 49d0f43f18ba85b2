"""Models are weighed before they are loaded: others give way, or it is told
why memory cannot hold it."""

import subprocess
import sys
import threading

import pytest

from harness import asks
from harness.asks import ask
from harness.waiting import Signal
from harness.weir import ROOT

A, B = "llama3.2", "qwen3:8b"
MIB = 1024 * 1024
MAKER = ROOT / "tool/model/make-architectures.py"
# llama.gguf: 9.4 MiB of weights; its context: 12 KiB a token and slot
# (6 layers x 2 heads x 32 values x 2 x f16).
PER_TOKEN = 6 * 2 * 32 * 2 * 2


class Ollama:
    """A scripted one with two models whose files are on this machine."""

    def __init__(self, engine, file, context=8192, loaded=()):
        self.engine, self.file, self.context = engine, file, context
        self.loads, self.unloads = [], []
        self.may_answer = Signal()
        self.may_answer.set()
        engine.loaded = list(loaded)
        engine.script = self
        engine.slots = 1
        engine.pages["POST", "/api/show"] = self.show
        engine.pages["GET", "/api/ps"] = self.ps

    def show(self, exchange):
        exchange.whole({
            "modelfile": "# made\nFROM %s\nTEMPLATE x" % self.file,
            "parameters": "stop    \"</s>\"\nnum_ctx    %d" % self.context,
        })

    def size(self):
        return self.file.stat().st_size + self.context * PER_TOKEN

    def ps(self, exchange):
        exchange.whole({"models": [
            {"name": name, "model": name, "size": self.size(),
             "size_vram": 0, "context_length": self.context}
            for name in self.engine.loaded]})

    def __call__(self, exchange):
        asked = exchange.request.json()
        if asked.get("keep_alive") == 0:
            self.unloads.append(asked["model"])
            self.engine.loaded.remove(asked["model"])
            exchange.whole({"model": asked["model"], "done": True,
                            "done_reason": "unload"})
        elif set(asked) <= {"model", "keep_alive"}:
            self.loads.append(asked["model"])
            self.engine.loaded.append(asked["model"])
            exchange.whole({"model": asked["model"], "done": True,
                            "done_reason": "load"})
        else:
            exchange.wait(self.may_answer)
            exchange.answer()


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    subprocess.run([sys.executable, MAKER, folder, "llama"], check=True)
    return folder / "llama.gguf"


@pytest.fixture
def ollama(start_engine, file):
    return Ollama(start_engine(models=(A, B)), file)


def memory(mib, **more):
    return {"memory": {"limit": "%dMiB" % mib, **more}}


@pytest.mark.parametrize("dialect", ["ollama", "openai", "anthropic"])
def test_what_cannot_fit_is_refused_with_the_arithmetic(
        ollama, start_weir, dialect):
    # 9.4 + 12 MiB do not go into 16.
    weir = start_weir(memory(16), ollama.engine)
    r = ask(weir, dialect)
    told, code = asks.error_of(dialect, r)
    assert r.status == 503 and code in (
        None, "insufficient_memory", "overloaded_error")
    assert "weights 9.4 MiB" in told and "of 16.0 MiB can be had" in told
    assert "8192 tokens of context for 1 slot 12.0 MiB" in told
    assert 1 <= int(r.field("retry-after")) <= 5
    # Known for a while: the next is not even weighed.
    assert ask(weir, dialect).status == 503
    assert ollama.loads == []
    assert A == weir.wait_event("model_too_large")["model"]
    weir.wait_metric("weir_loads_total", lambda v: v == 1, result="memory")
    assert weir.wait_log(2)["err"] == "insufficient_memory"


def test_it_is_looked_at_again(ollama, start_weir):
    weir = start_weir(memory(16), ollama.engine)
    assert ask(weir, "ollama").status == 503
    ollama.context = 1024
    weir.wait_metric("weir_loads_total", lambda v: v == 1, result="memory")
    # The pause of 5 s ends by itself; the loop asks again until then.
    until = Signal()
    threading.Timer(5.2, until.set).start()
    until.wait(30)
    assert ask(weir, "ollama").status == 200
    assert ollama.loads == [A]


def test_what_fits_is_loaded_beside_the_other(ollama, start_weir):
    weir = start_weir(memory(64), ollama.engine)
    for model in (A, B, A):
        assert ask(weir, "ollama", model=model).status == 200
    assert ollama.loads == [A, B] and ollama.unloads == []


def test_another_gives_way_where_one_fits_only(ollama, start_weir):
    weir = start_weir(memory(40), ollama.engine)
    assert ask(weir, "ollama", model=A).status == 200
    assert ask(weir, "ollama", model=B).status == 200
    assert (ollama.loads, ollama.unloads) == ([A, B], [A])
    assert ollama.engine.loaded == [B]


def test_who_works_is_waited_for(ollama, start_weir):
    weir = start_weir(memory(40), ollama.engine)
    assert ask(weir, "ollama", model=A).status == 200
    ollama.may_answer = Signal()
    done = []
    threads = [threading.Thread(
        target=lambda m=m: done.append((m, ask(weir, "ollama", model=m))))
        for m in (A, B)]
    threads[0].start()
    ollama.engine.wait(lambda e: e.in_flight == 1)
    threads[1].start()
    weir.wait_metric("weir_loads_total", lambda v: v == 1, result="memory")
    assert ollama.unloads == [] and ollama.engine.loaded == [A]
    ollama.may_answer.set()
    for thread in threads:
        thread.join()
    assert [(m, r.status) for m, r in done] == [(A, 200), (B, 200)]
    assert ollama.unloads == [A]


def test_warn_only_tells(ollama, start_weir):
    weir = start_weir(memory(16, guard="warn"), ollama.engine)
    assert ask(weir, "ollama").status == 200
    assert ollama.loads == [A]
    told = weir.wait_event("model_too_large")
    assert told["model"] == A and "can be had" in told["reason"]


def test_off_does_not_even_look(ollama, start_weir):
    weir = start_weir(memory(16, guard="off"), ollama.engine)
    assert ask(weir, "ollama").status == 200
    assert ollama.loads == [A]


def test_a_file_that_cannot_be_read_is_loaded_as_ever(ollama, start_weir):
    ollama.file = ollama.file.parent / "elsewhere.gguf"
    ollama.engine.pages["GET", "/api/ps"] = lambda exchange: exchange.whole(
        {"models": [{"name": n} for n in ollama.engine.loaded]})
    weir = start_weir(memory(16), ollama.engine)
    assert ask(weir, "ollama").status == 200


def test_a_preloaded_one_that_cannot_fit_makes_not_ready(ollama, start_weir):
    weir = start_weir({**memory(16), "models": {A: {"preload": True}}},
                      ollama.engine)
    weir.wait_event("model_broken")
    ready = weir.get("/readyz")
    assert ready.status == 503
    assert "can be had" in ready.body.decode()
    assert ollama.loads == []


def test_for_a_preloaded_one_an_idle_one_gives_way(ollama, start_weir):
    ollama.engine.loaded = [B]
    weir = start_weir({**memory(40), "models": {A: {"preload": True}}},
                      ollama.engine)
    weir.wait_event("model_ready")
    assert (ollama.unloads, ollama.engine.loaded) == ([B], [A])


@pytest.mark.parametrize("mib,loaded_anew", [(64, True), (40, False)])
def test_a_larger_context_only_where_memory_holds_it(
        ollama, start_weir, mib, loaded_anew):
    # 9.4 + 12 + work of 11 MiB now; with 16384 tokens 9.4 + 24 + 19.
    weir = start_weir({**memory(mib), "models": {A: {"context": 32768}}},
                      ollama.engine)
    assert ask(weir, "ollama").status == 200
    r = weir.post("/api/chat", {
        "model": A, "messages": [{"role": "user", "content": "hi"}],
        "stream": False, "options": {"num_ctx": 16384}})
    assert r.status == 200
    sent = ollama.engine.requests[-1].json()["options"]["num_ctx"]
    if loaded_anew:
        assert sent == 16384
    else:
        assert 8192 <= sent < 16384


def test_the_status_tells_of_memory(ollama, start_weir):
    weir = start_weir({}, ollama.engine)
    weir.wait_metric("weir_memory_free_bytes", lambda v: v > 0,
                     engine="local")
    engine = weir.run("status", "--json").stdout
    assert '"memory":{"total_bytes":' in engine
