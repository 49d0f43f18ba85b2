"""What may be reached: by the path as it is written, and no other."""

import pytest

from harness import asks, replies
from harness.caller import request

MANAGE = [
    ("POST", "/api/pull"),
    ("POST", "/api/push"),
    ("POST", "/api/create"),
    ("POST", "/api/copy"),
    ("DELETE", "/api/delete"),
    ("POST", "/api/blobs/sha256:" + "0" * 64),
    ("HEAD", "/api/blobs/sha256:" + "0" * 64),
]
CLOSED = [
    ("POST", "/api/me"),
    ("POST", "/api/signout"),
    ("DELETE", "/api/user/keys/abc"),
    ("POST", "/api/experimental/web_search"),
    ("POST", "/api/experimental/web_fetch"),
    ("GET", "/slots"),
    ("POST", "/slots/0?action=erase"),
    ("POST", "/props"),
    ("GET", "/debug/pprof"),
]
TRICKS = [
    "/api/%70ull",
    "/api/pul%6C",
    "/api%2fpull",
    "/api%2Fpull",
    "//api/pull",
    "/api//pull",
    "/api/./pull",
    "/./api/pull",
    "/api/tags/../pull",
    "/api/%2e%2e/api/pull",
    "/api/tags/%2e%2e/pull",
    "/api/pull/",
    "/api/pull;a=b",
    "/api;a/pull",
    "/api/pull%00",
    "/api/pull%20",
    "/API/pull",
    "/api/Pull",
    "\\api\\pull",
    "/api\\pull",
    "/v1/../api/pull",
    "/api/pull#x",
    "api/pull",
    "*",
    "http://localhost/api/pull",
    "http://127.0.0.1:11434/api/pull",
    "HTTP://LOCALHOST/api/pull",
    "http://localhost//api/pull",
    "http://localhost/api/%70ull",
]


def tried(engine):
    """What reached the engine besides its own health."""
    known = ("/", "/api/tags", "/api/ps", "/api/version", "/v1/models")
    return [
        (r.method, r.target)
        for r in engine.probes + engine.requests
        if r.target not in known
    ]


@pytest.mark.parametrize("method, path", MANAGE)
def test_changing_models_is_for_managers(weir, engine, method, path):
    r = weir.ask(method, path, {"model": "llama3.2"})
    assert r.status == 403
    if method != "HEAD":
        text, _ = asks.error_of("ollama", r)
        assert "manage_models" in text, "the text names the way around"
    assert tried(engine) == []
    assert weir.wait_log()["err"] == "model_management_forbidden"


@pytest.mark.parametrize("method, path", CLOSED)
@pytest.mark.weir(callers=[{"name": "anonymous", "manage_models": True}])
def test_accounts_and_insides_are_closed_to_all(weir, engine, method, path):
    r = weir.ask(method, path, {} if method == "POST" else None)
    assert r.status == 403
    assert tried(engine) == []
    assert weir.wait_log()["err"] == "route_forbidden"


@pytest.mark.parametrize("trick", TRICKS)
def test_no_spelling_of_a_path_opens_it(weir, engine, trick):
    with weir.connect() as caller:
        caller.send(request("POST", trick, {"model": "llama3.2"}))
        r = caller.response().finish()
    assert r.status in (400, 403, 404)
    assert tried(engine) == []
    assert weir.wait_log().get("path") in (None, "/api/pull")


@pytest.mark.parametrize("trick", TRICKS)
@pytest.mark.weir(callers=[{"name": "anonymous", "manage_models": True}])
def test_nor_for_a_manager_but_by_its_name(weir, engine, trick):
    """What goes on is the route's own path, never another spelling."""
    engine.paths.add("/api/pull")
    engine.script = lambda exchange: exchange.whole({"status": "success"})
    with weir.connect() as caller:
        caller.send(request("POST", trick, {"model": "llama3.2"}))
        r = caller.response().finish()
    assert r.status in (200, 400, 404)
    assert {r.target for r in engine.requests} <= {"/api/pull"}
    assert tried(engine) in ([], [("POST", "/api/pull")])


@pytest.mark.parametrize(
    "method, path, dialect",
    [
        ("GET", "/nothing", "ollama"),
        ("GET", "/api/nothing", "ollama"),
        ("POST", "/v1/nothing", "openai"),
        ("POST", "/v1/messages/batches", "anthropic"),
        ("GET", "/.git/config", "ollama"),
    ],
)
def test_an_unknown_path_is_not_there(weir, engine, method, path, dialect):
    r = weir.ask(method, path, {} if method == "POST" else None)
    assert r.status == 404
    if dialect != "ollama" or path.startswith("/api/"):
        asks.error_of(dialect, r)
    assert tried(engine) == []
    line = weir.wait_log()
    assert line["err"] == "route_not_found"
    assert path not in str(line)


@pytest.mark.parametrize(
    "method, path, allow",
    [
        ("GET", "/api/chat", {"POST"}),
        ("POST", "/api/tags", {"GET", "HEAD"}),
        ("PUT", "/v1/chat/completions", {"POST"}),
        ("DELETE", "/v1/models", {"GET", "HEAD"}),
    ],
)
def test_a_known_path_names_its_methods(weir, engine, method, path, allow):
    r = weir.ask(method, path, {} if method != "GET" else None)
    assert r.status == 405
    assert set(r.field("allow").replace(" ", "").split(",")) >= allow
    assert tried(engine) == []


def test_the_absolute_form_is_the_same_route(weir, engine):
    with weir.connect() as caller:
        r = caller.ask(
            "POST", "http://localhost/api/chat", asks.body("ollama")
        )
    assert r.status == 200
    assert engine.requests[0].target == "/api/chat"


def test_a_query_belongs_to_no_route(weir, engine):
    body = replies.dump(asks.body("ollama"))
    r = weir.ask("POST", "/api/chat?secret=%2e%2e/pull", body)
    assert r.status == 200
    assert "secret" not in str(weir.wait_log())
