"""overflow: fit - a longer prompt has Ollama load a larger context, in steps."""

import threading

import pytest

from harness.caller import Caller

ROUTE = "/api/chat"
LOADED, MOST = 512, 2048


@pytest.fixture
def fitting(ollama, start_weir):
    """A weir that has counted once, before an Ollama with 512 tokens."""

    def start(**policy):
        weir = start_weir(
            {"models": {ollama.model: {"overflow": "fit", "context": MOST,
                                       "min_output": 16, **policy}}},
            ollama,
        )  # fmt: skip
        for n in range(100):
            assert weir.post(ROUTE, say(ollama, 3)).status == 200
            line = weir.wait_log(n + 1)
            if "counted_tokens" in line:
                return weir
        raise AssertionError("never counted")

    # What another spec had loaded larger is let go.
    unload(ollama)
    yield start
    unload(ollama)


def unload(engine):
    with Caller(engine.address) as caller:
        body = {"model": engine.model, "keep_alive": 0}
        assert caller.post("/api/generate", body).status == 200


def say(engine, words, **more):
    return {
        "model": engine.model,
        "messages": [{"role": "user", "content": "boat " * words}],
        "stream": False,
        "options": {"num_predict": 2},
        **more,
    }


def loaded(engine):
    """The context that is loaded, as the engine says."""
    with Caller(engine.address) as caller:
        models = caller.get("/api/ps").json()["models"]
    return [m["context_length"] for m in models if m["name"].split(":")[0] == engine.model]


def ask(weir, engine, words, **more):
    seen = len(weir.access_lines())
    answer = weir.post(ROUTE, say(engine, words, **more))
    return answer, weir.wait_log(seen + 1)


def test_it_grows_in_steps_and_stays(fitting, ollama):
    weir = fitting()
    have = []
    for words in (10, 600, 700, 20, 1300, 1500, 20):
        answer, line = ask(weir, ollama, words)
        assert answer.status == 200, answer.text()
        assert line["input_tokens"] >= line["counted_tokens"] - 1
        assert "truncated_by_engine" not in line
        have += loaded(ollama)
        # Who needs no more rides on it.
        assert have[-1] == LOADED or "num_ctx" in line["edits"]
    assert have == [512, 1024, 1024, 1024, 2048, 2048, 2048]


def test_what_can_never_fit_is_refused_with_the_numbers(fitting, ollama):
    weir = fitting()
    answer, line = ask(weir, ollama, 4000)
    assert answer.status == 400
    assert "%d tokens (as it may be loaded)" % MOST in answer.text()
    assert line["err"] == "context_length_exceeded"


def test_a_model_that_is_used_on_v1_does_not_grow(fitting, ollama):
    weir = fitting()
    body = say(ollama, 3, max_tokens=2)
    assert weir.post("/v1/chat/completions", body).status == 200
    answer, _ = ask(weir, ollama, 700)
    assert answer.status == 400
    assert "%d tokens (as loaded)" % LOADED in answer.text()


def test_many_at_once_make_one_load(fitting, ollama):
    weir = fitting()
    got = []

    def one(words):
        got.append(weir.post(ROUTE, say(ollama, words)).status)

    threads = [threading.Thread(target=one, args=(700 + n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert got == [200] * 6
