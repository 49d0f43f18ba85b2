"""Callers known by their process, on loopback and over unix sockets."""

import os
import pathlib
import shutil
import subprocess
import sys

import pytest

from harness.caller import Caller, bearer
from harness.weir import hash_of, new_key

EXE = os.path.realpath("/proc/self/exe")
KEY = new_key("with a key")
ME = {"name": "me", "process": {"uid": os.getuid(), "exe": EXE}}
SH = {"name": "curl", "process": {"exe": "*/curl"}}


def who(weir, n):
    return weir.wait_log(n)["caller"]


@pytest.mark.weir(anonymous="refuse", callers=[SH, ME])
def test_a_process_is_a_caller(weir, engine):
    assert weir.get("/api/tags").status == 200
    assert who(weir, 1) == "me"
    with weir.connect() as caller:  # looked for once a connection
        for _ in range(3):
            assert caller.get("/api/tags").status == 200
    assert who(weir, 4) == "me"


@pytest.mark.weir(callers=[SH, ME])
def test_another_program_is_another(weir, engine):
    if not shutil.which("curl"):
        pytest.skip("curl is not here")
    subprocess.run(["curl", "-s", weir.url + "/api/tags"], check=True,
                   capture_output=True)  # fmt: skip
    assert who(weir, 1) == "curl"


@pytest.mark.weir(callers=[{**ME, "process": {"uid": os.getuid() + 1}}])
def test_another_user_is_nobody(weir, engine):
    weir.get("/api/tags")
    assert who(weir, 1).startswith("anonymous")


@pytest.mark.weir(
    callers=[{"name": "me", "process": {"unit": "*", "exe": EXE + "x"}}]
)
def test_all_that_is_named_must_fit(weir, engine):
    weir.get("/api/tags")
    assert who(weir, 1).startswith("anonymous")


@pytest.mark.weir(callers=[ME, {"name": "keyed", "key": hash_of(KEY)}])
def test_a_key_says_more(weir, engine):
    weir.ask("GET", "/api/tags", None, bearer(KEY))
    assert who(weir, 1) == "keyed"


@pytest.mark.weir(callers=[{"name": "net", "from": ["127.0.0.1"]}, ME])
def test_a_process_says_more_than_an_address(weir, engine):
    weir.get("/api/tags")
    assert who(weir, 1) == "me"


@pytest.mark.weir(trusted_proxies=["127.0.0.1"], callers=[ME])
def test_a_proxy_is_not_its_callers_process(weir, engine):
    for field in ("X-Forwarded-For", "Forwarded", "Via"):
        value = "for=192.0.2.1" if field == "Forwarded" else "192.0.2.1"
        weir.ask("GET", "/api/tags", None, {field: value})
    for n in (1, 2, 3):
        assert who(weir, n).startswith("anonymous")


def test_over_a_unix_socket(start_weir, engine):
    weir = start_weir(
        lambda w: {"callers": [ME], "anonymous": "refuse",
                   "listen": ["127.0.0.1:%d" % w.port,
                              "unix:%s/w.sock" % w.folder]},
        engine,
    )  # fmt: skip
    with Caller(str(weir.folder / "w.sock")) as caller:
        assert caller.get("/api/tags").status == 200
    assert who(weir, 1) == "me"


@pytest.mark.weir(callers=[])
def test_a_reload_makes_processes_callers(weir, engine):
    with weir.connect() as caller:
        caller.get("/api/tags")
        assert who(weir, 1).startswith("anonymous")
        uid = {"name": "me", "process": {"uid": os.getuid()}}
        weir.reload({"callers": [uid]}, command=True)
        caller.get("/api/tags")
        assert who(weir, 2) == "me"
        weir.reload({"callers": [ME]}, command=True)
        caller.get("/api/tags")
        assert who(weir, 3) == "me"


def own_group(kind):
    for line in pathlib.Path("/proc/self/cgroup").read_text().splitlines():
        if line.startswith("0::") or ":name=systemd:" in line:
            if kind in line:
                return line
    return None


@pytest.mark.skipif(
    not own_group(".service") and not own_group(".scope"),
    reason="units: the tests run in none",
)
@pytest.mark.weir(callers=[{"name": "me", "process": {"unit": "*"}}])
def test_a_unit_is_a_caller(weir, engine):
    assert sys.platform == "linux"
    weir.get("/api/tags")
    assert who(weir, 1) == "me"
