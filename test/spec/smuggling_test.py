"""Requests that two readers might read in two ways: 400, and close."""

import pytest

from harness import asks, replies

BODY = replies.dump(asks.body("ollama"))
N = len(BODY)
HOST = b"Host: localhost\r\n"


def post(*fields, body=BODY, line=b"POST /api/chat HTTP/1.1", host=HOST):
    return line + b"\r\n" + host + b"".join(fields) + b"\r\n" + body


LENGTH = b"Content-Length: %d\r\n" % N
CHUNKED = b"Transfer-Encoding: chunked\r\n"
HIDDEN = b"GET /api/version HTTP/1.1\r\nHost: localhost\r\n\r\n"


def chunk(body=BODY, size=None, end=b"0\r\n\r\n"):
    return (size or b"%x" % len(body)) + b"\r\n" + body + b"\r\n" + end


AMBIGUOUS = {
    "length and coding": post(LENGTH, CHUNKED, body=chunk()),
    "coding and length": post(CHUNKED, LENGTH, body=chunk()),
    "two lengths": post(LENGTH, b"Content-Length: 0\r\n"),
    "two equal lengths": post(LENGTH, LENGTH),
    "lengths in a list": post(b"Content-Length: %d, %d\r\n" % (N, N)),
    "length with a sign": post(b"Content-Length: +%d\r\n" % N),
    "length in hex": post(b"Content-Length: 0x10\r\n"),
    "length with a blank inside": post(b"Content-Length: 1 0\r\n"),
    "length of nothing": post(b"Content-Length:\r\n"),
    "length below zero": post(b"Content-Length: -1\r\n"),
    "length beyond 64 bits": post(b"Content-Length: 99999999999999999999\r\n"),
    "blank before the colon": post(b"Content-Length : %d\r\n" % N),
    "blank before coding's colon": post(
        b"Transfer-Encoding : chunked\r\n", body=chunk()
    ),
    "folded coding": post(
        b"Transfer-Encoding:\r\n chunked\r\n", body=chunk()
    ),
    "folded field": post(b"X-A: a\r\n b\r\n", LENGTH),
    "tab fold": post(b"X-A: a\r\n\tb\r\n", LENGTH),
    "other coding": post(b"Transfer-Encoding: gzip\r\n", body=chunk()),
    "coding twice": post(CHUNKED, CHUNKED, body=chunk()),
    "coding chunked, identity": post(
        b"Transfer-Encoding: chunked, identity\r\n", body=chunk()
    ),
    "coding xchunked": post(b"Transfer-Encoding: xchunked\r\n", body=chunk()),
    "coding in HTTP/1.0": post(
        CHUNKED, body=chunk(), line=b"POST /api/chat HTTP/1.0"
    ),
    "no host": post(LENGTH, host=b""),
    "two hosts": post(HOST, LENGTH),
    "host with a path": post(LENGTH, host=b"Host: localhost/x\r\n"),
    "host with a user": post(LENGTH, host=b"Host: a@localhost\r\n"),
    "bare LF in the head": post(LENGTH).replace(b"\r\n", b"\n", 1),
    "bare LF behind a field": post(b"X-A: a\n", LENGTH),
    "bare CR in a value": post(b"X-A: a\rContent-Length: 0\r\n", LENGTH),
    "bare CR before the end": post(b"X-A: a\r\r\n", LENGTH),
    "NUL in a value": post(b"X-A: a\0b\r\n", LENGTH),
    "NUL in a name": post(b"X\0A: a\r\n", LENGTH),
    "no name": post(b": a\r\n", LENGTH),
    "no colon": post(b"X-A\r\n", LENGTH),
    "blank before the first field": post(b"", LENGTH, host=b" " + HOST),
    "name with a bracket": post(b"X(A): a\r\n", LENGTH),
    "method in lower case": post(LENGTH, line=b"post /api/chat HTTP/1.1"),
    "tab in the request line": post(LENGTH, line=b"POST\t/api/chat\tHTTP/1.1"),
    "two blanks in the request line": post(
        LENGTH, line=b"POST  /api/chat HTTP/1.1"
    ),
    "no version": post(LENGTH, line=b"POST /api/chat"),
    "HTTP/2.0": post(LENGTH, line=b"POST /api/chat HTTP/2.0"),
    "HTTP/1.2 in lower case": post(LENGTH, line=b"POST /api/chat http/1.1"),
    "control in the target": post(LENGTH, line=b"POST /api/\x01 HTTP/1.1"),
    "chunk size of nothing": post(CHUNKED, body=chunk(size=b" ")),
    "chunk size with 0x": post(CHUNKED, body=chunk(size=b"0x%x" % N)),
    "chunk size with a sign": post(CHUNKED, body=chunk(size=b"+%x" % N)),
    "chunk size with a blank": post(CHUNKED, body=chunk(size=b"%x " % N)),
    "chunk size beyond 64 bits": post(
        CHUNKED, body=chunk(size=b"1%016x" % N)
    ),
    "chunk size then bare LF": post(
        CHUNKED, body=b"%x\n%s\r\n0\r\n\r\n" % (N, BODY)
    ),
    "chunk without its end": post(
        CHUNKED, body=b"%x\r\n%sXX0\r\n\r\n" % (N, BODY)
    ),
    "chunk ends in LF": post(
        CHUNKED, body=b"%x\r\n%s\n0\r\n\r\n" % (N, BODY)
    ),
    "a preface of HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "a hello of TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" * 9,
    "nonsense": b"\r\n\r\n\0\0\0\0\r\n\r\n",
}


@pytest.mark.parametrize("name", AMBIGUOUS)
def test_it_is_refused_and_the_connection_ends(weir, engine, name):
    with weir.connect() as caller:
        caller.send(AMBIGUOUS[name] + HIDDEN)
        r = caller.response().finish()
        assert r.status in (400, 501, 505), name
        assert r.field("connection") == "close"
        assert caller.is_closed(), "nothing behind it is answered"
    assert engine.requests == []
    line = weir.wait_log()
    assert line["status"] == r.status


@pytest.mark.parametrize("name", AMBIGUOUS)
def test_it_is_refused_byte_by_byte_too(weir, engine, name):
    data = AMBIGUOUS[name]
    with weir.connect() as caller:
        try:
            caller.send_cut(data, range(1, len(data)))
        except (BrokenPipeError, ConnectionResetError):
            pass
        r = caller.response()
        assert r.status in (400, 501, 505)
    assert engine.requests == []


SOUND = {
    "length": post(LENGTH),
    "length with blanks around": post(b"Content-Length:  %d \r\n" % N),
    "leading zeros": post(b"Content-Length: 000%d\r\n" % N),
    "chunks": post(CHUNKED, body=chunk()),
    "coding in capitals": post(
        b"Transfer-Encoding: Chunked\r\n", body=chunk()
    ),
    "chunk size in capitals": post(CHUNKED, body=chunk(size=b"%X" % N)),
    "chunk size with zeros": post(CHUNKED, body=chunk(size=b"00%x" % N)),
    "an empty line first": b"\r\n" + post(LENGTH),
    "any case of names": post(b"cOnTeNt-LeNgTh: %d\r\n" % N),
    "a value of Latin-1": post(b"X-A: \xe9\r\n", LENGTH),
    "an empty value": post(b"X-A:\r\n", LENGTH),
}


@pytest.mark.parametrize("name", SOUND)
def test_what_has_one_meaning_is_served(weir, engine, name):
    with weir.connect() as caller:
        caller.send(SOUND[name])
        assert caller.response().finish().status == 200
    assert [r.body for r in engine.requests] == [BODY]


@pytest.mark.parametrize(
    "answer",
    {
        "two lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n"
        b"Content-Length: 3\r\n\r\n{}",
        "length and coding": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
        "not HTTP": b"SSH-2.0-OpenSSH_9.2\r\n",
        "bad chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"zz\r\n{}\r\n0\r\n\r\n",
    }.items(),
    ids=lambda item: item[0],
)
def test_an_engine_that_frames_oddly_is_told_of(weir, engine, answer):
    def script(exchange):
        exchange.send(answer[1])
        exchange.close()

    engine.then(script)
    r = asks.ask(weir, "ollama")
    assert r.status == 502
    asks.error_of("ollama", r)
    assert weir.wait_log()["err"] in (
        "engine_protocol_error",
        "upstream_incomplete",
    )


def test_nothing_of_one_answer_becomes_the_next(weir, engine):
    """Bytes behind an answer's end are never taken for another answer."""

    def script(exchange):
        exchange.whole({"model": "llama3.2", "done": True})
        exchange.send(
            b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n\"stale\""
        )
        exchange.wait_hangup()

    engine.then(script)
    assert asks.ask(weir, "ollama").json()["done"] is True
    assert asks.ask(weir, "ollama").json()["model"] == "llama3.2"
