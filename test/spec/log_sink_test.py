"""The log's reader stalls, its disk is full: requests do not notice."""

import os
import select
import time

import pytest

from harness import PATIENCE, metrics
from harness.asks import ask
from harness.caller import request


def many(weir, n):
    """${n} requests, each answered in good time."""
    slowest = 0
    with weir.connect() as caller:
        for _ in range(n):
            begin = time.monotonic()
            assert ask(caller, "ollama").status == 200
            slowest = max(slowest, time.monotonic() - begin)
    return slowest


def test_a_pipe_that_nobody_reads(start_weir, engine):
    reader = []

    def config(weir):
        path = weir.folder / "log"
        os.mkfifo(path)
        # Somebody has to have it open before weir can.
        reader.append(os.open(path, os.O_RDONLY | os.O_NONBLOCK))
        return {"log": {"path": str(path)}}

    weir = start_weir(config, engine)
    weir.is_checked = False
    assert many(weir, 2000) < 1
    lines, rest = [], b""
    while len(lines) < 1500:  # now somebody reads again
        assert select.select(reader, [], [], PATIENCE)[0]
        rest += os.read(reader[0], 1 << 20)
        *whole, rest = rest.split(b"\n")
        lines += whole
    os.close(reader[0])
    assert many(weir, 5) < 1


def test_a_full_device(start_weir, engine):
    """/dev/full takes nothing at all."""
    weir = start_weir({"log": {"path": "/dev/full"}}, engine)
    weir.is_checked = False
    assert many(weir, 300) < 1
    assert weir.get("/readyz").status == 200


@pytest.fixture
def tiny_disk(mount_disk):
    """A file system of 64 KiB."""
    return mount_disk("64k")


def test_a_disk_that_fills_and_is_cleaned(start_weir, engine, tiny_disk):
    path = tiny_disk / "weir.log"
    weir = start_weir({"log": {"path": str(path)}}, engine)
    weir.is_checked = False
    assert many(weir, 1000) < 1
    (tiny_disk / "weir.log").stat()
    with open(path, "r+b") as log:
        log.truncate(0)
    weir.wait_metric(
        "weir_requests_total", lambda v: v >= 1000, status="200"
    )
    many(weir, 20)
    end = time.monotonic() + 20
    while path.stat().st_size == 0 or b"}\n" not in path.read_bytes():
        assert time.monotonic() < end, "nothing is written after room came"
        weir.metrics()


def test_lines_that_are_lost_are_counted(start_weir, engine):
    """Past what memory keeps, lines are dropped and told."""
    weir = start_weir({"log": {"path": "/dev/full"}}, engine)
    weir.is_checked = False
    asks = request("GET", "/healthz") * 500
    end = time.monotonic() + 3 * PATIENCE
    with weir.connect() as caller:
        while not metrics.total(
            weir.metrics(), "weir_log_lines_dropped_total"
        ):
            caller.send(asks)
            for _ in range(500):
                assert caller.response("GET").finish().status == 200
            assert time.monotonic() < end
    assert weir.get("/healthz").status == 200


def texts_in(folder):
    """Of all files of the log; one may get another name at any moment."""
    while True:
        try:
            return [f.read_text() for f in sorted(folder.glob("weir.log*"))]
        except FileNotFoundError:
            pass


def test_a_file_is_rotated_and_no_line_is_torn(start_weir, engine):
    def config(weir):
        path = str(weir.folder / "weir.log")
        return {"log": {"path": path, "rotate": "4KiB", "files": 100}}

    weir = start_weir(config, engine)
    weir.is_checked = False
    many(weir, 100)
    weir.wait_metric(
        "weir_requests_total", lambda v: v >= 100, status="200"
    )
    end = time.monotonic() + 20
    while True:
        texts = texts_in(weir.folder)
        n = "".join(texts).count('"/api/chat"')
        if n == 100:
            break
        assert time.monotonic() < end, "%d lines" % n
        weir.get("/healthz")
    assert len(texts) > 3
    for text in texts:
        assert len(text) <= 5000
        assert text == "" or text.endswith("}\n")


def test_sighup_opens_the_file_anew(start_weir, engine):
    def config(weir):
        return {"log": {"path": str(weir.folder / "weir.log")}}

    weir = start_weir(config, engine)
    assert ask(weir, "ollama").status == 200
    weir.wait_log(1)
    os.rename(weir.folder / "weir.log", weir.folder / "old.log")
    weir.is_checked = False
    weir.reload()
    while not (weir.folder / "weir.log").exists():
        weir.get("/healthz")
    assert ask(weir, "ollama").status == 200
    assert weir.wait_log(lambda x: x.get("path") == "/api/chat")
