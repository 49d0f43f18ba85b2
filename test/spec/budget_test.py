"""Token budgets: set aside, charged once for what was used, never forgotten;
and the ledger, which says who used what."""

import json
import sqlite3

import pytest

from harness import asks, metrics, replies
from harness.asks import ask
from harness.caller import bearer
from harness.waiting import Signal
from harness.weir import Weir, hash_of, new_key

# "Tell me of the weir." is guessed to be 5 tokens and turns out to be 26; the
# answer is 6.
GUESS, INPUT, OUTPUT = 5, replies.PROMPT_TOKENS, len(replies.WORDS)
USED = INPUT + OUTPUT
LIMITS = {
    "ollama": {"options": {"num_predict": 20}},
    "openai": {"max_tokens": 20},
    "anthropic": {"max_tokens": 20},
}
RESERVED = GUESS + 20
HUNDRED = [{"name": "anonymous", "tokens": "100/hour"}]


def say(caller, dialect="openai", fields=(), **more):
    return ask(caller, dialect, fields=fields, **{**LIMITS[dialect], **more})


def left(response):
    return int(response.field("x-ratelimit-remaining-tokens"))


def usage(weir, *args):
    done = weir.run("usage", "--json", *args)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def wait_usage(weir, requests):
    """The ledger's total, as soon as it has ${requests} requests."""

    def get():
        done = weir.run("usage", "--json")
        if done.returncode != 0:  # it is just being made
            assert "there is none yet" in done.stderr
            return None
        total = json.loads(done.stdout)["total"]
        return total if total["requests"] >= requests else None

    return weir._wait_lines(get, "%d requests in the ledger" % requests, 20)


@pytest.mark.weir(callers=HUNDRED)
@pytest.mark.parametrize("dialect", list(LIMITS))
def test_what_is_used_is_gone(weir, engine, dialect):
    with weir.connect() as caller:
        got = [say(caller, dialect) for _ in range(3)]
        over = say(caller, dialect)
    assert [r.status for r in got] == [200] * 3
    # Set aside at first, what was used from then on.
    assert [left(r) for r in got] == [75, 43, 11]
    for r in got:
        assert r.field("ratelimit-policy") == '"tokens";q=100;w=3600'
        assert r.field("ratelimit").startswith('"tokens";r=%d;t=' % left(r))
        assert r.field("x-ratelimit-limit-tokens") == "100"
        assert r.field("x-ratelimit-reset-tokens").endswith("s")
    assert over.status == 429
    assert left(over) == 4
    # 21 tokens are missing, one comes every 36 s.
    wait = int(over.field("retry-after"))
    assert 740 < wait <= 21 * 36
    assert '"tokens";r=4;t=%d' % wait == over.field("ratelimit")
    text, code = asks.error_of(dialect, over)
    assert "budget of 100 has 4 left" in text and "%d s" % wait in text
    assert code in (None, "token_budget_exceeded", "rate_limit_error")
    assert len(engine.requests) == 3
    line = weir.wait_log(4)
    assert (line["status"], line["err"]) == (429, "token_budget_exceeded")
    told = metrics.total(weir.metrics(), "weir_token_limited_total")
    assert told == 1


@pytest.mark.weir(
    callers=[
        {
            "name": "anonymous",
            "tokens": "100k/hour",
            "rate": "10/min",
            "burst": 5,
        }
    ]
)
def test_both_limits_are_told_in_one_field(weir, engine):
    r = say(weir)
    assert r.field("ratelimit-policy") == (
        '"requests";q=6;w=36, "tokens";q=100000;w=3600'
    )
    assert r.field("ratelimit").startswith('"requests";r=5;t=6, "tokens";r=')
    assert r.field("x-ratelimit-remaining-requests") == "5"


KEYS = [new_key("a"), new_key("b")]


@pytest.mark.weir(
    callers=[
        {"name": "a", "key": hash_of(KEYS[0]), "tokens": "30/day"},
        {"name": "b", "key": hash_of(KEYS[1]), "tokens": "30/day"},
    ]
)
def test_each_caller_has_its_own_budget(weir, engine):
    for key in KEYS:
        got = [say(weir, fields=bearer(key)).status for _ in range(2)]
        assert got == [200, 429]
    r = say(weir)
    assert r.status == 200, "anonymous has none here"
    assert r.field("x-ratelimit-limit-tokens") is None
    total = wait_usage(weir, 5)
    assert total["input_tokens"] == 3 * INPUT
    assert total["output_tokens"] == 3 * OUTPUT
    assert total["errors"] == 2
    rows = {r["caller"]: r for r in usage(weir)["usage"]}
    assert set(rows) == {"a", "b", "anonymous@127.0.0.0/24"}
    assert rows["a"]["model"] == replies.MODEL
    assert rows["a"]["requests"] == 2 and rows["a"]["errors"] == 1


# --- how requests end ---


@pytest.mark.weir(callers=HUNDRED)
def test_who_hangs_up_pays_for_what_was_seen(weir, engine):
    """The guess of the prompt and a token for each of three pieces."""
    pieces = replies.ollama()[0]

    def script(exchange):
        exchange.begin("application/x-ndjson")
        for piece in pieces[:3]:
            exchange.chunk(piece)
        exchange.wait_hangup()

    engine.then(script)
    with weir.connect() as caller:
        r = caller.begin(
            "POST",
            "/api/chat",
            asks.body("ollama", True, **LIMITS["ollama"]),
        )
        lines = r.lines()
        for _ in range(3):
            next(lines)
    assert weir.wait_log()["err"] == "client_closed_request"
    assert left(say(weir)) == 100 - (GUESS + 3) - RESERVED
    total = wait_usage(weir, 2)
    assert total["input_tokens"] == GUESS + INPUT
    assert total["output_tokens"] == 3 + OUTPUT


@pytest.mark.weir(callers=HUNDRED)
def test_who_leaves_the_line_pays_nothing(weir, engine):
    go = Signal()
    engine.then(
        *[lambda e: (e.wait(go), e.answer())] * engine.slots,
    )
    held = [weir.connect() for _ in range(engine.slots)]
    for caller in held:
        caller.send(asks.request_bytes("openai", max_tokens=5))
    engine.wait_requests(engine.slots)
    with weir.connect() as caller:
        caller.send(asks.request_bytes("openai", max_tokens=5))
        weir.wait_metric("weir_queue_length", lambda v: v == 1)
        weir.wait_metric("weir_reservations", lambda v: v == 5)
    weir.wait_log()
    weir.wait_metric("weir_reservations", lambda v: v == 4)
    go.set()
    for caller in held:
        assert caller.response().finish().status == 200
        caller.close()
    total = wait_usage(weir, 5)
    assert total["input_tokens"] == 4 * INPUT
    assert total["errors"] == 1


@pytest.mark.weir(callers=[{"name": "anonymous", "tokens": "1000/hour"}])
def test_a_request_that_is_sent_again_is_charged_once(weir, engine):
    engine.then(lambda e: e.reset(), lambda e: e.reset())
    assert say(weir).status == 200
    assert len(engine.requests) == 3
    assert weir.wait_log()["retries"] >= 1
    assert left(say(weir)) == 1000 - USED - RESERVED
    assert wait_usage(weir, 2)["input_tokens"] == 2 * INPUT


@pytest.mark.weir(callers=HUNDRED)
def test_a_broken_stream_is_charged_as_far_as_it_came(weir, engine):
    def script(exchange):
        exchange.begin("application/x-ndjson")
        for piece in replies.ollama()[0][:4]:
            exchange.chunk(piece)
        exchange.reset()

    engine.then(script)
    r = ask(weir, "ollama", True, **LIMITS["ollama"])
    assert "error" in json.loads(r.body.splitlines()[-1])
    assert left(say(weir)) == 100 - (GUESS + 4) - RESERVED


@pytest.mark.weir(callers=HUNDRED)
def test_an_engine_that_says_no_costs_nothing(weir, engine):
    engine.then(lambda e: e.whole({"error": "no"}, 400))
    assert say(weir).status == 400
    assert left(say(weir)) == 100 - RESERVED


@pytest.mark.weir(callers=HUNDRED)
@pytest.mark.engine(slots=1)
def test_what_others_overdrew_is_gone_at_dispatch(weir, engine):
    """Two were let in; the first one used up what the second had reserved."""
    go = Signal()
    end = {**replies.ollama_end(replies.WORDS), "prompt_eval_count": 90}

    def script(exchange):
        exchange.wait(go)
        exchange.whole({"message": {"content": "x"}, **end})

    engine.then(script)
    with weir.connect() as first, weir.connect() as second:
        body = asks.request_bytes("ollama", **LIMITS["ollama"])
        first.send(body)
        engine.wait_requests(1)
        second.send(body)
        weir.wait_metric("weir_queue_length", lambda v: v == 1)
        go.set()
        assert first.response().finish().status == 200
        r = second.response().finish()
    assert r.status == 429
    assert "retry-after" in [n.lower() for n, _ in r.fields]
    assert len(engine.requests) == 1
    assert wait_usage(weir, 2)["input_tokens"] == 90


# --- strict, dry_run, reload ---

STRICT = {"limit": "1000/hour", "strict": True}


@pytest.mark.weir(callers=[{"name": "anonymous", "tokens": STRICT}])
def test_strict_reserves_the_whole_limit(weir, engine):
    never = say(weir, max_tokens=1000)
    assert never.status == 400
    text, code = asks.error_of("openai", never)
    assert code == "token_budget_too_small" and "budget of 1000" in text
    assert never.field("retry-after") is None
    # 20 bytes of text are at most 20 tokens, and 16 for each message and
    # for the begin of the answer.
    assert left(say(weir, max_tokens=500)) == 1000 - 20 - 2 * 16 - 500
    assert say(weir, max_tokens=940).status == 429
    assert left(say(weir, max_tokens=100)) == 1000 - USED - 152


@pytest.mark.weir(callers=HUNDRED, dry_run=True)
def test_a_dry_run_refuses_nothing_and_tells(weir, engine):
    assert [say(weir).status for _ in range(5)] == [200] * 5
    weir.wait_log(5)
    lines = [x.get("dry_run") for x in weir.access_lines()]
    assert lines == [None] * 3 + ["token_budget_exceeded"] * 2
    assert wait_usage(weir, 5)["input_tokens"] == 5 * INPUT


@pytest.mark.weir(callers=HUNDRED)
def test_a_reload_changes_the_limit(weir, engine):
    for _ in range(3):
        assert say(weir).status == 200
    assert say(weir).status == 429
    more = [{"name": "anonymous", "tokens": "100k/hour"}]
    assert weir.reload({"callers": more}, command=True).returncode == 0
    assert say(weir).status == 200
    assert weir.reload({"callers": []}, command=True).returncode == 0
    assert say(weir).field("x-ratelimit-limit-tokens") is None


# --- what survives ---


@pytest.mark.weir(callers=HUNDRED)
def test_budgets_outlive_the_gate(weir, engine):
    """What is used is remembered; what was in flight counts as far as it
    was seen, and what it had set aside is given back."""
    assert left(say(weir)) == 75
    pieces = replies.ollama()[0]

    def script(exchange):
        exchange.begin("application/x-ndjson")
        for piece in pieces[:2]:
            exchange.chunk(piece)
        exchange.wait_hangup()

    engine.then(script)
    with weir.connect() as caller:
        r = caller.begin(
            "POST",
            "/api/chat",
            asks.body("ollama", True, **LIMITS["ollama"]),
        )
        lines = r.lines()
        for _ in range(2):
            next(lines)
        weir.kill_gate()
    # 100 - 32 - (5 + 2)
    assert left(say(weir)) == 61 - RESERVED
    weir.wait_metric("weir_reservations", lambda v: v == 0)


@pytest.mark.parametrize("how", ["stop", "kill"])
def test_budgets_outlive_weir(start_weir, engine, tmp_path, how):
    """Out of the ledger, callers with a name and without one."""
    config = {
        "state": str(tmp_path),
        "callers": [
            {"name": "a", "key": hash_of(KEYS[0]), "tokens": "60/day"},
            {"name": "anonymous", "tokens": "1M/month"},
        ],
    }
    fields = bearer(KEYS[0])
    weir = start_weir(config, engine)
    assert say(weir, fields=fields).status == 200
    assert say(weir).status == 200
    wait_usage(weir, 2)
    if how == "kill":
        weir.kill()
        weir.process = None
    else:
        weir.stop()
    weir = start_weir(config, engine)
    assert left(say(weir)) == 1000000 - USED - RESERVED
    assert left(say(weir, fields=fields)) == 60 - USED - RESERVED
    r = say(weir, fields=fields)
    assert r.status == 429
    # Tokens of a day come slowly: 29 and more at 1440 s each.
    assert int(r.field("retry-after")) > 20 * 1440


@pytest.mark.parametrize("what", ["corrupt", "newer"])
def test_a_ledger_that_cannot_be_used_is_set_aside(
    start_weir, engine, tmp_path, what
):
    path = tmp_path / "ledger.db"
    if what == "corrupt":
        path.write_bytes(b"junk" * 4096)
    else:
        db = sqlite3.connect(path)
        db.execute("PRAGMA application_id = %d" % 0x77656972)
        db.execute("PRAGMA user_version = 99")
        db.execute("CREATE TABLE t (a)")
        db.commit()
        db.close()
    weir = start_weir({"state": str(tmp_path)}, engine)
    event = weir.wait_event("ledger_set_aside")
    assert event["file"].startswith("ledger.db.%s-20" % what)
    assert (tmp_path / event["file"]).exists()
    assert say(weir).status == 200
    assert wait_usage(weir, 1)["requests"] == 1


def test_serving_goes_on_without_a_ledger(start_weir, engine):
    config = {"state": "/proc/weir", "callers": HUNDRED}
    weir = start_weir(config, engine)
    event = weir.wait_event("ledger_failed")
    assert event["path"] == "/proc/weir/ledger.db"
    assert [say(weir).status for _ in range(4)] == [200, 200, 200, 429]
    done = weir.run("usage")
    assert done.returncode == 1
    assert "/proc/weir/ledger.db" in done.stderr
    assert len([x for x in weir.event_lines() if "ledger" in x["event"]]) == 1


# --- the command ---


def test_usage_prints_a_table(weir, engine):
    say(weir)
    say(weir, model="nobody's")
    wait_usage(weir, 2)
    done = weir.run("usage")
    assert done.returncode == 0 and done.stderr == ""
    lines = done.stdout.splitlines()
    assert lines[0].split() == [
        *("DAY", "(UTC)", "CALLER", "MODEL"),
        *("REQUESTS", "INPUT", "OUTPUT", "CACHED", "ERRORS"),
    ]
    rows = [line.split()[1:] for line in lines[1:]]
    assert ["anonymous@127.0.0.0/24", replies.MODEL, "1", "26", "6"] in [
        row[:5] for row in rows
    ]
    assert rows[-1][2:] == ["2", "52", "12", "0", "0"]
    assert lines[-1].startswith("total")


def test_usage_wants_a_number_of_days(weir, engine):
    for days in ("0", "-1", "x", "99999999999999999999"):
        done = weir.run("usage", "--days", days)
        assert done.returncode == 2
        assert "--days" in done.stderr
    say(weir)
    wait_usage(weir, 1)
    assert usage(weir, "--days", "1")["total"]["requests"] == 1


def test_usage_without_a_ledger():
    weir = Weir({})
    try:
        done = weir.run("usage")
        assert done.returncode == 1
        assert "there is none yet" in done.stderr
    finally:
        weir.kill()


def test_counting_is_free(weir, engine):
    """Routes that only count use nobody's tokens."""
    engine.paths.add("/v1/messages/count_tokens")
    engine.then(lambda e: e.whole({"input_tokens": 26}))
    body = asks.body("anthropic")
    del body["max_tokens"], body["stream"]
    assert weir.post("/v1/messages/count_tokens", body).status == 200
    say(weir)
    assert wait_usage(weir, 1)["input_tokens"] == INPUT
