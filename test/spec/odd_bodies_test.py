"""Bodies and probes that are not the usual ones."""

import pytest

from harness import asks, replies
from harness.caller import bearer
from harness.weir import hash_of, new_key

SOME_KEY = new_key("some")


@pytest.mark.parametrize("coding", ["gzip", "zstd", "br", "deflate", "x, gzip"])
@pytest.mark.parametrize("dialect", ["ollama", "openai", "anthropic"])
def test_compressed_bodies_are_refused(weir, engine, dialect, coding):
    r = weir.ask("POST", asks.DIALECTS[dialect], b"\x28\xb5\x2f\xfd\0",
                 {"Content-Encoding": coding})  # fmt: skip
    assert r.status == 415
    text, _ = asks.error_of(dialect, r)
    assert "Content-Encoding" in text
    assert engine.requests == []
    assert weir.wait_log()["err"] == "unsupported_content_encoding"


def test_identity_is_no_coding(weir, engine):
    body = replies.dump(asks.body("ollama"))
    fields = {"Content-Encoding": "identity"}
    assert weir.ask("POST", "/api/chat", body, fields).status == 200


# --- forms ---


def form(model, name="model"):
    return (
        b'--b\r\nContent-Disposition: form-data; name="file"; '
        b'filename="a.wav"\r\nContent-Type: audio/wav\r\n\r\n'
        b'RIFF\0\r\n--\xff{"model":"llama3.2"}\r\n'
        b'--b\r\nContent-Disposition: form-data; name="%s"\r\n\r\n'
        b"%s\r\n--b--\r\n" % (name.encode(), model.encode())
    )


FORM = {"Content-Type": "multipart/form-data; boundary=b"}


@pytest.mark.weir(
    callers=[{"name": "some", "key": hash_of(SOME_KEY), "models": ["whisper"]}],
    anonymous="refuse",
)
@pytest.mark.parametrize(
    "path", ["/v1/audio/transcriptions", "/v1/audio/translations"]
)
def test_audio_is_for_whom_the_model_is(weir, engine, path):
    engine.paths.add(path)
    engine.script = lambda x: x.whole({"text": "hello"})
    known = {**FORM, **bearer(SOME_KEY)}
    assert weir.ask("POST", path, form("whisper"), FORM).status == 401
    assert weir.ask("POST", path, form("llama3.2"), known).status == 404
    assert weir.ask("POST", path, form("x", "other"), known).status == 400
    assert engine.requests == []
    r = weir.ask("POST", path, form("whisper"), known)
    assert (r.status, r.json()) == (200, {"text": "hello"})
    (request,) = engine.requests
    assert request.body == form("whisper")
    assert request.field("content-type") == FORM["Content-Type"]


# --- fields that weir does not know ---


def test_unknown_fields_pass_untouched(weir, engine):
    body = asks.body(
        "openai",
        max_completion_tokens=7,
        tool_choice={"type": "function", "function": {"name": "f"}},
        tools=[{"type": "function", "function": {"name": "f"}}],
        reasoning_effort="low",
        x_unknown={"Model": 1, "list": [1e-9, None, "\u2028"]},
    )
    raw = b" " + replies.dump(body)
    assert weir.post("/v1/chat/completions", raw).status == 200
    assert engine.requests[0].body == raw


# --- how clients look whether somebody is there ---


@pytest.mark.parametrize(
    "method, path, text",
    [
        ("HEAD", "/", ""),
        ("GET", "/", "Ollama is running"),
        ("GET", "/api/version", '{"version":"0.33.0"}'),
        ("HEAD", "/api/version", ""),
        ("HEAD", "/api/tags", ""),
    ],
)
def test_probes_of_clients_are_answered(weir, engine, method, path, text):
    r = weir.ask(method, path)
    assert (r.status, r.text()) == (200, text)


def test_a_page_that_an_engine_may_have(weir, engine):
    status = {"cloud": {"disabled": True, "source": "env"}}
    engine.pages["GET", "/api/status"] = lambda x: x.whole(status)
    assert weir.get("/api/status").json() == status


def test_the_last_probe_answers_while_the_engine_is_away(weir, engine):
    assert weir.get("/api/version").status == 200
    engine.stop()
    assert weir.get("/api/version").json() == {"version": "0.33.0"}


# --- Anthropic's API where it is not ---

MISSING = [
    (404, b"404 page not found", "text/plain"),
    (404, {"detail": "Not Found"}, "application/json"),
    (404, {"error": {"code": 404, "message": "File Not Found",
                     "type": "not_found_error"}}, "application/json"),
    (405, {"detail": "Method Not Allowed"}, "application/json"),
]  # fmt: skip


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("status, said, kind", MISSING)
def test_an_engine_without_messages_is_told(
    weir, engine, stream, status, said, kind
):
    engine.then(lambda x: x.whole(said, status, kind))
    r = asks.ask(weir, "anthropic", stream=stream)
    assert r.status == 404
    text, code = asks.error_of("anthropic", r)
    assert code == "not_found_error"
    assert "/v1/messages" in text and "/v1/chat/completions" in text
    assert weir.wait_log()["err"] == "api_not_supported"


def test_a_model_that_is_not_there_is_the_engines_to_tell(weir, engine):
    said = {"type": "error", "error": {"type": "not_found_error",
                                       "message": "model 'x' not found"}}
    engine.then(lambda x: x.whole(said, 404))
    r = asks.ask(weir, "anthropic", model="x")
    assert (r.status, r.json()) == (404, said)
    assert weir.wait_log()["err"] == "engine_status"


def test_other_apis_404_is_not_looked_at(weir, engine):
    engine.then(lambda x: x.whole(b"404 page not found", 404, "text/plain"))
    r = asks.ask(weir, "openai")
    assert (r.status, r.text()) == (404, "404 page not found")
