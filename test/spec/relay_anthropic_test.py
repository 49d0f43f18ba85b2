"""Anthropic's events: named, in their order, with their counts."""

from harness import asks, replies
from harness.asks import ask


def test_events_have_their_names(weir, engine):
    with weir.connect() as caller:
        r = caller.begin(
            "POST", "/v1/messages", asks.body("anthropic", stream=True)
        )
        names = [name for name, _ in r.events()]
    assert names == (
        ["message_start", "content_block_start"]
        + ["content_block_delta"] * 6
        + ["content_block_stop", "message_delta", "message_stop"]
    )


def test_headers_of_the_api_go_on_to_the_engine(weir, engine):
    ask(
        weir,
        "anthropic",
        fields={
            "anthropic-version": "2023-06-01",
            "anthropic-beta": "tools-2024-05-16",
            "x-api-key": "anything",
        },
    )
    got = engine.requests[0]
    assert got.field("anthropic-version") == "2023-06-01"
    assert got.field("anthropic-beta") == "tools-2024-05-16"
    assert got.field("x-api-key") is None


def test_cached_tokens_belong_to_the_prompt(weir, engine):
    """input_tokens leaves out what came from the cache; the log does not."""
    body = replies.dump(
        {
            "id": "msg_1",
            "type": "message",
            "role": "assistant",
            "model": "llama3.2",
            "content": [{"type": "text", "text": "hi"}],
            "stop_reason": "end_turn",
            "usage": {
                "cache_read_input_tokens": 4,
                "input_tokens": 1,
                "output_tokens": 12,
            },
        }
    )
    engine.then(lambda exchange: exchange.whole(body))
    assert ask(weir, "anthropic").body == body
    line = weir.wait_log()
    assert line["input_tokens"] == 5
    assert line["cached_tokens"] == 4
    assert line["output_tokens"] == 12


def test_the_last_counts_of_a_stream_win(weir, engine):
    """message_start may carry an estimate; message_delta the real numbers."""
    pieces = replies.anthropic()[0]
    pieces[0] = pieces[0].replace(b'"input_tokens":26', b'"input_tokens":7')

    def script(exchange):
        exchange.begin("text/event-stream")
        for piece in pieces:
            exchange.chunk(piece)
        exchange.end()

    engine.then(script)
    assert ask(weir, "anthropic", stream=True).body == b"".join(pieces)
    line = weir.wait_log()
    assert (line["input_tokens"], line["output_tokens"]) == (26, 6)
