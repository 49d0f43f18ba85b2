"""Those who want to know are told once, again while it lasts, and when it is
over; nobody waits for them."""

import http.server
import json
import socket
import ssl
import subprocess
import threading
import time

import pytest

from harness import PATIENCE
from harness.asks import ask
from reexec_test import reexec


class Hook:
    """A webhook; answers ${statuses}, the last one for good."""

    def __init__(self, statuses=(200,), context=None):
        self.posts = []  # (path, head, body)
        self.statuses = list(statuses)
        self.change = threading.Condition()
        hook = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                with hook.change:
                    hook.posts.append((self.path, self.headers, body))
                    status = hook.statuses[0]
                    del hook.statuses[: len(hook.statuses) > 1]
                    hook.change.notify_all()
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(
            ("127.0.0.1", 0), Handler
        )
        if context:
            self.server.socket = context.wrap_socket(
                self.server.socket, server_side=True
            )
        self.port = self.server.server_port
        thread = threading.Thread(target=self.server.serve_forever)
        thread.daemon = True
        thread.start()

    def url(self, path="/hook/SECRET"):
        return "http://127.0.0.1:%d%s" % (self.port, path)

    def wait(self, test, timeout=2 * PATIENCE):
        """The bodies that pass ${test}, once there is one."""
        end = time.monotonic() + timeout
        with self.change:
            while True:
                found = [p for p in self.posts if test(p)]
                if found:
                    return found
                left = end - time.monotonic()
                assert left > 0, "no such alert among %s" % self.posts
                self.change.wait(left)

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def start_hook():
    hooks = []

    def start(*args, **more):
        hooks.append(Hook(*args, **more))
        return hooks[-1]

    yield start
    for hook in hooks:
        hook.stop()


def is_json(**want):
    def test(post):
        body = json.loads(post[2])
        return all(body.get(k) == v for k, v in want.items())

    return test


def away(weir, engine):
    """The engine is gone, and weir has noticed."""
    engine.stop()
    weir.get("/api/version")
    weir.wait_metric("weir_engine_up", lambda v: v == 0)


def test_an_engine_goes_and_comes_back(start_weir, engine, start_hook):
    hook = start_hook()
    alerts = [{"webhook": hook.url(), "after": "0s", "remind": "1s"}]
    weir = start_weir({"alerts": alerts}, engine)
    down = {"alert": "engine_down", "subject": "local"}
    away(weir, engine)
    ((_, head, body),) = hook.wait(is_json(state="firing", **down))
    assert head["Content-Type"] == "application/json"
    assert head["User-Agent"].startswith("weir/")
    told = json.loads(body)
    assert told["level"] == "critical"
    assert "local" in told["text"] and "does not answer" in told["text"]
    hook.wait(is_json(state="reminder", **down))
    engine.start()
    hook.wait(is_json(state="resolved", **down))
    assert len([p for p in hook.posts
                if is_json(state="firing", **down)(p)]) == 1  # fmt: skip
    assert "SECRET" not in "\n".join(weir.out.lines)


def test_a_short_absence_is_no_alert(start_weir, engine, start_hook):
    hook = start_hook()
    alerts = [{"webhook": hook.url(), "after": "1h"}]
    weir = start_weir({"alerts": alerts}, engine)
    away(weir, engine)
    engine.start()
    weir.wait_engine_up()
    r = weir.run("alert", "test")
    assert r.returncode == 0, r.stderr
    assert [json.loads(p[2])["alert"] for p in hook.posts] == ["test"]


def test_the_test_says_what_became_of_each(start_weir, engine, start_hook):
    hook, cross = start_hook(), start_hook([404])

    def config(weir):
        out = weir.folder / "told"
        (weir.folder / "token").write_text("tk_secret\n")
        return {
            "alerts": [
                {"webhook": hook.url("/a"), "shape": "slack"},
                {
                    "webhook": hook.url("/b"),
                    "shape": "ntfy",
                    "token_file": str(weir.folder / "token"),
                },
                {"webhook": hook.url("/c"), "shape": "alertmanager"},
                {"webhook": cross.url("/SECRET")},
                {"command": "sh -c 'echo $WEIR_ALERT_STATE >%s'" % out},
                {"command": "/not/there"},
            ]
        }

    weir = start_weir(config, engine)
    r = weir.run("alert", "test")
    assert r.returncode == 1
    lines = r.stdout.splitlines()
    assert [line.split(": ")[1] for line in lines] == [
        "delivered",
        "delivered",
        "delivered",
        "it answered with status 404",
        "delivered",
        "it cannot be started",
    ]
    assert "SECRET" not in r.stdout
    by_path = {p[0]: p for p in hook.posts}
    assert list(json.loads(by_path["/a"][2])) == ["text"]
    head = by_path["/b"][1]
    assert "test" in head["Title"]
    assert head["Authorization"] == "Bearer tk_secret"
    (alert,) = json.loads(by_path["/c"][2])
    assert alert["labels"]["alertname"] == "test"
    assert (weir.folder / "told").read_text() == "test\n"
    lost = weir.wait_event("alert_not_delivered")
    assert "SECRET" not in str(lost)
    r = weir.run("alert", "test", "--json")
    assert len(json.loads(r.stdout)["targets"]) == 6


def test_nobody_to_tell(start_weir, engine):
    weir = start_weir({}, engine)
    r = weir.run("alert", "test")
    assert r.returncode == 1
    assert "`alerts`" in r.stderr


def test_what_fails_is_tried_again(start_weir, engine, start_hook):
    hook = start_hook([500, 503, 200])
    alerts = [{"webhook": hook.url(), "after": "0s"}]
    weir = start_weir({"alerts": alerts}, engine)
    away(weir, engine)
    with hook.change:
        assert hook.change.wait_for(lambda: len(hook.posts) == 3, PATIENCE)
    assert len({p[2] for p in hook.posts}) == 1


def test_nobody_waits_for_a_hook_that_hangs(start_weir, engine, start_hook):
    """Its answer never comes; requests are served and the end is prompt."""
    dead = socket.create_server(("127.0.0.1", 0))
    url = "http://127.0.0.1:%d/" % dead.getsockname()[1]
    weir = start_weir({"alerts": [{"webhook": url}]}, engine)
    sent = subprocess.Popen(["true"])  # a child that is none of weir's
    threading.Thread(target=weir.run, args=["alert", "test"]).start()
    connection, _ = dead.accept()
    begin = time.monotonic()
    for _ in range(50):
        assert ask(weir, "ollama").status == 200
    assert time.monotonic() - begin < 5
    connection.close()
    dead.close()
    sent.wait()


def test_a_budget_that_is_used_up(start_weir, engine, start_hook):
    hook = start_hook()
    weir = start_weir(
        {
            "callers": [{"name": "anonymous", "tokens": "100/day"}],
            "alerts": [{"webhook": hook.url()}],
        },
        engine,
    )
    while ask(weir, "ollama").status == 200:
        pass
    for _ in range(5):
        assert ask(weir, "ollama").status == 429
    (post,) = hook.wait(is_json(alert="budget_used_up"))
    assert "anonymous" in json.loads(post[2])["subject"]


def count_of(hook, state):
    return len([p for p in hook.posts if is_json(state=state)(p)])


@pytest.mark.parametrize("how", ["kill", "reexec"])
def test_the_next_gate_tells_nothing_twice(
    start_weir, engine, start_hook, how
):
    """And forgets nothing: what is over is told by a later gate."""
    hook = start_hook()
    alerts = [{"webhook": hook.url(), "after": "0s", "remind": "1h"}]
    weir = start_weir({"alerts": alerts}, engine)
    away(weir, engine)
    hook.wait(is_json(alert="engine_down", state="firing"))
    weir.wait_metric("weir_alerts_total", lambda v: v == 1, result="ok")
    if how == "kill":
        weir.kill_gate()
    else:
        reexec(weir)
    weir.wait_event("engine_down", 2)
    # What happens now is told behind whatever would be told again.
    assert weir.run("alert", "test").returncode == 0
    weir.wait_event("gate_left" if how == "reexec" else "gate_died")
    assert (count_of(hook, "firing"), count_of(hook, "resolved")) == (1, 0)
    engine.start()
    hook.wait(is_json(alert="engine_down", state="resolved"))
    assert (count_of(hook, "firing"), count_of(hook, "resolved")) == (1, 1)


@pytest.fixture
def tls_hook(start_hook, tmp_path):
    """A webhook behind a certificate that nobody knows, and the certificate."""
    cert = tmp_path / "cert"
    made = subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days",
         "1", "-subj", "/CN=localhost", "-addext",
         "subjectAltName=DNS:localhost", "-keyout", tmp_path / "key",
         "-out", cert],
        capture_output=True,
        check=False,
    )  # fmt: skip
    if made.returncode:
        pytest.skip("openssl makes no certificate here")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, tmp_path / "key")
    return start_hook(context=context), str(cert)


def test_a_certificate_must_be_good(start_weir, engine, tls_hook):
    hook, _ = tls_hook
    url = "https://localhost:%d/" % hook.port
    weir = start_weir({"alerts": [{"webhook": url}]}, engine)
    r = weir.run("alert", "test")
    assert r.returncode == 1
    assert "certificate" in r.stdout
    assert hook.posts == []


def test_a_good_certificate(start_weir, engine, tls_hook):
    hook, cert = tls_hook
    config = {
        "alerts": [
            {"webhook": "https://localhost:%d/a" % hook.port, "after": "0s"},
            # The same server, by a name that is not in its certificate.
            {"webhook": "https://127.0.0.1:%d/b" % hook.port},
        ]
    }
    weir = start_weir(config, engine, env={"SSL_CERT_FILE": cert})
    r = weir.run("alert", "test")
    assert r.returncode == 1
    good, bad = r.stdout.splitlines()
    assert good.endswith(": delivered") and "certificate" in bad
    away(weir, engine)
    hook.wait(is_json(alert="engine_down", state="firing"))
    assert {p[0] for p in hook.posts} == {"/a"}
    engine.start()
    hook.wait(is_json(alert="engine_down", state="resolved"))


def test_one_that_hangs_holds_up_no_other(start_weir, engine, start_hook):
    """Three that never answer; who comes behind them hears all at once."""
    dead = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
    urls = ["http://127.0.0.1:%d/" % s.getsockname()[1] for s in dead]
    hook = start_hook()
    alerts = [{"webhook": url, "after": "0s"} for url in urls]
    alerts.append({"command": "sleep 60", "after": "0s"})
    alerts.append({"webhook": hook.url(), "after": "0s"})
    weir = start_weir({"alerts": alerts}, engine)
    begin = time.monotonic()
    away(weir, engine)
    hook.wait(is_json(alert="engine_down", state="firing"))
    engine.start()
    hook.wait(is_json(alert="engine_down", state="resolved"))
    # One try takes 10 s where nobody answers.
    assert time.monotonic() - begin < 8
    for s in dead:
        s.close()


def test_secrets_stay_where_they_are(start_weir, engine, start_hook):
    """Not in what weir prints of its configuration, not in its log; and a
    command is not given what a service manager told weir."""
    hook = start_hook([404])

    def config(weir):
        out = weir.folder / "told"
        return {
            "alerts": [
                {"webhook": hook.url("/hook/SECRET?k=SECRET")},
                {"webhook": "https://me:SECRET@localhost:1/SECRET"},
                {"command": "sh -c 'env >%s; : SECRET'" % out},
            ]
        }

    env = {"NOTIFY_SOCKET": "/SECRET", "WATCHDOG_USEC": "60000000"}
    weir = start_weir(config, engine, env=env)
    r = weir.run("alert", "test")
    assert [line.split(": ")[0] for line in r.stdout.splitlines()] == [
        "alerts 1 (127.0.0.1:%d)" % hook.port,
        "alerts 2 (localhost:1)",
        "alerts 3 (sh)",
    ]
    shown = [r.stdout + r.stderr]
    assert "SECRET" in hook.posts[0][0]
    told = (weir.folder / "told").read_text()
    assert "WEIR_ALERT=test\n" in told
    assert "SECRET" not in told and "WATCHDOG" not in told
    for words in (["check"], ["status"], ["status", "--json"],
                  ["alert", "test", "--json"], ["doctor"]):  # fmt: skip
        r = weir.run(*words)
        shown.append(r.stdout + r.stderr)
    assert "webhook: http://127.0.0.1:%d/..." % hook.port in shown[1]
    for path in ("/weir/", "/readyz", "/metrics"):
        shown.append(str(weir.get(path).body))
    weir.wait_event("alert_not_delivered")
    shown += weir.out.lines + [weir.stderr()]
    assert "SECRET" not in "\n".join(map(str, shown))
