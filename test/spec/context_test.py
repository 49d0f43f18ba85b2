"""Prompts longer than the context: never cut in silence, always the same
error, with the numbers."""

import pytest

from harness import asks, metrics, replies
from harness.asks import DIALECTS, ask

LLAMA = {
    "error": {
        "code": 400,
        "message": "request (1322 tokens) exceeds the available context size "
        "(512 tokens), try increasing it",
        "type": "exceed_context_size_error",
        "n_prompt_tokens": 1322,
        "n_ctx": 512,
    }
}
QUOTED = {
    "error": '{"error":{"code":400,"message":"request (1322 tokens) exceeds '
    'the available context size (512 tokens), try increasing it","type":'
    '"exceed_context_size_error","n_prompt_tokens":1322,"n_ctx":512}}'
}
UNTOLD = {"error": "the input length exceeds the context length"}


def refuses(engine, answer, status=400):
    engine.then(lambda exchange: exchange.whole(answer, status))


def refuses_in_chunks(exchange):
    exchange.begin("application/x-ndjson", 400)
    exchange.chunk(replies.dump(QUOTED))
    exchange.end()


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("answer", [LLAMA, QUOTED])
@pytest.mark.parametrize("dialect", DIALECTS)
def test_the_engine_refusal_is_told_alike(
    weir, engine, dialect, answer, stream
):
    refuses(engine, answer)
    r = ask(weir, dialect, stream)
    assert r.status == 400
    text, code = asks.error_of(dialect, r)
    if dialect == "anthropic":
        assert text == "prompt is too long: 1322 tokens > 512 maximum"
        assert code == "invalid_request_error"
    else:
        for part in ("1322 tokens", "810 more", "512"):
            assert part in text
        assert code in (None, "context_length_exceeded")
    line = weir.wait_log(1)
    assert (line["status"], line["err"]) == (400, "context_length_exceeded")
    # The slot is back, the connection too.
    assert ask(weir, dialect).status == 200


@pytest.mark.parametrize("dialect", ["ollama", "generate", "openai"])
def test_a_refusal_in_chunks_is_told_alike(weir, engine, dialect):
    engine.then(refuses_in_chunks)
    r = ask(weir, dialect, True)
    assert r.status == 400
    text, _ = asks.error_of(dialect, r)
    assert "1322 tokens" in text and "810 more" in text


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_refusal_without_numbers_has_none(weir, engine, dialect):
    refuses(engine, UNTOLD)
    r = ask(weir, dialect)
    assert r.status == 400
    text, _ = asks.error_of(dialect, r)
    assert "does not say by how much" in text and "-1" not in text


def test_other_errors_of_the_engine_stay_its_own(weir, engine):
    own = b'{"error":"options: temperature must be a number"}'
    refuses(engine, own)
    r = ask(weir, "ollama")
    assert (r.status, r.body) == (400, own)
    assert weir.wait_log(1)["err"] == "engine_status"


def test_a_long_error_passes_whole(weir, engine):
    own = b'{"error":"' + b"exceed_context_size_error " * 4000 + b'"}'
    refuses(engine, own)
    r = ask(weir, "openai")
    assert (r.status, r.body) == (400, own)


@pytest.mark.weir(edits={"truncate": True})
@pytest.mark.parametrize("dialect", ["ollama", "generate"])
def test_ollama_is_told_not_to_cut(weir, engine, dialect):
    assert ask(weir, dialect).status == 200
    assert engine.requests[0].json()["truncate"] is False
    assert weir.wait_log(1)["edits"] == ["truncate"]
    now = weir.metrics()
    assert metrics.total(now, "weir_edits_total", edit="truncate") == 1


@pytest.mark.weir(edits={"truncate": True})
def test_who_asks_for_a_cut_has_it(weir, engine):
    assert ask(weir, "ollama", truncate=True).status == 200
    assert engine.requests[0].json()["truncate"] is True
    assert "edits" not in weir.wait_log(1)


@pytest.mark.weir(
    edits={"truncate": True}, models={"llama3.2": {"overflow": "pass"}}
)
def test_a_model_whose_overflow_passes(weir, engine):
    assert ask(weir, "ollama").status == 200
    assert "truncate" not in engine.requests[0].json()


@pytest.mark.weir(edits={"truncate": True})
def test_the_openai_routes_have_no_such_field(weir, engine):
    assert ask(weir, "openai").status == 200
    assert "truncate" not in engine.requests[0].json()
