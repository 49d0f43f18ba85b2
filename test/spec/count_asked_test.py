"""Engines are asked for their own count where weir's is not enough."""

import pytest

from harness import asks, metrics, replies
from harness.before import Before
from harness.caller import Caller, request
from harness.engine import ScriptedEngine

CHAT = "/v1/chat/completions"


def say(model, words, **more):
    return {
        "model": model,
        "messages": [{"role": "user", "content": "the " * words + "boat"}],
        "stream": False,
        "max_tokens": 2,
        **more,
    }


def results(weir):
    """{result: how often} of engines that were asked."""
    return {
        labels["result"]: value
        for name, labels, value in weir.metrics()
        if name == "weir_engine_counts_total"
    }


# --- vLLM: scripted, as its sources say; there is none here that could run ---


class Vllm(ScriptedEngine):
    """vllm/entrypoints/serve/tokenize, and the check of its renderer."""

    def __init__(self, most=1000, knows=True):
        super().__init__(
            "openai", [{"name": replies.MODEL, "id": replies.MODEL}]
        )
        self.most = most
        self.counts = []
        self.pages["GET", "/v1/models"] = self.models_page
        if knows:
            self.pages["POST", "/tokenize"] = self.tokenize
        self.script = self.complete

    def models_page(self, exchange):
        card = {"id": replies.MODEL, "object": "model", "owned_by": "vllm",
                "max_model_len": self.most}
        exchange.whole({"object": "list", "data": [card]})

    @staticmethod
    def tokens(asked):
        # A word is a token, and so is what the template puts around it.
        if "prompt" in asked:
            return asked["prompt"].split()
        words = [w for m in asked["messages"] for w in m["content"].split()]
        return words + ["<|im_start|>"] * (3 * len(asked["messages"]))

    def tokenize(self, exchange):
        asked = exchange.request.json()
        known = {"model", "messages", "prompt", "tools", "chat_template_kwargs",
                 "add_generation_prompt", "add_special_tokens"}
        assert set(asked) <= known, asked
        self.counts.append(asked)
        n = len(self.tokens(asked))
        exchange.whole({"count": n, "max_model_len": self.most,
                        "tokens": list(range(n)), "token_strs": None})

    def complete(self, exchange):
        asked = exchange.request.json()
        n, most = len(self.tokens(asked)), asked.get("max_tokens", 1)
        if n + most > self.most:
            exchange.whole({"error": {
                "message": "This model's maximum context length is %d tokens. "
                "However, you requested %d output tokens and your prompt "
                "contains %d input tokens, for a total of %d tokens." % (
                    self.most, most, n, n + most),
                "type": "BadRequestError", "param": "input_tokens",
                "code": 400}}, 400)
            return
        exchange.answer()


@pytest.fixture
def vllm(request):
    engine = Vllm(**getattr(request, "param", {}))
    yield engine
    engine.stop()
    engine.check()


def test_vllm_is_asked_near_the_limit(start_weir, vllm):
    weir = start_weir({"edits": {"output": True}}, vllm)
    r = weir.post(CHAT, say(replies.MODEL, 20))
    assert r.status == 200 and vllm.counts == [], "it is far away"
    r = weir.post(CHAT, say(replies.MODEL, 700, tools=[], tool_choice="auto"))
    line = weir.wait_log(2)
    assert (r.status, line["counted_exactly"]) == (200, True)
    assert line["counted_tokens"] == 704
    r = weir.post(CHAT, say(replies.MODEL, 1200))
    text, code = asks.error_of("openai", r)
    assert (r.status, code) == (400, "context_length_exceeded")
    assert "1204 tokens" in text and "1000" in text
    assert len(vllm.requests) == 2, "the last was refused here"
    assert results(weir) == {"asked": 2}


def test_vllm_answers_who_asks_for_more_than_fits(start_weir, vllm):
    """Agents ask for 32,000 tokens as a habit; vLLM would answer 400."""
    weir = start_weir({"edits": {"output": True}}, vllm)
    r = weir.post(CHAT, say(replies.MODEL, 600, max_tokens=32000))
    assert r.status == 200
    assert vllm.requests[0].json()["max_tokens"] == 1000 - 604
    assert "output" in weir.wait_log(1)["edits"]


def test_vllm_counts_completions(start_weir, vllm):
    weir = start_weir({}, vllm)
    body = {"model": replies.MODEL, "prompt": "the " * 990, "max_tokens": 40}
    r = weir.post("/v1/completions", body)
    assert r.status == 400
    assert vllm.counts[0]["prompt"] == body["prompt"]
    assert "990 tokens" in asks.error_of("openai", r)[0]


@pytest.mark.parametrize("vllm", [{"knows": False}], indirect=True)
def test_who_does_not_count_is_not_asked_again(start_weir, vllm):
    weir = start_weir({}, vllm)
    for _ in range(3):
        r = weir.post(CHAT, say(replies.MODEL, 1200))
        assert r.status == 400, "its own refusal"
        assert "1204 tokens" in asks.error_of("openai", r)[0]
    assert [p.path for p in vllm.probes].count("/tokenize") == 1
    assert results(weir) == {"unsupported": 3}
    # A new one may know it.
    vllm.stop()
    with weir.connect() as caller:
        caller.send(request("POST", CHAT, say(replies.MODEL, 1200)))
        weir.wait_metric("weir_engine_up", lambda up: up == 0)
        vllm.pages["POST", "/tokenize"] = vllm.tokenize
        vllm.start()
        assert caller.response().finish().status == 400
    assert len(vllm.counts) == 1 and len(vllm.requests) == 3


def test_a_path_that_is_answered_by_anything_is_no_count(start_weir, vllm):
    """LM Studio says 200 to what it does not know."""
    vllm.pages["POST", "/tokenize"] = lambda exchange: exchange.whole(
        {"error": "Unexpected endpoint or method. (POST /tokenize)"}
    )
    weir = start_weir({}, vllm)
    for n in range(2):
        assert weir.post(CHAT, say(replies.MODEL, 700)).status == 200
        assert "counted_tokens" not in weir.wait_log(n + 1)
    assert [p.path for p in vllm.probes].count("/tokenize") == 1


def test_vllm_s_count_can_be_asked_for(start_weir, vllm):
    weir = start_weir({}, vllm)
    r = weir.post("/weir/count", say(replies.MODEL, 1200))
    assert r.status == 200
    told = r.json()
    assert (told["total"], told["exact"], told["source"]) == (
        1204, True, "engine")
    assert (told["limit"], told["fits"], told["texts"]) == (1000, False, None)
    assert vllm.requests == []


@pytest.mark.parametrize("vllm", [{"knows": False}], indirect=True)
def test_without_any_count_there_is_a_reason(start_weir, vllm):
    weir = start_weir({}, vllm)
    r = weir.post("/weir/count", say(replies.MODEL, 1200))
    text, code = asks.error_of("openai", r)
    assert (r.status, code) == (404, "count_unavailable")


# --- llama-server before it had input_tokens ---


@pytest.fixture
def before(request):
    real, *denied = request.param
    proxy = Before(request.getfixturevalue(real), *denied)
    yield proxy
    proxy.stop()
    proxy.check()


def wait_counted(weir, path, body):
    """Until the vocabulary has been read."""
    for n in range(100):
        assert weir.post(path, body).status == 200
        if "counted_tokens" in weir.wait_log(n + 1):
            return n + 1
    raise AssertionError("never counted")


NEWER = CHAT + "/input_tokens"


@pytest.mark.parametrize(
    "before", [("llama_server", NEWER)], indirect=True
)
def test_an_older_llama_server_tells_the_text(start_weir, before):
    weir = start_weir({}, before)
    seen = wait_counted(weir, CHAT, say("tiny", 3))
    limit = weir.post("/weir/count", say("tiny", 3)).json()["limit"]
    seen += 1
    for n, words in enumerate((limit - 60, limit - 20)):
        r = weir.post(CHAT, say("tiny", words))
        line = weir.wait_log(seen + 1 + n)
        assert line["counted_exactly"]
        assert (r.status == 200) == (n == 0)
        if r.status == 200:
            assert line["input_tokens"] == line["counted_tokens"]
    assert before.asked(NEWER) == 1, "remembered"
    # Who asks for the count has it in the same way.
    assert before.asked("/apply-template") == 3
    assert results(weir)["asked"] == 3


# --- who asks for a count ---


@pytest.mark.parametrize("path", ["/weir/count", "/v1/messages/count_tokens"])
def test_a_count_is_the_engine_s_own(start_weir, ollama, path):
    weir = start_weir({}, ollama)
    seen = wait_counted(weir, "/v1/messages", say("tiny", 3))
    body = say("tiny", 100, system="my old river")
    r = weir.post(path, body)
    assert r.status == 200
    told = r.json()
    assert (told["exact"], told["source"]) == (True, "engine")
    assert weir.wait_log(seen + 1)["counted_exactly"]
    weir.post("/v1/messages", body)
    line = weir.wait_log(seen + 2)
    key = "total" if path == "/weir/count" else "input_tokens"
    assert told[key] == line["input_tokens"]


def test_a_count_loads_nothing(start_weir, ollama):
    ollama.create("sleeper", "--seed", "21")
    weir = start_weir({}, ollama)
    for _ in range(3):
        r = weir.post("/weir/count", say("sleeper", 100))
        assert r.status == 200
        told = r.json()
        assert (told["exact"], told["source"]) == (False, "weir")
    with Caller(ollama.address) as caller:
        loaded = caller.get("/api/ps").json()["models"]
    assert "sleeper:latest" not in [m["name"] for m in loaded]
    r = weir.post("/weir/count", {"model": "sleeper", "content": "the boat"})
    told = r.json()
    assert (told["exact"], told["source"]) == (True, "weir")


# --- Ollama: nothing is cut in silence ---


@pytest.mark.parametrize(
    "before", [("ollama", "/api/show")], indirect=True
)
def test_an_unknown_tokenizer_is_no_reason_to_cut(start_weir, before):
    weir = start_weir({}, before)
    for n, (path, body) in enumerate([
        (CHAT, say("tiny", 700)),
        ("/v1/completions", {"model": "tiny", "prompt": "the " * 700}),
        ("/v1/messages", say("tiny", 700)),
        ("/v1/responses", {"model": "tiny", "input": "the " * 700}),
    ]):
        r = weir.post(path, body)
        line = weir.wait_log(n + 1)
        assert (r.status, line["err"]) == (400, "context_length_exceeded")
    r = weir.post(CHAT, say("tiny", 350))
    line = weir.wait_log(5)
    assert (r.status, line["counted_exactly"]) == (200, True)
    assert line["counted_tokens"] == line["input_tokens"]


IMAGE = {"type": "image_url",
         "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}


@pytest.mark.parametrize("tokens", [3000, 4050, None])
def test_images_are_read_before_messages_are_dropped(weir, engine, tokens):
    """Scripted: no model here sees.  None: it refuses by itself."""
    over = {"error": "request (5000 tokens) exceed_context_size_error "
            '"n_prompt_tokens":5000,"n_ctx":4096'}
    told = {"model": "m", "done": True, "prompt_eval_count": tokens,
            "eval_count": 1, "message": {"role": "assistant", "content": "a"}}
    engine.then(lambda exchange: exchange.whole(
        told if tokens else over, 200 if tokens else 400))
    body = say(replies.MODEL, 900)
    body["messages"].append({"role": "user", "content": [IMAGE]})
    body["max_tokens"] = 100
    r = weir.post(CHAT, body)
    line = weir.wait_log(1)
    asked = engine.requests[0]
    assert asked.path == "/api/chat"
    question = asked.json()
    assert question["truncate"] is False
    assert question["options"] == {"num_predict": 1}
    assert question["messages"][1]["images"] == ["iVBORw0KGgo="]
    if tokens == 3000:
        assert (r.status, line["counted_tokens"]) == (200, 3000)
        assert engine.requests[1].json()["messages"] == body["messages"]
    else:
        assert (r.status, line["err"]) == (400, "context_length_exceeded")
        assert len(engine.requests) == 1


@pytest.mark.weir(dry_run=True)
def test_a_dry_run_sends_what_the_engine_would_refuse(weir, engine):
    over = {"error": "exceed_context_size_error"}
    engine.then(lambda exchange: exchange.whole(over, 400))
    assert weir.post(CHAT, say(replies.MODEL, 1200)).status == 200
    assert weir.wait_log(1)["dry_run"] == "context_length_exceeded"
    # Its own refusal is told all the same.
    engine.then(*[lambda exchange: exchange.whole(over, 400)] * 2)
    assert weir.post(CHAT, say(replies.MODEL, 1200)).status == 400
    assert len(engine.requests) == 4


def test_a_context_that_was_never_seen_is_looked_at(start_weir, ollama):
    """Nothing says before the load that it will be 512 of 4,096."""
    ollama.create("late", "--seed", "9")
    weir = start_weir({}, ollama)
    r = weir.post(CHAT, say("late", 700))
    line = weir.wait_log(1)
    assert (r.status, line["err"]) == (400, "context_length_exceeded")
    r = weir.post("/weir/count", say("late", 3))
    assert r.json()["limit"] == 512


@pytest.fixture
def embedder(ollama):
    ollama.create("embedder", "--pooling", "mean")
    return ollama


EMBED = {
    "/v1/embeddings": "input",
    "/api/embed": "input",
    "/api/embeddings": "prompt",
}


@pytest.mark.parametrize("path", EMBED)
def test_an_embedding_is_whole_or_refused(start_weir, embedder, path):
    """Around the limit: Ollama's /v1/embeddings cannot be told not to cut."""
    weir = start_weir({"edits": {"truncate": True}}, embedder)
    seen = 0
    for words in (3, 3, 505, 506, 507, 508, 509, 510, 511, 512, 600, 3000):
        text = " ".join(["the"] * words)
        r = weir.post(path, {"model": "embedder", EMBED[path]: text})
        seen += 1
        line = weir.wait_log(seen)
        assert "truncated_by_engine" not in line
        if r.status == 200:
            assert words < 512
            if path != "/api/embeddings":  # that tells no count
                assert line["input_tokens"] == words + 1
        else:
            assert words > 509
            assert line["err"] == "context_length_exceeded"


def test_each_input_of_a_list_must_fit(start_weir, embedder):
    weir = start_weir({}, embedder)
    body = {"model": "embedder", "input": ["the boat"]}
    seen = wait_counted(weir, "/v1/embeddings", body)
    body["input"] = ["the " * 200] * 5
    r = weir.post("/v1/embeddings", body)
    line = weir.wait_log(seen + 1)
    assert r.status == 200, "none is too long, all together are"
    assert line["counted_tokens"] == line["input_tokens"] > 1000
    body["input"] = ["the boat", "the " * 600, "the river"]
    r = weir.post("/v1/embeddings", body)
    line = weir.wait_log(seen + 2)
    assert r.status == 400 and "engine" not in line
    assert "602 tokens" in asks.error_of("openai", r)[0]


@pytest.mark.weir(edits={"truncate": True})
def test_who_asks_for_a_cut_embedding_has_it(start_weir, embedder):
    weir = start_weir({}, embedder)
    body = {"model": "embedder", "input": "the " * 700, "truncate": True}
    for n in range(100):
        assert weir.post("/api/embed", body).status == 200
        line = weir.wait_log(n + 1)
        if "counted_tokens" in line:
            break
    assert line["truncated_by_engine"], "but it is told"
    name = "weir_prompt_counts_total"
    assert metrics.total(weir.metrics(), name, result="cut") == 1


def test_calls_inside_of_responses_are_counted(start_weir, ollama):
    """As Ollama makes a chat of them."""
    weir = start_weir({}, ollama)
    call = {"type": "function_call", "call_id": "c", "name": "look_up",
            "arguments": '{"word": "boat"}'}
    body = {
        "model": "tiny",
        "max_output_tokens": 2,
        "input": [
            {"role": "user", "content": "the river"},
            {"type": "reasoning", "summary": [], "encrypted_content": "so"},
            call,
            {"role": "assistant", "content": "the boat"},
            {"type": "function_call_output", "call_id": "c",
             "output": "the " * 470},
        ],
    }
    seen = wait_counted(weir, "/v1/responses", body)
    r = weir.post("/v1/responses", body)
    line = weir.wait_log(seen + 1)
    assert (r.status, line["counted_exactly"]) == (200, True)
    assert line["counted_tokens"] == line["input_tokens"]
    body["input"][-1]["output"] = "the " * 520
    r = weir.post("/v1/responses", body)
    assert r.status == 400
    assert weir.wait_log(seen + 2)["err"] == "context_length_exceeded"
