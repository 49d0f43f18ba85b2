"""Ollama's own words: loading, names, listings."""

import pytest

from harness import asks, replies
from harness.asks import ask


def test_streaming_is_the_default(weir, engine):
    body = asks.body("ollama")
    del body["stream"]
    with weir.connect() as caller:
        r = caller.begin("POST", "/api/chat", body)
        assert r.field("content-type") == "application/x-ndjson"
        assert [v["done"] for v in r.lines()] == [False] * 6 + [True]
    assert weir.wait_log()["stream"] is True


@pytest.mark.parametrize(
    "name",
    [
        "llama3.2",
        "llama3.2:latest",
        "LLAMA3.2",
        "library/llama3.2",
        "registry.ollama.ai/library/llama3.2:latest",
    ],
)
@pytest.mark.weir(
    callers=[{"name": "anonymous", "models": ["llama3.2"]}]
)
def test_names_are_made_canonical(weir, engine, name):
    """One allowlist entry covers every spelling; the bytes stay."""
    assert ask(weir, "ollama", model=name).status == 200
    assert engine.requests[0].json()["model"] == name
    assert weir.wait_log()["model"] == "llama3.2"


@pytest.mark.weir(callers=[{"name": "anonymous", "models": ["qwen3*"]}])
@pytest.mark.parametrize(
    "dialect, words",
    [
        ("ollama", "model 'llama3.2' not found"),
        ("openai", "llama3.2"),
        ("anthropic", "llama3.2"),
    ],
)
def test_a_model_outside_the_list_does_not_exist(weir, engine, dialect, words):
    r = ask(weir, dialect)
    assert r.status == 404
    assert words in asks.error_of(dialect, r)[0]
    assert engine.requests == []
    line = weir.wait_log()
    assert (line["status"], line["err"]) == (404, "model_not_found")


@pytest.mark.parametrize(
    "name", ["llama3.2:cloud", "gpt-oss:120b-cloud", "GPT-OSS:120B-CLOUD"]
)
@pytest.mark.parametrize("dialect", ["ollama", "openai", "anthropic"])
def test_cloud_names_never_leave_this_machine(weir, engine, dialect, name):
    r = ask(weir, dialect, model=name)
    assert r.status == 403
    asks.error_of(dialect, r)
    assert engine.requests == []
    assert weir.wait_log()["err"] == "cloud_forbidden"


@pytest.mark.engine(
    models=[replies.listed("stub", remote_host="https://ollama.com:443")]
)
def test_stubs_of_remote_models_never_leave_this_machine(weir, engine):
    # Seen once the listing is: the refusal comes with it.
    weir.get("/api/tags")
    r = ask(weir, "ollama", model="stub")
    assert r.status == 403
    assert engine.requests == []


@pytest.mark.parametrize(
    "dialect, tool",
    [
        ("anthropic", {"type": "web_search_20250305", "name": "web_search"}),
        ("anthropic", {"type": "web_fetch_20250910", "name": "web_fetch"}),
    ],
)
def test_tools_that_search_the_web_are_refused(weir, engine, dialect, tool):
    assert ask(weir, dialect, tools=[tool]).status == 403
    assert engine.requests == []


def test_a_model_that_nobody_lists_goes_to_the_engine(weir, engine):
    """The engine knows best; the log does not repeat the name."""
    assert ask(weir, "ollama", model="unheard-of").status == 200
    assert weir.wait_log()["model"] == "?"


def test_an_error_inside_the_stream_is_relayed_and_logged(weir, engine):
    def script(exchange):
        exchange.begin("application/x-ndjson")
        exchange.chunk(replies.ollama()[0][0])
        exchange.chunk(b'{"error":"the runner said SECRET and died"}\n')
        exchange.end()

    engine.then(script)
    with weir.connect() as caller:
        r = caller.begin(
            "POST", "/api/chat", asks.body("ollama", stream=True)
        )
        lines = list(r.lines())
    assert lines[-1]["error"] == "the runner said SECRET and died"
    line = weir.wait_log()
    assert line["err"] == "engine_error_in_stream"
    assert "SECRET" not in str(line)


@pytest.mark.parametrize("path", ["/api/tags", "/api/ps", "/api/version"])
def test_listings_take_no_slot(weir, engine, path):
    assert weir.get(path).status == 200
    line = weir.wait_log()
    assert line["path"] == path
    assert "queue_ms" not in line


def test_the_last_good_listing_is_served_while_the_engine_is_away(weir, engine):
    good = weir.get("/api/tags").body
    engine.stop()
    r = weir.get("/api/tags")
    assert (r.status, r.body) == (200, good)
    assert weir.get("/api/ps").status in (200, 503)
