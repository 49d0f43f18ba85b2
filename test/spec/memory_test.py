"""What a model takes: `weir memory` against what llama-server allocates."""

import json
import os
import re
import subprocess
import sys

import pytest

from harness import PATIENCE
from harness.real import RealEngine, program
from harness.weir import ROOT, binary, free_ports

MIB = 1024 * 1024
MAKER = ROOT / "tool/model/make-architectures.py"

# What stands for what: see the docstrings in the script.
ARCHITECTURES = [
    "llama", "qwen3", "deci", "gemma2", "gemma3", "gemma4", "cohere2",
    "gpt-oss", "deepseek2", "mamba", "mamba2", "lfm2", "falcon-h1", "qwen35",
]


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    subprocess.run([sys.executable, MAKER, folder], check=True)
    return folder


def estimate(*words):
    done = subprocess.run([binary(), "memory", "--json", *words],
                          capture_output=True, timeout=PATIENCE)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def allocated(model, *words):
    """Bytes of weights and of context that llama-server says it took."""
    server = program("WEIR_LLAMA_SERVER", "get-llama-server",
                     "llama-server/bin/llama-server", "llama-server")
    port = free_ports(1)[0]
    argv = [server, "--model", model, "--host", "127.0.0.1",
            "--port", str(port), "--threads", "1", "--threads-batch", "1",
            "--offline", "--fit", "off", "--no-warmup", "--no-repack",
            "--log-verbosity", "4", *words]
    engine = RealEngine("llama-server", [str(w) for w in argv], port, "m")
    try:
        engine.wait_answer("/health")
    finally:
        engine.stop()
    text = "\n".join(engine.out.lines)
    # "llama_kv_cache: size =   12.00 MiB", "llama_memory_recurrent: size = "
    context = re.findall(
        r"llama_(?:kv_cache|memory_recurrent): size = +([0-9.]+) MiB", text)
    weights = re.search(r"file size += ([0-9.]+) (MiB|GiB)", text)
    assert context and weights, text[-3000:]
    assert weights.group(2) == "MiB"
    return (float(weights.group(1)) * MIB, sum(map(float, context)) * MIB)


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_within_a_hundredth_of_what_the_engine_takes(models, name):
    model = models / (name + ".gguf")
    weights, context = allocated(
        model, "--ctx-size", 8 * 8192, "--parallel", 8)
    told = estimate(model, "--context", "8192", "--slots", "8")
    assert told["context_bytes"] == pytest.approx(context, rel=0.01)
    assert told["weights_bytes"] == pytest.approx(weights, rel=0.01)


@pytest.mark.parametrize("name,shared,cache", [
    ("llama", False, "q8_0"),
    ("llama", False, "q4_0"),
    ("llama", True, "f16"),
    ("gemma3", True, "f16"),
    ("gpt-oss", True, "q8_0"),
])
def test_with_a_shared_context_and_other_types(models, name, shared, cache):
    model = models / (name + ".gguf")
    words = ["--cache-type-k", cache, "--cache-type-v", cache,
             "--flash-attn", "on"]
    words += ["--kv-unified"] if shared else ["--no-kv-unified"]
    total = 16384 if shared else 4 * 16384
    _, context = allocated(
        model, "--ctx-size", total, "--parallel", 4, *words)
    words = ["--shared"] if shared else []
    told = estimate(model, "--context", "16384", "--slots", "4",
                    "--cache-type", cache, *words)
    assert told["context_bytes"] == pytest.approx(context, rel=0.01)


def test_a_model_that_talks():
    """One that somebody trained, if script/run has fetched it."""
    cache = os.environ.get("WEIR_CACHE", ROOT / ".cache")
    model = os.path.join(cache, "model", "smollm2-135m-instruct.gguf")
    if not os.path.exists(model):
        pytest.skip("no SmolLM2 here: script/engine/get-model gets it")
    weights, context = allocated(model, "--ctx-size", 8192, "--parallel", 1)
    told = estimate(model, "--context", "8192")
    assert told["context_bytes"] == pytest.approx(context, rel=0.01)
    assert told["weights_bytes"] == pytest.approx(weights, rel=0.01)


def test_what_is_no_model_is_refused(tmp_path):
    bad = tmp_path / "bad.gguf"
    bad.write_bytes(b"GGUF nothing")
    for words, status in [([bad], 1), ([tmp_path / "none"], 1),
                          ([bad, "--slots", "0"], 2),
                          ([bad, "--cache-type", "q9"], 2)]:
        done = subprocess.run([binary(), "memory", *words],
                              capture_output=True, timeout=PATIENCE)
        assert done.returncode == status
        assert done.stdout == b"" and b"weir memory: " in done.stderr
