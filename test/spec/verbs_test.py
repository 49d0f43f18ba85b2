"""3 a.m. verbs: status, cancel, block, unblock, drain, resume."""

import json
import os
import time

import pytest

from harness import asks, replies
from harness.asks import ask
from harness.caller import bearer
from harness.queueing import hold, hold_stream, send, wait_line
from harness.weir import hash_of, new_key

KEYS = {name: new_key(name) for name in ("agent", "people")}
CALLERS = [{"name": n, "key": hash_of(k)} for n, k in KEYS.items()]
MARKER = "MkNobodyShallReadThis"
two_callers = pytest.mark.weir(callers=CALLERS)
one_slot = pytest.mark.engine(slots=1)


def fields(name):
    return bearer(KEYS[name])


def verb(weir, *words, code=0):
    """Run a command with --json; what it answered."""
    done = weir.run(*words, "--json")
    assert done.returncode == code, done.stdout + done.stderr
    told = json.loads(done.stdout)
    assert told["ok"] is (code == 0 or words[0] == "status" and code > 2)
    assert told["ok"] or told["text"]
    return told


def refused(weir, code, *words):
    told = verb(weir, *words, code=1)
    assert told["code"] == code
    return told["text"]


def settle(*callers):
    for caller in callers:
        assert caller.response().finish().status == 200
        caller.close()


# --- status ---


@one_slot
@two_callers
def test_status_names_who_runs_and_who_waits(weir, engine):
    go = hold_stream(engine, 2)
    said = [{"role": "user", "content": MARKER}]
    first = send(weir, stream=True, fields=fields("agent"), messages=said)
    lines = first.response().lines()
    next(lines), next(lines)
    second = send(weir, fields=fields("people"), messages=said)
    wait_line(weir, 1)
    third = send(weir, model="no-such-" + MARKER, fields=fields("agent"))
    wait_line(weir, 2)
    begin = time.monotonic()
    while time.monotonic() - begin < 0.12:
        weir.metrics()

    told = verb(weir, "status")
    assert told["health"] == "ok"
    assert told["pid"] == weir.keeper_pid
    assert told["gate_pid"] == weir.gate_pid()
    assert told["generation"] == 1
    assert told["connections"]["count"] == 3
    assert told["bodies"]["bytes"] > 0
    (one,) = told["engines"]
    assert (one["name"], one["state"]) == ("local", "up")
    assert (one["slots"], one["in_use"], one["draining"]) == (1, 1, False)

    flight = told["in_flight"]
    assert (flight["count"], flight["shown"]) == (1, 1)
    (run,) = flight["requests"]
    assert (run["caller"], run["model"]) == ("agent", replies.MODEL)
    assert (run["engine"], run["state"]) == ("local", "stream")
    assert run["pieces"] == 2
    assert run["sent_bytes"] == sum(map(len, replies.ollama()[0][:2]))

    assert told["waiting"]["count"] == told["waiting"]["shown"] == 2
    wait, unknown = told["waiting"]["requests"]
    assert (wait["place"], wait["caller"]) == (1, "people")
    assert wait["model"] == replies.MODEL
    assert unknown["model"] == "?"
    assert run["age_ms"] >= wait["age_ms"] >= wait["waited_ms"] >= 100
    assert wait["estimate_ms"] is None
    assert {
        c["caller"]: (c["in_flight"], c["waiting"])
        for c in told["callers"]["list"]
    } == {"agent": (1, 1), "people": (0, 1)}

    text = weir.run("status").stdout
    assert all(len(line) <= 100 for line in text.splitlines())
    for word in ("agent", "people", "local", replies.MODEL, "Waiting"):
        assert word in text
    for request in (run, wait):
        assert request["id"][-10:] in text
    for output in (text, json.dumps(told)):
        assert MARKER.lower() not in output.lower()
    go.set()
    assert len(list(lines)) > 0
    first.close()
    settle(second, third)
    assert weir.wait_log(1)["id"] == run["id"]
    # Who is idle again is told with what it has used.
    weir.wait_log(3)
    used = {"agent": 0, "people": 0}
    for line in weir.access_lines():
        used[line["caller"]] += line["input_tokens"] + line["output_tokens"]
    told = verb(weir, "status")["callers"]
    assert told["count"] == 2
    assert {c["caller"]: c["tokens_hour"] for c in told["list"]} == used
    assert "TOKENS/HOUR" in weir.run("status").stdout


@one_slot
def test_a_long_line_is_cut_and_says_so(weir, engine):
    go = hold(engine)
    callers = [send(weir)]
    engine.wait_requests(1)
    callers += [send(weir) for _ in range(230)]
    wait_line(weir, 230)
    waiting = verb(weir, "status")["waiting"]
    assert waiting["count"] == 230
    assert 100 <= waiting["shown"] == len(waiting["requests"]) < 230
    assert [r["place"] for r in waiting["requests"][:3]] == [1, 2, 3]
    assert "... and 190 more" in weir.run("status").stdout
    go.set()
    settle(*callers)


def test_status_tells_monitoring_how_the_engines_are(
    start_engine, start_weir
):
    engines = [start_engine(), start_engine()]
    for up, code, health in ((2, 0, "ok"), (1, 3, "degraded"), (0, 4, "down")):
        for engine in engines[up:]:
            engine.stop()
        weir = start_two(start_weir, engines, "ab"[:up])
        if up < 2:
            weir.wait_event("engine_down", n=2 - up)
        told = verb(weir, "status", code=code)
        assert told["health"] == health
        assert ["why" in e for e in told["engines"]] == [up < 1, up < 2]
        done = weir.run("status")
        assert done.returncode == code
        assert ("does not accept connections" in done.stdout) is (up < 2)


# --- cancel ---


@one_slot
@pytest.mark.parametrize("dialect", ["ollama", "openai", "anthropic"])
def test_cancel_one_that_waits(weir, engine, dialect):
    go = hold(engine)
    first = send(weir)
    engine.wait_requests(1)
    second = send(weir, dialect)
    wait_line(weir, 1)
    (wait,) = verb(weir, "status")["waiting"]["requests"]
    told = verb(weir, "cancel", wait["id"][-10:].lower())
    assert told["id"] == wait["id"] and told["was_waiting"] is True
    r = second.response().finish()
    second.close()
    assert r.status == 403
    assert r.field("x-request-id") == wait["id"]
    # What clients read as "try again" must not be there.
    assert r.field("retry-after") is None
    text, code = asks.error_of(dialect, r)
    assert "operator cancelled" in text
    if dialect == "openai":
        assert code == "request_cancelled"
    line = weir.wait_log(wait["id"])
    assert (line["err"], line["status"]) == ("request_cancelled", 403)
    go.set()
    settle(first)
    assert len(engine.requests) == 1


@one_slot
def test_cancel_one_that_streams(weir, engine):
    def script(exchange):
        exchange.begin("application/x-ndjson")
        exchange.chunk(replies.ollama()[0][0])
        exchange.wait_hangup()

    engine.then(script)
    caller = send(weir, stream=True)
    r = caller.response()
    lines = r.lines()
    assert next(lines)["done"] is False
    (run,) = verb(weir, "status")["in_flight"]["requests"]
    assert verb(weir, "cancel", run["id"][:20])["was_waiting"] is False
    rest = list(lines)
    caller.close()
    assert len(rest) == 1 and "operator cancelled" in rest[0]["error"]
    engine.wait(lambda e: e.hangups == 1)
    line = weir.wait_log(run["id"])
    assert (line["err"], line["status"]) == ("request_cancelled", 200)
    # The slot is free again.
    assert ask(weir, "ollama").status == 200


@one_slot
def test_cancel_one_that_is_not_streamed(weir, engine):
    engine.then(lambda exchange: exchange.wait_hangup())
    caller = send(weir, "openai")
    engine.wait_requests(1)
    (run,) = verb(weir, "status")["in_flight"]["requests"]
    assert run["state"] == "forward"
    text = weir.run("cancel", run["id"]).stdout
    assert run["id"] in text and "running" in text
    r = caller.response().finish()
    caller.close()
    assert r.status == 403
    assert asks.error_of("openai", r)[1] == "request_cancelled"
    engine.wait(lambda e: e.hangups == 1)
    assert weir.wait_log(run["id"])["err"] == "request_cancelled"
    assert ask(weir, "ollama").status == 200


@one_slot
def test_cancel_must_know_which(weir, engine):
    go = hold(engine)
    callers = [send(weir)]
    engine.wait_requests(1)
    callers.append(send(weir))
    wait_line(weir, 1)
    told = verb(weir, "status")
    a = told["in_flight"]["requests"][0]["id"]
    b = told["waiting"]["requests"][0]["id"]
    assert "at least 6" in refused(weir, "id_too_short", "cancel", a[:5])
    refused(weir, "unknown_request", "cancel", "7" * 26)
    refused(weir, "unknown_request", "cancel", a + "7")
    common = os.path.commonprefix([a, b])
    if len(common) >= 6:  # unless the clock has just turned over
        assert refused(weir, "ambiguous", "cancel", common)[0] == "2"
    go.set()
    settle(*callers)


# --- block, unblock ---


@one_slot
@two_callers
@pytest.mark.parametrize("dialect", ["ollama", "openai", "anthropic"])
def test_a_blocked_caller_is_refused(weir, engine, dialect):
    go = hold(engine)
    running = send(weir, fields=fields("agent"))
    engine.wait_requests(1)
    waiting = send(weir, dialect, fields=fields("agent"))
    other = send(weir, fields=fields("people"))
    wait_line(weir, 2)
    told = verb(weir, "block", "agent", "--for", "2h")
    assert told["seconds"] == 7200
    assert (told["refused"], told["in_flight"]) == (1, 1)
    assert weir.wait_event("caller_blocked")["caller"] == "agent"

    for r in (
        waiting.response().finish(),
        ask(weir, dialect, fields=fields("agent")),
    ):
        assert r.status == 429
        assert 7190 <= int(r.field("retry-after")) <= 7200
        text, code = asks.error_of(dialect, r)
        assert "blocked" in text
        if dialect == "openai":
            assert code == "caller_blocked"
    waiting.close()
    # Its listings too; weir's own pages and other callers not.
    assert weir.get("/api/tags", fields("agent")).status == 429
    assert weir.get("/healthz", fields("agent")).status == 200
    go.set()
    settle(running, other)
    status = verb(weir, "status")
    (blocked,) = status["blocked"]
    assert blocked["caller"] == "agent"
    assert 7000_000 < blocked["rest_ms"] <= 7200_000
    assert "Blocked" in weir.run("status").stdout

    assert "no longer" in verb(weir, "unblock", "agent")["text"]
    assert ask(weir, dialect, fields=fields("agent")).status == 200
    assert "was not" in verb(weir, "unblock", "agent")["text"]
    weir.wait_event("caller_unblocked")
    line = weir.wait_log(lambda x: x["err"] == "caller_blocked")
    assert (line["caller"], line["status"]) == ("agent", 429)


@two_callers
def test_a_block_ends(weir):
    verb(weir, "block", "agent", "--for", "1s")
    r = ask(weir, "ollama", fields=fields("agent"))
    assert (r.status, r.field("retry-after")) == (429, "1")
    begin = time.monotonic()
    while ask(weir, "ollama", fields=fields("agent")).status == 429:
        assert time.monotonic() - begin < 5
    assert verb(weir, "status")["blocked"] == []


@two_callers
def test_a_block_survives_reload_and_gate(weir):
    verb(weir, "block", "agent")
    assert weir.reload(command=True).returncode == 0
    assert ask(weir, "ollama", fields=fields("agent")).status == 429
    weir.kill_gate()
    assert ask(weir, "ollama", fields=fields("agent")).status == 429
    assert ask(weir, "ollama", fields=fields("people")).status in (200, 503)


def test_those_without_a_key_are_blocked_by_address(weir):
    for name in ("anonymous@127.0.0.1", "anonymous"):
        verb(weir, "block", name, "--for", "1min")
        assert ask(weir, "ollama").status == 429
        verb(weir, "unblock", name)
        assert ask(weir, "ollama").status == 200
    verb(weir, "block", "anonymous@192.0.2.7")
    verb(weir, "block", "anonymous@2001:db8::1")
    assert ask(weir, "ollama").status == 200
    assert len(verb(weir, "status")["blocked"]) == 2
    verb(weir, "unblock", "anonymous@2001:db8:0::2")  # of the same /64
    # The log has of it what log.address allows.
    assert all(
        e["caller"] == "anonymous"
        for e in weir.event_lines()
        if e["event"].startswith("caller_")
    )


@two_callers
def test_names_that_are_none(weir):
    assert "`agent`" in refused(weir, "unknown_caller", "block", "agnet")
    refused(weir, "unknown_caller", "block", "nobody-at-all")
    refused(weir, "unknown_caller", "unblock", "agnet")
    refused(weir, "unknown_caller", "block", "anonymous@nowhere")
    assert "`local`" in refused(weir, "unknown_engine", "drain", "locl")
    assert "`local`" in refused(weir, "unknown_engine", "resume", "locl")
    assert verb(weir, "status")["blocked"] == []
    for length, hint in (("2hours", "2h"), ("-1s", ""), ("9999d", "")):
        done = weir.run("block", "agent", "--for", length)
        assert done.returncode == 2
        assert "--for" in done.stderr and hint in done.stderr
    assert weir.run("block", "agent\nstatus").returncode == 2
    assert weir.run("cancel", "x" * 300).returncode == 2


# --- drain, resume ---


def start_two(start_weir, engines, up="ab"):
    rows = [
        {"name": n, "url": e.url, "kind": e.kind, "slots": 2}
        for n, e in zip("ab", engines)
    ]
    weir = start_weir({"engines": rows})
    for name in up:
        weir.wait_engine_up(name)
    return weir


def test_a_drained_engine_gets_nothing_new(start_engine, start_weir):
    engines = a, b = start_engine(), start_engine()
    weir = start_two(start_weir, engines)
    gos = [hold(a), hold(b)]
    callers = [send(weir), send(weir)]
    for engine in engines:
        engine.wait_requests(1)
    told = verb(weir, "drain", "a")
    assert (told["engine"], told["in_flight"]) == ("a", 1)
    assert weir.wait_event("engine_drained")["engine"] == "a"
    gos[1].set()
    for n in range(4):
        assert ask(weir, "ollama").status == 200
    assert (len(a.requests), len(b.requests)) == (1, 5)
    # Also after a reload, and by another gate.
    assert weir.reload(command=True).returncode == 0
    assert ask(weir, "ollama").status == 200
    gos[0].set()
    settle(*callers)
    assert len(a.requests) == 1
    row = verb(weir, "status")["engines"][0]
    assert (row["draining"], row["state"]) == (True, "up")
    assert "drained" in weir.run("status").stdout
    weir.kill_gate()
    weir.wait_engine_up("a")
    weir.wait_engine_up("b")
    assert ask(weir, "ollama").status == 200
    assert len(a.requests) == 1

    verb(weir, "resume", "a")
    verb(weir, "drain", "b")
    assert ask(weir, "ollama").status == 200
    assert len(a.requests) == 2
    weir.wait_event("engine_resumed")
    assert "was not" in verb(weir, "resume", "a")["text"]


@one_slot
def test_with_all_engines_drained_requests_wait(weir, engine):
    assert "wait in line" in verb(weir, "drain", "local")["text"]
    ready = weir.get("/readyz")
    assert ready.status == 503
    assert ready.json()["engines"][0]["draining"] is True
    caller = send(weir)
    wait_line(weir, 1)
    assert len(engine.requests) == 0
    verb(weir, "resume", "local")
    settle(caller)
    assert weir.get("/readyz").status == 200


# --- nobody there ---


def test_without_a_weir_it_says_what_to_do(weir):
    config = json.loads(weir.config_path.read_text())
    config["control"] = str(weir.folder / "nowhere.sock")
    weir.config_path.write_text(json.dumps(config))
    for words in (
        ("status",),
        ("cancel", "01ABCDEF"),
        ("block", "agent"),
        ("unblock", "agent"),
        ("drain", "local"),
        ("resume", "local"),
    ):
        done = weir.run(*words)
        assert done.returncode == 1 and done.stdout == ""
        assert "weir %s: no weir runs" % words[0] in done.stderr
        assert "nowhere.sock" in done.stderr and "weir serve" in done.stderr
        assert verb(weir, *words, code=1)["code"] == "unreachable"


def test_status_works_beside_a_broken_configuration(weir):
    """Whatever was done to the file, where weir listens must be found."""
    done = weir.run("status")
    assert done.returncode == 0
    weir.config_path.write_text("listn: 1\n")
    done = weir.run("status")
    assert done.returncode == 1  # another control path than the default
    assert "listn" in done.stderr and "no weir runs" in done.stderr


def test_one_process_has_the_verbs_too(start_weir, start_engine):
    engine = start_engine()
    weir = start_weir({}, engine, args=["-1"])
    told = verb(weir, "status")
    assert told["pid"] == told["gate_pid"] == weir.keeper_pid
    verb(weir, "block", "anonymous")
    assert ask(weir, "ollama").status == 429
    verb(weir, "unblock", "anonymous")
    assert weir.reload(command=True).returncode == 0
    assert ask(weir, "ollama").status == 200
