"""People behind a trusted app: a line each, and no name in any log."""

import re

import pytest

from harness import asks
from harness.asks import ask
from harness.caller import bearer
from harness.waiting import Signal
from harness.weir import hash_of, new_key

KEY = new_key("app")
APP = {"name": "webui", "key": hash_of(KEY), "user_header": "X-User-Id"}
OTHER = {"name": "other", "key": hash_of(new_key("other"))}


def of(person, key=KEY):
    return {**bearer(key), "X-User-Id": person}


def people(weir, n):
    weir.wait_log(n)
    return [line["caller"] for line in weir.access_lines()]


@pytest.mark.weir(callers=[APP])
def test_people_are_told_apart_but_not_named(weir, engine):
    for person in ("alice@example.org", "bob", "alice@example.org"):
        assert ask(weir, "ollama", fields=of(person)).status == 200
    alice, bob, again = people(weir, 3)
    assert alice == again != bob
    for name in (alice, bob):
        assert re.fullmatch("webui/[0-9a-f]{12}", name)
    assert "alice" not in str(weir.request_lines())
    assert "alice" not in weir.get("/metrics").text()
    assert 'caller="webui"' in weir.get("/metrics").text()
    assert "alice" not in str([r.raw for r in engine.requests])


def test_a_person_is_the_same_by_another_gate(start_weir, engine):
    weir = start_weir({"callers": [APP]}, engine)
    ask(weir, "ollama", fields=of("alice"))
    first = people(weir, 1)
    weir.kill_gate()
    ask(weir, "ollama", fields=of("alice"))
    assert people(weir, 2) == 2 * first
    mode = (weir.folder / "state/people.secret").stat().st_mode
    assert mode & 0o777 == 0o600


@pytest.mark.weir(callers=[APP, OTHER])
@pytest.mark.parametrize("key", [new_key("other"), "sk-none"])
def test_the_header_counts_for_that_app_alone(weir, engine, key):
    ask(weir, "ollama", fields=of("alice", key))
    assert "/" not in people(weir, 1)[0].split("@")[0]


@pytest.mark.weir(callers=[APP])
@pytest.mark.parametrize("person", ["", "x" * 257])
def test_who_has_no_name_is_the_app(weir, engine, person):
    ask(weir, "ollama", fields=of(person))
    ask(weir, "ollama", fields=bearer(KEY))
    assert people(weir, 2) == ["webui", "webui"]


@pytest.mark.weir(callers=[{**APP, "rate": "2/hour", "burst": 1}])
def test_the_apps_rate_is_its_peoples_together(weir, engine):
    got = [ask(weir, "ollama", fields=of(p)).status for p in "abc"]
    assert got == [200, 200, 429]


@pytest.mark.weir(callers=[{**APP, "models": ["other"]}])
def test_what_the_app_may_not_its_people_may_not(weir, engine):
    assert ask(weir, "ollama", fields=of("alice")).status == 404


def order(weir, engine, wanted):
    """Who is served in which order, one slot, all waiting from the start."""
    go = Signal()
    served = []

    def hold(exchange):
        exchange.wait(go)
        exchange.answer()

    def note(exchange):
        served.append(exchange.request.json()["messages"][0]["content"])
        exchange.answer()

    engine.then(hold)
    engine.script = note
    callers = []
    try:
        first = weir.connect()
        callers.append(first)
        first.send(asks.request_bytes("ollama"))
        engine.wait_requests(1)
        for n, (name, fields) in enumerate(wanted):
            caller = weir.connect()
            callers.append(caller)
            said = [{"role": "user", "content": name}]
            caller.send(
                asks.request_bytes("ollama", fields=fields, messages=said)
            )
            weir.wait_metric("weir_queue_length", lambda v, n=n: v == n + 1)
        go.set()
        for caller in callers:
            assert caller.response().finish().status == 200
    finally:
        for caller in callers:
            caller.close()
    return served


@pytest.mark.engine(slots=1)
@pytest.mark.weir(callers=[APP])
def test_nobody_waits_behind_another_persons_line(weir, engine):
    wanted = [("a", of("a"))] * 6 + [("b", of("b"))] * 2
    served = order(weir, engine, wanted)
    assert served.index("b") <= 1
    assert [i for i, who in enumerate(served) if who == "b"][-1] <= 3


@pytest.mark.engine(slots=1)
@pytest.mark.weir(callers=[APP, OTHER])
def test_an_app_of_many_people_has_one_share(weir, engine):
    """Six people of an app weigh as much as one other caller."""
    other = bearer(new_key("other"))
    wanted = [("p%d" % (i % 6), of("p%d" % (i % 6))) for i in range(18)]
    wanted += [("other", other)] * 9
    served = order(weir, engine, wanted)
    # In any stretch the other has about half: 6 of the first 12, not 2.
    assert 4 <= served[:12].count("other") <= 8


@pytest.mark.engine(slots=4)
@pytest.mark.weir(callers=[{**APP, "at_once": 2, "waiting": 4}, OTHER])
def test_the_apps_bounds_are_its_peoples_together(weir, engine):
    """Two at the engine, whoever they are; none has all places to wait."""
    go = Signal()

    def hold(exchange):
        exchange.wait(go)
        exchange.answer()

    engine.script = hold
    callers = []

    def send(fields):
        callers.append(weir.connect())
        callers[-1].send(asks.request_bytes("ollama", fields=fields))

    try:
        for n, person in enumerate("aabbbbc"):
            send(of(person))
            if n < 2:
                engine.wait_requests(n + 1)
            elif n != 5:
                waiting = n - 1 - (n > 5)
                weir.wait_metric(
                    "weir_queue_length", lambda v, n=waiting: v == n
                )
            else:
                refused = callers[n].response().finish()
        assert refused.status == 429
        assert "has 3 requests waiting already" in refused.text()
        send(bearer(new_key("other")))
        engine.wait_requests(3)
        assert len(engine.requests) == 3
        go.set()
        for n, caller in enumerate(callers):
            if n != 5:
                assert caller.response().finish().status == 200
    finally:
        go.set()
        for caller in callers:
            caller.close()


@pytest.mark.weir(callers=[APP])
def test_people_outlive_their_app_by_what_they_have_in_hand(weir, engine):
    go = Signal()

    def hold(exchange):
        exchange.wait(go)
        exchange.answer()

    engine.then(hold)
    with weir.connect() as caller:
        caller.send(asks.request_bytes("ollama", fields=of("alice")))
        engine.wait_requests(1)
        weir.reload({"callers": [OTHER]}, command=True)
        go.set()
        assert caller.response().finish().status == 200
    assert people(weir, 1)[0].startswith("webui/")
    weir.reload({"callers": [APP]}, command=True)
    assert ask(weir, "ollama", fields=of("alice")).status == 200
    weir.reload({"callers": []}, command=True)
