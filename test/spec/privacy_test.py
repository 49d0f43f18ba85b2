"""Nothing that callers or engines say is written anywhere."""

import base64
import random
import string
import threading
import urllib.parse

import pytest

from harness import asks
from harness.caller import Caller
from harness.waiting import Signal
from harness.wire import WireError

REQUESTS = 1000
TARGETS = list(asks.DIALECTS.items())


class Markers:
    """Unique words, and the search for each in any clothing."""

    def __init__(self, seed):
        self.dice = random.Random(seed)
        self.made = []

    def new(self):
        """12 letters and signs that percent-encoding changes."""
        word = "".join(self.dice.choices(string.ascii_letters, k=10))
        self.made.append("Mk" + word + "/é")
        return self.made[-1]

    def found_in(self, text):
        """The markers that stand in ${text}: plain, base64 or percent."""
        hits = []
        for marker in self.made:
            core = marker[: marker.index("/")]
            raw = marker.encode()
            forms = {core, urllib.parse.quote(marker)}
            for shift in range(3):  # base64 of it inside other bytes
                coded = base64.b64encode(b"x" * shift + core.encode())
                forms.add(coded[4 if shift else 0 : -4].decode())
            forms.add(base64.urlsafe_b64encode(raw).decode().rstrip("="))
            if any(form in text for form in forms):
                hits.append(marker)
        return hits


def test_the_search_finds_what_it_should():
    markers = Markers(0)
    marker = markers.new()
    for text in (
        marker,
        urllib.parse.quote(marker),
        base64.b64encode(marker.encode()).decode(),
        base64.b64encode(b"a" + marker.encode()).decode(),
        base64.b64encode(b"ab" + marker.encode() + b"z").decode(),
    ):
        assert markers.found_in("x" + text + "y") == [marker], text
    assert markers.found_in("nothing") == []


def one(weir, markers, number, dice):
    """One request with a marker wherever one can stand."""
    dialect, path = TARGETS[number % len(TARGETS)]
    body = asks.body(dialect, stream=number % 2 == 0)
    key = "messages" if "messages" in body else "prompt"
    if key == "messages":
        body[key] = [
            {"role": "system", "content": markers.new()},
            {"role": "user", "content": markers.new()},
        ]
    else:
        body[key] = markers.new()
    body["system"] = markers.new()
    body["user"] = markers.new()
    body["tools"] = [
        {"type": "function", "function": {"name": markers.new()}}
    ]
    if number % 5 == 0:
        body["model"] = "unlisted-" + markers.new()[:12]
    ask_path = path + "?q=" + urllib.parse.quote(markers.new())
    if number % 17 == 0:
        ask_path = "/unknown/" + urllib.parse.quote(markers.new())
    fields = {
        "Authorization": "Bearer sk-" + markers.new()[:12],
        "Cookie": "a=" + markers.new()[:12],
        "User-Agent": markers.new()[:12],
        "X-Request-Id": markers.new()[:12],
        "X-Forwarded-For": markers.new()[:12],
        "Host": "localhost",
    }
    del fields["Host"]
    if number % 13 == 0:
        fields["Authorization"] = "Bearer weir_" + markers.new()[:12]
    with Caller(weir.address) as caller:
        data = None
        if number % 11 == 0:
            data = b'{"model":"' + markers.new().encode()  # no JSON
        try:
            r = caller.begin("POST", ask_path, data or body, fields)
            if number % 7 == 0:
                return  # hangs up
            r.finish()
        except (WireError, OSError):
            pass


def engine_script(markers, dice):
    """Answers, errors and faults, each with a marker in it."""

    def script(exchange):
        marker = markers.new()
        kind = dice.randrange(8)
        if kind == 0:
            exchange.whole({"error": marker}, dice.choice([400, 404, 500]))
        elif kind == 1:
            exchange.send(b"NOT HTTP " + marker.encode() + b"\r\n\r\n")
            exchange.close()
        elif kind == 2:
            exchange.begin("text/event-stream")
            exchange.chunk(b'data: {"error":"%s"}\n\n' % marker.encode())
            exchange.end()
        elif kind == 3:
            exchange.begin("application/x-ndjson")
            exchange.chunk(b'{"error":"%s"' % marker.encode())
            exchange.reset()
        elif kind == 4:
            exchange.head(
                200,
                [
                    ("X-Marker", marker[:12]),
                    ("Content-Type", "text/" + marker[2:12]),
                    ("Content-Length", "2"),
                ],
                reason=marker[:12],
            )
            exchange.send(b"{}")
        else:
            words = exchange.request.json().get("model", "m")
            exchange.whole({"model": words, "text": marker, "done": True})

    return script


@pytest.mark.weir(
    queue={"retries": 0}, callers=[{"name": "anonymous", "rate": "300/s"}]
)
def test_a_thousand_requests_leave_no_word(weir, engine):
    seed = random.randrange(1 << 32)
    print("seed", seed)
    dice = random.Random(seed)
    markers = Markers(seed)
    engine.script = engine_script(markers, dice)
    numbers = iter(range(REQUESTS))
    lock = threading.Lock()

    def work():
        while True:
            with lock:
                number = next(numbers, None)
            if number is None:
                return
            one(weir, markers, number, dice)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    weir.check_quiet()
    assert len(weir.access_lines()) == REQUESTS
    written = "\n".join(
        [
            "\n".join(weir.out.lines),
            weir.stderr(),
            weir.get("/metrics").text(),
            weir.get("/readyz").text(),
            weir.get("/healthz").text(),
            *(
                p.read_text(errors="replace")
                for p in weir.folder.rglob("*")
                if p.is_file() and p != weir.config_path
            ),
        ]
    )
    assert len(markers.made) > 5 * REQUESTS
    assert markers.found_in(written) == []


def test_an_engines_own_name_is_all_that_is_told(weir, engine):
    """Why an engine is down is told in weir's words, not in its own."""
    go = Signal()
    engine.paths.add("/api/tags")
    engine.script = lambda exchange: exchange.send(b"SECRET\r\n\r\n")
    engine.stop()
    engine.start()
    weir.get("/api/tags")
    assert "SECRET" not in weir.get("/readyz").text()
    assert "SECRET" not in "\n".join(weir.out.lines)
    go.set()
