"""Models that are to be preloaded: loaded, made to speak, kept, told."""

import threading

import pytest

from harness import metrics
from harness.asks import ask
from harness.waiting import Signal

A, B = "llama3.2", "qwen3:8b"
BOTH = {A: {"preload": True}, B: {"preload": True, "keep_loaded": "30min"}}


class Ollama:
    """A script of an Ollama that loads what it is asked to load."""

    def __init__(self, engine):
        self.engine = engine
        self.done = []  # (what, model) in order
        self.may_load = Signal()
        self.may_load.set()
        self.may_speak = Signal()
        self.may_speak.set()
        self.failures = {}  # model: text of a load that fails
        self.mute = set()  # models that load but do not speak
        self.asked = []
        engine.loaded = []
        engine.script = self
        engine.slots = 4

    def __call__(self, exchange):
        asked = exchange.request.json()
        model = asked["model"]
        is_load = not asked.get("prompt") and "messages" not in asked
        is_proof = asked.get("options") == {"num_predict": 1}
        if not is_load and not is_proof:
            self.done.append(("serve", model))
            exchange.answer()
            return
        self.asked.append(asked)
        exchange.wait(self.may_load if is_load else self.may_speak)
        if is_load and model in self.failures:
            exchange.whole({"error": self.failures[model]}, 500)
            return
        if is_proof and model in self.mute:
            exchange.whole({"error": "llama runner process no"}, 500)
            return
        self.done.append(("load" if is_load else "speak", model))
        if is_load:
            self.engine.loaded.append(model)
        exchange.whole(
            {"model": model, "response": "b", "done": True}
            if is_proof
            else {"model": model, "done": True, "done_reason": "load"}
        )


@pytest.fixture
def ollama(start_engine):
    return Ollama(start_engine(models=(A, B)))


def readyz(weir):
    r = weir.get("/readyz")
    assert (r.status == 200) == r.json()["ready"]
    return r


def wait_ready(weir, ready=True):
    weir._wait_lines(
        lambda: (readyz(weir).status == 200) == ready, "readiness", 20
    )


def states(weir):
    return {m["name"]: m["state"] for m in readyz(weir).json()["models"]}


def test_in_order_and_made_to_speak(start_weir, ollama):
    weir = start_weir({"models": BOTH}, ollama.engine)
    wait_ready(weir)
    assert ollama.done == [
        ("load", A),
        ("speak", A),
        ("load", B),
        ("speak", B),
    ]
    loads = [a for a in ollama.asked if "prompt" not in a]
    assert [a["keep_alive"] for a in loads] == [-1, 1800]
    assert states(weir) == {A: "ready", B: "ready"}
    assert weir.wait_event("model_ready", 2)["model"] == B
    # Nothing of it looks like a caller's request.
    assert weir.access_lines() == []


def test_until_then_readyz_names_them(start_weir, ollama):
    ollama.may_load = Signal()
    weir = start_weir({"models": BOTH}, ollama.engine)
    weir._wait_lines(lambda: ollama.asked, "a load", 20)
    r = readyz(weir)
    assert r.status == 503
    assert "preloaded" in r.json()["reason"]
    assert states(weir) == {A: "loading", B: "waiting"}
    ollama.may_speak = Signal()
    ollama.may_load.set()
    weir._wait_lines(lambda: ("load", A) in ollama.done, "the load", 20)
    assert readyz(weir).status == 503, "loaded is not proved"
    ollama.may_speak.set()
    wait_ready(weir)


def test_callers_wait_for_their_model_only(start_weir, ollama):
    ollama.engine.loaded = [B]
    ollama.may_load = Signal()
    weir = start_weir({"models": {A: {"preload": True}}}, ollama.engine)
    weir._wait_lines(lambda: ollama.asked, "a load", 20)
    answers = []
    caller = threading.Thread(
        target=lambda: answers.append(ask(weir, "ollama", model=A).status)
    )
    caller.start()
    assert ask(weir, "ollama", model=B).status == 200
    assert answers == []
    ollama.may_load.set()
    caller.join()
    assert answers == [200]
    # Loaded once, for weir and the caller; who answered has proved it.
    assert ollama.done.count(("load", A)) == 1
    wait_ready(weir)


def test_a_broken_one_is_told_and_tried_again(start_weir, ollama):
    ollama.failures[A] = "model requires more system memory (9 GiB)"
    weir = start_weir({"models": BOTH}, ollama.engine)
    told = weir.wait_event("model_broken")
    assert told["model"] == A
    assert told["reason"] == "it does not fit into memory"
    weir._wait_lines(lambda: ("speak", B) in ollama.done, "the other", 20)
    weir._wait_lines(lambda: states(weir)[B] == "ready", "its state", 20)
    r = readyz(weir)
    assert r.status == 503
    assert r.json()["models"][0] == {
        "name": A,
        "state": "broken",
        "why": "it does not fit into memory",
    }
    # At once, and no other child is started that fails.
    loads = len(ollama.asked)
    assert ask(weir, "ollama", model=A).status == 503
    assert ask(weir, "ollama", model=B).status == 200
    assert len(ollama.asked) == loads
    del ollama.failures[A]
    wait_ready(weir)


def test_one_that_loads_but_does_not_speak_is_broken(start_weir, ollama):
    ollama.mute.add(A)
    weir = start_weir({"models": {A: {"preload": True}}}, ollama.engine)
    assert weir.wait_event("model_broken")["model"] == A
    assert ("load", A) in ollama.done
    assert states(weir) == {A: "broken"}
    assert ask(weir, "ollama", model=A).status == 503
    ollama.mute.clear()
    wait_ready(weir)
    assert ask(weir, "ollama", model=A).status == 200


def test_one_that_is_not_installed_is_missing(start_weir, ollama):
    weir = start_weir({"models": {"phi": {"preload": True}}}, ollama.engine)
    assert states(weir) == {"phi": "missing"}
    assert readyz(weir).status == 503
    weir.reload({"models": {A: {"preload": True}}})
    wait_ready(weir)
    assert ("speak", A) in ollama.done


def test_again_after_a_restart_of_the_engine(start_weir, ollama):
    weir = start_weir({"models": {A: {"preload": True}}}, ollama.engine)
    wait_ready(weir)
    ollama.done.clear()
    ollama.engine.stop()
    weir.wait_metric("weir_loads_total", lambda n: n == 1)
    ask_thread = threading.Thread(target=lambda: ask(weir, "ollama", model=A))
    ask_thread.start()
    weir.wait_metric("weir_engine_up", lambda v: v == 0)
    assert readyz(weir).status == 503
    ollama.engine.loaded = []
    ollama.engine.start()
    ask_thread.join()
    wait_ready(weir)
    assert ollama.done[0] == ("load", A)
    assert metrics.total(weir.metrics(), "weir_loads_total") == 2


@pytest.mark.engine("llama-server", models=("tiny",))
@pytest.mark.weir(models={"tiny": {"preload": True}})
def test_a_server_of_one_model_is_made_to_speak(weir, engine):
    wait_ready(weir)
    assert states(weir) == {"tiny": "ready"}
