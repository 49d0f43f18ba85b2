"""Names of models: what they are called besides, and who sees which."""

import pytest

from harness import asks, metrics, replies
from harness.asks import ask
from harness.caller import bearer
from harness.weir import hash_of, new_key

KEY = new_key("some")
SOME = {
    "name": "some",
    "key": hash_of(KEY),
    "models": ["llama3.2", "qwen3*"],
}
LISTED = ["llama3.2", "qwen3:8b", "secret", "team/secret:1b", "gpt-oss:20b"]
SEEN = ["llama3.2", "qwen3:8b"]
ALIASES = {
    "llama3.2": {"aliases": ["claude-haiku-*", "gpt-4o"]},
    "qwen3:8b": {"aliases": ["*"]},
}

listed = pytest.mark.engine(models=LISTED)


def names_of(answer):
    rows = answer.get("models") or answer.get("data")
    return [row.get("name", row.get("id")) for row in rows]


def plain(names):
    """Without the tag that engines write and people do not."""
    return [n.removesuffix(":latest") for n in names]


# --- aliases ---


@pytest.mark.parametrize("dialect", asks.DIALECTS)
@pytest.mark.parametrize(
    "asked, goes",
    [
        ("claude-haiku-4-5-20251001", "llama3.2"),
        ("Claude-Haiku-5", "llama3.2"),
        ("gpt-4o", "llama3.2"),
        ("gpt-4o:latest", "llama3.2"),
    ],
)
@pytest.mark.weir(models={"llama3.2": ALIASES["llama3.2"]})
def test_a_model_has_other_names(weir, engine, dialect, asked, goes):
    body = asks.body(dialect, model=asked)
    r = weir.post(asks.DIALECTS[dialect], body)
    assert r.status == 200
    got = engine.requests[0].json()
    assert got == {**body, "model": goes}
    line = weir.wait_log()
    assert line["model"] == goes
    assert line["edits"] == ["alias"]
    assert asked not in str(line)
    assert metrics.total(weir.metrics(), "weir_edits_total", edit="alias") == 1


@pytest.mark.weir(models={"llama3.2": ALIASES["llama3.2"]})
@pytest.mark.parametrize(
    "asked", ["gpt-4o-mini", "claude-haiku", "gpt-4", "gpt-4o:other", "x/gpt-4o"]
)
def test_other_names_are_none_of_its(weir, engine, asked):
    ask(weir, "openai", model=asked)
    assert engine.requests[0].json()["model"] == asked
    assert "edits" not in weir.wait_log()


@pytest.mark.weir(models={"llama3.2": ALIASES["llama3.2"]})
def test_the_bytes_around_the_name_stay(weir, engine):
    body = b'{ "messages":[{"role":"user","content":"gpt-4o"}],\n' \
           b' "model" : "gpt\\u002d4o" ,"x":1e400, "stream":false}'  # fmt: skip
    assert weir.post("/v1/chat/completions", body).status == 200
    assert engine.requests[0].body == body.replace(
        b'"gpt\\u002d4o"', b'"llama3.2"'
    )


@listed
@pytest.mark.weir(models=ALIASES)
@pytest.mark.parametrize(
    "asked, goes",
    [
        ("secret", "secret"),
        ("SECRET:latest", "SECRET:latest"),
        ("llama3.2", "llama3.2"),
        ("gpt-4o", "llama3.2"),
        ("whatever", "qwen3:8b"),
        ("openai/gpt-5", "qwen3:8b"),
        ("gpt-oss:120b-cloud", "qwen3:8b"),
    ],
)
def test_what_is_listed_keeps_its_name(weir, engine, asked, goes):
    ask(weir, "ollama", model=asked)
    assert engine.requests[0].json()["model"] == goes


@listed
@pytest.mark.weir(
    models=ALIASES, anonymous="refuse", callers=[{**SOME, "models": ["qwen3*"]}]
)
def test_an_alias_opens_nothing(weir, engine):
    """Policy looks at the model, not at what it was called."""
    r = ask(weir, "openai", model="gpt-4o", fields=bearer(KEY))
    assert r.status == 404
    text, code = asks.error_of("openai", r)
    assert "gpt-4o" in text and "llama" not in text
    assert engine.requests == []
    r = ask(weir, "openai", model="any", fields=bearer(KEY))
    assert r.status == 200


@listed
@pytest.mark.weir(models=ALIASES)
def test_an_alias_can_be_looked_up(weir, engine):
    before = len(engine.probes)
    weir.get("/v1/models/gpt-4o")
    assert [p.target for p in engine.probes[before:]] == ["/v1/models/llama3.2"]
    line = weir.wait_log()
    assert (line["path"], line["edits"]) == ("/v1/models/:model", ["alias"])
    before = len(engine.probes)
    weir.post("/api/show", {"model": "gpt-4o", "verbose": False})
    (shown,) = engine.probes[before:]
    assert shown.json() == {"model": "llama3.2", "verbose": False}


@pytest.mark.weir(models=ALIASES)
def test_an_alias_in_a_form(weir, engine):
    engine.paths.add("/v1/audio/transcriptions")
    engine.script = lambda x: x.whole({"text": "hello"})
    form = (b'--b\r\nContent-Disposition: form-data; name="model"\r\n\r\n'
            b"gpt-4o\r\n--b\r\nContent-Disposition: form-data; name=\"file\"; "
            b'filename="a"\r\n\r\ngpt-4o\0\xff\r\n--b--\r\n')  # fmt: skip
    fields = {"Content-Type": "multipart/form-data; boundary=b"}
    assert weir.ask("POST", "/v1/audio/transcriptions", form, fields).status \
        == 200  # fmt: skip
    assert engine.requests[0].body == form.replace(b"gpt-4o", b"llama3.2", 1)


@pytest.mark.weir(models=ALIASES, edits={"aliases": False})
def test_aliases_can_be_switched_off(weir, engine):
    ask(weir, "ollama", model="gpt-4o")
    assert engine.requests[0].json()["model"] == "gpt-4o"


@pytest.mark.weir(models=ALIASES)
def test_answers_carry_the_engines_own_name(weir, engine):
    answer = replies.ollama(model="llama3.2")[1]
    engine.then(lambda x: x.whole(answer))
    assert ask(weir, "ollama", model="gpt-4o").body == answer


# --- listings ---


@listed
@pytest.mark.weir(callers=[SOME])
@pytest.mark.parametrize("path", ["/api/tags", "/v1/models", "/api/ps"])
def test_a_caller_sees_what_it_may_use(weir, engine, path):
    mine = weir.ask("GET", path, None, bearer(KEY))
    assert mine.status == 200
    assert plain(names_of(mine.json())) == SEEN
    assert "secret" not in mine.text()
    everybody = weir.get(path)
    assert plain(names_of(everybody.json())) == LISTED
    assert everybody.field("content-type") == mine.field("content-type")
    assert everybody.body == engine_says(engine, path)


def engine_says(engine, path):
    body = replies.page(
        engine.kind, "GET", path, engine.models, engine.slots, engine.loaded, 0
    )
    return replies.dump(body)


@pytest.mark.engine("llama-server", models=["tiny"])
@pytest.mark.weir(callers=[{**SOME, "models": ["tiny"]}])
def test_both_lists_of_a_llama_server(weir, engine):
    both = {"models": [{"name": "tiny"}, {"name": "secret"}],
            "data": [{"id": "secret"}, {"id": "tiny"}]}  # fmt: skip
    for path in ("/v1/models", "/models"):
        engine.pages["GET", path] = lambda x: x.whole(both)
        r = weir.ask("GET", path, None, bearer(KEY))
        assert r.json() == {"models": [{"name": "tiny"}],
                            "data": [{"id": "tiny"}]}  # fmt: skip


@listed
@pytest.mark.weir(callers=[SOME])
@pytest.mark.parametrize("path", ["/api/tags", "/v1/models", "/api/ps"])
def test_not_even_how_much_it_does_not_see(weir, engine, path):
    r = weir.ask("HEAD", path, None, bearer(KEY))
    assert (r.status, r.field("content-length")) == (200, None)


@listed
@pytest.mark.weir(callers=[SOME])
def test_what_is_kept_is_cut_for_each_caller(weir, engine):
    """The last good listing, while the engine is away, was another's."""
    assert plain(names_of(weir.get("/api/tags").json())) == LISTED
    engine.stop()
    mine = weir.ask("GET", "/api/tags", None, bearer(KEY))
    assert plain(names_of(mine.json())) == SEEN
    assert plain(names_of(weir.get("/api/tags").json())) == LISTED


@pytest.mark.engine(
    models=[
        "llama3.2",
        "gpt-oss:120b-cloud",
        {**replies.listed("stub"), "remote_host": "https://ollama.com:443"},
    ]
)
def test_what_leaves_the_machine_is_not_listed(weir, engine):
    weir.wait_engine_up()
    assert plain(names_of(weir.get("/api/tags").json())) == ["llama3.2"]


@listed
@pytest.mark.weir(callers=[SOME])
@pytest.mark.parametrize("name", ["secret", "Secret:latest", "team/secret:1b"])
@pytest.mark.parametrize("how", ["show", "v1", "chat"])
def test_anything_else_does_not_exist(weir, engine, name, how):
    before = len(engine.probes)
    if how == "show":
        r = weir.post("/api/show", {"model": name}, bearer(KEY))
        text, _ = asks.error_of("ollama", r)
        assert text == "model '%s' not found" % name
    elif how == "v1":
        r = weir.ask("GET", "/v1/models/" + name, None, bearer(KEY))
        text, code = asks.error_of("openai", r)
        assert code == "model_not_found"
    else:
        r = ask(weir, "anthropic", model=name, fields=bearer(KEY))
        text, kind = asks.error_of("anthropic", r)
        assert (text, kind) == ("model: " + name, "not_found_error")
    assert r.status == 404
    assert [p for p in engine.probes[before:] if p.method == "POST"] == []
    assert engine.requests == []


@pytest.mark.engine("openai", models=["a"])
@pytest.mark.weir(callers=[SOME])
def test_a_listing_of_another_form(weir, engine):
    """Who may see all gets it as it is, others nothing."""
    engine.pages["GET", "/models"] = lambda x: x.whole([{"id": "a"}])
    assert weir.get("/models").json() == [{"id": "a"}]
    r = weir.ask("GET", "/models", None, bearer(KEY))
    assert r.status == 502
    assert weir.wait_log(2)["err"] == "engine_protocol_error"
