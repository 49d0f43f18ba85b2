"""What weir says to whoever starts it for the first time."""

import subprocess

import pytest

from harness.weir import binary, free_ports, hash_of, new_key

MANAGER = {"name": "ops", "key": hash_of(new_key("ops")),
           "manage_models": True}  # fmt: skip
LIMITED = {"name": "anonymous", "rate": "10/min"}


def say(*argv):
    return subprocess.run(
        [binary(), *argv], capture_output=True, text=True, timeout=30
    )


@pytest.mark.parametrize("argv", [[], ["help"], ["--help"]])
def test_without_arguments_it_explains_itself(argv):
    done = say(*argv)
    assert done.returncode == 0 and done.stderr == ""
    for word in ("Usage: weir", "serve", "check", "weir man",
                 "http://127.0.0.1:11435"):  # fmt: skip
        assert word in done.stdout


def test_a_wrong_command_is_an_error_that_says_what_is_right():
    done = say("srve")
    assert done.returncode != 0 and done.stdout == ""
    assert "serve" in done.stderr


@pytest.mark.weir(callers=[MANAGER, LIMITED])
def test_serve_says_what_it_found_and_what_it_will_do(weir, engine):
    found = weir.wait_event("engine_found")
    assert found["engine"] == "local" and found["kind"] == "ollama"
    assert found["count"] >= 1 and found["slots"] >= 1
    rules = weir.wait_event("rules")
    assert (rules["callers"], rules["keys"]) == (1, 1)
    assert rules["managers"] == "ops" and rules["preload"] == 0
    assert "within the limits" in rules["others"]
    weir._wait_lines(
        lambda: "The engine local at" in weir.stderr(), "the engine", 20
    )
    said = weir.stderr()
    assert "Named callers: 1, valid keys: 1" in said and weir.url in said


@pytest.mark.weir(anonymous="refuse", dry_run=True)
def test_it_says_who_is_refused(weir, engine):
    rules = weir.wait_event("rules")
    assert rules["others"] == "is refused"
    assert "dry_run" in rules["text"] and rules["managers"] == "nobody"


def test_it_says_that_no_engine_answers(start_weir):
    url = "http://127.0.0.1:%d" % free_ports(1)[0]
    weir = start_weir({"engines": [{"name": "gone", "url": url}]}, None)
    assert weir.wait_event("engine_down")["engine"] == "gone"
    weir._wait_lines(
        lambda: "does not answer" in weir.stderr(), "the reason", 20
    )


def test_nothing_of_it_is_said_twice(weir, engine):
    weir.wait_event("engine_found")
    weir.kill_gate()
    weir.wait_event("rules", 2)
    weir.wait_event("engine_found", 2)
    assert weir.stderr().count("Named callers") == 1
