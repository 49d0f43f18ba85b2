"""Every dialect: what the engine says reaches the caller as it is."""

import pytest

from harness import asks, replies
from harness.asks import DIALECTS, ask
from harness.caller import Caller, request
from harness.waiting import Signal

every_dialect = pytest.mark.parametrize("dialect", DIALECTS)


def said(dialect, **more):
    """(pieces, whole) that the engine answers in ${dialect}."""
    make = {
        "ollama": replies.ollama,
        "generate": lambda **m: replies.ollama(generate=True, **m),
        "openai": replies.openai,
        "completion": lambda **m: replies.openai(completion=True, **m),
        "anthropic": replies.anthropic,
    }
    return make[dialect](**more)


@every_dialect
def test_a_whole_answer_is_relayed_byte_for_byte(weir, engine, dialect):
    r = ask(weir, dialect)
    assert r.status == 200
    assert r.body == said(dialect)[1]
    assert r.field("content-type") == "application/json"
    line = weir.wait_log()
    assert line["api"] == asks.APIS[dialect]
    assert line["path"] == DIALECTS[dialect]
    assert line["stream"] is False
    assert (line["input_tokens"], line["output_tokens"]) == (26, 6)
    assert (line["status"], line["err"]) == (200, None)


@every_dialect
def test_the_request_reaches_the_engine_byte_for_byte(weir, engine, dialect):
    body = b" \t" + replies.dump(asks.body(dialect, temperature=1e-7)) + b"\n"
    weir.ask("POST", DIALECTS[dialect], body)
    assert engine.requests[0].body == body
    assert engine.requests[0].target == DIALECTS[dialect]


@every_dialect
def test_events_come_as_the_engine_says_them(weir, engine, dialect):
    """The engine says the next event only when the caller has the last."""
    pieces, _ = said(dialect)
    steps = {piece: Signal() for piece in pieces}

    def script(exchange):
        made, _, _, kind = replies.of(exchange.request)
        exchange.begin(kind)
        for piece in made:
            exchange.chunk(piece)
            if piece in steps:  # all but the usage that weir asked for
                exchange.wait(steps[piece])
        exchange.end()

    engine.then(script)
    got = b""
    with weir.connect() as caller:
        r = caller.begin(
            "POST", DIALECTS[dialect], asks.body(dialect, stream=True)
        )
        stream = r.pieces()
        for i, piece in enumerate(pieces):
            while len(got) < sum(map(len, pieces[: i + 1])):
                got += next(stream)
            steps[piece].set()
        r.finish()
    assert got == b"".join(pieces) == r.body
    line = weir.wait_log()
    assert line["stream"] is True
    assert (line["input_tokens"], line["output_tokens"]) == (26, 6)


@every_dialect
def test_events_may_be_cut_anywhere(weir, engine, dialect):
    """Chunks of one byte, and everything in one chunk: the same bytes."""
    whole = b"".join(said(dialect)[0])

    def bytewise(exchange):
        made, _, _, kind = replies.of(exchange.request)
        exchange.begin(kind)
        for byte in b"".join(made):
            exchange.chunk(b"%c" % byte)
        exchange.end()

    def at_once(exchange):
        made, _, _, kind = replies.of(exchange.request)
        exchange.begin(kind)
        exchange.chunk(b"".join(made))
        exchange.end()

    engine.then(bytewise, at_once)
    for n in (1, 2):
        assert ask(weir, dialect, stream=True).body == whole
        assert weir.wait_log(n)["output_tokens"] == 6


def test_the_log_line_has_the_fields_of_the_manual_in_order(weir, engine):
    ask(weir, "ollama", stream=True)
    line = weir.wait_log()
    assert list(line) == [
        "ts",
        "id",
        "caller",
        "model",
        "engine",
        "api",
        "path",
        "stream",
        "input_tokens",
        "output_tokens",
        "queue_ms",
        "ttft_ms",
        "latency_ms",
        "status",
        "err",
    ]
    assert line["engine"] == "local"
    assert line["model"] == "llama3.2"
    assert 0 <= line["queue_ms"] <= line["ttft_ms"] <= line["latency_ms"]


def test_the_head_for_the_engine_is_an_allowlist(weir, engine):
    weir.post(
        "/api/chat",
        asks.body("ollama"),
        {
            "Authorization": "Bearer something",
            "X-Api-Key": "something",
            "Cookie": "a=b",
            "Origin": "http://localhost",
            "X-Weir-Trust": "1",
            "X-Forwarded-For": "10.0.0.1",
            "Accept-Encoding": "gzip",
            "Connection": "keep-alive, X-Custom",
            "X-Custom": "1",
            "User-Agent": "spec/1",
        },
    )
    got = engine.requests[0]
    assert got.field("host") == "127.0.0.1:%d" % engine.port
    assert got.field("accept-encoding") == "identity"
    assert got.field("user-agent") == "spec/1"
    assert got.field("content-type") == "application/json"
    for name in (
        "authorization x-api-key cookie origin x-weir-trust x-custom "
        "x-forwarded-for connection"
    ).split():
        assert got.field(name) is None, name


def test_one_connection_serves_many_requests(weir, engine):
    with weir.connect() as caller:
        for dialect in DIALECTS:
            for stream in (False, True):
                assert ask(caller, dialect, stream).status == 200
    weir.wait_log(10)
    assert engine.connections <= 4, "the pool keeps connections"


def test_pipelined_requests_are_answered_in_order(weir, engine):
    paths = ["/api/tags", "/api/version", "/api/tags", "/v1/models"]
    with weir.connect() as caller:
        caller.send(b"".join(request("GET", p) for p in paths))
        got = [caller.response("GET").json() for _ in paths]
    assert [next(iter(v)) for v in got] == [
        "models",
        "version",
        "models",
        "object",
    ]


def test_a_request_may_arrive_cut_at_any_byte(weir, engine):
    data = request("POST", "/api/chat", asks.body("ollama"))
    with weir.connect() as caller:
        for cut in range(1, len(data), 7):
            caller.send_cut(data, [cut])
            assert caller.response().json()["done"] is True
        caller.send_cut(data, range(1, len(data)))
        assert caller.response().json()["done"] is True


def test_a_chunked_request_reaches_the_engine_with_a_length(weir, engine):
    body = replies.dump(asks.body("ollama"))
    with weir.connect() as caller:
        caller.send(
            b"POST /api/chat HTTP/1.1\r\nHost: localhost\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n"
        )
        for i in range(0, len(body), 10):
            part = body[i : i + 10]
            caller.send(b"%x\r\n%s\r\n" % (len(part), part))
        caller.send(b"0\r\n\r\n")
        assert caller.response().finish().status == 200
    assert engine.requests[0].body == body
    assert engine.requests[0].field("content-length") == str(len(body))


def test_continue_is_said_when_the_request_is_admitted(weir, engine):
    body = replies.dump(asks.body("ollama"))
    with weir.connect() as caller:
        caller.send(
            b"POST /api/chat HTTP/1.1\r\nHost: localhost\r\n"
            b"Expect: 100-continue\r\nContent-Length: %d\r\n\r\n" % len(body)
        )
        assert caller.reader.line() == b"HTTP/1.1 100 Continue"
        assert caller.reader.line() == b""
        caller.send(body)
        assert caller.response().finish().status == 200


def test_continue_is_not_said_when_the_request_is_refused(weir, engine):
    with weir.connect() as caller:
        caller.send(
            b"POST /api/pull HTTP/1.1\r\nHost: localhost\r\n"
            b"Expect: 100-continue\r\nContent-Length: 20\r\n\r\n"
        )
        assert caller.reader.line() == b"HTTP/1.1 403 Forbidden"


@pytest.mark.parametrize("path", ["/", "/api/tags", "/api/version"])
def test_head_is_get_without_the_body(weir, engine, path):
    with weir.connect() as caller:
        head = caller.ask("HEAD", path)
        get = caller.get(path)
    assert head.status == get.status == 200
    assert head.body == b""
    # A listing's length is known only once it is cut (RFC 9110 9.3.2).
    length = head.field("content-length")
    assert length == get.field("content-length") or (
        length is None and path == "/api/tags"
    )


def test_old_http_gets_an_answer_that_the_close_ends(weir, engine):
    body = replies.dump(asks.body("ollama", stream=True))
    with weir.connect() as caller:
        caller.send(
            b"POST /api/chat HTTP/1.0\r\nContent-Length: %d\r\n\r\n%s"
            % (len(body), body)
        )
        r = caller.response()
        assert r.kind == "none"
        assert [v["done"] for v in r.lines()] == [False] * 6 + [True]


def test_a_unix_socket_serves_too(start_weir, engine):
    def config(weir):
        own = "127.0.0.1:%d" % weir.port
        return {"listen": [own, "unix:%s/weir.sock" % weir.folder]}

    weir = start_weir(config, engine)
    with Caller(weir.folder / "weir.sock") as caller:
        assert ask(caller, "openai").status == 200


def test_an_error_of_the_engine_is_relayed_as_it_is(weir, engine):
    body = b'{"error":"\\"tiny\\" does not support thinking"}'
    engine.then(lambda exchange: exchange.whole(body, 400))
    r = ask(weir, "ollama")
    assert (r.status, r.body) == (400, body)
    line = weir.wait_log()
    assert line["status"] == 400
    assert "thinking" not in str(line)


def test_a_large_answer_to_a_slow_reader_arrives_whole(weir, engine):
    """6 MiB: more than sockets hold, less than weir keeps for a reader."""
    text = b"x" * (6 << 20)
    body = b'{"model":"llama3.2","response":"%s","done":true}' % text
    engine.then(lambda exchange: exchange.whole(body))
    with weir.connect(receive_bytes=4096) as caller:
        caller.send(request("POST", "/api/generate", asks.body("generate")))
        engine.wait(lambda e: len(e.requests) == 1 and e.in_flight == 0)
        assert caller.response().body == body
