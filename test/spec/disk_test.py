"""A disk fills: it is told, pulls are refused or ended, inference goes on."""

import json
import os

import pytest

from harness.asks import ask
from harness.caller import bearer, request
from harness.waiting import Signal
from harness.weir import hash_of, new_key

KEY = new_key("admin")
MIB = 1 << 20
SIZE = 64 * MIB
NDJSON = "application/x-ndjson"
DIGEST = "sha256:" + "ab" * 32


@pytest.fixture
def disk(mount_disk):
    """A file system of 64 MiB."""
    return mount_disk("64m")


def fill(disk, percent):
    """Have ${disk} filled so far by one file."""
    path = disk / "ballast"
    with open(path, "wb") as file:
        os.posix_fallocate(file.fileno(), 0, SIZE * percent // 100)


def guarded(start_weir, engine, disk, more=None):
    engine.paths |= {"/api/pull", "/api/create", "/api/blobs/" + DIGEST}
    config = {
        "callers": [
            {"name": "admin", "key": hash_of(KEY), "manage_models": True}
        ],
        "disk": {"every": "100ms", "models": str(disk)},
        **(more or {}),
    }
    return start_weir(config, engine)


def wait_level(weir, level, place="models"):
    weir.wait_metric("weir_disk_free_bytes", lambda v: v > 0, place=place)
    weir.wait_metric("weir_disk_level", lambda v: v == level, place=place)


def pull(weir, path="/api/pull", body=None):
    return weir.ask(
        "POST", path, body or {"model": "big"}, bearer(KEY)
    )


def test_levels_are_told_once_each(start_weir, engine, disk):
    fill(disk, 50)
    weir = guarded(start_weir, engine, disk)
    wait_level(weir, 0)
    fill(disk, 82)
    event = weir.wait_event("disk_fills")
    assert (event["holds"], event["percent"]) == ("models", 82)
    assert (event["size_mib"], event["path"]) == (64, str(disk))
    assert event["free_mib"] in (11, 12)
    fill(disk, 79)  # within the slack: nothing ends
    fill(disk, 91)
    assert weir.wait_event("disk_refuses_pulls")["percent"] == 91
    fill(disk, 10)
    assert weir.wait_event("disk_well")["percent"] == 10
    codes = [
        e["event"] for e in weir.event_lines() if e["event"][:4] == "disk"
    ]
    assert codes.count("disk_fills") == 1
    ready = weir.get("/readyz")
    assert ready.status == 200
    told = {d["path"]: d for d in ready.json()["disks"]}
    assert told[str(disk)]["level"] == "well"
    assert told[str(disk)]["size_bytes"] == SIZE
    status = json.loads(weir.run("status", "--json").stdout)
    assert str(disk) in [d["path"] for d in status["disks"]]
    assert "DISK OF" in weir.run("status").stdout


@pytest.mark.parametrize(
    "method, path",
    [
        ("POST", "/api/pull"),
        ("POST", "/api/create"),
        ("POST", "/api/blobs/" + DIGEST),
    ],
)
def test_nothing_is_stored_on_a_full_disk(
    start_weir, engine, disk, method, path
):
    fill(disk, 92)
    weir = guarded(start_weir, engine, disk)
    wait_level(weir, 2)
    r = pull(weir, path)
    assert r.status == 507
    assert "92 % full" in r.json()["error"]
    assert "90 %" in r.json()["error"]
    assert engine.requests == []
    assert weir.wait_log()["err"] == "disk_full"
    assert ask(weir, "ollama").status == 200
    fill(disk, 20)
    wait_level(weir, 0)
    engine.then(lambda x: x.whole({"status": "success"}))
    assert pull(weir, path).status == 200


def announces(total, told, completed=0):
    """A pull that names its size and goes on until it is hung up on."""

    def script(exchange):
        exchange.begin(NDJSON)
        exchange.chunk(b'{"status":"pulling manifest"}\n')
        line = {"status": "pulling ab", "digest": DIGEST, "total": total,
                "completed": completed}  # fmt: skip
        exchange.chunk(json.dumps(line).encode() + b"\n")
        if exchange.wait_hangup():
            told.set()

    return script


def test_a_pull_that_cannot_fit_is_ended_at_once(start_weir, engine, disk):
    fill(disk, 50)
    weir = guarded(start_weir, engine, disk)
    wait_level(weir, 0)
    ends = Signal()
    engine.then(announces(40 * MIB, ends))
    r = pull(weir)
    assert r.status == 200
    *_, last = r.text().splitlines()
    error = json.loads(last)["error"]
    # 40 MiB to come; half of 64 is free, and 5 % of 64 stay free.
    assert "40.0 MiB of 40.0 MiB" in error
    assert "32.0 MiB are free" in error
    assert "3.2 MiB stay free" in error
    assert weir.wait_log()["err"] == "disk_full"
    assert ends.wait(10)
    assert weir.get("/readyz").status == 200


def test_a_pull_that_fits_goes_on(start_weir, engine, disk):
    fill(disk, 50)
    weir = guarded(start_weir, engine, disk)
    wait_level(weir, 0)

    def script(exchange):
        exchange.begin(NDJSON)
        for total, completed in ((20, 0), (20, 20), (8, 0), (8, 8)):
            line = {"digest": DIGEST + str(total), "total": total * MIB,
                    "completed": completed * MIB}  # fmt: skip
            exchange.chunk(json.dumps(line).encode() + b"\n")
        exchange.chunk(b'{"status":"success"}\n')
        exchange.end()

    engine.then(script)
    r = pull(weir)
    assert r.text().splitlines()[-1] == '{"status":"success"}'
    assert weir.wait_log()["err"] is None


def test_a_pull_that_goes_on_where_it_ended(start_weir, engine, disk):
    """What is there already needs no room."""
    fill(disk, 70)
    weir = guarded(start_weir, engine, disk)
    wait_level(weir, 0)

    def script(exchange):
        exchange.begin(NDJSON)
        line = {"digest": DIGEST, "total": 50 * MIB, "completed": 40 * MIB}
        exchange.chunk(json.dumps(line).encode() + b"\n")
        exchange.chunk(b'{"status":"success"}\n')
        exchange.end()

    engine.then(script)
    assert "success" in pull(weir).text()


def test_a_pull_without_numbers_is_ended_when_the_disk_is_full(
    start_weir, engine, disk
):
    fill(disk, 50)
    weir = guarded(start_weir, engine, disk)
    wait_level(weir, 0)
    begun, ends = Signal(), Signal()

    def script(exchange):
        begun.set()
        if exchange.wait_hangup():
            ends.set()

    engine.then(script)
    with weir.connect() as caller:
        body = {"model": "a", "stream": False}
        caller.send(request("POST", "/api/pull", body, bearer(KEY)))
        assert begun.wait(10)
        fill(disk, 97)
        r = caller.response("POST").finish()
    assert r.status == 507
    assert "97 % full" in r.json()["error"]
    assert ends.wait(10)


def test_a_blob_that_cannot_fit_is_refused_before_it_is_sent(
    start_weir, engine, disk
):
    fill(disk, 50)
    weir = guarded(start_weir, engine, disk)
    wait_level(weir, 0)
    head = [
        "POST /api/blobs/%s HTTP/1.1" % DIGEST,
        "Host: localhost",
        "Authorization: Bearer " + KEY,
        "Content-Length: %d" % (31 * MIB),
        "Expect: 100-continue",
    ]
    with weir.connect() as caller:
        caller.send("\r\n".join(head).encode() + b"\r\n\r\n")
        r = caller.response("POST").finish()
    assert r.status == 507
    assert "31.0 MiB" in r.json()["error"]
    assert engine.requests == []


def test_the_log_stays_in_memory_on_a_full_disk(start_weir, engine, disk):
    fill(disk, 50)
    log = disk / "weir.log"
    weir = guarded(
        start_weir, engine, disk, {"log": {"path": str(log)}}
    )
    wait_level(weir, 0, "log")
    fill(disk, 96)
    wait_level(weir, 3, "log")
    size = log.stat().st_size
    for _ in range(50):
        assert ask(weir, "ollama").status == 200
    wait_level(weir, 3, "log")
    assert log.stat().st_size <= size + 400  # what was under way
    fill(disk, 50)
    weir.wait_event("disk_well")
    weir.wait_log(50)
    assert weir.wait_event("disk_full")["percent"] >= 96
    weir.is_checked = False  # the disk goes before weir does
