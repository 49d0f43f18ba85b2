"""Bounds: told before the work is done, and never as a reset."""

import time

import pytest

from harness import asks, replies
from harness.caller import request


@pytest.mark.weir(limits={"body": "64KiB"})
def test_a_large_body_is_refused_before_it_is_read(weir, engine):
    with weir.connect() as caller:
        caller.send(
            b"POST /api/chat HTTP/1.1\r\nHost: localhost\r\n"
            b"Content-Length: %d\r\n\r\n" % (64 * 1024 + 1)
        )
        r = caller.response().finish()
    assert r.status == 413
    assert "65536" in asks.error_of("ollama", r)[0]
    assert engine.requests == []
    assert weir.wait_log()["err"] == "request_too_large"


@pytest.mark.weir(limits={"body": "64KiB"})
@pytest.mark.parametrize("n", [64 * 1024 + 1, 1 << 20, 8 << 20])
def test_who_sends_it_all_first_sees_the_answer_too(weir, engine, n):
    """No reset: the refusal waits behind up to any number of bytes."""
    with weir.connect() as caller:
        try:
            caller.send(request("POST", "/v1/messages", b"x" * n))
        except (BrokenPipeError, ConnectionResetError):
            assert n > 1 << 20, "a megabyte is drained"
        r = caller.response().finish()
    assert r.status == 413
    assert asks.error_of("anthropic", r)[1] == "request_too_large"


@pytest.mark.weir(limits={"body": "64KiB"})
def test_a_body_as_large_as_the_limit_passes(weir, engine):
    body = replies.dump(asks.body("ollama"))
    body += b" " * (64 * 1024 - len(body))
    assert weir.ask("POST", "/api/chat", body).status == 200
    assert engine.requests[0].body == body


@pytest.mark.weir(limits={"body": "64KiB"})
def test_chunks_that_grow_too_large_are_refused(weir, engine):
    with weir.connect() as caller:
        caller.send(
            b"POST /api/chat HTTP/1.1\r\nHost: localhost\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n"
        )
        for _ in range(17):
            caller.send(b"1000\r\n" + b" " * 4096 + b"\r\n")
        assert caller.response().finish().status == 413
    assert engine.requests == []


@pytest.mark.parametrize(
    "fields",
    [
        [("X-A", "a" * 17000)],
        [("X-%d" % i, "a" * 1000) for i in range(20)],
        [("X-%d" % i, "a") for i in range(101)],
        [("X-" + "a" * 17000, "a")],
    ],
    ids=["one field", "many bytes", "many fields", "a long name"],
)
def test_a_large_head_is_431(weir, engine, fields):
    with weir.connect() as caller:
        r = caller.ask("POST", "/v1/chat/completions", {}, fields)
        assert r.status == 431
        assert caller.is_closed()
    assert weir.wait_log()["err"] == "request_header_fields_too_large"


def test_ninety_fields_pass(weir, engine):
    fields = [("X-%d" % i, "a" * 100) for i in range(90)]
    r = weir.ask("POST", "/api/chat", asks.body("ollama"), fields)
    assert r.status == 200


@pytest.mark.parametrize("n", [8193, 15000])
def test_a_long_target_is_414(weir, engine, n):
    with weir.connect() as caller:
        r = caller.ask("GET", "/api/tags?" + "a" * (n - 10))
    assert r.status == 414
    assert weir.wait_log()["err"] == "uri_too_long"


@pytest.mark.weir(limits={"head_time": "300ms"})
@pytest.mark.parametrize("part", [b"G", b"GET / HTTP/1.1\r\nHost: local"])
def test_a_slow_head_is_told_to_go(weir, engine, part):
    with weir.connect() as caller:
        begin = time.monotonic()
        caller.send(part)
        r = caller.response().finish()
        assert r.status == 408
        assert caller.is_closed()
    assert 0.25 < time.monotonic() - begin < 2


@pytest.mark.weir(limits={"head_time": "300ms"})
def test_a_head_that_drips_does_not_gain_time(weir, engine):
    with weir.connect() as caller:
        begin = time.monotonic()
        caller.send(b"GET / HTTP/1.1\r\n")
        while time.monotonic() - begin < 5:
            try:
                caller.send(b"X-A: a\r\n")
            except (BrokenPipeError, ConnectionResetError):
                break
            if weir.access_lines():
                break
        assert weir.wait_log()["err"] in (
            "request_timeout",
            "request_header_fields_too_large",
        )
    assert time.monotonic() - begin < 2


def slow_reader(weir, engine, fields):
    """Takes longer than idle and stall in all, and never stops."""
    body = b'{"message":{"content":"' + b"x" * (6 << 20) + b'"}}'
    engine.then(lambda exchange: exchange.whole(body))
    with weir.connect(receive_bytes=65536) as caller:
        caller.send(
            request("POST", "/api/chat", asks.body("ollama", False), fields)
        )
        weir.wait_log()
        n, rests = 0, 0
        while n < len(body):
            if n >> 20 > rests:
                rests += 1
                time.sleep(0.4)
            more = caller.sock.recv(65536)
            assert more, "cut after %d of %d bytes" % (n, len(body))
            n += len(more)
    assert more.endswith(b'x"}}')


@pytest.mark.weir(limits={"idle": "300ms", "stall": "1500ms"})
def test_the_last_answer_arrives_at_a_slow_reader(weir, engine):
    slow_reader(weir, engine, [])


@pytest.mark.weir(limits={"stall": "1500ms"})
def test_the_last_answer_arrives_before_the_connection_ends(weir, engine):
    slow_reader(weir, engine, [("Connection", "close")])


@pytest.mark.weir(limits={"idle": "1min", "stall": "300ms"})
@pytest.mark.parametrize("fields", [[], [("Connection", "close")]])
def test_who_takes_nothing_is_closed(weir, engine, fields):
    body = b'{"message":{"content":"' + b"x" * (6 << 20) + b'"}}'
    engine.then(lambda exchange: exchange.whole(body))
    with weir.connect(receive_bytes=4096) as caller:
        caller.send(
            request("POST", "/api/chat", asks.body("ollama", False), fields)
        )
        weir.wait_log()
        weir.wait_metric("weir_connections", lambda n: n <= 1)


@pytest.mark.weir(limits={"idle": "300ms"})
def test_a_connection_at_rest_is_closed_in_silence(weir, engine):
    with weir.connect() as caller:
        assert caller.get("/api/tags").status == 200
        begin = time.monotonic()
        assert caller.is_closed()
    assert 0.2 < time.monotonic() - begin < 2
    weir.wait_log(1)
    assert len(weir.access_lines()) == 1


@pytest.mark.weir(limits={"body_time": "500ms"})
def test_a_slow_body_is_told_to_go(weir, engine):
    with weir.connect() as caller:
        begin = time.monotonic()
        caller.send(
            b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\n"
            b"Content-Length: 1000\r\n\r\n{"
        )
        r = caller.response().finish()
        assert r.status == 408
        asks.error_of("openai", r)
    assert 0.4 < time.monotonic() - begin < 2
    assert weir.wait_log()["err"] == "request_body_timeout"


@pytest.mark.weir(limits={"connections_per_address": 3})
def test_connections_of_one_address_are_bounded(weir, engine):
    weir.wait_metric("weir_connections", lambda v: v == 1)  # the question's
    held = []
    for _ in range(3):
        held.append(weir.connect())
        assert held[-1].get("/api/tags").status == 200
    with weir.connect() as caller:
        try:
            r = caller.get("/api/tags")
            assert r.status == 503 and r.field("retry-after")
        except ConnectionResetError:
            pytest.fail("the refusal was lost to a reset")
    held.pop().close()
    for caller in held:
        assert caller.get("/api/tags").status == 200
        caller.close()


@pytest.mark.weir(limits={"body_total": "256KiB"})
def test_bodies_that_are_held_are_bounded(weir, engine):
    """A quarter for each caller; the second body of one must wait."""
    with weir.connect() as first, weir.connect() as second:
        first.send(
            b"POST /api/chat HTTP/1.1\r\nHost: localhost\r\n"
            b"Content-Length: 60000\r\n\r\n{"
        )
        weir.wait_metric("weir_body_buffer_bytes", lambda v: v >= 60000)
        second.send(
            b"POST /api/chat HTTP/1.1\r\nHost: localhost\r\n"
            b"Content-Length: 60000\r\n\r\n{"
        )
        r = second.response().finish()
        assert r.status == 503 and r.field("retry-after")
    weir.wait_log(2)
    errs = {line["err"] for line in weir.access_lines()}
    assert errs == {"body_buffer_full", "client_closed_request"}


@pytest.mark.parametrize(
    "coding, status", [("gzip", 415), ("zstd", 415), ("identity", 200)]
)
def test_compressed_bodies_are_refused(weir, engine, coding, status):
    fields = {"Content-Encoding": coding}
    r = weir.ask("POST", "/api/chat", asks.body("ollama"), fields)
    assert r.status == status


NESTED = b'{"model":"llama3.2","x":%s%s}' % (b"[" * 2000, b"]" * 2000)


@pytest.mark.parametrize(
    "body, code",
    [
        (b"", "missing_body"),
        (b"{", "invalid_json"),
        (b"[]", "invalid_json"),
        (b'{"model":"a"} x', "invalid_json"),
        (b'{"model":"a",}', "invalid_json"),
        (b"{'model':'a'}", "invalid_json"),
        (b'{"model":"\xff"}', "invalid_json"),
        (b'{"model":NaN}', "invalid_json"),
        (b"\xef\xbb\xbf{}", "invalid_json"),
        (NESTED, "json_too_deep"),
        (b'{"model":"a","model":"b"}', "duplicate_field"),
        (b'{"model":"a","mod\\u0065l":"b"}', "misspelled_field"),
        (b'{"Model":"a"}', "misspelled_field"),
        (b'{"model":"a","Stream":true}', "misspelled_field"),
        (b'{"model":1}', "invalid_field"),
        (b'{"model":"a","stream":"true"}', "invalid_field"),
        (b'{"messages":[]}', "model_required"),
        (b'{"model":""}', "model_required"),
    ],
)
@pytest.mark.parametrize("dialect", ["ollama", "openai", "anthropic"])
def test_bodies_that_two_readers_read_in_two_ways(
    weir, engine, dialect, body, code
):
    r = weir.ask("POST", asks.DIALECTS[dialect], body)
    assert r.status == 400
    told = asks.error_of(dialect, r)[1]
    assert told in (None, code, "invalid_request_error")
    assert engine.requests == []
    assert weir.wait_log()["err"] == code
