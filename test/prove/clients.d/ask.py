"""What clients from PyPI make of a server, one JSON line per case.

usage: ask.py BASE-URL MODEL GOOD-KEY WRONG-KEY SPENT-KEY LONG-TEXT
"""

import json
import os
import sys

import anthropic
import litellm
import ollama
import openai
from langchain_ollama import ChatOllama, OllamaEmbeddings

BASE, MODEL, GOOD, WRONG, SPENT, WORDS = sys.argv[1:]
EMBEDDER = os.environ["EMBEDDER"]
HI = "Once upon a time"
LONG = "weir " * int(WORDS)
SCHEMA = {"type": "object", "properties": {"at": {"type": "string"}}}
WEATHER = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "the weather",
        "parameters": SCHEMA,
    },
}
litellm.suppress_debug_info = True


def say(text):
    return [{"role": "user", "content": text}]


def size(text):
    return "%d characters" % len(text) if text else "empty"


def drain(stream):
    return "%d parts" % sum(1 for _ in stream)


def cut(stream, stop=None):
    for n, _ in enumerate(stream):
        if n == 1:
            break
    (stop or stream.close)()
    return "stopped"


class OpenAI:
    def __init__(self, key):
        self.c = openai.OpenAI(
            base_url=BASE + "/v1", api_key=key, max_retries=0
        )

    def create(self, text=HI, n=24, **more):
        return self.c.chat.completions.create(
            model=MODEL, messages=say(text), max_tokens=n, **more
        )

    def plain(self, text):
        return size(self.create(text).choices[0].message.content)

    def stream(self):
        return drain(self.create(stream=True))

    def tools(self):
        r = self.create(tools=[WEATHER])
        return size(r.choices[0].message.content)

    def embed(self):
        r = self.c.embeddings.create(model=EMBEDDER, input=HI)
        return "%d dimensions" % len(r.data[0].embedding)

    def abort(self):
        return cut(self.create(n=4000, stream=True))


class Ollama:
    def __init__(self, key):
        self.c = ollama.Client(
            BASE, headers={"Authorization": "Bearer " + key}
        )

    def chat(self, text=HI, n=24, **more):
        return self.c.chat(
            MODEL, say(text), options={"num_predict": n}, **more
        )

    def plain(self, text):
        return size(self.chat(text).message.content)

    def stream(self):
        return drain(self.chat(stream=True))

    def tools(self):
        return size(self.chat(tools=[WEATHER]).message.content)

    def embed(self):
        return "%d dimensions" % len(self.c.embed(EMBEDDER, HI).embeddings[0])

    def abort(self):
        return cut(self.chat(n=4000, stream=True))


class Anthropic:
    def __init__(self, key):
        self.c = anthropic.Anthropic(
            base_url=BASE, api_key=key, max_retries=0
        )

    def create(self, text=HI, n=24, **more):
        return self.c.messages.create(
            model=MODEL, messages=say(text), max_tokens=n, **more
        )

    def plain(self, text):
        got = self.create(text).content
        return size(got[0].text if got else "")

    def stream(self):
        return drain(self.create(stream=True))

    def tools(self):
        got = self.create(
            tools=[{"name": "weather", "input_schema": SCHEMA}]
        ).content
        return size(got[0].text if got else "")

    embed = None

    def abort(self):
        return cut(self.create(n=4000, stream=True))


class LangChain:
    def __init__(self, key):
        self.kwargs = {
            "base_url": BASE,
            "model": MODEL,
            "client_kwargs": {"headers": {"Authorization": "Bearer " + key}},
        }

    def make(self, n=24):
        return ChatOllama(num_predict=n, **self.kwargs)

    def plain(self, text):
        return size(self.make().invoke(text).content)

    def stream(self):
        return drain(self.make().stream(HI))

    def tools(self):
        return size(self.make().bind_tools([WEATHER]).invoke(HI).content)

    def embed(self):
        got = OllamaEmbeddings(**{**self.kwargs, "model": EMBEDDER}).embed_query(HI)
        return "%d dimensions" % len(got)

    def abort(self):
        return cut(self.make(4000).stream(HI))


class LiteLLM:
    def __init__(self, key):
        self.key = key

    def ask(self, text=HI, n=24, **more):
        return litellm.completion(
            model="openai/" + MODEL,
            api_base=BASE + "/v1",
            api_key=self.key,
            messages=say(text),
            max_tokens=n,
            num_retries=0,
            max_retries=0,
            **more,
        )

    def plain(self, text):
        return size(self.ask(text).choices[0].message.content)

    def stream(self):
        return drain(self.ask(stream=True))

    def tools(self):
        return size(self.ask(tools=[WEATHER]).choices[0].message.content)

    def embed(self):
        r = litellm.embedding(
            model="openai/" + EMBEDDER,
            encoding_format="float",
            api_base=BASE + "/v1",
            api_key=self.key,
            input=[HI],
        )
        return "%d dimensions" % len(r.data[0]["embedding"])

    def abort(self):
        s = self.ask(n=4000, stream=True)
        return cut(s, lambda: s.completion_stream.close())


CLIENTS = {
    "openai": OpenAI,
    "ollama": Ollama,
    "anthropic": Anthropic,
    "langchain-ollama": LangChain,
    "litellm": LiteLLM,
}
CASES = [
    ("not streamed", GOOD, lambda c: c.plain(HI)),
    ("streamed", GOOD, lambda c: c.stream()),
    ("tools", GOOD, lambda c: c.tools()),
    ("embeddings", GOOD, lambda c: c.embed and c.embed()),
    ("aborted", GOOD, lambda c: c.abort()),
    ("over the context", GOOD, lambda c: c.plain(LONG)),
    ("wrong key", WRONG, lambda c: c.plain(HI)),
    ("over the limit", SPENT, lambda c: c.plain(HI)),
]


def main():
    for client, make in CLIENTS.items():
        for name, key, ask in CASES:
            out = {"client": client, "case": name}
            try:
                got = ask(make(key))
                out.update({"none": True} if got is None else {"ok": got})
            except Exception as e:
                out["error"] = type(e).__name__
                out["status"] = getattr(e, "status_code", None)
                out["message"] = str(e).splitlines()[0]
            print(json.dumps(out), flush=True)


if __name__ == "__main__":
    main()
