"""Requests that many specs send."""

from .caller import request
from .replies import MODEL

SAID = [{"role": "user", "content": "Tell me of the weir."}]

DIALECTS = {
    "ollama": "/api/chat",
    "generate": "/api/generate",
    "openai": "/v1/chat/completions",
    "completion": "/v1/completions",
    "anthropic": "/v1/messages",
}
"""A name for each shape of inference, and its path."""

APIS = {
    "ollama": "ollama",
    "generate": "ollama",
    "openai": "openai",
    "completion": "openai",
    "anthropic": "anthropic",
}
"""What the log calls them."""


def body(dialect, stream=False, **more):
    """An ordinary body of a request in ${dialect}."""
    out = {"model": MODEL, "stream": stream}
    if dialect in ("generate", "completion"):
        out["prompt"] = SAID[0]["content"]
    else:
        out["messages"] = SAID
    if dialect == "anthropic":
        out["max_tokens"] = 256
    return {**out, **more}


def ask(caller, dialect, stream=False, fields=(), **more):
    """Send one through ${caller} (a Caller or a Weir); the response."""
    return caller.ask(
        "POST", DIALECTS[dialect], body(dialect, stream, **more), fields
    )


def error_of(dialect, response):
    """(text, code or None) of an error told in ${dialect}, fully checked."""
    assert response.field("content-type").startswith("application/json")
    told = response.json()
    if dialect in ("ollama", "generate"):
        assert list(told) == ["error"] and isinstance(told["error"], str)
        return told["error"], None
    if dialect == "anthropic":
        assert told["type"] == "error"
        assert set(told) <= {"type", "error", "request_id"}
        assert set(told["error"]) == {"type", "message"}
        return told["error"]["message"], told["error"]["type"]
    assert list(told) == ["error"]
    assert {"message", "type", "param", "code"} == set(told["error"])
    return told["error"]["message"], told["error"]["code"]


def request_bytes(dialect, stream=False, fields=(), **more):
    """The bytes of a request in ${dialect}."""
    return request(
        "POST", DIALECTS[dialect], body(dialect, stream, **more), fields
    )
