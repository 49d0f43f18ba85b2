"""Callers' options cannot make an Ollama load its models in turns."""

import pytest

from harness import metrics
from harness.asks import ask

STORM = {
    "keep_alive": 0,
    "shift": False,
    "options": {
        "num_ctx": 2048,
        "num_gpu": 1,
        "num_thread": 3,
        "temperature": 0.5,
    },
}
CALM = {
    "keep_alive": None,
    "shift": None,
    "options": {
        "num_ctx": 4096,
        "num_gpu": None,
        "num_thread": None,
        "temperature": 0.5,
    },
}


def sent(engine, weir, dialect="ollama", **more):
    assert ask(weir, dialect, **more).status == 200
    got = engine.requests[-1].json()
    return {k: got.get(k, "absent") for k in more}


@pytest.mark.parametrize("dialect", ["ollama", "generate"])
def test_options_of_loads_are_taken_out(weir, engine, dialect):
    assert sent(engine, weir, dialect, **STORM) == CALM
    assert weir.wait_log(1)["edits"] == [
        "num_ctx",
        "load_options",
        "keep_alive",
        "shift",
    ]
    now = weir.metrics()
    assert metrics.total(now, "weir_reloads_avoided_total") == 1
    for edit in ("num_ctx", "load_options", "keep_alive", "shift"):
        assert metrics.total(now, "weir_edits_total", edit=edit) == 1


def test_what_changes_nothing_goes_as_it_is(weir, engine):
    same = {"keep_alive": "2h", "options": {"num_ctx": 4096, "seed": 1}}
    assert sent(engine, weir, **same) == same
    assert "edits" not in weir.wait_log(1)
    now = weir.metrics()
    assert metrics.total(now, "weir_reloads_avoided_total") == 0


@pytest.mark.parametrize(
    "asked,goes",
    [
        (0, False),
        ("0s", False),
        ("4m", False),
        (60.5, False),
        ("1h30m", True),
        (7200, True),
        (-1, False),
        ("-1s", False),
        ("1000h", False),
    ],
)
def test_keep_alive_may_only_lengthen(weir, engine, asked, goes):
    want = asked if goes else None
    assert sent(engine, weir, keep_alive=asked) == {"keep_alive": want}


@pytest.mark.weir(
    callers=[{"name": "boss", "from": "127.0.0.1", "manage_models": True}]
)
def test_managers_may_keep_for_ever(weir, engine):
    assert sent(engine, weir, keep_alive=-1) == {"keep_alive": -1}
    assert sent(engine, weir, keep_alive=0) == {"keep_alive": None}


@pytest.mark.weir(
    edits={"num_ctx": False, "load_options": False, "keep_alive": False}
)
def test_each_edit_can_be_switched_off(weir, engine):
    assert sent(engine, weir, **STORM) == {**STORM, "shift": None}
    assert weir.wait_log(1)["edits"] == ["shift"]


@pytest.mark.weir(models={"llama3.2": {"num_ctx": "keep"}})
def test_a_model_can_keep_its_callers_options(weir, engine):
    assert sent(engine, weir, **STORM) == {**STORM, "keep_alive": None}


@pytest.mark.weir(models={"llama3.2:latest": {"context": 8192}})
def test_a_larger_context_is_let_through_once(weir, engine):
    def num_ctx(**options):
        more = {"options": options} if options else {}
        assert ask(weir, "ollama", **more).status == 200
        got = engine.requests[-1].json()
        return got.get("options", {}).get("num_ctx")

    assert num_ctx(num_ctx=2048) == 4096
    assert num_ctx() == 4096
    assert num_ctx(num_ctx=6000) == 6000
    # From then on everybody rides on the larger one.
    assert num_ctx(num_ctx=4096) == 6000
    assert num_ctx() == 6000
    assert num_ctx(num_ctx=100000) == 8192


@pytest.mark.engine(kind="llama-server")
def test_other_engines_get_the_bytes_as_they_are(weir, engine):
    more = {"options": {"num_ctx": 9}, "keep_alive": 0}
    assert sent(engine, weir, "openai", **more) == more
