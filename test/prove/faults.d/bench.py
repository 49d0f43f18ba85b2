"""What the faults have in common: weirs, callers that wait, times, a table."""

import contextlib
import datetime
import json
import os
import pathlib
import shlex
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time

from harness.weir import Weir, free_ports
from harness.wire import WireError

ROOT = pathlib.Path(__file__).resolve().parents[3]
CACHE = pathlib.Path(os.environ.get("WEIR_CACHE", str(ROOT / ".cache")))
LLAMA = CACHE / "llama-server/bin/llama-server"
OLLAMA = CACHE / "ollama/bin/ollama"
WAIT = 90
MODELFILE = (
    "FROM %s\n"
    'TEMPLATE """{{ range .Messages }}{{ .Content }}{{ end }}"""\n'
    "PARAMETER num_thread 1\nPARAMETER temperature 0\n"
    "PARAMETER num_ctx 512\n"
)


def at(line):
    """When an event was written, in seconds of the epoch."""
    return datetime.datetime.fromisoformat(line["ts"]).timestamp()


def spread(values, unit=1.0):
    """The median and the most of some seconds, for people."""
    if not values:
        return "-"
    form = "%.0f ms" if unit == 1000 else "%.1f s"
    values = [v * unit for v in values]
    if len(values) == 1:
        return form % values[0]
    return (form + ", " + form) % (statistics.median(values), max(values))


class Table:
    """What was measured: a row for each fault."""

    def __init__(self):
        self.rows = []

    def add(self, fault, times, found, cured, said):
        unit = 1000 if found and max(found) < 1 else 1
        row = (fault, times, spread(found, unit), spread(cured), said)
        self.rows.append(row)
        print("| %s | %d | %s | %s | %s |" % row, flush=True)

    def show(self):
        print("\n| fault | times | noticed after | served again after | said |")
        print("|---|---|---|---|---|")
        for row in self.rows:
            print("| %s | %d | %s | %s | %s |" % row)


class Waiting:
    """Callers that ask at once; all of them must be served."""

    def __init__(self, weir, n, path="/v1/chat/completions", model="tiny",
                 tokens=20):
        self.weir, self.path = weir, path
        self.body = {
            "model": model,
            "stream": False,
            "messages": [{"role": "user", "content": "Hello."}],
            "max_tokens": tokens,
        }
        self.answers, self.ends = [], []
        self.threads = [threading.Thread(target=self.ask) for _ in range(n)]
        for thread in self.threads:
            thread.start()

    def ask(self):
        try:
            with self.weir.connect() as caller:
                caller.sock.settimeout(WAIT)
                status = caller.ask("POST", self.path, self.body).status
        except (WireError, OSError) as e:
            status = type(e).__name__
        self.ends.append(time.time())
        self.answers.append(status)

    def finish(self):
        for thread in self.threads:
            thread.join()
        assert self.answers == [200] * len(self.threads), self.answers
        return min(self.ends)


def say(weir, path="/v1/chat/completions", model="tiny"):
    body = {
        "model": model,
        "stream": False,
        "messages": [{"role": "user", "content": "Hello."}],
        "max_tokens": 5,
    }
    with weir.connect() as caller:
        caller.sock.settimeout(WAIT)
        return caller.ask("POST", path, body)


def until(test, what, timeout=WAIT):
    """The time at which ${test} became true."""
    end = time.time() + timeout
    while True:
        found = test()
        if found:
            return time.time()
        assert time.time() < end, what
        time.sleep(0.02)


def until_ready(weir):
    return until(lambda: weir.get("/readyz").status == 200, "not ready")


def status(weir):
    text = weir.run("status", "--json").stdout
    return json.loads(text)["engines"][0]


def children_of(pid):
    text = pathlib.Path("/proc/%d/task" % pid)
    return [
        int(child)
        for thread in text.iterdir()
        for child in (thread / "children").read_text().split()
    ]


def runner_of(pid):
    found = []
    until(lambda: found.extend(children_of(pid)) or found, "no runner")
    return found[0]


def events(weir, code):
    return [r for r in weir.event_lines() if r["event"] == code]


def pid_of(weir, n=1):
    """The pid of the engine's ${n}-th start."""
    return weir.wait_event("engine_started", n)["pid"]


class Bench:
    """Models, engines' commands, and the weirs that were started."""

    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="weir-faults-"))
        self.table = Table()
        self.model = self.make_model("tiny", 1)
        self.store = None

    def make_model(self, name, seed):
        path = self.folder / ("%s.gguf" % name)
        make = ROOT / "tool/model/make-gguf.py"
        subprocess.run(
            [sys.executable, make, "--seed", str(seed), path], check=True
        )
        return path

    def remove(self):
        shutil.rmtree(self.folder, ignore_errors=True)

    def llama(self, program=LLAMA, model=None, more=()):
        return shlex.join(
            [str(program), "--model", str(model or self.model)]
            + ["--alias", "tiny", "--threads", "1", "--threads-batch", "1"]
            + ["--offline", *more]
        )

    @contextlib.contextmanager
    def weir(self, run, kind="llama-server", up=True, **more):
        engine = {"name": "local", "kind": kind, "run": run, "slots": 4}
        engine.update(more.pop("engine", {}))
        config = {
            "engines": [engine],
            "models": {"tiny": {"preload": True}},
            **more,
        }
        weir = Weir(config)
        weir.start()
        try:
            if up:
                weir.wait_event("model_ready", timeout=WAIT)
            yield weir
            weir.check_quiet()
        except BaseException:
            print("\n".join(map(json.dumps, weir.event_lines()[-30:])))
            raise
        finally:
            weir.stop()

    # --- Ollama ---

    def make_store(self):
        """A store with two models, made by an Ollama that ends."""
        self.store = self.folder / "ollama"
        self.store.mkdir()
        env = {
            **os.environ,
            "OLLAMA_HOST": "127.0.0.1:%d" % free_ports(1)[0],
            "OLLAMA_MODELS": str(self.store / "models"),
            "HOME": str(self.store),
        }
        server = subprocess.Popen(
            [OLLAMA, "serve"],
            env=env,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            for n, name in enumerate(("tiny", "other")):
                file = self.store / "Modelfile"
                file.write_text(MODELFILE % self.make_model("o" + name, n + 5))
                argv = [OLLAMA, "create", name, "-f", file]
                until(
                    lambda: subprocess.run(
                        argv, env=env, capture_output=True
                    ).returncode
                    == 0,
                    "no model was made",
                )
        finally:
            server.terminate()
            server.wait()

    def ollama(self, **more):
        if self.store is None:
            self.make_store()
        env = {
            "OLLAMA_MODELS": str(self.store / "models"),
            "HOME": str(self.store),
            "OLLAMA_KEEP_ALIVE": "30m",
        }
        return self.weir(
            "%s serve" % OLLAMA, "ollama", engine={"env": env}, **more
        )

    def blob_of(self, name):
        """The file of the model ${name}."""
        models = self.store / "models"
        manifest = next((models / "manifests").rglob(name + "/latest"))
        digest = next(
            layer["digest"]
            for layer in json.loads(manifest.read_text())["layers"]
            if layer["mediaType"].endswith("image.model")
        )
        return models / "blobs" / digest.replace(":", "-")
