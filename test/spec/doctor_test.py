"""`weir doctor`: what is wrong on a machine, each with what mends it."""

import hashlib
import json
import os
import pathlib
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


def doctor(home, engine_url, more="", engine="", alert="100%",
           **variables):
    config = home / "weir.yaml"
    config.write_text(
        "state: %s\ndisk: { alert: %s }\n"
        "engines: [{ name: local, url: \"%s\"%s }]\n%s"
        % (home / "state", alert, engine_url, engine, more))
    env = {k: v for k, v in os.environ.items()
           if not k.startswith("OLLAMA_")}
    env["HOME"] = str(home)
    env.update(variables)
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


# --- who runs it ---


@pytest.fixture
def listener():
    """Start processes that listen on a port and answer nothing."""
    started = []

    def start(**variables):
        code = ("import socket, sys; s = socket.create_server(('127.0.0.1', "
                "0)); print(s.getsockname()[1], flush=True); sys.stdin.read()")
        p = subprocess.Popen(
            [sys.executable, "-c", code], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, env={**os.environ, **variables})
        started.append(p)
        return p, "http://127.0.0.1:%d" % int(p.stdout.readline())

    yield start
    for p in started:
        p.stdin.close()
        p.wait(PATIENCE)


RUN = ", run: llama-server"


def finding(told, code):
    (found,) = [w for w in told["wrong"] if w["code"] == code]
    return found


def test_somebody_else_has_started_it(home, start_engine):
    engine = start_engine()
    told, codes = doctor(home, engine.url, engine=RUN)
    assert codes == ["two_supervisors"]
    found = finding(told, "two_supervisors")
    assert "pid %d" % os.getpid() in found["what"]
    assert "kill %d" % os.getpid() in found["cure"]
    # Without `run` it is what it should be.
    assert doctor(home, engine.url)[1] == []


def test_another_weir_runs_it(home, listener):
    _, url = listener(WEIR_ENGINE="local@1-2@/other/state")
    told, _ = doctor(home, url, engine=RUN)
    assert "/other/state" in finding(told, "two_supervisors")["what"]
    _, url = listener(WEIR_ENGINE="local@1-2@%s" % (home / "state"))
    assert "two_supervisors" not in doctor(home, url, engine=RUN)[1]


@pytest.fixture
def put_into_unit():
    """Have a process in a control group as systemd would make for a unit."""
    made = []

    def put(pid, unit):
        root = pathlib.Path("/sys/fs/cgroup")
        for line in pathlib.Path("/proc/self/cgroup").read_text().split("\n"):
            _, names, path = (line + "::").split(":")[:3]
            base = root / names.replace("name=", "") / path[1:]
            folder = base / unit
            if not (base / "cgroup.procs").exists():
                continue
            try:
                folder.mkdir()
                made.append((base, folder))
                for name in ("cpuset.cpus", "cpuset.mems"):
                    if (folder / name).exists():
                        value = (base / name).read_text()
                        (folder / name).write_text(value)
                (folder / "cgroup.procs").write_text(str(pid))
            except OSError as e:
                pytest.skip("no control group can be made here: %s" % e)
        if "/" + unit not in pathlib.Path("/proc/%d/cgroup" % pid).read_text():
            pytest.skip("no control group can be made here")

    yield put
    for base, folder in made:
        for pid in (folder / "cgroup.procs").read_text().split():
            (base / "cgroup.procs").write_text(pid)
        folder.rmdir()


def test_systemd_runs_it_too(home, listener, put_into_unit):
    process, url = listener()
    put_into_unit(process.pid, "ollama.service")
    told, _ = doctor(home, url, engine=RUN)
    found = finding(told, "two_supervisors")
    assert "ollama.service" in found["what"]
    assert "systemctl disable --now ollama.service" in found["cure"]
    assert "unit: ollama.service" in found["cure"]
    # It is the unit that is meant; and another one.
    unit = ", unit: ollama.service"
    assert "two_supervisors" not in doctor(home, url, engine=unit)[1]
    told, _ = doctor(home, url, engine=", unit: other.service")
    assert "other.service" in finding(told, "two_supervisors")["what"]


def test_two_weirs_with_one_engine(home, start_weir, start_engine):
    engine = start_engine()
    start_weir({}, engine)
    assert doctor(home, engine.url)[1] == []
    start_weir({}, engine)
    told, codes = doctor(home, engine.url)
    assert codes == ["two_weirs"]


# --- as the configuration has it ---


def test_more_slots_than_the_engine_has(home, start_engine):
    engine = start_engine("llama-server")
    engine.slots = 2
    told, codes = doctor(home, engine.url, engine=", slots: 4")
    assert codes == ["slots_disagree"]
    found = finding(told, "slots_disagree")
    assert "4 requests" in found["what"] and "works on 2" in found["what"]
    assert "--parallel 4" in found["cure"]
    assert doctor(home, engine.url, engine=", slots: 2")[1] == []
    assert doctor(home, engine.url, engine=", slots: auto")[1] == []


def test_more_slots_than_ollama_was_told(home, listener):
    _, url = listener(OLLAMA_NUM_PARALLEL="2")
    told, _ = doctor(home, url, engine=", slots: 3")
    found = finding(told, "slots_disagree")
    assert "works on 2" in found["what"]
    assert "OLLAMA_NUM_PARALLEL=3" in found["cure"]
    assert "slots_disagree" not in doctor(home, url, engine=", slots: 2")[1]


def test_a_context_that_is_smaller(home, start_engine):
    engine = start_engine()
    engine.pages["GET", "/api/ps"] = lambda exchange: exchange.whole(
        {"models": [{"name": "talker:latest", "context_length": 4096}]})
    told, codes = doctor(
        home, engine.url, "models: { talker: { context: 8192 } }\n")
    assert codes == ["context_disagrees"]
    found = finding(told, "context_disagrees")
    assert "8192" in found["what"] and "4096 tokens" in found["what"]
    assert "OLLAMA_CONTEXT_LENGTH=8192" in found["cure"]
    for more in ("context: 4096", "context: 8192, overflow: fit"):
        more = "models: { talker: { %s } }\n" % more
        assert doctor(home, engine.url, more)[1] == []


# --- the machine ---


def test_a_full_disk(home, mount_disk, start_engine):
    disk = mount_disk("8m")
    with open(disk / "ballast", "wb") as file:
        os.posix_fallocate(file.fileno(), 0, 7 << 20)
    (home / "state").rmdir()
    (home / "state").symlink_to(disk)
    url = start_engine().url
    assert doctor(home, url)[1] == []  # told at 100 %
    told, codes = doctor(home, url, alert="85%")
    assert "disk" in codes
    whats = [w["what"] for w in told["wrong"]]
    assert "the disk of %s is 87 %% full" % (home / "state") in whats


CLOCK = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <time.h>
int clock_gettime(clockid_t c, struct timespec *t) {
    int (*real)(clockid_t, struct timespec *) = dlsym(RTLD_NEXT, "clock_gettime");
    int r = real(c, t);
    if (c == CLOCK_REALTIME)
        t->tv_sec = 1000000000;
    return r;
}
"""


def test_a_clock_that_was_never_set(home, start_engine):
    (home / "clock.c").write_text(CLOCK)
    made = subprocess.run(["cc", "-shared", "-fPIC", "-o", home / "clock.so",
                           home / "clock.c", "-ldl"], check=False)
    if made.returncode:
        pytest.skip("no compiler here")
    options = os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0"
    codes = doctor(home, start_engine().url, LD_PRELOAD=str(home / "clock.so"),
                   ASAN_OPTIONS=options)[1]
    assert codes == ["clock"]


def test_keys_of_engines_that_others_can_read(home, start_engine):
    key = home / "engine.key"
    key.write_text("k\n")
    key.chmod(0o640)
    url = start_engine().url
    told, codes = doctor(home, url, engine=", key_file: %s" % key)
    assert codes == ["key_readable"] and str(key) in told["wrong"][0]["cure"]
    key.chmod(0o600)
    assert doctor(home, url, engine=", key_file: %s" % key)[1] == []
