"""A new configuration in a running weir; a bad one changes nothing."""

import re

import pytest

from harness import asks, replies
from harness.asks import ask
from harness.caller import Caller, bearer
from harness.waiting import Signal
from harness.weir import free_ports, hash_of, new_key

KEY = new_key("late")
LIMITED = {"callers": [{"name": "anonymous", "rate": "1/hour"}]}
by = pytest.mark.parametrize("command", [False, True], ids=["SIGHUP", "reload"])


def reload(weir, config, command, n=1):
    done = weir.reload(config, command)
    if done:
        assert done.returncode == 0, done.stdout + done.stderr
    weir.wait_event("reloaded", n)


@by
def test_new_limits_are_in_force_at_once(weir, engine, command):
    assert [ask(weir, "ollama").status for _ in range(3)] == [200] * 3
    gate = weir.gate_pid()
    reload(weir, LIMITED, command)
    assert [ask(weir, "ollama").status for _ in range(2)] == [200, 429]
    reload(weir, {}, command, 2)
    assert ask(weir, "ollama").status == 200
    assert weir.gate_pid() == gate, "the gate is the same"


BAD = {
    "no YAML": "listen: [",
    "an unknown option": "lisen: 127.0.0.1:1\n",
    "a wrong value": "anonymous: maybe\n",
    "a wrong unit": "limits: { body: 64 parsecs }\n",
}


@by
@pytest.mark.parametrize("name", BAD)
def test_a_bad_one_is_refused_and_the_old_stays(weir, engine, command, name):
    weir.reload(LIMITED)
    weir.wait_event("reloaded")
    done = weir.reload(BAD[name], command)
    if done:
        assert done.returncode == 1
        assert re.search("weir.yaml:[12]:[0-9]+:", done.stdout + done.stderr)
    else:
        weir.wait_event("reload_refused")
    assert [ask(weir, "ollama").status for _ in range(2)] == [200, 429]


@by
def test_streams_in_flight_go_on(weir, engine, command):
    go = Signal()

    def script(exchange):
        made, _, _, kind = replies.of(exchange.request)
        exchange.begin(kind)
        exchange.chunk(made[0])
        exchange.wait(go)
        for piece in made[1:]:
            exchange.chunk(piece)
        exchange.end()

    engine.then(script)
    with weir.connect() as caller:
        r = caller.begin(
            "POST", "/api/chat", asks.body("ollama", stream=True)
        )
        lines = r.lines()
        next(lines)
        reload(weir, {**LIMITED, "engines": []}, command)
        go.set()
        assert list(lines)[-1]["done"] is True


@by
def test_listeners_come_and_go(weir, engine, command):
    extra = free_ports(1)[0]
    both = ["127.0.0.1:%d" % weir.port, "127.0.0.1:%d" % extra]
    reload(weir, {"listen": both}, command)
    with Caller(("127.0.0.1", extra)) as caller:
        assert ask(caller, "ollama").status == 200
    reload(weir, {}, command, 2)
    weir.wait_event("listener_closed")
    with pytest.raises(ConnectionRefusedError):
        Caller(("127.0.0.1", extra))
    assert ask(weir, "ollama").status == 200


@by
def test_keys_and_engines_change(weir, engine, start_engine, command):
    other = start_engine()
    config = {
        "anonymous": "refuse",
        "callers": [{"name": "late", "key": hash_of(KEY)}],
        "engines": [
            {"name": "other", "url": other.url, "kind": "ollama", "slots": 1}
        ],
    }
    reload(weir, config, command)
    weir.wait_engine_up("other")
    assert ask(weir, "openai").status == 401
    assert ask(weir, "openai", fields=bearer(KEY)).status == 200
    assert len(other.requests) == 1 and engine.requests == []


def test_what_needs_a_restart_is_told_and_kept(weir, engine):
    done = weir.reload({"state": str(weir.folder / "elsewhere")}, True)
    assert done.returncode == 0
    assert "state" in done.stdout + done.stderr
    assert ask(weir, "ollama").status == 200


@by
def test_limits_are_not_forgotten_by_a_reload(start_weir, engine, command):
    weir = start_weir(LIMITED, engine)
    assert [ask(weir, "ollama").status for _ in range(2)] == [200, 429]
    reload(weir, {**LIMITED, "dry_run": False}, command)
    assert ask(weir, "ollama").status == 429


def test_an_engine_may_retire_while_it_is_asked(weir, engine):
    """Nobody wants to know any more how its model's texts are counted."""
    asked, gone = Signal(), Signal()

    def show(exchange):
        asked.set()
        if exchange.wait_hangup():
            gone.set()

    engine.pages["POST", "/api/show"] = show
    assert ask(weir, "ollama").status == 200
    assert asked.wait()
    gate = weir.gate_pid()
    reload(weir, {"engines": []}, True)
    assert gone.wait()
    assert weir.get("/healthz").status == 200
    assert weir.gate_pid() == gate
