"""Engines that weir runs itself: started, restarted, explained, stopped."""

import atexit
import json
import os
import pathlib
import shlex
import shutil
import signal
import sys
import tempfile
import threading
import time

import pytest

from harness import metrics
from harness.asks import ask
from harness.queueing import send
from harness.real import make_model, program
from harness.waiting import wait_process
from harness.weir import binary, free_ports

# The promises are made for a build without sanitizers.
SANITIZED = b"__asan_init" in binary().read_bytes()

# A llama-server as weir sees it; what it is asked beyond that by arguments:
# `exit N` ends it at once, `say TEXT` puts that into its output first.
FAKE = r'''
import http.server, json, os, subprocess, sys, threading, time
words = sys.argv[1:]
deaf = False
while words:
    verb, words = words[0], words[1:]
    if verb == "say":
        print(words.pop(0), flush=True)
    elif verb == "exit":
        sys.exit(int(words.pop(0)))
    elif verb == "slow":
        time.sleep(float(words.pop(0)))
    elif verb == "deaf":
        deaf = not os.path.exists(__file__ + ".was_deaf")
        open(__file__ + ".was_deaf", "w").close()
    elif verb == "runner":
        os.environ["LLAMA_ARG_HOST"], os.environ["LLAMA_ARG_PORT"] = (
            os.environ["OLLAMA_HOST"].split(":"))
        def run(program=words.pop(0)):
            while True:
                subprocess.run([program, "1000"])
        threading.Thread(target=run, daemon=True).start()
    elif verb == "die_of":
        os.kill(os.getpid(), int(words.pop(0)))
class H(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def log_message(self, *args):
        pass
    def answer(self, value):
        body = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("Server", "llama.cpp")
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def do_GET(self):
        self.answer({"status": "ok", "total_slots": 4, "models": [],
                     "version": "0.33.0",
                     "data": [{"id": "tiny", "object": "model"}]})
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        if deaf:
            threading.Event().wait()
        self.answer({"id": "x", "object": "chat.completion", "model": "tiny",
                     "choices": [{"index": 0, "finish_reason": "stop",
                                  "message": {"role": "assistant",
                                              "content": "pid %d" % os.getpid()}}],
                     "usage": {"prompt_tokens": 1, "completion_tokens": 1,
                               "total_tokens": 2}})
http.server.ThreadingHTTPServer.allow_reuse_address = True
http.server.ThreadingHTTPServer(
    (os.environ["LLAMA_ARG_HOST"], int(os.environ["LLAMA_ARG_PORT"])), H
).serve_forever()
'''


FOLDER = pathlib.Path(tempfile.mkdtemp(prefix="weir-fake-"))
atexit.register(shutil.rmtree, FOLDER)


def fake(*words):
    """The command of a scripted llama-server."""
    path = FOLDER / "fake.py"
    path.write_text(FAKE)
    return shlex.join([sys.executable, str(path), *map(str, words)])


def engine(run, **more):
    return {"name": "local", "kind": "llama-server", "run": run, **more}


def events(weir, code):
    return [r for r in weir.event_lines() if r["event"] == code]


def pid_of(weir, n=1):
    """The pid of the engine's ${n}-th start."""
    return weir.wait_event("engine_started", n)["pid"]


def children_of(pid):
    text = pathlib.Path("/proc/%d/task" % pid)
    return [
        int(child)
        for thread in text.iterdir()
        for child in (thread / "children").read_text().split()
    ]


def status(weir):
    return json.loads(weir.run("status", "--json").stdout)["engines"][0]


@pytest.fixture
def run_weir(start_weir):
    """A weir whose only engine is one that it runs."""

    def start(run, up=True, args=(), **more):
        weir = start_weir({"engines": [engine(run, **more)]}, args=args)
        if up:
            weir.wait_engine_up()
        return weir

    return start


@pytest.fixture(scope="session")
def llama(tmp_path_factory):
    """The command of the real llama-server with a tiny model."""
    path = program(
        "WEIR_LLAMA_SERVER",
        "get-llama-server",
        "llama-server/bin/llama-server",
        "llama-server",
    )
    model = make_model(tmp_path_factory.mktemp("model"))
    return shlex.join(
        [str(path), "--model", str(model), "--alias", "tiny"]
        + ["--threads", "1", "--threads-batch", "1", "--offline"]
    )


# --- it runs ---


def test_it_is_started_and_serves(run_weir):
    weir = run_weir(fake("say", "hello"))
    assert ask(weir, "openai").status == 200
    pid = pid_of(weir)
    assert os.getpgid(pid) == pid != os.getpgid(weir.keeper_pid)
    now = status(weir)
    assert now["process"] == {"phase": "running", "pid": pid, "exits": 0}
    assert now["url"].startswith("127.0.0.1:")
    output = weir.folder / "state/engines/local.log"
    assert "hello\n" in output.read_text()
    assert output.stat().st_mode & 0o777 == 0o600
    # Not a word of it in weir's own log.
    assert not any("hello" in line for line in weir.out.lines)


def test_in_one_process_too(run_weir):
    weir = run_weir(fake(), args=["-1"])
    assert ask(weir, "openai").status == 200
    old = pid_of(weir)
    os.kill(old, signal.SIGKILL)
    assert ask(weir, "openai").status == 200
    pid = pid_of(weir, 2)
    weir.wait_event("engine_ended")
    weir.process.send_signal(signal.SIGTERM)
    assert weir.process.wait(20) == 0
    assert wait_process(pid)
    assert events(weir, "engine_stopped")


def test_stopping_weir_stops_it(run_weir):
    weir = run_weir(fake())
    pid = pid_of(weir)
    weir.stop()
    assert wait_process(pid)


def test_killing_the_keeper_ends_it(run_weir):
    weir = run_weir(fake())
    pid = pid_of(weir)
    weir.is_checked = False
    os.kill(weir.keeper_pid, signal.SIGKILL)
    weir.process.wait()
    assert wait_process(pid)
    weir.process = None


def test_a_gate_that_dies_leaves_it_alone(run_weir):
    weir = run_weir(fake())
    pid = pid_of(weir)
    weir.kill_gate()
    assert ask(weir, "openai").status == 200
    now = status(weir)
    assert now["process"] == {"phase": "running", "pid": pid, "exits": 0}
    assert now["state"] == "up"
    assert len(events(weir, "engine_started")) == 1


# --- it ends ---


def test_kill_9_is_noticed_at_once_and_cured(run_weir):
    weir = run_weir(fake())
    noticed = []
    for n in range(1, 4):
        pid = pid_of(weir, n)
        killed_at = time.time()
        os.kill(pid, signal.SIGKILL)
        told = weir.wait_event("engine_ended", n)
        assert told["reason"] == "signal 9, Killed"
        seconds = int(told["ts"][17:19]) + float(told["ts"][19:23])
        noticed.append((seconds - killed_at) % 60)
        assert ask(weir, "openai").status == 200
        assert weir.wait_event("engine_started", n + 1)["pid"] != pid
    print("noticed after (s):", noticed)
    # Milliseconds of the log are cut off, so it may seem early by one.
    assert all(t < (0.5 if SANITIZED else 0.05) or t > 59.9 for t in noticed)
    now = weir.metrics()
    assert metrics.total(now, "weir_engine_starts_total") == 4
    assert (
        metrics.total(now, "weir_engine_exits_total", reason="signal") == 3
    )


def test_who_waits_is_served_after_the_restart(run_weir):
    weir = run_weir(fake())
    old = pid_of(weir)
    os.kill(old, signal.SIGSTOP)
    answers = []
    callers = [
        threading.Thread(
            target=lambda: answers.append(ask(weir, "openai").status)
        )
        for _ in range(8)
    ]
    for caller in callers:
        caller.start()
    weir.wait_metric("weir_slots_used", lambda n: n == 4)
    os.kill(old, signal.SIGKILL)
    for caller in callers:
        caller.join()
    assert answers == [200] * 8


@pytest.mark.parametrize(
    "words, reason, word",
    [
        (["exit", 3], "exit status 3", "exit"),
        (["die_of", 11], "signal 11, Segmentation fault", "signal"),
        (
            ["say", "couldn't bind HTTP server socket", "exit", 1],
            "exit status 1; its port is taken",
            "port_taken",
        ),
        (
            ["say", "CUDA error: out of memory", "die_of", 6],
            "signal 6, Aborted; the GPU's memory is full",
            "gpu_memory",
        ),
    ],
)
def test_ends_are_told_apart(run_weir, words, reason, word):
    weir = run_weir(fake(*words), up=False)
    assert weir.wait_event("engine_ended")["reason"] == reason
    weir.wait_metric("weir_engine_exits_total", lambda n: n > 0, reason=word)
    r = weir.get("/readyz")
    assert r.status == 503
    (told,) = r.json()["engines"]
    assert reason in told["why"] or "does not answer yet" in told["why"]


def test_a_program_that_is_not_there(run_weir):
    weir = run_weir("/no/such/llama-server", up=False)
    why = "its program cannot be started: No such file or directory"
    assert weir.wait_event("engine_ended")["reason"] == why
    assert status(weir)["state"] == "down"


def test_a_crash_loop_is_told(run_weir):
    weir = run_weir(fake("exit", 7), up=False)
    told = weir.wait_event("engine_crash_loop", timeout=40)
    assert told["exits"] == 5
    assert told["restart_ms"] == 30000
    assert len(events(weir, "engine_ended")) == 4
    r = weir.get("/readyz")
    assert r.status == 503
    assert "crash loop" in r.json()["reason"]
    (now,) = r.json()["engines"]
    assert "keeps ending" in now["why"] and "status 7" in now["why"]
    assert status(weir)["breaker"] == "open"
    assert status(weir)["process"]["phase"] == "crash_loop"
    # A gate that comes later knows it too.
    weir.kill_gate()
    weir.wait_event("gate_started", 2)
    assert "keeps ending" in weir.get("/readyz").json()["engines"][0]["why"]
    assert len(events(weir, "engine_crash_loop")) == 1


# --- it is changed ---


def test_reloads_go_by_difference(run_weir):
    weir = run_weir(fake())
    first = pid_of(weir)

    def reload(engines):
        result = weir.reload({"engines": engines}, command=True)
        assert result.returncode == 0, result.stdout + result.stderr

    reload([engine(fake(), connect="3s")])
    assert len(events(weir, "engine_started")) == 1
    other = {**engine(fake()), "name": "other"}
    reload([engine(fake()), other])
    told = weir.wait_event("engine_started", 2)
    assert told["engine"] == "other"
    weir.wait_engine_up("other")
    assert os.kill(first, 0) is None
    reload([engine(fake(), env={"X": "y"}), other])
    told = weir.wait_event("engine_started", 3)
    assert told["engine"] == "local" and wait_process(first)
    weir.wait_engine_up()
    reload([other])
    assert weir.wait_event("engine_stopped")["engine"] == "local"
    assert wait_process(told["pid"])
    assert ask(weir, "openai").status == 200
    # A refused one changes nothing.
    weir.write_config("engines: 7")
    assert weir.run("reload").returncode != 0
    assert ask(weir, "openai").status == 200


# --- others ---


def test_somebody_else_serves_there(start_engine, run_weir):
    other = start_engine("llama-server", models=["tiny"])
    weir = run_weir(fake(), url=other.url)
    told = weir.wait_event("engine_elsewhere")
    assert "(pid %d)" % os.getpid() in told["note"]
    assert ask(weir, "openai").status == 200
    assert other.requests
    assert not events(weir, "engine_started")
    assert status(weir)["process"]["phase"] == "elsewhere"


def test_leftovers_of_a_killed_weir_are_ended(run_weir):
    """A runner that its server and its keeper left behind."""
    (port,) = free_ports(1)
    url = "http://127.0.0.1:%d" % port
    # A server whose child holds the port, and that SIGTERM does not stop.
    run = "sh -c %s" % shlex.quote(
        "trap '' TERM; setsid %s & wait; sleep 100" % fake()
    )
    weir = run_weir(run, url=url)
    weir.is_checked = False
    os.kill(weir.keeper_pid, signal.SIGKILL)
    weir.process.wait()
    with weir.change:
        assert weir.change.wait_for(lambda: weir.out.ended, 60)
    weir.start()
    assert int(weir.wait_event("engine_leftovers")["note"]) >= 1
    weir.wait_engine_up()
    assert ask(weir, "openai").status == 200
    assert not events(weir, "engine_elsewhere")


# --- the real one ---


def test_a_real_engine_killed_again_and_again(run_weir, llama):
    weir = run_weir(llama, slots=4)
    stop = threading.Event()
    answers = []

    def call():
        while not stop.is_set():
            body = {
                "model": "tiny",
                "messages": [{"role": "user", "content": "Hello."}],
                "max_tokens": 5,
            }
            answers.append(weir.post("/v1/chat/completions", body).status)

    callers = [threading.Thread(target=call) for _ in range(10)]
    for caller in callers:
        caller.start()
    try:
        for n in range(1, 4):
            pid = pid_of(weir, n)
            weir.wait_engine_up()
            served = len(answers)
            weir._wait_lines(lambda: len(answers) > served + 10, "answers", 60)
            os.kill(pid, signal.SIGKILL)
            weir.wait_event("engine_ended", n)
    finally:
        pid_of(weir, 4)
        stop.set()
        for caller in callers:
            caller.join()
    assert set(answers) == {200}


def test_a_real_engine_with_a_bad_option(run_weir, llama):
    weir = run_weir(llama + " --no-such-option", up=False)
    told = weir.wait_event("engine_ended")
    assert told["reason"] == (
        "exit status 1; it does not know an option in `run`"
    )


def test_a_real_engine_without_its_model(run_weir, llama):
    run = llama.replace("tiny.gguf", "gone.gguf")
    weir = run_weir(run, up=False)
    told = weir.wait_event("engine_ended")
    assert "its model's file cannot be read" in told["reason"]


def test_a_real_engine_is_proved_after_each_restart(start_weir, llama):
    weir = start_weir(
        {
            "engines": [engine(llama, slots=4)],
            "models": {"tiny": {"preload": True}},
        }
    )
    for n in range(1, 4):
        assert weir.wait_event("model_ready", n)["model"] == "tiny"
        assert weir.get("/readyz").status == 200
        os.kill(pid_of(weir, n), signal.SIGKILL)
        weir.wait_event("engine_ended", n)
        assert weir.get("/readyz").status == 503


# --- it hangs ---


def test_one_that_is_stopped_is_ended_and_its_callers_served(run_weir, llama):
    weir = run_weir(llama, slots=4)
    pid = pid_of(weir)
    os.kill(pid, signal.SIGSTOP)
    stopped_at = time.monotonic()
    answers = []
    body = {
        "model": "tiny",
        "messages": [{"role": "user", "content": "Hello."}],
        "max_tokens": 5,
    }
    callers = [
        threading.Thread(
            target=lambda: answers.append(
                weir.post("/v1/chat/completions", body).status
            )
        )
        for _ in range(6)
    ]
    for caller in callers:
        caller.start()
    told = weir.wait_event("engine_hung")
    found_after = time.monotonic() - stopped_at
    assert told["pid"] == pid
    for caller in callers:
        caller.join()
    print("found after", found_after, "served", time.monotonic() - stopped_at)
    assert found_after < 8
    assert answers == [200] * 6
    assert len(events(weir, "engine_hung")) == 1


def test_one_that_does_nothing_is_ended(run_weir):
    """Alive for whoever asks for its health, deaf for requests.  What is no
    engine that weir knows may be asking another machine."""
    other = run_weir(fake("deaf"), kind="openai")
    asked = send(other, "openai")
    (FOLDER / "fake.py.was_deaf").unlink()
    weir = run_weir(fake("deaf"))
    pid = pid_of(weir)
    answers = []

    def call():
        with weir.connect() as caller:
            caller.sock.settimeout(90)
            answers.append(ask(caller, "openai").status)

    caller = threading.Thread(target=call)
    begin = time.monotonic()
    caller.start()
    told = weir.wait_event("engine_hung", timeout=40)
    assert told["pid"] == pid and told["in_flight"] == 1
    assert 19 < time.monotonic() - begin < 32
    caller.join()
    assert answers == [200]
    assert not events(other, "engine_hung")
    asked.close()



def test_a_runner_that_is_stopped_is_ended_behind_its_server(
    start_weir, tmp_path
):
    """Ollama's shape: the server lives on and starts another."""
    runner = tmp_path / "llama-server"
    shutil.copy(shutil.which("sleep"), runner)
    run = fake("runner", runner)
    weir = start_weir(
        {"engines": [{**engine(run), "kind": "ollama", "slots": 4}]}
    )
    weir.wait_engine_up()
    pid = pid_of(weir)
    (first,) = children_of(pid)
    os.kill(first, signal.SIGSTOP)
    told = weir.wait_event("engine_hung")
    assert told["pid"] == first
    assert wait_process(first)
    weir._wait_lines(lambda: first not in children_of(pid), "another", 20)
    assert os.kill(pid, 0) is None
    assert len(events(weir, "engine_started")) == 1
