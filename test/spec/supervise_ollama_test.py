"""The real Ollama, run by weir: preloaded, killed, stopped, with a bad model."""

import json
import os
import pathlib
import signal
import subprocess
import threading
import time

import pytest

from harness.asks import ask, error_of
from harness.real import make_model, program
from harness.waiting import wait_process
from harness.weir import binary, free_ports

NAMES = ("tiny", "other")
MODELFILE = (
    "FROM %s\n"
    'TEMPLATE """{{ range .Messages }}{{ .Content }}{{ end }}"""\n'
    "PARAMETER num_thread 1\nPARAMETER temperature 0\n"
    "PARAMETER num_ctx 512\n"
)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """A store with two models, made by an Ollama that has ended since."""
    path = program("WEIR_OLLAMA", "get-ollama", "ollama/bin/ollama", "Ollama")
    folder = tmp_path_factory.mktemp("store")
    env = {
        **os.environ,
        "OLLAMA_HOST": "127.0.0.1:%d" % free_ports(1)[0],
        "OLLAMA_MODELS": str(folder / "models"),
        "HOME": str(folder),
    }
    server = subprocess.Popen(
        [path, "serve"], env=env, stderr=subprocess.DEVNULL
    )
    try:
        for n, name in enumerate(NAMES):
            model = make_model(
                tmp_path_factory.mktemp("model"), "--seed", str(n + 1)
            )
            (folder / "Modelfile").write_text(MODELFILE % model)
            create(path, name, folder, env)
    finally:
        server.terminate()
        server.wait()
    return folder


def create(path, name, folder, env):
    end = time.monotonic() + 20
    while True:
        made = subprocess.run(
            [path, "create", name, "-f", folder / "Modelfile"],
            env=env,
            capture_output=True,
        )
        if made.returncode == 0:
            return
        assert time.monotonic() < end, made.stderr
        time.sleep(0.2)


@pytest.fixture
def run_ollama(start_weir, store):
    def start(models=None, env=None, **more):
        path = program(
            "WEIR_OLLAMA", "get-ollama", "ollama/bin/ollama", "Ollama"
        )
        engine = {
            "name": "local",
            "kind": "ollama",
            "run": "%s serve" % path,
            "env": {
                "OLLAMA_MODELS": str(store / "models"),
                "HOME": str(store),
                "OLLAMA_KEEP_ALIVE": "5m",
                **(env or {}),
            },
        }
        weir = start_weir(
            {
                "engines": [engine],
                "models": models or {"tiny": {"preload": True}},
                **more,
            }
        )
        weir.wait_event("model_ready")
        return weir

    return start


def size_of(store, name):
    """The bytes that weir reckons for it with 512 tokens."""
    argv = [binary(), "memory", "--json", "--context", "512"]
    told = subprocess.run(
        [*argv, blob_of(store, name)], capture_output=True, check=True
    )
    return json.loads(told.stdout)["total_bytes"]


def blob_of(store, name):
    manifest = next((store / "models/manifests").rglob(name + "/latest"))
    digest = next(
        layer["digest"]
        for layer in json.loads(manifest.read_text())["layers"]
        if layer["mediaType"].endswith("image.model")
    )
    return store / "models/blobs" / digest.replace(":", "-")


@pytest.mark.parametrize(
    "share, own, holds",
    [(1.5, {}, "1"), (2.5, {}, None), (1.5, {"of_mine": "2"}, "2")],
)
def test_where_memory_holds_one_it_is_told_so(
    run_ollama, store, share, own, holds
):
    """What the environment of the configuration says stands above it."""
    name = "OLLAMA_MAX_LOADED_MODELS"
    env = {name: own["of_mine"]} if own else {}
    weir = run_ollama(
        {"tiny": {"preload": True}, "other": {"context": 512}},
        env=env,
        memory={"limit": int(size_of(store, "tiny") * share)},
    )
    pid = weir.wait_event("engine_started")["pid"]
    assert environment(pid).get(name) == holds


def say(weir, model="tiny", **more):
    return ask(weir, "ollama", model=model, stream=False, **more)


def environment(pid):
    text = pathlib.Path("/proc/%d/environ" % pid).read_bytes()
    return dict(v.split("=", 1) for v in text.decode().split("\0") if v)


def runner_of(pid):
    """The process that an Ollama has its model in."""
    text = pathlib.Path("/proc/%d/task" % pid)
    children = [
        int(child)
        for thread in text.iterdir()
        for child in (thread / "children").read_text().split()
    ]
    assert len(children) == 1
    return children[0]


class Asking:
    """Callers that ask at once, and what they were answered."""

    def __init__(self, weir, n):
        self.statuses = []
        self.threads = [
            threading.Thread(
                target=lambda: self.statuses.append(say(weir).status)
            )
            for _ in range(n)
        ]
        for thread in self.threads:
            thread.start()

    def finish(self):
        for thread in self.threads:
            thread.join(60)
        return self.statuses


def test_it_is_preloaded_and_kept(run_ollama):
    weir = run_ollama()
    pid = weir.wait_event("engine_started")["pid"]
    assert environment(pid)["OLLAMA_NO_CLOUD"] == "1"
    (row,) = weir.get("/api/ps").json()["models"]
    assert row["name"] == "tiny:latest"
    assert row["expires_at"] > "2100"
    assert say(weir).status == 200
    assert weir.wait_log()["engine"] == "local"


def test_killed_it_is_back_with_its_model(run_ollama):
    weir = run_ollama()
    pid = weir.wait_event("engine_started")["pid"]
    runner = runner_of(pid)
    asking = Asking(weir, 4)
    os.kill(pid, signal.SIGKILL)
    told = weir.wait_event("engine_ended")
    assert told["reason"] == "signal 9, Killed"
    # No orphan keeps its memory.
    assert wait_process(runner)
    assert asking.finish() == [200] * 4
    weir.wait_event("model_ready", 2)
    assert weir.get("/readyz").status == 200


def test_a_runner_that_is_killed_costs_a_delay(run_ollama):
    weir = run_ollama()
    pid = weir.wait_event("engine_started")["pid"]
    asking = Asking(weir, 4)
    os.kill(runner_of(pid), signal.SIGKILL)
    assert asking.finish() == [200] * 4
    assert os.kill(pid, 0) is None


def test_a_runner_that_is_stopped_is_ended_behind_it(run_ollama):
    weir = run_ollama()
    pid = weir.wait_event("engine_started")["pid"]
    runner = runner_of(pid)
    os.kill(runner, signal.SIGSTOP)
    asking = Asking(weir, 2)
    told = weir.wait_event("engine_hung")
    assert told["pid"] == runner
    # Listings stay fine all the time: only the runner is sick.
    assert weir.get("/api/tags").status == 200
    assert asking.finish() == [200, 200]
    assert wait_process(runner)
    assert os.kill(pid, 0) is None


def test_a_model_that_is_listed_but_broken(run_ollama, store):
    """Its file is cut: it looks well in every listing."""
    blob = blob_of(store, "other")
    whole = blob.read_bytes()
    blob.write_bytes(whole[: len(whole) // 2])
    try:
        weir = run_ollama()
        names = [m["name"] for m in weir.get("/api/tags").json()["models"]]
        assert "other:latest" in names
        r = say(weir, "other")
        assert r.status == 503
        assert "other" in error_of("ollama", r)[0]
        # Known by now: nothing is started for the next one.
        begun = time.monotonic()
        assert say(weir, "other").status == 503
        assert time.monotonic() - begun < 0.5
        assert weir.wait_log(2)["err"] == "model_broken"
        assert say(weir).status == 200
    finally:
        blob.write_bytes(whole)
