"""OpenAI's streams carry no counts unless one asks: weir asks."""

import json

import pytest

from harness import asks, replies
from harness.asks import DIALECTS, ask

both = pytest.mark.parametrize("dialect", ["openai", "completion"])


def pieces(dialect, usage):
    return replies.openai(usage=usage, completion=dialect == "completion")[0]


@both
@pytest.mark.parametrize(
    "options", [{}, {"stream_options": {"include_usage": False}}]
)
def test_the_usage_chunk_is_asked_for_and_kept(weir, engine, dialect, options):
    r = ask(weir, dialect, stream=True, **options)
    assert r.body == b"".join(pieces(dialect, usage=False))
    got = engine.requests[0].json()
    assert got.pop("stream_options") == {"include_usage": True}
    sent = asks.body(dialect, stream=True)
    assert got == sent
    line = weir.wait_log()
    assert (line["input_tokens"], line["output_tokens"]) == (26, 6)
    assert line["edits"] == ["include_usage"]


@both
def test_who_asked_for_usage_gets_it_untouched(weir, engine, dialect):
    options = {"stream_options": {"include_usage": True}}
    r = ask(weir, dialect, stream=True, **options)
    assert r.body == b"".join(pieces(dialect, usage=True))
    assert engine.requests[0].json() == asks.body(
        dialect, stream=True, **options
    )
    line = weir.wait_log()
    assert line["output_tokens"] == 6
    assert "edits" not in line


@both
def test_the_edit_leaves_all_other_bytes_alone(weir, engine, dialect):
    body = (
        b'{ "model" : "llama3.2",\n\t"stream":true , "temperature": 1.0e-07,'
        b' "messages":[{"role":"user","content":"\\u00e9 \xc3\xa9"}],'
        b' "prompt":"p","n":1}'
    )
    weir.ask("POST", DIALECTS[dialect], body)
    got = engine.requests[0].body
    added = len(got) - len(body)
    assert added > 0
    # What was added is one run of bytes; without it the body is the caller's.
    cut = [
        i
        for i in range(len(got))
        if got[:i] + got[i + added :] == body
    ]
    assert cut
    assert json.loads(got)["stream_options"]["include_usage"] is True


@both
def test_an_answer_that_is_not_streamed_is_not_edited(weir, engine, dialect):
    body = replies.dump(asks.body(dialect))
    weir.ask("POST", DIALECTS[dialect], body)
    assert engine.requests[0].body == body
    assert "edits" not in weir.wait_log()


def test_usage_in_the_last_chunk_is_read_too(weir, engine):
    """vLLM and llama-server may put usage beside choices: it is relayed."""
    chunk = (
        b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}],'
        b'"usage":{"prompt_tokens":3,"completion_tokens":2,'
        b'"total_tokens":5}}\n\n'
    )

    def script(exchange):
        exchange.begin("text/event-stream")
        exchange.chunk(chunk)
        exchange.chunk(b"data: [DONE]\n\n")
        exchange.end()

    engine.then(script)
    r = ask(weir, "openai", stream=True)
    assert r.body == chunk + b"data: [DONE]\n\n"
    line = weir.wait_log()
    assert (line["input_tokens"], line["output_tokens"]) == (3, 2)


def test_text_that_talks_about_usage_fools_nobody(weir, engine):
    words = [
        '","usage":{"prompt_tokens":9}',
        'data: [DONE]\n\ndata: {"choices":[],"usage":{}}',
        '{"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":1}}',
    ]
    made = replies.openai(words=words, usage=True)[0]

    def script(exchange):
        exchange.begin("text/event-stream")
        for piece in made:
            exchange.chunk(piece)
        exchange.end()

    engine.then(script)
    r = ask(weir, "openai", stream=True)
    assert r.body == b"".join(made[:-2] + made[-1:])
    line = weir.wait_log()
    assert (line["input_tokens"], line["output_tokens"]) == (26, 3)


def test_comments_and_odd_events_pass(weir, engine):
    body = (
        b": ping\n\n"
        b"event: message\r\ndata: {}\r\n\r\n"
        b"retry: 10\n\n" + b"".join(pieces("openai", usage=False))
    )

    def script(exchange):
        exchange.begin("text/event-stream")
        exchange.chunk(body)
        exchange.end()

    engine.then(script)
    with weir.connect() as caller:
        r = caller.begin(
            "POST", "/v1/chat/completions", asks.body("openai", stream=True)
        )
        assert r.body == body
