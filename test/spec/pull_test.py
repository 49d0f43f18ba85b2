"""Models with `pull: if-missing`: fetched by an Ollama, told, preloaded."""

import json

import pytest

from harness import replies
from harness.asks import ask
from harness.waiting import Signal

A, B = "llama3.2", "qwen3:8b"
DIGEST = "sha256:" + "74701a8c35f6" * 5 + "abcd"
GIB = 1 << 30


def row(done, total=GIB, digest=DIGEST):
    return {
        "status": "pulling " + digest[7:19],
        "digest": digest,
        "total": total,
        "completed": done,
    }


class Registry:
    """What an Ollama does when it is asked to pull."""

    def __init__(self, engine):
        self.engine = engine
        self.asked = []
        self.rows = [row(0), row(GIB // 2), row(GIB)]
        self.may_end = Signal()
        self.may_end.set()
        self.last = {"status": "success"}
        self.hung_up = Signal()
        engine.pages["POST", "/api/pull"] = self

    def __call__(self, exchange):
        asked = exchange.request.json()
        self.asked.append(asked)
        exchange.begin("application/x-ndjson")
        exchange.chunk(b'{"status":"pulling manifest"}\n')
        for n, line in enumerate(self.rows):
            text = json.dumps(line, separators=(",", ":")).encode() + b"\n"
            # Cut somewhere: lines need not come whole.
            exchange.chunk(text[: 7 + n])
            exchange.chunk(text[7 + n :])
        if not self.may_end.wait(0):
            if exchange.wait_hangup(0.2):
                self.hung_up.set()
                return
            exchange.wait(self.may_end)
        exchange.chunk(
            json.dumps(self.last, separators=(",", ":")).encode() + b"\n"
        )
        if "error" not in self.last:
            self.engine.models.append(replies.listed(asked["model"]))
        exchange.end()


@pytest.fixture
def registry(start_engine):
    return Registry(start_engine(models=(B,)))


def models(name=A, **more):
    return {"models": {name: {"pull": "if-missing", **more}}}


def readyz(weir):
    return weir.get("/readyz").json()


def test_it_is_fetched_and_preloaded(start_weir, registry):
    weir = start_weir(models(preload=True), registry.engine)
    told = weir.wait_event("model_pulled")
    assert (told["model"], told["total_mib"]) == (A, 1024)
    assert registry.asked == [{"model": A, "stream": True}]
    assert weir.wait_event("model_ready")["model"] == A
    assert readyz(weir)["ready"]
    assert ask(weir, "ollama", model=A).status == 200


def test_what_is_there_is_not_fetched(start_weir, registry):
    weir = start_weir(models(B), registry.engine)
    weir.wait_engine_up()
    weir.wait_event("started")
    registry.engine.wait(
        lambda e: [p.path for p in e.probes].count("/api/tags") >= 1
    )
    assert ask(weir, "ollama", model=B).status == 200
    assert registry.asked == []


def test_readyz_says_how_far_it_is(start_weir, registry):
    registry.may_end = Signal()
    registry.rows = [row(0), row(GIB // 4)]
    weir = start_weir(models(preload=True), registry.engine)

    def why():
        rows = readyz(weir)["models"]
        return rows[0].get("why") == (
            "it is being fetched, 25 % of 1024 MiB"
        ) and rows[0]["state"] == "missing"

    weir._wait_lines(why, "25 %", 20)
    # Others are served meanwhile.
    assert ask(weir, "ollama", model=B).status == 200
    registry.may_end.set()
    weir.wait_event("model_ready")


@pytest.mark.parametrize(
    "error, reason",
    [
        ("pull model manifest: file does not exist", "does not have it"),
        ("write /x/y: no space left on device", "the disk is full"),
        ("dial tcp: lookup r.example: no such host", "cannot be reached"),
        ("SECRET words", "the engine could not"),
    ],
)
def test_a_failure_is_told_without_its_words(
    start_weir, registry, error, reason
):
    registry.rows = []
    registry.last = {"error": error}
    weir = start_weir(models(), registry.engine)
    told = weir.wait_event("model_pull_failed")
    assert told["reason"].endswith(reason)
    assert told["retry_s"] == 30
    assert error not in json.dumps(weir.event_lines())
    assert len(registry.asked) == 1


def test_what_cannot_fit_ends_at_once(start_weir, registry, tmp_path):
    registry.rows = [row(0, 1 << 60)]
    registry.may_end = Signal()
    config = models()
    config["disk"] = {"models": str(tmp_path)}
    weir = start_weir(config, registry.engine)
    told = weir.wait_event("model_pull_failed")
    assert told["reason"] == "it does not fit on the disk of the models"
    assert registry.hung_up.wait(5)


def test_models_of_the_cloud_are_not_fetched(start_weir, registry):
    weir = start_weir(models("gpt-oss:120b-cloud"), registry.engine)
    weir.wait_engine_up()
    assert ask(weir, "ollama", model=B).status == 200
    assert registry.asked == []


def test_an_engine_that_dies_meanwhile(start_weir, registry):
    registry.may_end = Signal()
    weir = start_weir(models(), registry.engine)
    weir.wait_event("model_pull")
    registry.engine.stop()
    told = weir.wait_event("model_pull_failed")
    assert told["reason"] == "the engine ended the fetch"
    registry.engine.start()
    assert ask(weir, "ollama", model=B).status == 200
