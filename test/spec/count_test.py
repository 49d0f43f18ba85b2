"""Prompts are counted before the engine sees them, as the engine counts."""

import random

import pytest

from harness import asks, metrics
from harness.caller import Caller

ROUTES = {
    "openai": "/v1/chat/completions",
    "ollama": "/api/chat",
    "anthropic": "/v1/messages",
}
WORDS = "the old river finds a quiet boat, émile! 漢字 {x: 1} \\n; \"q\"".split(" ")


def say(engine, words, **more):
    # What stands at the ends may be joined with what the template adds.
    content = " ".join(["the", *random.choices(WORDS, k=words), "boat"])
    body = {
        "model": engine.model,
        "messages": [{"role": "user", "content": content}],
        "stream": False,
        "max_tokens": 2,
        "options": {"num_predict": 2},
        **more,
    }
    return body


@pytest.fixture
def real(request, start_weir):
    """(weir, engine) once weir has read the model's vocabulary."""
    engine = request.getfixturevalue(request.param)
    weir = start_weir({"edits": {"truncate": True}}, engine)
    path = ROUTES["ollama" if engine.kind == "ollama" else "openai"]
    for n in range(100):
        assert weir.post(path, say(engine, 3)).status == 200
        if "counted_tokens" in weir.wait_log(n + 1):
            return weir, engine
    raise AssertionError("never counted")


def learn(weir, path, body):
    """Send ${body} twice, so that what the template adds is known."""
    for _ in range(2):
        seen = len(weir.access_lines())
        assert weir.post(path, body).status == 200
        line = weir.wait_log(seen + 1)
    return line["input_tokens"]


BOTH = pytest.mark.parametrize(
    "real, dialect",
    [
        ("llama_server", "openai"),
        ("llama_server", "anthropic"),
        ("ollama", "ollama"),
        ("ollama", "openai"),
    ],
    indirect=["real"],
)


@BOTH
def test_counts_are_the_engine_s(real, dialect):
    weir, engine = real
    path = ROUTES[dialect]
    random.seed(7)
    body = say(engine, 5)
    learn(weir, path, body)
    for words in range(1, 40, 3):
        seen = len(weir.access_lines())
        assert weir.post(path, say(engine, words)).status == 200
        line = weir.wait_log(seen + 1)
        assert abs(line["counted_tokens"] - line["input_tokens"]) <= 1


@BOTH
def test_what_cannot_fit_is_refused_here(real, dialect):
    weir, engine = real
    before = metrics.total(weir.metrics(), "weir_retries_total")
    for words in (100000, 40000):
        seen = len(weir.access_lines())
        r = weir.post(ROUTES[dialect], say(engine, words))
        assert r.status == 400
        text, code = asks.error_of(dialect, r)
        assert "too long" in text
        line = weir.wait_log(seen + 1)
        assert line["err"] == "context_length_exceeded"
        assert line["counted_tokens"] > words
        assert str(line["counted_tokens"]) in text
        assert "engine" not in line, "it never went there"
    assert before == metrics.total(weir.metrics(), "weir_retries_total")


@BOTH
def test_never_a_silent_cut(real, dialect):
    """Around the limit: either all of it was read, or it is an error."""
    weir, engine = real
    path = ROUTES[dialect]
    random.seed(11)
    for words in (50, 200, 800, 1600, 3200, 6400):
        seen = len(weir.access_lines())
        r = weir.post(path, say(engine, words))
        line = weir.wait_log(seen + 1)
        if r.status == 200:
            assert "truncated_by_engine" not in line
            assert line["input_tokens"] >= line["counted_tokens"] - 1
        else:
            assert line["err"] == "context_length_exceeded"


@BOTH
def test_near_the_limit_the_engine_is_asked(real, dialect):
    """What weir calls exact is what the engine would have counted."""
    weir, engine = real
    path = ROUTES[dialect]
    asked = told = 0
    limit = weir.post("/weir/count", say(engine, 3)).json()["limit"]
    random.seed(5)
    texts = weir.post("/weir/count", say(engine, 200)).json()["texts"]
    weir.wait_log(lambda line: line.get("counted_tokens", 0) > texts)
    for words in range(-40, 41, 5):
        n = int((limit - 2) * 200 / texts) + words
        seen = len(weir.access_lines())
        r = weir.post(path, say(engine, n))
        line = weir.wait_log(seen + 1)
        if not line.get("counted_exactly"):
            continue
        asked += 1
        if r.status == 200:
            told += 1
            assert line["input_tokens"] == line["counted_tokens"]
            assert line["counted_tokens"] + 2 <= limit
        else:
            assert line["counted_tokens"] + 2 > limit
            assert str(line["counted_tokens"]) in r.text()
    assert asked > 0


@pytest.mark.parametrize(
    "real, path, limit",
    [
        ("ollama", "/api/chat", {"options": {"num_predict": -1}}),
        ("ollama", "/v1/chat/completions", {}),
        ("ollama", "/v1/messages", {"max_tokens": 32000}),
    ],
    indirect=["real"],
)
def test_no_answer_outgrows_the_context(start_weir, real, path, limit):
    """Ollama would shift its context and go on, up to ten times of it."""
    _, engine = real
    weir = start_weir({"edits": {"truncate": True, "output": True}}, engine)
    edited = 0
    for n in range(30):
        body = say(engine, 60)
        del body["max_tokens"], body["options"]
        assert weir.post(path, {**body, **limit}).status == 200
        line = weir.wait_log(n + 1)
        if "output" not in line.get("edits", []):
            continue  # the vocabulary is being read
        edited += 1
        assert line["input_tokens"] + line["output_tokens"] <= 512
        if edited == 8:
            break
    assert edited == 8
    assert metrics.total(weir.metrics(), "weir_edits_total", edit="output") > 0


@pytest.mark.parametrize("real", ["llama_server"], indirect=True)
def test_a_hang_up_while_it_is_counted(real):
    weir, engine = real
    body = say(engine, 200000)
    for _ in range(5):
        with weir.connect() as caller:
            caller.begin("POST", ROUTES["openai"], body)
    r = weir.post(ROUTES["openai"], say(engine, 3))
    assert r.status == 200


@pytest.mark.weir(models={"llama3.2": {"context": 20, "min_output": 4}})
def test_without_a_vocabulary_the_engine_judges(weir, engine):
    assert asks.ask(weir, "ollama").status == 200
    assert "counted_tokens" not in weir.wait_log(1)


@BOTH
def test_the_count_itself_can_be_asked_for(real, dialect):
    weir, engine = real
    body = say(engine, 30)
    told = learn(weir, ROUTES[dialect], body)
    r = weir.post("/weir/count", body)
    assert r.status == 200
    count = r.json()
    assert abs(count["total"] - told) <= 1
    assert count["fits"] and count["limit"] > 0
    assert count["total"] == count["texts"] + count["template"]["least"]
    assert weir.wait_log(lambda n: n["path"] == "/weir/count")["err"] is None


@BOTH
def test_the_dialects_own_counts_are_answered(real, dialect):
    weir, engine = real
    body = say(engine, 30)
    if dialect == "ollama":
        pytest.skip("has no such route")
    told = learn(weir, ROUTES[dialect], body)
    route = {
        "openai": "/v1/chat/completions/input_tokens",
        "anthropic": "/v1/messages/count_tokens",
    }
    r = weir.post(route[dialect], body)
    if engine.kind == "ollama" or r.status == 200:
        assert abs(r.json()["input_tokens"] - told) <= 1


@pytest.mark.parametrize("real", ["llama_server", "ollama"], indirect=True)
def test_tokens_are_told(real):
    weir, engine = real
    r = weir.post(
        "/weir/tokenize",
        {"model": engine.model, "content": "the old river \"émile\"\n"},
    )
    assert r.status == 200
    told = r.json()
    assert told["count"] == len(told["tokens"]) > 3
    if engine.kind == "llama-server":
        with Caller(engine.address) as caller:
            own = caller.post(
                "/tokenize",
                {"content": "the old river \"émile\"\n", "add_special": True},
            )
        assert own.json()["tokens"] == told["tokens"]


@pytest.mark.parametrize(
    "path, body, status, code",
    [
        ("/weir/tokenize", {"content": 7}, 400, "invalid_field"),
        ("/weir/count", {"prompt": "a"}, 400, "model_required"),
    ],
)
@pytest.mark.parametrize("real", ["llama_server"], indirect=True)
def test_mistakes_are_explained(real, path, body, status, code):
    weir, engine = real
    if code == "invalid_field":
        body = {"model": engine.model, **body}
    r = weir.post(path, body)
    assert r.status == status
    assert r.json()["error"]["code"] == code


def test_a_model_that_cannot_be_counted(weir, engine):
    r = asks.ask(weir, "openai")
    r = weir.post("/weir/count", asks.body("openai"))
    assert r.status == 404
    text, code = asks.error_of("openai", r)
    assert code == "count_unavailable" and "file" in text


@pytest.mark.parametrize("real", ["llama_server", "ollama"], indirect=True)
def test_the_command_asks_the_running_weir(real, tmp_path):
    """The whole text, white space at its ends too, and BOS."""
    weir, engine = real
    file = tmp_path / "text"
    file.write_text("\n the old river \"émile\"\n\n" * 2000)
    done = weir.run("count", "-m", engine.model, str(file))
    assert (done.returncode, done.stderr) == (0, "")
    told = int(done.stdout)
    assert told > 2000
    if engine.kind == "llama-server":
        with Caller(engine.address) as caller:
            own = caller.post(
                "/tokenize", {"content": file.read_text(), "add_special": True}
            )
        assert told == len(own.json()["tokens"])
    done = weir.run("count", "--model", engine.model, input="")
    assert done.returncode == 0 and done.stdout in ("0\n", "1\n")
    if engine.kind == "ollama":
        done = weir.run("count", "-m", "unheard-of", str(file))
        assert done.returncode == 1 and "unheard-of" in done.stderr
        assert done.stdout == ""


@pytest.mark.parametrize("real", ["llama_server"], indirect=True)
@pytest.mark.weir()
def test_the_command_needs_a_weir_and_a_model(real):
    weir, engine = real
    assert weir.run("count").returncode == 2
    assert weir.run("count", "-m", "a", "-g", "b").returncode == 2
    assert weir.run("count", "-m", "a", "--jsonl").returncode == 2
    weir.stop()
    weir.folder.mkdir(exist_ok=True)
    weir.write_config({})
    done = weir.run("count", "-m", engine.model, input="a")
    assert done.returncode == 1 and "running" in done.stderr
