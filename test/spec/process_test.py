"""Callers known by their process, on loopback and over unix sockets."""

import os
import pathlib
import shutil
import subprocess

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


def make_group(path):
    """A control group ${path} as systemd would make one, or None."""
    for root in ("/sys/fs/cgroup/systemd", "/sys/fs/cgroup/unified",
                 "/sys/fs/cgroup"):  # fmt: skip
        if not os.access(root + "/cgroup.procs", os.W_OK):
            continue
        folder = pathlib.Path(root + path)
        try:
            for part in [*reversed(folder.parents), folder]:
                if not part.exists():
                    part.mkdir()
            return folder
        except OSError:
            continue
    return None


def leave_group(folder, path):
    for _ in filter(None, path.split("/")):
        folder.rmdir()
        folder = folder.parent


def ask_from(folder, weir):
    """curl, which is in the group from its first instruction."""
    subprocess.run(
        ["sh", "-c", 'echo $$ >"$1/cgroup.procs" && exec curl -s "$2"', "sh",
         str(folder), weir.url + "/api/tags"],
        check=True, capture_output=True, timeout=30,
    )  # fmt: skip


CONTAINER = "0123456789abcdef" * 4
UNITS = [
    {"name": "agents", "process": {"unit": "weir-agent-*.service"}},
    {"name": "theirs",
     "process": {"unit": "user@1000.service/weir-agent.service"}},
    {"name": "box", "process": {"container": CONTAINER[:12]}},
]  # fmt: skip


@pytest.mark.parametrize(
    "path, name",
    [
        ("/weir-agent-forum.service", "agents"),
        ("/weir.slice/weir-agent-forum.service", "agents"),
        # what a service makes below itself is it all the same
        ("/weir-agent-forum.service/weir-other.service", "agents"),
        ("/weir-other.service/weir-agent-forum.service", None),
        ("/weir-agent-forum.service.d", None),
        ("/user@1000.service/weir-agent.service", "theirs"),
        ("/user@1001.service/weir-agent.service", None),
        # colons of a path are no fields of their own
        ("/weir:name=systemd:/weir-agent-forum.service", "agents"),
        ("/weir-docker-" + CONTAINER + ".slice", "box"),
        ("/weir-docker-" + CONTAINER[1:] + ".slice", None),
    ],
)
@pytest.mark.weir(anonymous="allow", callers=UNITS)
def test_a_unit_is_a_caller(weir, engine, path, name):
    if not shutil.which("curl"):
        pytest.skip("curl is not here")
    folder = make_group(path)
    if folder is None:
        pytest.skip("control groups: none can be made here")
    try:
        ask_from(folder, weir)
        assert who(weir, 1).split("@")[0] == (name or "anonymous")
    finally:
        leave_group(folder, path)
