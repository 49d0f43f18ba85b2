"""Models are loaded on weir's own connections, once, while callers wait."""

import threading

import pytest

from harness import asks, metrics, replies
from harness.asks import ask
from harness.waiting import Signal

A, B = "llama3.2", "qwen3:8b"


class Loader:
    """A script of an Ollama that loads what it is asked to load."""

    def __init__(self, engine, loaded=()):
        self.engine = engine
        self.loads = []
        self.may_load = Signal()
        self.may_load.set()
        self.failure = None  # (status, text)
        engine.loaded = list(loaded)
        engine.script = self
        engine.slots = 4

    def __call__(self, exchange):
        asked = exchange.request.json()
        if set(asked) - {"model", "input"} or asked.get("input"):
            exchange.answer()
            return
        self.loads.append((exchange.request.path, asked))
        exchange.wait(self.may_load)
        if self.failure:
            status, text = self.failure
            exchange.whole({"error": text}, status)
            return
        self.engine.loaded.append(asked["model"])
        exchange.whole(
            {"model": asked["model"], "done": True, "done_reason": "load"}
        )


@pytest.fixture
def loader(start_engine):
    return Loader(start_engine(models=(A, B)))


def together(n, work):
    """Run ${work} in ${n} threads; what they returned."""
    out = []
    threads = [
        threading.Thread(target=lambda: out.append(work())) for _ in range(n)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return out


def answers(engine):
    return [r for r in engine.requests if len(r.json()) > 2]


@pytest.mark.parametrize("dialect", ["ollama", "openai", "anthropic"])
def test_a_model_is_loaded_once_for_all_who_wait(loader, start_weir, dialect):
    weir = start_weir({}, loader.engine)
    done = together(5, lambda: ask(weir, dialect, True).status)
    assert done == [200] * 5
    assert loader.loads == [("/api/generate", {"model": A})]
    assert len(answers(loader.engine)) == 5
    weir.wait_metric("weir_loads_total", lambda v: v == 1, result="ok")


def test_an_impatient_caller_cancels_no_load(loader, start_weir):
    loader.may_load = Signal()
    weir = start_weir({}, loader.engine)
    caller = weir.connect()
    caller.send(asks.request_bytes("ollama"))
    loader.engine.wait_requests(1)
    caller.close()
    assert weir.wait_log(1)["status"] == 499
    loader.may_load.set()
    assert ask(weir, "ollama").status == 200
    assert len(loader.loads) == 1 and loader.engine.hangups == 0


def test_others_go_on_while_a_model_loads(loader, start_weir):
    loader.engine.loaded.append(A)
    loader.may_load = Signal()
    weir = start_weir({}, loader.engine)
    waiting = threading.Thread(target=lambda: ask(weir, "ollama", model=B))
    waiting.start()
    loader.engine.wait_requests(1)
    assert ask(weir, "ollama", model=A).status == 200
    loader.may_load.set()
    waiting.join()
    assert [load[1]["model"] for load in loader.loads] == [B]


@pytest.mark.parametrize(
    "status,text,said",
    [
        (500, "llama runner: cudaMalloc failed: out of memory", "memory"),
        (500, "unknown model architecture: 'zap'", "this version"),
        (404, 'model "x" not found, try pulling it first', "missing"),
        (500, "something of /srv/me", "the engine cannot load it"),
    ],
)
def test_a_broken_model_is_refused_at_once(
    loader, start_weir, status, text, said
):
    loader.failure = (status, text)
    weir = start_weir({}, loader.engine)
    for r in together(3, lambda: ask(weir, "openai")):
        told, code = asks.error_of("openai", r)
        assert (r.status, code) == (503, "model_broken")
        assert said in told and text not in told and "/root" not in told
        assert 1 <= int(r.field("retry-after")) <= 5
    assert ask(weir, "ollama").status == 503
    assert len(loader.loads) == 1
    assert weir.wait_log(4)["err"] == "model_broken"
    # It is one model's fault only.
    loader.failure = None
    assert ask(weir, "ollama", model=B).status == 200


def test_embedders_are_loaded_by_an_embedding(loader, start_weir):
    plain = loader.__call__

    def script(exchange):
        asked = exchange.request.json()
        if exchange.request.path == "/api/generate" and len(asked) == 1:
            exchange.whole(
                {"error": '"%s" does not support generate' % A}, 400
            )
        elif exchange.request.path == "/api/embed" and asked.get("input"):
            exchange.whole({"model": A, "embeddings": [[0.5]]})
        else:
            plain(exchange)

    loader.engine.script = script
    weir = start_weir({}, loader.engine)
    r = weir.post("/api/embed", {"model": A, "input": "weir"})
    assert r.status == 200
    assert loader.loads == [("/api/embed", {"model": A, "input": ""})]


def test_what_is_not_listed_is_forwarded_as_it_is(loader, start_weir):
    weir = start_weir({}, loader.engine)
    assert ask(weir, "ollama", model="stranger").status == 200
    assert loader.loads == []


def test_without_a_list_of_what_is_loaded_nothing_is(loader, start_weir):
    loader.engine.pages["GET", "/api/ps"] = lambda exchange: exchange.whole(
        {"error": "no"}, 404
    )
    weir = start_weir({}, loader.engine)
    assert ask(weir, "ollama").status == 200
    assert loader.loads == []


def test_an_engine_that_dies_while_it_loads_is_asked_again(loader, start_weir):
    def die(exchange):
        exchange.reset()

    loader.engine.then(die)
    weir = start_weir({}, loader.engine)
    assert ask(weir, "ollama").status == 200
    assert len(loader.loads) == 1
    weir.wait_metric("weir_loads_total", lambda v: v == 1, result="lost")


def test_readiness_names_what_is_loaded(loader, start_weir):
    weir = start_weir({}, loader.engine)
    assert weir.get("/readyz").json()["engines"][0]["loaded"] == []
    ask(weir, "ollama")
    assert weir.get("/readyz").json()["engines"][0]["loaded"] == [
        {"name": A, "context": 4096}
    ]


def test_a_load_is_not_asked_for_what_is_loaded(loader, start_weir):
    loader.engine.loaded += [A, B]
    weir = start_weir({}, loader.engine)
    for model in (A, B, A):
        assert ask(weir, "ollama", model=model).status == 200
    assert loader.loads == []
    assert metrics.total(weir.metrics(), "weir_loads_total") == 0
