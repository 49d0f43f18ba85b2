"""Real engines behind weir: what they say is what callers get."""

import pytest

from harness import asks
from harness.asks import ask
from harness.caller import Caller

V1 = ["openai", "completion", "anthropic"]


def text_of(dialect, response):
    """All text of an answer that is not streamed."""
    said = response.json()
    if dialect == "ollama":
        return said["message"]["content"]
    if dialect == "generate":
        return said["response"]
    if dialect == "anthropic":
        return "".join(part["text"] for part in said["content"])
    choice = said["choices"][0]
    return choice.get("text") or choice["message"]["content"]


def streamed(address, dialect, model, **more):
    """(text, units) of a stream."""
    with Caller(address) as caller:
        r = caller.begin(
            "POST",
            asks.DIALECTS[dialect],
            asks.body(dialect, True, model=model, **more),
        )
        assert r.status == 200
        if dialect in ("ollama", "generate"):
            units = list(r.lines())
            return "".join(
                u.get("response") or u.get("message", {}).get("content") or ""
                for u in units
            ), units
        text, units = "", list(r.data())
        for unit in units:
            if unit == "[DONE]":
                continue
            if dialect == "anthropic":
                text += unit.get("delta", {}).get("text", "")
            for choice in unit.get("choices", []):
                text += (
                    choice.get("text")
                    or choice.get("delta", {}).get("content")
                    or ""
                )
        return text, units


@pytest.fixture
def real(request, start_weir):
    """(weir, engine) for each real engine that can be had."""
    engine = request.getfixturevalue(request.param)
    return start_weir({}, engine), engine


LLAMA = [("llama_server", d) for d in V1]
OLLAMA = [("ollama", d) for d in asks.DIALECTS]


def limits(kind, dialect):
    """Ask for the same few tokens each time."""
    if kind == "ollama" and dialect in ("ollama", "generate"):
        return {"options": {"num_predict": 12, "temperature": 0}}
    return {"max_tokens": 12, "temperature": 0}


@pytest.mark.parametrize(
    "real, dialect", LLAMA + OLLAMA, indirect=["real"]
)
def test_the_same_text_streamed_or_not(real, dialect):
    weir, engine = real
    more = {"model": engine.model, **limits(engine.kind, dialect)}
    with Caller(engine.address) as caller:
        direct = ask(caller, dialect, **more)
    assert direct.status == 200, direct.text()
    whole = ask(weir, dialect, **more)
    assert whole.status == 200, whole.text()
    want = text_of(dialect, direct)
    assert want and text_of(dialect, whole) == want
    line = weir.wait_log(1)
    assert line["input_tokens"] > 0 and 0 < line["output_tokens"] <= 13
    text, units = streamed(weir.address, dialect, **more)
    assert text == want
    line = weir.wait_log(2)
    assert line["err"] is None
    assert line["input_tokens"] > 0 and 0 < line["output_tokens"] <= 13
    if dialect in ("openai", "completion"):
        assert units[-1] == "[DONE]"
        assert all(u.get("choices") for u in units[:-1]), "no usage chunk"


@pytest.mark.parametrize(
    "real", ["llama_server", "ollama"], indirect=["real"]
)
def test_listings_and_kind(real):
    weir, engine = real
    assert engine.model in weir.get("/v1/models").text()
    ready = weir.get("/readyz").json()
    assert ready["engines"][0]["kind"] == engine.kind
    if engine.kind == "ollama":
        assert engine.model in weir.get("/api/tags").text()


@pytest.mark.parametrize(
    "real, path",
    [("llama_server", "/v1/chat/completions"), ("ollama", "/api/chat")],
    indirect=["real"],
)
def test_errors_of_the_engine_arrive(real, path):
    weir, engine = real
    body = {**asks.body("ollama", model=engine.model), "temperature": "hot"}
    body["options"] = {"temperature": "hot"}
    with Caller(engine.address) as caller:
        direct = caller.post(path, body)
    r = weir.post(path, body)
    assert direct.status >= 400
    assert (r.status, r.body) == (direct.status, direct.body)


@pytest.mark.parametrize(
    "real, dialect",
    [("llama_server", "openai"), ("ollama", "ollama")],
    indirect=["real"],
)
def test_a_hang_up_frees_the_slot(real, dialect):
    weir, engine = real
    more = {"model": engine.model, "max_tokens": 400}
    for _ in range(2 * engine.slots):
        with weir.connect() as caller:
            r = caller.begin(
                "POST",
                asks.DIALECTS[dialect],
                asks.body(dialect, True, **more),
            )
            next(r.pieces())
    weir.wait_metric("weir_slots_used", lambda v: v == 0)
    r = ask(weir, dialect, model=engine.model, max_tokens=4)
    assert r.status == 200
