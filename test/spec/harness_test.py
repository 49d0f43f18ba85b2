"""The harness itself: a check that cannot fail is worse than none."""

import threading

import pytest

from harness import metrics, replies
from harness.caller import Caller, request
from harness.waiting import Signal
from harness.wire import Closed, Reader, Response, WireError, connect

CHAT = {"model": "llama3.2", "messages": [{"role": "user", "content": "hi"}]}


class Bytes:
    """A socket that has these bytes to read, and then the end."""

    def __init__(self, data):
        self.data = data

    def recv(self, n):
        out, self.data = self.data[:1], self.data[1:]
        return out


def parse(data, method="POST"):
    return Response(Reader(Bytes(data)), method).finish()


def test_sound_responses_are_read():
    r = parse(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")
    assert (r.status, r.body) == (200, b"hi")
    r = parse(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"2\r\nhi\r\n0\r\n\r\n"
    )
    assert r.chunks == [b"hi"]


@pytest.mark.parametrize(
    "data",
    [
        b"HTTP/1.0 200 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nhi",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nNo colon\r\n\r\n",
    ],
)
def test_unsound_responses_are_errors(data):
    with pytest.raises(WireError):
        parse(data)


@pytest.mark.parametrize(
    "path", ["/api/chat", "/api/generate", "/v1/chat/completions",
             "/v1/completions", "/v1/messages"]
)
@pytest.mark.parametrize("stream", [True, False])
def test_the_engine_answers_every_dialect(engine, path, stream):
    with Caller(engine.address) as caller:
        r = caller.begin("POST", path, {**CHAT, "stream": stream})
        if not stream:
            assert "Once there was a weir." in r.text()
        elif path.startswith("/api/"):
            assert [x["done"] for x in r.lines()] == [False] * 6 + [True]
        else:
            assert len(list(r.events())) == 11 - 3 * ("messages" not in path)
        assert engine.requests[0].json()["stream"] is stream


def test_a_script_decides_and_hang_ups_are_seen(engine):
    go, gone = Signal(), []

    def script(exchange):
        exchange.begin()
        exchange.chunk(b"{}\n")
        exchange.wait(go)
        gone.append(exchange.wait_hangup())

    engine.then(script)
    with Caller(engine.address) as caller:
        r = caller.begin("POST", "/api/chat", CHAT)
        assert next(r.lines()) == {}
        go.set()
    engine.wait(lambda e: e.hangups == 1)
    assert gone[0] is not None


def test_a_fault_in_a_script_is_told(start_engine):
    engine = start_engine()
    engine.then(lambda exchange: 1 / 0)
    with Caller(engine.address) as caller:
        caller.send(request("POST", "/api/chat", CHAT))
        assert caller.is_closed()
    assert "ZeroDivisionError" in engine.faults.pop()


def test_a_stopped_engine_refuses_and_comes_back(engine):
    engine.stop()
    with pytest.raises(ConnectionRefusedError):
        connect(engine.address)
    engine.start()
    with Caller(engine.address) as caller:
        assert caller.get("/api/version").json() == {"version": "0.33.0"}


def test_metrics_are_read():
    samples = metrics.parse('# HELP a b\na{x="1",y="\\""} 2\na{x="2"} 3\n')
    assert metrics.total(samples, "a") == 5
    assert metrics.total(samples, "a", x="1") == 2
    with pytest.raises(AssertionError):
        metrics.parse("a{x=1} 2")


def test_answers_are_what_recorded_ones_are():
    pieces, whole = replies.openai(usage=True)
    assert pieces[-1] == b"data: [DONE]\n\n"
    assert b'"choices":[],"usage":{' in pieces[-2]
    assert b'"total_tokens":32' in whole


def test_many_at_once(engine):
    def one():
        with Caller(engine.address) as caller:
            assert caller.post("/api/chat", CHAT).status == 200

    threads = [threading.Thread(target=one) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(engine.requests) == 50


def test_a_closed_connection_is_told(engine):
    def script(exchange):
        exchange.head(200, [("Content-Length", "10")])
        exchange.send(b"half")
        exchange.close()

    engine.then(script)
    with Caller(engine.address) as caller, pytest.raises(Closed):
        caller.post("/api/chat", CHAT)
