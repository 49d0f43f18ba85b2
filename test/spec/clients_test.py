"""The official clients get through weir what they get without it."""

import json
import os
import pathlib
import shutil
import subprocess

import pytest

from harness import replies
from harness.weir import ROOT, hash_of, new_key

PACKAGES = ["openai@7.57.0", "ollama@0.6.4", "@anthropic-ai/sdk@1.12.0"]
SCRIPT = pathlib.Path(__file__).parent / "clients/ask.mjs"
KEY = new_key("client")
# What two equal runs of a real engine differ in.
VOLATILE = {
    "id",
    "created",
    "created_at",
    "modified_at",
    "expires_at",
    "timings",
    "total_duration",
    "load_duration",
    "prompt_eval_duration",
    "eval_duration",
    "usage",
    "prompt_eval_count",
    "context",
    "_request_id",
}


@pytest.fixture(scope="session")
def node(tmp_path_factory):
    """node and the folder with the clients; skipped where they cannot be."""
    if not shutil.which("node") or not shutil.which("npm"):
        pytest.skip("npm clients: node 18 or newer and npm are not here")
    version = subprocess.run(
        ["node", "--version"], capture_output=True, text=True, check=True
    ).stdout
    if int(version.lstrip("v").partition(".")[0]) < 18:
        pytest.skip("npm clients: node is older than 18")
    cache = pathlib.Path(os.environ.get("WEIR_CACHE", ROOT / ".cache"))
    folder = cache / "npm-clients"
    mark = folder / ".done"
    want = " ".join(PACKAGES)
    if not mark.exists() or mark.read_text() != want:
        folder.mkdir(parents=True, exist_ok=True)
        done = subprocess.run(
            ["npm", "install", "--no-audit", "--no-fund", "--no-save",
             "--no-package-lock", "--ignore-scripts", "--prefix", folder,
             *PACKAGES],
            capture_output=True,
            text=True,
            cwd=folder,
            timeout=300,
        )
        if done.returncode:
            pytest.skip("npm clients: npm could not fetch them")
        mark.write_text(want)
    shutil.copy(SCRIPT, folder / "ask.mjs")

    def ask(base, model, key, *names):
        done = subprocess.run(
            ["node", folder / "ask.mjs", base, model, key, *names],
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return ask


def without(value, keys):
    """${value} without these members, however deep."""
    if isinstance(value, dict):
        return {
            k: without(v, keys) for k, v in value.items() if k not in keys
        }
    if isinstance(value, list):
        return [without(v, keys) for v in value]
    return value


@pytest.mark.weir(
    callers=[{"name": "client", "key": hash_of(KEY)}], anonymous="refuse"
)
def test_every_client_gets_the_same(node, weir, engine):
    direct = node(engine.url, replies.MODEL, "any")
    through = node(weir.url, replies.MODEL, KEY)
    assert list(direct) == list(through)
    for name, got in direct.items():
        assert "ok" in got, (name, got)
        # An id of the answer that clients add is weir's own.
        assert without(through[name], {"_request_id"}) == without(
            got, {"_request_id"}
        ), name


@pytest.mark.weir(callers=[], anonymous="refuse")
@pytest.mark.parametrize("name", ["openai chat", "anthropic message", "ollama"])
def test_clients_understand_that_they_need_a_key(node, weir, engine, name):
    for got in node(weir.url, replies.MODEL, "none", name).values():
        assert got["status"] == 401
        assert "weir key add" in got["message"]


@pytest.mark.weir(callers=[{"name": "anonymous", "rate": "1/hour"}])
def test_clients_understand_that_they_are_too_fast(node, weir, engine):
    names = ["openai chat", "anthropic", "ollama chat", "ollama generate"]
    got = list(node(weir.url, replies.MODEL, "none", *names).items())
    assert "ok" in got[0][1]
    for name, one in got[1:]:
        assert one["status"] == 429, name
        assert "Too many requests" in one["message"]
        if name.startswith("openai") or name.startswith("anthropic"):
            assert one["error"] == "RateLimitError"


@pytest.mark.weir(callers=[{"name": "anonymous", "models": ["other"]}])
def test_clients_understand_that_a_model_is_not_there(node, weir, engine):
    names = ["openai chat", "anthropic message", "ollama chat"]
    for name, one in node(weir.url, replies.MODEL, "none", *names).items():
        assert one["status"] == 404, name
        assert replies.MODEL in one["message"]


def test_with_a_real_llama_server(node, start_weir, llama_server):
    weir = start_weir({}, llama_server)
    names = ["openai", "anthropic"]
    node(llama_server.url, "tiny", "any", *names)  # its cache is warm now
    direct = node(llama_server.url, "tiny", "any", *names)
    through = node(weir.url, "tiny", "any", *names)
    assert without(through, VOLATILE) == without(direct, VOLATILE)
    assert all("ok" in one for one in through.values())


def test_with_a_real_ollama(node, start_weir, ollama):
    weir = start_weir({}, ollama)
    node(ollama.url, "tiny", "any")
    direct = node(ollama.url, "tiny", "any")
    through = node(weir.url, "tiny", "any")
    assert without(through, VOLATILE) == without(direct, VOLATILE)
    assert all("ok" in one for one in through.values()), through
