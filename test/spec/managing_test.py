"""Managers change models: pulls, deletes, and blobs of any size."""

import hashlib
import json
import threading

import pytest

from harness import asks
from harness.caller import bearer
from harness.waiting import Signal
from harness.weir import hash_of, new_key

KEY = new_key("admin")
CONFIG = {
    "anonymous": "refuse",
    "limits": {"body": "64KiB", "body_total": "256KiB"},
    "callers": [
        {"name": "admin", "key": hash_of(KEY), "manage_models": True},
    ],
}
BLOB = "/api/blobs/sha256:" + "0" * 64
NDJSON = "application/x-ndjson"
MIB = b"\0\xff\r\n" * (1 << 18)


def managed(start_weir, engine, **more):
    engine.paths |= {
        "/api/pull", "/api/push", "/api/create", "/api/copy", "/api/delete",
        BLOB,
    }  # fmt: skip
    return start_weir({**CONFIG, **more}, engine)


def blob_head(*fields):
    lines = ["POST %s HTTP/1.1" % BLOB, "Host: localhost",
             "Authorization: Bearer " + KEY, *fields]  # fmt: skip
    return "\r\n".join(lines).encode() + b"\r\n\r\n"


def created(exchange):
    exchange.whole(b"", 201)


# --- what managers may ---


@pytest.mark.parametrize(
    "method, path, body",
    [
        ("POST", "/api/pull", {"model": "qwen3"}),
        ("POST", "/api/push", {"model": "me/qwen3"}),
        ("POST", "/api/create", {"model": "a", "from": "qwen3"}),
        ("POST", "/api/copy", {"source": "qwen3", "destination": "a"}),
        ("DELETE", "/api/delete", {"model": "qwen3"}),
        ("HEAD", BLOB, None),
    ],
)
def test_a_manager_may_change_models(start_weir, engine, method, path, body):
    weir = managed(start_weir, engine)
    engine.then(lambda x: x.whole({"status": "success"}))
    r = weir.ask(method, path, body, bearer(KEY))
    assert r.status == 200
    (request,) = engine.requests
    assert (request.method, request.target) == (method, path)
    if body:
        assert request.json() == body
    assert KEY not in str(request.raw)
    line = weir.wait_log()
    assert (line["caller"], line["err"]) == ("admin", None)


def test_progress_passes_as_it_comes(start_weir, engine):
    weir = managed(start_weir, engine)
    go = Signal()
    lines = [b'{"status":"pulling manifest"}\n', b'{"status":"success"}\n']

    def script(exchange):
        exchange.begin(NDJSON)
        exchange.chunk(lines[0])
        exchange.wait(go)
        exchange.chunk(lines[1])
        exchange.end()

    engine.then(script)
    with weir.connect() as caller:
        r = caller.begin("POST", "/api/pull", {"model": "a"}, bearer(KEY))
        pieces = r.pieces()
        assert next(pieces) == lines[0]
        go.set()
        assert b"".join(pieces) == lines[1]
    assert weir.wait_log()["err"] is None


def test_a_pull_that_breaks_off_is_told(start_weir, engine):
    weir = managed(start_weir, engine)

    def script(exchange):
        exchange.begin(NDJSON)
        exchange.chunk(b'{"status":"pulling manifest"}\n')
        exchange.close()

    engine.then(script)
    r = weir.ask("POST", "/api/pull", {"model": "a"}, bearer(KEY))
    assert "error" in json.loads(r.body.splitlines()[-1])
    assert weir.wait_log()["err"] == "upstream_incomplete"


def test_a_pull_ends_with_its_caller(start_weir, engine):
    weir = managed(start_weir, engine)

    def script(exchange):
        exchange.begin(NDJSON)
        exchange.chunk(b'{"status":"pulling manifest"}\n')
        exchange.wait_hangup()

    engine.then(script)
    with weir.connect() as caller:
        r = caller.begin("POST", "/api/pull", {"model": "a"}, bearer(KEY))
        next(r.pieces())
    weir.wait_log()
    engine.wait(lambda e: e.in_flight == 0)


def test_changes_take_no_slot(start_weir, start_engine):
    engine = start_engine(slots=1)
    weir = managed(start_weir, engine)
    go = Signal()

    def script(exchange):
        exchange.wait(go)
        exchange.answer()

    engine.then(script, lambda x: x.whole({"status": "success"}))
    with weir.connect() as caller:
        caller.send(asks.request_bytes("ollama", fields=bearer(KEY)))
        engine.wait_requests(1)
        r = weir.ask("POST", "/api/pull", {"model": "a"}, bearer(KEY))
        assert r.status == 200
        go.set()
        assert caller.response().finish().status == 200


def test_what_was_changed_is_listed_at_once(start_weir, engine):
    """weir looks at the engine's models again, long before its next beat."""
    weir = managed(start_weir, engine)
    engine.then(lambda x: x.whole({"status": "success"}))
    seen = len([p for p in engine.probes if p.target == "/api/tags"])
    weir.ask("POST", "/api/pull", {"model": "a"}, bearer(KEY))
    engine.wait(
        lambda e: len([p for p in e.probes if p.target == "/api/tags"]) > seen
    )


def test_a_change_is_never_sent_twice(start_weir, engine):
    weir = managed(start_weir, engine)
    engine.then(created, lambda x: x.close())
    assert weir.ask("HEAD", BLOB, None, bearer(KEY)).status == 201
    r = weir.ask("POST", "/api/pull", {"model": "a"}, bearer(KEY))
    assert r.status == 502
    assert len(engine.requests) == 2


# --- blobs ---


@pytest.mark.parametrize("is_chunked", [False, True])
@pytest.mark.parametrize("expects", [False, True])
def test_a_blob_may_be_larger_than_any_body(
    start_weir, engine, is_chunked, expects
):
    weir = managed(start_weir, engine)
    engine.then(created)
    blob = MIB * 8
    framing = ("Transfer-Encoding: chunked" if is_chunked
               else "Content-Length: %d" % len(blob))  # fmt: skip
    fields = [framing, "Content-Type: application/octet-stream"]
    with weir.connect() as caller:
        if expects:
            caller.send(blob_head(*fields, "Expect: 100-continue"))
            assert caller.reader.line() == b"HTTP/1.1 100 Continue"
            assert caller.reader.line() == b""
        else:
            caller.send(blob_head(*fields))
        for at in range(0, len(blob), 300001):
            part = blob[at : at + 300001]
            if is_chunked:
                part = b"%x\r\n%s\r\n" % (len(part), part)
            caller.send(part)
        if is_chunked:
            caller.send(b"0\r\n\r\n")
        assert caller.response().finish().status == 201
        # The connection goes on.
        assert caller.get("/api/tags", bearer(KEY)).status == 200
    (request,) = engine.requests
    assert request.body == blob
    sized = request.field("content-length")
    assert sized == (None if is_chunked else str(len(blob)))
    line = weir.wait_log()
    assert (line["path"], line["status"]) == ("/api/blobs/:digest", 201)


def test_a_small_blob_comes_with_its_head(start_weir, engine):
    weir = managed(start_weir, engine)
    engine.script = created
    for blob in (b"", b"x", b"x" * 70000):
        assert weir.ask("POST", BLOB, blob, bearer(KEY)).status == 201
        assert engine.requests[-1].body == blob


def send_blob(caller, total):
    caller.send(blob_head("Content-Length: %d" % (total * len(MIB))))
    for _ in range(total):
        caller.send(MIB)
    return caller.response().finish()


def test_a_blob_is_not_held_in_memory(start_weir, engine):
    """An engine that takes nothing for a while slows its caller down."""
    weir = managed(start_weir, engine)
    engine.unread.add(BLOB)
    go = Signal()
    total = 48
    got = hashlib.sha256()

    def script(exchange):
        exchange.wait(go)
        reader = exchange.request.reader
        for _ in range(total):
            got.update(reader.exactly(len(MIB)))
            reader.taken.clear()
        exchange.whole(b"", 201)

    engine.then(script)
    before = weir.memory()
    with weir.connect() as caller:
        sender = threading.Thread(target=lambda: answers.append(
            send_blob(caller, total)))  # fmt: skip
        answers = []
        sender.start()
        # The kernel holds some MiB on each side, weir next to nothing.
        sender.join(0.5)
        assert sender.is_alive()
        assert weir.memory() - before < 4 << 20
        go.set()
        sender.join()
        assert answers[0].status == 201
    want = hashlib.sha256()
    for _ in range(total):
        want.update(MIB)
    assert got.hexdigest() == want.hexdigest()
    assert weir.memory() - before < 4 << 20


def test_an_early_refusal_arrives(start_weir, engine):
    """The engine answers before it has all: the caller is told."""
    weir = managed(start_weir, engine)
    engine.unread.add(BLOB)

    def script(exchange):
        exchange.whole({"error": "digest mismatch"}, 400)
        exchange.wait_hangup()
        exchange.closes = True  # part of the body may lie unread

    engine.then(script)
    with weir.connect() as caller:
        caller.send(blob_head("Content-Length: %d" % (64 * len(MIB))))
        caller.send(MIB[:1000])
        r = caller.response().finish()
        assert r.status == 400
        assert r.json() == {"error": "digest mismatch"}
        assert caller.is_closed()


def test_a_caller_that_goes_takes_its_upload_along(start_weir, engine):
    weir = managed(start_weir, engine)
    seen = engine.connections
    with weir.connect() as caller:
        caller.send(blob_head("Content-Length: 1000000"))
        caller.send(b"x" * 1000)
        engine.wait(lambda e: e.connections > seen)
    line = weir.wait_log()
    assert line["err"] == "client_closed_request"
    assert engine.requests == []


def test_a_caller_that_stops_is_refused(start_weir, engine):
    weir = managed(
        start_weir, engine,
        limits={**CONFIG["limits"], "stall": "300ms"},
    )  # fmt: skip
    with weir.connect() as caller:
        caller.send(blob_head("Content-Length: 1000000"))
        caller.send(b"x" * 1000)
        r = caller.response().finish()
        assert r.status == 408
        assert caller.is_closed()
    assert weir.wait_log()["err"] == "request_body_timeout"


def test_a_malformed_chunk_ends_an_upload(start_weir, engine):
    weir = managed(start_weir, engine)
    with weir.connect() as caller:
        caller.send(blob_head("Transfer-Encoding: chunked"))
        caller.send(b"5\r\nhello\r\nnonsense\r\n")
        assert caller.response().finish().status == 400
        assert caller.is_closed()
    assert weir.wait_log()["err"] == "bad_request"
    assert engine.requests == []


@pytest.mark.parametrize("coding", ["gzip", "zstd"])
def test_a_compressed_blob_is_refused(start_weir, engine, coding):
    weir = managed(start_weir, engine)
    fields = {**bearer(KEY), "Content-Encoding": coding}
    assert weir.ask("POST", BLOB, b"x", fields).status == 415
    assert engine.requests == []


def test_others_may_not(start_weir, engine):
    weir = managed(start_weir, engine, anonymous="allow")
    with weir.connect() as caller:
        caller.send(
            b"POST %s HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\n"
            b"Content-Length: 100000000\r\n\r\n" % BLOB.encode()
        )
        r = caller.response()
        assert r.status == 403
    assert engine.requests == []


def test_without_an_engine_no_byte_is_asked_for(start_weir, engine):
    weir = managed(start_weir, engine)
    engine.stop()
    with weir.connect() as caller:
        caller.send(
            blob_head("Content-Length: 100000000", "Expect: 100-continue")
        )
        assert caller.reader.line().startswith(b"HTTP/1.1 50")
