"""Keys: who calls, told in five places, kept as a hash."""

import base64
import time

import pytest

from harness import asks
from harness.asks import ask
from harness.caller import bearer
from harness.weir import hash_of, new_key



def basic(text):
    return base64.b64encode(text.encode()).decode()


KEY = new_key("agent")
CALLERS = [{"name": "agent", "key": hash_of(KEY)}]
PLACES = {
    "bearer": {"Authorization": "Bearer " + KEY},
    "bearer in lower case": {"authorization": "bearer " + KEY},
    "x-api-key": {"x-api-key": KEY},
    "api-key": {"api-key": KEY},
    "password": {"Authorization": "Basic " + basic("user:" + KEY)},
    "user name": {"Authorization": "Basic " + basic(KEY + ":")},
}
UNKNOWN = new_key("nobody")


@pytest.mark.weir(callers=CALLERS, anonymous="refuse")
@pytest.mark.parametrize("place", PLACES)
def test_a_key_is_known_wherever_it_stands(weir, engine, place):
    assert ask(weir, "openai", fields=PLACES[place]).status == 200
    assert weir.wait_log()["caller"] == "agent"
    assert KEY not in str(engine.requests[0].raw)


@pytest.mark.weir(callers=CALLERS, anonymous="refuse")
@pytest.mark.parametrize("path", ["/api/chat", "/v1/chat/completions"])
def test_a_key_may_be_the_first_part_of_the_path(weir, engine, path):
    r = weir.post("/k/%s%s" % (KEY, path), asks.body("ollama"))
    assert r.status == 200
    assert engine.requests[0].target == path
    line = weir.wait_log()
    assert (line["caller"], line["path"]) == ("agent", path)
    assert KEY not in str(line)
    assert KEY not in weir.get("/metrics").text()


@pytest.mark.weir(callers=CALLERS, anonymous="refuse")
@pytest.mark.parametrize(
    "path, route",
    [
        ("", "/"),
        ("/", "/"),
        ("/api/tags", "/api/tags"),
        ("/v1/models", "/v1/models"),
        ("/v1/models/llama3.2", "/v1/models/:model"),
    ],
)
def test_a_key_in_the_path_opens_every_route(weir, engine, path, route):
    target = path or "/"
    before = len(engine.probes)
    weir.get("/k/%s%s" % (KEY, path))
    line = weir.wait_log()
    assert (line["caller"], line["path"]) == ("agent", route)
    assert target in [p.target for p in engine.probes[before:]]
    assert KEY not in str([p.raw for p in engine.probes])


@pytest.mark.weir(callers=CALLERS)
@pytest.mark.parametrize("path", ["/api/tags", "/nothing", "", "?x"])
def test_an_unknown_key_in_the_path_is_refused(weir, engine, path):
    r = weir.get("/k/%s%s" % (UNKNOWN, path))
    assert r.status == 401
    assert UNKNOWN not in r.text()
    line = weir.wait_log()
    assert line["err"] == "invalid_api_key"
    assert UNKNOWN not in str(line)


@pytest.mark.weir(callers=CALLERS)
def test_any_other_first_part_of_the_path_is_nobodys(weir, engine):
    assert weir.get("/k/ollama/api/tags").status == 200
    assert weir.wait_log()["caller"].startswith("anonymous")


@pytest.mark.weir(callers=CALLERS)
@pytest.mark.parametrize(
    "path", ["/k", "/k/", "/k//api/tags", "/K/{}/api/tags", "/k/{}//api/tags",
             "/k/{}/k/{}/api/tags", "/k/{}/../api/tags", "//k/{}/api/tags"],
)  # fmt: skip
def test_other_shapes_of_such_a_path_lead_nowhere(weir, engine, path):
    r = weir.get(path.format(KEY, KEY))
    assert r.status == 404
    assert KEY not in r.text()
    assert KEY not in str(weir.wait_log())


@pytest.mark.weir(callers=CALLERS, anonymous="refuse")
def test_a_wrong_password_is_no_key(weir, engine):
    fields = {"Authorization": "Basic " + basic("user:" + UNKNOWN)}
    r = ask(weir, "openai", fields=fields)
    assert r.status == 401
    assert weir.wait_log()["err"] == "invalid_api_key"


@pytest.mark.weir(callers=CALLERS)
@pytest.mark.parametrize("dialect", ["ollama", "openai", "anthropic"])
def test_an_unknown_key_of_weir_is_refused(weir, engine, dialect):
    r = ask(weir, dialect, fields=bearer(UNKNOWN))
    assert r.status == 401
    text, code = asks.error_of(dialect, r)
    assert "weir key add" in text
    assert code in (None, "invalid_api_key", "authentication_error")
    assert engine.requests == []
    line = weir.wait_log()
    assert line["err"] == "invalid_api_key"
    assert UNKNOWN not in str(line)


@pytest.mark.weir(callers=CALLERS)
@pytest.mark.parametrize("secret", ["ollama", "sk-1234", "", "Bearer"])
def test_any_other_secret_is_nobodys(weir, engine, secret):
    """Clients must send something: it says nothing."""
    fields = {"Authorization": "Bearer " + secret}
    assert ask(weir, "openai", fields=fields).status == 200
    assert weir.wait_log()["caller"].startswith("anonymous")


@pytest.mark.weir(callers=CALLERS, anonymous="refuse")
@pytest.mark.parametrize("fields", [{}, bearer("sk-1234"), bearer(UNKNOWN)])
@pytest.mark.parametrize("dialect", ["ollama", "openai", "anthropic"])
def test_without_a_known_key_nobody_enters(weir, engine, fields, dialect):
    r = ask(weir, dialect, fields=fields)
    assert r.status == 401
    asks.error_of(dialect, r)
    assert r.field("www-authenticate")
    assert engine.requests == []


@pytest.mark.weir(callers=CALLERS, anonymous="refuse")
def test_health_needs_no_key(weir):
    assert weir.get("/healthz").status == 200


@pytest.mark.weir(
    callers=[{"name": "local", "from": ["127.0.0.0/8"]}], anonymous="refuse"
)
def test_an_address_may_name_its_caller(weir, engine):
    assert ask(weir, "openai").status == 200
    assert weir.wait_log()["caller"] == "local"


@pytest.mark.weir(trusted_proxies=["127.0.0.1"], log={"address": "full"})
@pytest.mark.parametrize(
    "chain", ["203.0.113.7", "10.9.9.9, 203.0.113.7", "203.0.113.7, 127.0.0.1"]
)
def test_a_trusted_proxy_tells_the_address(weir, engine, chain):
    assert ask(weir, "openai", fields={"X-Forwarded-For": chain}).status == 200
    assert "203.0.113.7" in weir.wait_log()["caller"]


PROXIED = {"X-Forwarded-For": "203.0.113.7"}


@pytest.mark.weir(trusted_proxies=["127.0.0.1"], log={"address": "full"})
def test_a_trusted_proxy_may_speak_rfc_7239(weir, engine):
    fields = {"Forwarded": 'for="[2001:db8::7]:4711";proto=https'}
    assert ask(weir, "openai", fields=fields).status == 200
    assert "2001:db8::" in weir.wait_log()["caller"]


@pytest.mark.weir(trusted_proxies=["127.0.0.1"], log={"address": "full"})
@pytest.mark.parametrize("chain", ["junk", "203.0.113.7, unknown", ""])
def test_a_malformed_address_is_the_proxys(weir, engine, chain):
    assert ask(weir, "openai", fields={"X-Forwarded-For": chain}).status == 200
    assert "127.0.0.1" in weir.wait_log()["caller"]


@pytest.mark.weir(
    trusted_proxies=["127.0.0.1"],
    anonymous="refuse",
    callers=[
        {"name": "proxied", "from": ["203.0.113.0/24"]},
        {"name": "local", "from": ["127.0.0.0/8"]},
    ],
)
def test_the_address_behind_a_proxy_names_its_caller(weir, engine):
    assert ask(weir, "openai", fields=PROXIED).status == 200
    assert weir.wait_log()["caller"] == "proxied"
    assert ask(weir, "openai").status == 200
    assert weir.wait_log(2)["caller"] == "local"
    fields = {"X-Forwarded-For": "198.51.100.1"}
    assert ask(weir, "openai", fields=fields).status == 401


@pytest.mark.weir(
    trusted_proxies=["127.0.0.1"],
    callers=[{"name": "anonymous", "rate": "1/min"}],
)
def test_callers_behind_a_proxy_are_limited_one_by_one(weir, engine):
    for last in "12":
        fields = {"X-Forwarded-For": "203.0.113." + last}
        assert ask(weir, "openai", fields=fields).status == 200
        assert ask(weir, "openai", fields=fields).status == 429


@pytest.mark.parametrize("proxies", [[], ["127.0.0.1"]])
@pytest.mark.parametrize(
    "fields",
    [
        PROXIED,
        {"X-Forwarded-For": "127.0.0.1"},
        {"Forwarded": "for=127.0.0.1"},
        {"X-Real-IP": "127.0.0.1"},
        {"Via": "1.1 edge"},
    ],
)
def test_who_comes_through_a_proxy_is_not_local(
    start_weir, engine, proxies, fields
):
    """Listed or not: metrics are for callers on this machine."""
    weir = start_weir({"trusted_proxies": proxies}, engine)
    assert weir.get("/metrics", fields).status == 403
    assert "engines" not in weir.get("/readyz", fields).json()
    assert weir.get("/metrics").status == 200
    assert "engines" in weir.get("/readyz").json()


@pytest.mark.weir(log={"address": "full"})
def test_nobody_else_tells_an_address(weir, engine):
    ask(weir, "openai", fields={"X-Forwarded-For": "203.0.113.7"})
    assert "203" not in weir.wait_log()["caller"]


@pytest.mark.parametrize("address, shown", [("net", "127.0.0.0"), ("none", "")])
def test_addresses_are_logged_as_told(start_weir, engine, address, shown):
    weir = start_weir({"log": {"address": address}}, engine)
    ask(weir, "openai")
    caller = weir.wait_log()["caller"]
    assert "127.0.0.1" not in caller and shown in caller


def status_until(weir, key, status, seconds):
    """Ask with ${key} until the answer has ${status}; how long it took."""
    begin = time.monotonic()
    while weir.ask("GET", "/api/tags", None, bearer(key)).status != status:
        spent = time.monotonic() - begin
        assert spent < seconds, "not %d within %g s" % (status, seconds)
    return time.monotonic() - begin


@pytest.mark.weir(
    anonymous="refuse",
    callers=[{"name": "agent"}],
    limits={"listing": "100000/s"},
)
def test_keys_are_made_and_revoked_within_a_second(weir, engine):
    made = weir.run("key", "add", "agent")
    assert made.returncode == 0, made.stderr
    keys = [w for w in made.stdout.split() if w.startswith("weir_")]
    assert len(keys) == 1 and len(keys[0]) >= 5 + 43, "256 bits in base64"
    status_until(weir, keys[0], 200, 1)
    listed = weir.run("key", "list")
    assert listed.returncode == 0 and "agent" in listed.stdout
    assert keys[0] not in listed.stdout
    assert keys[0] not in "".join(
        p.read_text(errors="replace")
        for p in (weir.folder / "state").rglob("*")
        if p.is_file()
    ), "only a hash is kept"
    gone = weir.run("key", "revoke", "agent")
    assert gone.returncode == 0, gone.stderr
    status_until(weir, keys[0], 401, 1)
