"""Rates: nginx's arithmetic, told exactly, free of charge when refused."""

import time

import pytest

from harness import asks, metrics
from harness.asks import ask
from harness.caller import bearer
from harness.weir import hash_of, new_key

TEN = {"name": "anonymous", "rate": "10/min", "burst": 5}
KEYS = [new_key("a"), new_key("b")]


def seconds(text):
    assert text.endswith("s")
    return float(text[:-1])


@pytest.mark.weir(callers=[TEN])
@pytest.mark.parametrize("dialect", ["ollama", "openai", "anthropic"])
def test_six_at_once_and_then_one_every_six_seconds(weir, engine, dialect):
    with weir.connect() as caller:
        got = [ask(caller, dialect) for _ in range(6)]
        over = ask(caller, dialect)
    assert [r.status for r in got] == [200] * 6
    for i, r in enumerate(got):
        left = 5 - i
        assert r.field("ratelimit-policy") == '"requests";q=6;w=36'
        assert r.field("ratelimit").startswith('"requests";r=%d;t=' % left)
        assert r.field("x-ratelimit-limit-requests") == "6"
        assert r.field("x-ratelimit-remaining-requests") == str(left)
        reset = seconds(r.field("x-ratelimit-reset-requests"))
        assert 6 * i < reset <= 6 * (i + 1)
    assert over.status == 429
    assert over.field("retry-after") == "6"
    assert over.field("ratelimit") == '"requests";r=0;t=6'
    assert over.field("x-ratelimit-remaining-requests") == "0"
    text, code = asks.error_of(dialect, over)
    assert "6 s" in text
    assert code in (None, "rate_limit_exceeded", "rate_limit_error")
    assert len(engine.requests) == 6
    line = weir.wait_log(7)
    assert (line["status"], line["err"]) == (429, "rate_limit_exceeded")
    assert metrics.total(weir.metrics(), "weir_rate_limited_total") == 1


@pytest.mark.weir(
    callers=[{"name": "anonymous", "rate": "5/s", "burst": 0}]
)
def test_refused_requests_cost_nothing(weir, engine):
    """Asking all the time: one passes each 200 ms, no fewer."""
    passed = []
    with weir.connect() as caller:
        begin = time.monotonic()
        while len(passed) < 5:
            r = ask(caller, "openai")
            if r.status == 200:
                passed.append(time.monotonic() - begin)
            else:
                assert r.field("retry-after") == "1"
    assert passed[-1] >= 0.8
    assert passed[-1] < 1.6


@pytest.mark.weir(
    callers=[
        {"name": "a", "key": hash_of(KEYS[0]), "rate": "1/hour"},
        {"name": "b", "key": hash_of(KEYS[1]), "rate": "1/hour"},
    ]
)
def test_each_caller_has_its_own_bucket(weir, engine):
    for key in KEYS:
        got = [ask(weir, "openai", fields=bearer(key)) for _ in range(2)]
        assert [r.status for r in got] == [200, 429]
        assert got[1].field("retry-after") == "3600"
    assert ask(weir, "openai").status == 200, "anonymous has no rate here"


@pytest.mark.weir(
    callers=[
        {"name": "anonymous", "rate": "20/s", "burst": 10, "over": "wait"}
    ]
)
def test_over_wait_holds_requests_back(weir, engine):
    """As nginx without nodelay: 50 ms apart, whoever asked first."""
    callers = [weir.connect() for _ in range(6)]
    begin = time.monotonic()
    for caller in callers:
        caller.send(
            asks.request_bytes("openai")
        )
    for caller in callers:
        assert caller.response().finish().status == 200
        caller.close()
    # A machine that is busy lets them come later, never sooner.
    at = [r.at - begin for r in engine.requests]
    assert all(t > 0.05 * i - 0.001 for i, t in enumerate(at)), at
    assert at[-1] < 5


@pytest.mark.weir(callers=[{**TEN, "burst": 0}], dry_run=True)
def test_a_dry_run_refuses_nothing_and_tells(weir, engine):
    got = [ask(weir, "openai") for _ in range(3)]
    assert [r.status for r in got] == [200] * 3
    weir.wait_log(3)
    lines = weir.access_lines()
    assert "dry_run" not in lines[0]
    assert [x["dry_run"] for x in lines[1:]] == ["rate_limit_exceeded"] * 2
    told = metrics.total(weir.metrics(), "weir_dry_run_refused_total")
    assert told == 2


@pytest.mark.weir(callers=[{**TEN, "burst": 0}])
def test_listings_have_a_cap_of_their_own(weir, engine):
    with weir.connect() as caller:
        assert ask(caller, "ollama").status == 200
        got = [caller.get("/api/tags").status for _ in range(60)]
    assert set(got) == {200, 429}
    assert got[:20] == [200] * 20
    assert weir.wait_log(
        lambda x: x["err"] == "listing_rate_exceeded"
    )


def test_without_a_rate_nothing_is_told(weir, engine):
    r = ask(weir, "openai")
    assert r.field("ratelimit") is None
    assert r.field("x-ratelimit-limit-requests") is None
