"""Real engines: llama-server and Ollama, with models made by this project."""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import threading
import time

import pytest

from . import PATIENCE
from .caller import Caller
from .weir import ROOT, Feed, free_ports

START = 120
"""Seconds that a real engine may take to begin to answer."""


class RealEngine:
    """A running engine: address, url, kind, slots, model."""

    def __init__(self, kind, argv, port, model, env=None, slots=4):
        self.kind = kind
        self.port = port
        self.model = model
        self.slots = slots
        self.change = threading.Condition()
        self.process = subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            env={**os.environ, **(env or {})},
            start_new_session=True,
        )
        self.out = Feed(self.process.stdout, self.change)

    @property
    def address(self):
        return ("127.0.0.1", self.port)

    @property
    def url(self):
        return "http://127.0.0.1:%d" % self.port

    def wait_answer(self, path):
        """Until ${path} is answered 200; looked at with each line it says."""
        end = time.monotonic() + START
        while True:
            try:
                with Caller(self.address) as caller:
                    if caller.get(path).status == 200:
                        return self
            except OSError:
                pass
            with self.change:
                self.change.wait(0.1)
                gone = self.out.ended
            assert not gone and time.monotonic() < end, "\n".join(
                self.out.lines[-30:]
            )

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.out.thread.join(PATIENCE)


def program(variable, script, where, name):
    """Path of a real engine; skips the spec, by name, where there is none.

    script/test fetches or builds it; by hand ${script} does.
    """
    cache = pathlib.Path(os.environ.get("WEIR_CACHE", ROOT / ".cache"))
    path = pathlib.Path(os.environ.get(variable, cache / where))
    if not path.exists():
        pytest.skip("no %s here: script/engine/%s gets it" % (name, script))
    return path


def make_model(folder, *options):
    path = pathlib.Path(folder) / "tiny.gguf"
    subprocess.run(
        [sys.executable, ROOT / "tool/model/make-gguf.py", *options, path],
        check=True,
    )
    return path


@pytest.fixture(scope="session")
def llama_server():
    """The real llama-server with a tiny model and four slots."""
    path = program(
        "WEIR_LLAMA_SERVER",
        "get-llama-server",
        "llama-server/bin/llama-server",
        "llama-server",
    )
    folder = tempfile.mkdtemp(prefix="weir-llama-")
    port = free_ports(1)[0]
    argv = [path, "--model", make_model(folder), "--alias", "tiny"]
    argv += ["--host", "127.0.0.1", "--port", str(port), "--parallel", "4"]
    argv += ["--threads", "1", "--threads-batch", "1", "--offline"]
    engine = RealEngine("llama-server", argv, port, "tiny")
    try:
        yield engine.wait_answer("/health")
    finally:
        engine.stop()
        shutil.rmtree(folder)


def create(ollama, folder, env, name, *options):
    """Have Ollama know a tiny model, made with ${options}, as ${name}."""
    (folder / "Modelfile").write_text(
        "FROM %s\n"
        'TEMPLATE """{{ range .Messages }}{{ .Content }}{{ end }}"""\n'
        "PARAMETER num_thread 1\nPARAMETER temperature 0\n"
        "PARAMETER num_ctx 512\n" % make_model(folder, *options)
    )
    subprocess.run(
        [ollama, "create", name, "-f", folder / "Modelfile"],
        env={**os.environ, **env},
        check=True,
        capture_output=True,
    )


@pytest.fixture(scope="session")
def ollama():
    """The real Ollama with a tiny model."""
    path = program("WEIR_OLLAMA", "get-ollama", "ollama/bin/ollama", "Ollama")
    folder = pathlib.Path(tempfile.mkdtemp(prefix="weir-ollama-"))
    port = free_ports(1)[0]
    env = {
        "OLLAMA_HOST": "127.0.0.1:%d" % port,
        "OLLAMA_MODELS": str(folder / "models"),
        "OLLAMA_NO_CLOUD": "1",
        "OLLAMA_NUM_PARALLEL": "2",
        "HOME": str(folder),
    }
    engine = RealEngine("ollama", [path, "serve"], port, "tiny", env, 2)
    try:
        engine.wait_answer("/api/version")
        engine.create = lambda name, *options: create(
            path, folder, env, name, *options
        )
        engine.create("tiny")
        yield engine
    finally:
        engine.stop()
        shutil.rmtree(folder)
