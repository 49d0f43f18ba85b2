"""Web pages: which may call, and what browsers are told."""

import socket

import pytest

from harness import asks
from harness.asks import ask
from harness.caller import Caller, bearer
from harness.weir import OWN, hash_of, new_key

KEY = new_key("page")
CALLERS = [{"name": "page", "key": hash_of(KEY)}]
OURS = "https://app.example"
EVIL = "https://evil.example"
PREFLIGHT = {
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": "authorization,content-type",
}


def reached(engine):
    """What reached the engine but weir's own looks at it."""
    return [
        (r.method, r.target)
        for r in engine.probes + engine.requests
        if r.method != "GET"
    ]


def cors(r):
    return r.field("access-control-allow-origin")


# --- Host ---


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:11435", "localhost.evil.example",
     "127.0.0.1.evil.example", "lan", "localhost:x"],
)  # fmt: skip
@pytest.mark.parametrize(
    "path", ["/api/tags", "/metrics", "/readyz", "/nothing", "/"]
)
def test_a_foreign_host_is_refused(weir, engine, host, path):
    """DNS rebinding: a page's own name is not ours."""
    seen = len(engine.probes)
    r = weir.ask("GET", path, host=host)
    assert r.status == 403
    assert "hosts" in r.text()
    assert len(engine.probes) == seen
    if path not in OWN:
        line = weir.wait_log()
        assert line["err"] == "host_not_allowed"
        assert "evil" not in str(line)


@pytest.mark.parametrize("dialect", ["ollama", "openai", "anthropic"])
def test_nothing_is_asked_of_a_model_by_a_foreign_host(weir, engine, dialect):
    r = weir.ask(
        "POST", asks.DIALECTS[dialect], asks.body(dialect), host="evil.example"
    )
    assert r.status == 403
    asks.error_of(dialect, r)
    assert engine.requests == []


@pytest.mark.parametrize(
    "host",
    ["localhost", "LOCALHOST:11435", "127.0.0.1", "[::1]:11435", "192.168.1.9",
     "gpubox.local", "ollama.internal", "a.localhost", "box.lan",
     socket.gethostname()],
)  # fmt: skip
@pytest.mark.weir(hosts=["box.lan"])
def test_hosts_that_are_ours_are_served(weir, engine, host):
    with weir.connect() as caller:
        assert caller.ask("GET", "/api/tags", host=host).status == 200


@pytest.mark.weir(callers=CALLERS)
def test_a_key_makes_any_host_ours(weir, engine):
    with weir.connect() as caller:
        r = caller.ask("GET", "/api/tags", fields=bearer(KEY), host="evil.x")
        assert r.status == 200
        r = caller.ask("GET", "/api/tags", fields=bearer("sk-1"), host="evil.x")
        assert r.status == 403


def test_over_a_unix_socket_any_host_is_ours(start_weir, engine):
    weir = start_weir(
        lambda w: {"listen": ["127.0.0.1:%d" % w.port,
                              "unix:%s/w.sock" % w.folder]},
        engine,
    )  # fmt: skip
    with Caller(str(weir.folder / "w.sock")) as caller:
        assert caller.ask("GET", "/api/tags", host="docker").status == 200


def test_without_a_host_it_is_no_browser(weir, engine):
    with weir.connect() as caller:
        caller.send(b"GET /api/tags HTTP/1.0\r\n\r\n")
        assert caller.response("GET").finish().status == 200


def test_a_reload_learns_another_name(weir, engine):
    def status():
        with weir.connect() as caller:
            return caller.ask("GET", "/api/tags", host="new.example").status

    assert status() == 403
    weir.reload({"hosts": ["new.example"]}, command=True)
    assert status() == 200


# --- Origin ---


@pytest.mark.weir(origins=[OURS, "https://*.team.example"])
@pytest.mark.parametrize(
    "origin, status",
    [
        ("http://localhost:3000", 200),
        ("http://127.0.0.1", 200),
        ("app://obsidian.md", 200),
        ("tauri://localhost", 200),
        (OURS, 200),
        ("https://a.team.example", 200),
        (EVIL, 403),
        ("http://app.example", 403),
        ("https://app.example.evil.example", 403),
        ("http://localhost.evil.example", 403),
        ("null", 403),
        ("chrome-extension://abcdef", 403),
    ],
)
def test_foreign_origins_are_refused(weir, engine, origin, status):
    seen = len(engine.probes)
    r = weir.ask("GET", "/api/tags", None, {"Origin": origin})
    assert r.status == status
    if status == 200:
        assert cors(r) == origin
        assert r.field("vary") == "Origin"
        return
    assert cors(r) is None
    assert len(engine.probes) == seen
    line = weir.wait_log()
    assert line["err"] == "origin_not_allowed"
    assert "evil" not in str(line)


@pytest.mark.weir(callers=CALLERS)
@pytest.mark.parametrize("dialect", ["ollama", "openai", "anthropic"])
def test_a_foreign_page_is_refused_with_a_key_too(weir, engine, dialect):
    r = ask(weir, dialect, fields={**bearer(KEY), "Origin": EVIL})
    assert r.status == 403
    assert cors(r) is None
    assert engine.requests == []


@pytest.mark.weir(callers=CALLERS, anonymous="refuse")
@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
@pytest.mark.parametrize("fields", [{}, bearer("weir_unknown")])
def test_nor_may_it_read_what_needs_no_key(weir, path, fields):
    r = weir.ask("GET", path, None, {**fields, "Origin": EVIL})
    assert r.status == 403
    with weir.connect() as caller:
        assert caller.get(path, fields, host="evil.example").status == 403
        assert caller.get(path, fields).status in (200, 503)


@pytest.mark.parametrize(
    "content", ["text/plain", "application/x-www-form-urlencoded"]
)
def test_a_form_of_a_foreign_page_triggers_nothing(weir, engine, content):
    """Requests that browsers send without asking first."""
    fields = {"Origin": EVIL, "Sec-Fetch-Site": "cross-site",
              "Content-Type": content}  # fmt: skip
    r = weir.ask("POST", "/api/generate", b'{"model":"llama3.2"}', fields)
    assert r.status == 403
    assert engine.requests == []


@pytest.mark.weir(callers=CALLERS)
@pytest.mark.parametrize("key", [{}, bearer(KEY)])
def test_nor_does_an_image_of_it(weir, engine, key):
    fields = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}
    seen = len(engine.probes)
    r = weir.ask("GET", "/api/tags", None, {**fields, **key})
    assert r.status == 403
    assert len(engine.probes) == seen
    assert weir.wait_log()["err"] == "origin_not_allowed"


@pytest.mark.parametrize("site", ["none", "same-origin", "same-site"])
def test_what_a_user_types_is_served(weir, engine, site):
    r = weir.ask("GET", "/api/tags", None, {"Sec-Fetch-Site": site})
    assert r.status == 200
    assert cors(r) is None


@pytest.mark.weir(hosts=["weir.example"])
def test_a_page_of_weirs_own_may_call(weir, engine):
    with weir.connect() as caller:
        fields = {"Origin": "https://weir.example"}
        r = caller.ask("GET", "/api/tags", None, fields, host="weir.example")
        assert (r.status, cors(r)) == (200, "https://weir.example")
        fields = {"Origin": "http://evil.example"}
        r = caller.ask("GET", "/api/tags", None, fields, host="evil.example")
        assert r.status == 403


@pytest.mark.weir(callers=CALLERS)
def test_a_rebound_page_is_none_of_weirs_own(weir, engine):
    fields = {"Origin": "http://evil.example", **bearer(KEY)}
    with weir.connect() as caller:
        r = caller.ask("GET", "/api/tags", None, fields, host="evil.example")
    assert r.status == 403


# --- what browsers are told ---


@pytest.mark.weir(origins=[OURS], anonymous="refuse")
@pytest.mark.parametrize(
    "path",
    ["/api/chat", "/v1/chat/completions", "/k/weir_some/v1/models", "/nothing"],
)
def test_a_preflight_needs_no_key(weir, engine, path):
    r = weir.ask("OPTIONS", path, None, {"Origin": OURS, **PREFLIGHT})
    assert r.status == 204
    assert cors(r) == OURS
    assert r.field("vary") == "Origin"
    assert "POST" in r.field("access-control-allow-methods")
    assert r.field("access-control-allow-headers") == (
        "authorization,content-type"
    )
    assert int(r.field("access-control-max-age")) > 0
    assert r.field("access-control-allow-credentials") is None
    assert r.field("content-length") is None
    assert reached(engine) == []
    assert weir.wait_log()["status"] == 204


@pytest.mark.weir(origins=[OURS], callers=CALLERS)
@pytest.mark.parametrize("key", [{}, bearer(KEY)])
def test_a_preflight_of_a_foreign_page_is_refused(weir, engine, key):
    fields = {"Origin": EVIL, **PREFLIGHT, **key}
    r = weir.ask("OPTIONS", "/api/chat", None, fields)
    assert r.status == 403
    assert cors(r) is None
    assert r.field("access-control-allow-methods") is None
    assert reached(engine) == []


def test_a_browser_may_ask_for_a_private_network(weir):
    fields = {"Origin": "http://localhost", **PREFLIGHT,
              "Access-Control-Request-Private-Network": "true"}  # fmt: skip
    r = weir.ask("OPTIONS", "/api/chat", None, fields)
    assert r.field("access-control-allow-private-network") == "true"


def test_options_that_ask_nothing_are_another_method(weir, engine):
    for fields in ({}, {"Origin": OURS}, PREFLIGHT):
        r = weir.ask("OPTIONS", "/api/chat", None, fields)
        assert r.status in (403, 405)


@pytest.mark.weir(origins=[OURS])
def test_the_engines_own_fields_do_not_come_through(weir, engine):
    def script(exchange):
        exchange.whole(
            {"done": True},
            fields=[
                ("Access-Control-Allow-Origin", "*"),
                ("Access-Control-Allow-Credentials", "true"),
                ("Vary", "Accept"),
            ],
        )

    engine.then(script, script)
    r = ask(weir, "ollama", stream=False, fields={"Origin": OURS})
    assert cors(r) == OURS
    assert r.field("access-control-allow-credentials") is None
    assert r.field("vary") == "Origin"
    r = ask(weir, "ollama", stream=False)
    assert cors(r) is None
    for request in engine.requests:
        assert b"rigin" not in request.head


@pytest.mark.weir(
    origins=[OURS],
    anonymous="refuse",
    callers=[{**CALLERS[0], "rate": "1/hour", "models": ["llama3.2"]}],
)
def test_a_page_can_read_why_it_was_refused(weir, engine):
    page = {"Origin": OURS}
    known = {**page, **bearer(KEY)}
    got = [
        ask(weir, "openai", fields=page),
        ask(weir, "openai", fields=known),
        ask(weir, "openai", fields=known),
        weir.ask("GET", "/nothing", None, known),
        weir.ask("GET", "/api/chat", None, known),
    ]
    assert [r.status for r in got] == [401, 200, 429, 404, 405]
    for r in got:
        assert cors(r) == OURS
        assert r.field("access-control-expose-headers") == "*"


@pytest.mark.weir(origins=[OURS])
@pytest.mark.parametrize("dialect", ["ollama", "openai", "anthropic"])
def test_streams_are_for_pages_too(weir, engine, dialect):
    r = ask(weir, dialect, stream=True, fields={"Origin": OURS})
    assert (r.status, cors(r)) == (200, OURS)
