"""`weir doctor`: what is wrong on a machine, each with what mends it."""

import hashlib
import json
import os
import socket
import subprocess
import sys

import pytest

from harness import PATIENCE
from harness.weir import ROOT, binary

MAKER = ROOT / "tool/model/make-architectures.py"


@pytest.fixture
def home(tmp_path):
    """A home with a store of Ollama's that has one model, and a state."""
    blobs = tmp_path / ".ollama/models/blobs"
    manifests = tmp_path / ".ollama/models/manifests"
    folder = manifests / "registry.ollama.ai/library/tiny"
    for path in (blobs, folder, tmp_path / "state"):
        path.mkdir(parents=True)
    subprocess.run([sys.executable, MAKER, tmp_path, "llama"], check=True)
    file = tmp_path / "llama.gguf"
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    file.rename(blobs / ("sha256-" + digest))
    (folder / "latest").write_text(json.dumps({"layers": [{
        "mediaType": "application/vnd.ollama.image.model",
        "digest": "sha256:" + digest}]}))
    return tmp_path


def doctor(home, engine_url, more=""):
    config = home / "weir.yaml"
    config.write_text(
        "state: %s\ndisk: { alert: 100%% }\n"
        "engines: [{ name: local, url: \"%s\" }]\n%s"
        % (home / "state", engine_url, more))
    env = {k: v for k, v in os.environ.items()
           if not k.startswith("OLLAMA_")}
    env["HOME"] = str(home)
    done = subprocess.run([binary(), "doctor", "--json", "-c", config],
                          capture_output=True, timeout=PATIENCE, env=env)
    told = json.loads(done.stdout)
    assert done.returncode == (0 if told["ok"] else 1)
    assert all(w["what"] and w["cure"] for w in told["wrong"])
    return told, [w["code"] for w in told["wrong"]]


def test_a_machine_on_which_nothing_is_wrong(home, start_engine):
    told, codes = doctor(home, start_engine().url)
    assert codes == [] and told["ok"]
    [model] = told["models"]
    # 6 layers x 2 heads x 32 values x (key, value) x f16 x 4096 tokens
    assert model["context_bytes"] == 6 * 2 * 32 * 2 * 2 * 4096
    assert (model["model"], model["fits"]) == ("tiny", True)


def test_an_engine_that_is_away(home):
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        url = "http://127.0.0.1:%d" % s.getsockname()[1]
    assert doctor(home, url)[1] == ["engine_away"]


def test_an_engine_that_others_can_reach(home):
    with socket.socket() as s:
        s.bind(("0.0.0.0", 0))
        s.listen()
        told, codes = doctor(
            home, "http://127.0.0.1:%d" % s.getsockname()[1])
    assert "engine_bypassable" in codes
    assert "OLLAMA_HOST=127.0.0.1:" in json.dumps(told)


def test_keys_that_others_can_read(home, start_engine):
    keys = home / "state/keys"
    keys.write_text("")
    keys.chmod(0o600)
    url = start_engine().url
    assert doctor(home, url)[1] == []
    keys.chmod(0o644)
    told, codes = doctor(home, url)
    assert codes == ["key_readable"]
    assert told["wrong"][0]["cure"] == "chmod 600 %s" % keys


def test_a_model_that_memory_cannot_hold(home, start_engine):
    more = "models: { tiny: { context: 99000000 } }\n"
    told, codes = doctor(home, start_engine().url, more)
    # The model was made for 131072 tokens: that is the most it can have.
    assert told["models"][0]["context_tokens"] == 131072
    assert told["models"][0]["context_bytes"] == 6 * 2 * 32 * 4 * 131072
    fits = told["models"][0]["total_bytes"] <= told["memory_bytes"]
    assert codes == ([] if fits else ["model_too_large"])


def test_more_connections_than_files(home, start_engine):
    more = "limits: { connections: 1000000 }\n"
    codes = doctor(home, start_engine().url, more)[1]
    assert codes in ([], ["file_limit"])
