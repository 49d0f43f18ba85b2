"""Every kind of alert, really raised; the engine that is away and the budget
that is used up: alerts_test.py."""

import json
import os
import pathlib

import pytest

from alerts_test import is_json, start_hook  # noqa: F401
from disk_test import disk, fill  # noqa: F401
from preload_test import A, BOTH, ollama  # noqa: F401
from supervise_test import engine as run_engine
from supervise_test import fake, pid_of


def texts(posts):
    return [json.loads(p[2])["text"] for p in posts]


def test_a_crash_loop(start_weir, start_hook):  # noqa: F811
    hook = start_hook()
    config = {
        "engines": [run_engine(fake("exit", 7))],
        "alerts": [{"webhook": hook.url()}],
    }
    start_weir(config)
    (text,) = texts(hook.wait(is_json(alert="crash_loop"), timeout=40))
    assert "keeps ending" in text and "status 7" in text


def test_a_broken_model(start_weir, ollama, start_hook):  # noqa: F811
    hook = start_hook()
    ollama.failures[A] = "model requires more system memory (9 GiB)"
    config = {"models": BOTH, "alerts": [{"webhook": hook.url()}]}
    start_weir(config, ollama.engine)
    (post,) = hook.wait(is_json(alert="model_broken", state="firing"))
    told = json.loads(post[2])
    assert told["subject"] == A + " on local"
    assert "it does not fit into memory" in told["text"]
    # It is tried again from time to time.
    del ollama.failures[A]
    hook.wait(is_json(alert="model_broken", state="resolved"))


def test_a_disk_that_fills(start_weir, engine, disk, start_hook):  # noqa: F811
    hook = start_hook()
    alert = {"alert": "disk", "subject": str(disk)}
    config = {
        "disk": {"every": "100ms", "models": str(disk)},
        "alerts": [{"webhook": hook.url()}],
    }
    start_weir(config, engine)
    fill(disk, 82)
    (text,) = texts(hook.wait(is_json(state="firing", **alert)))
    assert "82 % full: 11 of 64 MiB are free" in text
    fill(disk, 92)

    def is_worse(post):
        return is_json(state="firing", **alert)(post) and b"92 %" in post[2]

    hook.wait(is_worse)
    os.truncate(disk / "ballast", 0)
    hook.wait(is_json(state="resolved", **alert))
    assert len(hook.posts) == 3


class Group:
    """The control group of ${pid}, whose memory can be limited."""

    def __init__(self, pid):
        for line in pathlib.Path("/proc/%d/cgroup" % pid).open():
            _, names, path = line.rstrip("\n").split(":", 2)
            root = pathlib.Path("/sys/fs/cgroup")
            if names == "memory":
                name = root / "memory" / path[1:] / "memory.limit_in_bytes"
                break
            name = root / path[1:] / "memory.max"
        self.name = name
        if "weir" not in path or not os.access(name, os.W_OK):
            pytest.skip("weir can make no control group here: %s" % path)

    def limit(self, what):
        self.name.write_text(what)


def test_memory(start_weir, start_hook):  # noqa: F811
    hook = start_hook()
    config = {
        "engines": [run_engine(fake())],
        "alerts": [{"webhook": hook.url(), "after": "0s"}],
    }
    weir = start_weir(config)
    weir.wait_engine_up()
    group = Group(pid_of(weir))
    # Less than 64 MiB of it are free: next to nothing.
    group.limit("60M")
    (text,) = texts(hook.wait(is_json(alert="memory", state="firing")))
    assert "pressed for memory: next to none is free" in text
    group.limit("1G")
    hook.wait(is_json(alert="memory", state="resolved"))
