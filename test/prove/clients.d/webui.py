"""Open WebUI in front of a weir: its server, asked as its page asks it.

It comes from PyPI with all that it wants (7 GB); how long that may take is
bounded, and where it does not come the rows are missing and it is said why.
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

PACKAGE = "open-webui==0.12.4"
INSTALL_S, START_S, ASK_S = 900, 180, 120
CLIENT = "open-webui"
WEATHER = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "the weather",
        "parameters": {
            "type": "object",
            "properties": {"at": {"type": "string"}},
        },
    },
}


def install(folder):
    """(its program, why there is none)"""
    program = folder / "bin/open-webui"
    mark = folder / ".done"
    if mark.exists() and mark.read_text() == PACKAGE:
        return program, None
    if not (folder / "bin/python").exists():
        subprocess.run([sys.executable, "-m", "venv", folder], check=False)
    try:
        done = subprocess.run(
            [folder / "bin/python", "-m", "pip", "install", "-q", PACKAGE],
            capture_output=True, text=True, timeout=INSTALL_S,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return None, "pip was not done after %d s" % INSTALL_S
    if done.returncode:
        return None, done.stderr.strip()[-300:]
    mark.write_text(PACKAGE)
    return program, None


class WebUI:
    def __init__(self, program, port, weir_url):
        self.base = "http://127.0.0.1:%d" % port
        self.weir_url = weir_url
        self.folder = tempfile.TemporaryDirectory(prefix="weir-webui-")
        self.log = open(pathlib.Path(self.folder.name) / "log", "w+b")
        env = {
            **os.environ,
            "DATA_DIR": self.folder.name,
            "WEBUI_AUTH": "False",
            "WEBUI_SECRET_KEY": "x" * 32,
            "OFFLINE_MODE": "True",
            "HF_HUB_OFFLINE": "1",
            "RAG_EMBEDDING_ENGINE": "ollama",
            "RAG_OLLAMA_BASE_URL": weir_url,
            "OLLAMA_BASE_URLS": weir_url,
            "ENABLE_OPENAI_API": "False",
            "ENABLE_FORWARD_USER_INFO_HEADERS": "True",
            "ENABLE_PERSISTENT_CONFIG": "True",
            "DO_NOT_TRACK": "True",
            "ANONYMIZED_TELEMETRY": "False",
        }
        self.child = subprocess.Popen(
            [program, "serve", "--host", "127.0.0.1", "--port", str(port)],
            cwd=self.folder.name, env=env, stdout=self.log,
            stderr=subprocess.STDOUT,
        )  # fmt: skip
        self.token = None

    def stop(self):
        self.child.terminate()
        try:
            self.child.wait(10)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()
        self.log.close()
        self.folder.cleanup()

    def open(self, path, body=None):
        fields = {"Content-Type": "application/json"}
        if self.token:
            fields["Authorization"] = "Bearer " + self.token
        request = urllib.request.Request(
            self.base + path, None if body is None else json.dumps(body).encode(),
            fields,
        )  # fmt: skip
        return urllib.request.urlopen(request, timeout=ASK_S)

    def ask(self, path, body=None):
        with self.open(path, body) as answer:
            return json.loads(answer.read())

    def has_answered(self):
        try:
            with self.open("/health") as answer:
                return answer.status == 200
        except OSError:
            return False

    def wait(self):
        """Why it does not start, or None."""
        end = time.monotonic() + START_S
        while not self.has_answered():
            if self.child.poll() is not None or time.monotonic() > end:
                said = pathlib.Path(self.log.name).read_text(errors="replace")
                said = " ".join(said.split())
                return "it did not start: " + said[-200:]
            time.sleep(0.5)
        self.token = self.ask(
            "/api/v1/auths/signin", {"email": "", "password": ""}
        )["token"]
        return None

    def use_key(self, key):
        self.ask("/ollama/config/update", {
            "ENABLE_OLLAMA_API": True,
            "OLLAMA_BASE_URLS": [self.weir_url],
            "OLLAMA_API_CONFIGS": {"0": {"enable": True, "key": key}},
        })  # fmt: skip

    def models(self):
        return [m["id"] for m in self.ask("/api/models?refresh=true")["data"]]


def chat(text="Once upon a time", n=24, **more):
    return {"model": "tiny:latest", "stream": False, "max_tokens": n,
            "messages": [{"role": "user", "content": text}],
            **more}  # fmt: skip


def shown(error):
    said = error.read().decode(errors="replace")
    try:
        said = json.loads(said).get("detail", said)
    except ValueError:
        pass
    return {"error": "HTTPError", "status": error.code, "message": str(said)}


def plain(ui, **more):
    got = ui.ask("/api/chat/completions", chat(**more))
    if "choices" not in got:
        return {"error": "no answer", "status": None, "message": str(got)}
    return {"ok": "%d characters" % len(got["choices"][0]["message"]["content"])}


def stream(ui, n=24, most=None):
    parts = 0
    with ui.open("/api/chat/completions", chat(n=n, stream=True)) as answer:
        for line in answer:
            parts += line.startswith(b"data: {")
            if parts == most:
                return {"ok": "stopped"}
    return {"ok": "%d parts" % parts}


def embed(ui):
    got = ui.ask("/api/embeddings", {"model": "embedder:latest",
                                     "input": "Once"})  # fmt: skip
    return {"ok": "%d dimensions" % len(got["data"][0]["embedding"])}


def rows(ui, keys, words):
    cases = [
        ("not streamed", "good", plain),
        ("streamed", "good", stream),
        ("tools", "good", lambda u: plain(u, tools=[WEATHER])),
        ("embeddings", "good", embed),
        ("aborted", "good", lambda u: stream(u, 4000, 2)),
        ("over the context", "good", lambda u: plain(u, text="weir " * words)),
        ("wrong key", "wrong", plain),
        ("over the limit", "spent", plain),
    ]
    # What it shows of a model that it could list goes on being there.
    ui.use_key(keys["good"])
    listed = ui.models()
    assert {"tiny:latest", "embedder:latest"} <= set(listed), listed
    key = "good"
    for name, wanted, ask in cases:
        row = {"client": CLIENT, "case": name}
        try:
            if wanted != key:
                key = wanted
                ui.use_key(keys[key])
            row.update(ask(ui))
        except urllib.error.HTTPError as e:
            row.update(shown(e))
            if name == "wrong key":
                # It lists its models first, has none, and says that.
                row["status"] = None
        yield row
