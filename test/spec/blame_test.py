"""Who killed the engine?  Of one that weir runs it is known how it ended."""

import shlex
import signal
import sys
import threading

import pytest

from harness import asks
from harness.asks import ask

# A llama-server as weir sees it, which ends by the signal that a prompt names
# (0: by itself), as often as it is told; a file counts.
FAKE = r'''
import http.server, json, os, sys, time
path, times = sys.argv[1], int(sys.argv[2])
open(path, "a").close()
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
        self.answer({"status": "ok", "total_slots": 4,
                     "data": [{"id": "llama3.2", "object": "model"}]})
    def do_POST(self):
        asked = json.loads(self.rfile.read(
            int(self.headers["Content-Length"])))
        said = asked["messages"][0]["content"].split()
        if said[0] == "die" and os.path.getsize(path) < times:
            with open(path, "a") as f:
                f.write(".")
            if len(said) > 2:
                time.sleep(float(said[2]))  # no stale connection any more
            if said[1] == "0":
                os._exit(3)
            os.kill(os.getpid(), int(said[1]))
            time.sleep(9)  # another thread may have got it
        self.answer({"id": "x", "object": "chat.completion",
                     "model": "llama3.2",
                     "choices": [{"index": 0, "finish_reason": "stop",
                                  "message": {"role": "assistant",
                                              "content": "well"}}],
                     "usage": {"prompt_tokens": 1, "completion_tokens": 1,
                               "total_tokens": 2}})
http.server.ThreadingHTTPServer.allow_reuse_address = True
http.server.ThreadingHTTPServer(
    (os.environ["LLAMA_ARG_HOST"], int(os.environ["LLAMA_ARG_PORT"])), H
).serve_forever()
'''


class Fake:
    def __init__(self, start_weir, folder, times):
        self.path = folder / "deaths"
        program = folder / "fake.py"
        program.write_text(FAKE)
        run = [sys.executable, str(program), str(self.path), str(times)]
        row = {"name": "local", "kind": "llama-server"}
        self.weir = start_weir({"engines": [{**row, "run": shlex.join(run)}]})
        self.weir.wait_engine_up()

    @property
    def deaths(self):
        return self.path.stat().st_size


@pytest.fixture
def start_fake(start_weir, tmp_path):
    return lambda times: Fake(start_weir, tmp_path, times)


def say(weir, text):
    return ask(weir, "openai", messages=[{"role": "user", "content": text}])


@pytest.mark.parametrize("slow", ["", " 0.4"])
@pytest.mark.parametrize("by", [signal.SIGSEGV, signal.SIGABRT])
def test_who_crashes_it_twice_is_refused(start_fake, by, slow):
    """At once, on a connection that might have been stale, or later."""
    fake = start_fake(99)
    r = say(fake.weir, "die %d%s" % (by, slow))
    assert r.status == 502
    assert asks.error_of("openai", r)[1] == "request_kills_engine"
    assert fake.deaths == 2
    assert say(fake.weir, "live").status == 200
    assert fake.weir.wait_log(1)["err"] == "request_kills_engine"


@pytest.mark.parametrize("by", [signal.SIGKILL, signal.SIGTERM])
def test_who_is_there_when_somebody_ends_it_is_not(start_fake, by):
    fake = start_fake(3)
    assert say(fake.weir, "die %d 0.4" % by).status == 200
    assert fake.deaths == 3
    line = fake.weir.wait_log(1)
    assert line["err"] is None and line["retries"] >= 3


def test_of_an_end_that_tells_nothing_more_is_borne(start_fake):
    fake = start_fake(3)
    assert say(fake.weir, "die 0 0.4").status == 200
    assert fake.deaths == 3


def test_others_are_not_blamed(start_fake):
    """Beside one that crashes it, all others are answered."""
    fake = start_fake(99)
    statuses = []

    def good():
        for _ in range(5):
            statuses.append(say(fake.weir, "live").status)

    threads = [threading.Thread(target=good) for _ in range(3)]
    for thread in threads:
        thread.start()
    r = say(fake.weir, "die %d 0.3" % signal.SIGSEGV)
    for thread in threads:
        thread.join()
    assert r.status == 502
    assert asks.error_of("openai", r)[1] == "request_kills_engine"
    assert statuses == [200] * 15
    assert fake.deaths <= 3
