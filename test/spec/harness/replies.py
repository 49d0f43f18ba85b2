"""Answers as engines give them, shaped after recorded exchanges."""

import json

MODEL = "llama3.2"
STAMP = "2026-01-01T00:00:00.000000000Z"
WORDS = ["Once", " there", " was", " a", " weir", "."]
PROMPT_TOKENS = 26


def dump(value):
    return json.dumps(value, separators=(",", ":")).encode()


def ollama_end(words):
    return {
        "done": True,
        "done_reason": "stop",
        "total_duration": 9000000,
        "load_duration": 1000000,
        "prompt_eval_count": PROMPT_TOKENS,
        "prompt_eval_duration": 2000000,
        "eval_count": len(words),
        "eval_duration": 6000000,
    }


def ollama(model=MODEL, words=WORDS, generate=False):
    """(pieces of the stream, whole answer) of /api/chat or /api/generate."""

    def line(text, end):
        said = (
            {"response": text}
            if generate
            else {"message": {"role": "assistant", "content": text}}
        )
        return {"model": model, "created_at": STAMP, **said, **end}

    pieces = [dump(line(w, {"done": False})) + b"\n" for w in words]
    pieces.append(dump(line("", ollama_end(words))) + b"\n")
    return pieces, dump(line("".join(words), ollama_end(words)))


def openai(model=MODEL, words=WORDS, usage=False, completion=False):
    """The same of /v1/chat/completions or /v1/completions."""
    kind = "text_completion" if completion else "chat.completion"
    part = "text_completion" if completion else "chat.completion.chunk"
    head = {"id": "chatcmpl-737", "created": 1767225600, "model": model}
    counts = {
        "prompt_tokens": PROMPT_TOKENS,
        "completion_tokens": len(words),
        "total_tokens": PROMPT_TOKENS + len(words),
    }

    def choice(text, reason, whole=False):
        if completion:
            said = {"text": text}
        elif whole:
            said = {"message": {"role": "assistant", "content": text}}
        else:
            said = {"delta": {"content": text} if text else {}}
        return {"index": 0, **said, "finish_reason": reason}

    def data(choices, **more):
        return (
            b"data: "
            + dump({**head, "object": part, "choices": choices, **more})
            + b"\n\n"
        )

    pieces = [data([choice(w, None)]) for w in words]
    pieces.append(data([choice("", "stop")]))
    if usage:
        pieces.append(data([], usage=counts))
    pieces.append(b"data: [DONE]\n\n")
    whole = {
        **head,
        "object": kind,
        "choices": [choice("".join(words), "stop", True)],
        "usage": counts,
    }
    return pieces, dump(whole)


def anthropic(model=MODEL, words=WORDS):
    """The same of /v1/messages."""

    def event(name, **more):
        return b"event: %s\ndata: %s\n\n" % (
            name.encode(),
            dump({"type": name, **more}),
        )

    message = {"id": "msg_1", "type": "message", "role": "assistant"}
    first = {
        **message,
        "model": model,
        "content": [],
        "stop_reason": None,
        "usage": {"input_tokens": PROMPT_TOKENS, "output_tokens": 0},
    }
    end = {"stop_reason": "end_turn", "stop_sequence": None}
    counts = {"input_tokens": PROMPT_TOKENS, "output_tokens": len(words)}
    pieces = [
        event("message_start", message=first),
        event(
            "content_block_start",
            index=0,
            content_block={"type": "text", "text": ""},
        ),
    ]
    pieces += [
        event(
            "content_block_delta",
            index=0,
            delta={"type": "text_delta", "text": w},
        )
        for w in words
    ]
    pieces += [
        event("content_block_stop", index=0),
        event("message_delta", delta=end, usage=counts),
        event("message_stop"),
    ]
    whole = {
        **message,
        "model": model,
        "content": [{"type": "text", "text": "".join(words)}],
        **end,
        "usage": counts,
    }
    return pieces, dump(whole)


def of(request):
    """(pieces, whole, wants a stream, type of the stream) for ${request}."""
    asked = request.json()
    model = asked.get("model", MODEL)
    stream = asked.get("stream", request.path.startswith("/api/"))
    if request.path in ("/api/chat", "/api/generate"):
        answer = ollama(model, generate=request.path == "/api/generate")
        return *answer, stream, "application/x-ndjson"
    if request.path == "/v1/messages":
        return *anthropic(model), stream, "text/event-stream"
    usage = (asked.get("stream_options") or {}).get("include_usage", False)
    answer = openai(
        model, usage=usage, completion=request.path == "/v1/completions"
    )
    return *answer, stream, "text/event-stream"


DETAILS = {
    "parent_model": "",
    "format": "gguf",
    "family": "llama",
    "families": ["llama"],
    "parameter_size": "1B",
    "quantization_level": "Q4_K_M",
}


def listed(name, **more):
    return {
        "name": name,
        "model": name,
        "modified_at": "2026-01-01T00:00:00Z",
        "size": 1186035,
        "digest": "fcfc787fd73ce3f93f15bb47ec7166bb60bc8b25044b019536df81a0",
        "details": DETAILS,
        **more,
    }


def page(kind, method, path, models, slots, loaded=None, busy=0):
    """What an engine of ${kind} says to a request that infers nothing.

    ${models} are whole entries of a listing; ${loaded} are the names of those
    that are loaded (None: all), ${busy} slots are at work.  None: no such page.
    """
    v1 = {
        "object": "list",
        "data": [
            {"id": m["name"], "object": "model", "owned_by": "library"}
            for m in models
        ],
    }
    pages = {("GET", "/v1/models"): v1}
    if kind == "ollama":
        running = [
            {"size_vram": 0, "context_length": 4096, **m}
            for m in models
            if loaded is None or m["name"] in loaded
        ]
        pages.update(
            {
                ("GET", "/"): "Ollama is running",
                ("GET", "/api/version"): {"version": "0.33.0"},
                ("GET", "/api/tags"): {"models": models},
                ("GET", "/api/ps"): {"models": running},
                ("POST", "/api/show"): {
                    "details": DETAILS,
                    "capabilities": ["completion"],
                    "model_info": {"llama.context_length": 4096},
                },
            }
        )
    elif kind == "llama-server":
        pages.update(
            {
                ("GET", "/health"): {"status": "ok"},
                ("GET", "/props"): {
                    "default_generation_settings": {"n_ctx": 4096},
                    "total_slots": slots,
                    "model_alias": models[0]["name"],
                },
                ("GET", "/slots"): [
                    {"id": i, "n_ctx": 4096, "is_processing": i < busy}
                    for i in range(slots)
                ],
            }
        )
    return pages.get((method, path))
