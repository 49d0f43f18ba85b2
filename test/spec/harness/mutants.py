"""Spellings of paths and of models' names that a reader may take for others.

All that is not exactly the route or the model must not become it anywhere.
"""

import random

PATHS = (
    "/api/pull",
    "/api/push",
    "/api/create",
    "/api/copy",
    "/api/delete",
    "/api/blobs/sha256:" + "0" * 64,
    "/api/me",
    "/api/signout",
    "/api/user/keys/abc",
    "/api/experimental/web_search",
    "/slots",
    "/slots/0",
    "/props",
    "/lora-adapters",
    "/models/load",
    "/v1/load_lora_adapter",
    "/tools",
    "/cors-proxy",
    "/debug/pprof/heap",
)
METHODS = ("GET", "POST", "PUT", "DELETE", "HEAD", "PATCH", "OPTIONS", "post")
OPEN = ("/api/chat", "/api/tags", "/v1/models", "/api/generate")


def percent(rng, text, share=0.2):
    """Some of ${text} percent-encoded, perhaps twice."""
    out = []
    for c in text:
        if rng.random() < share:
            code = "%%%02x" % ord(c) if ord(c) < 128 else c
            if rng.random() < 0.3:
                code = code.replace("%", "%25")
            c = code.upper() if rng.random() < 0.5 else code
        out.append(c)
    return "".join(out)


def cases(rng, text):
    return "".join(
        c.swapcase() if rng.random() < 0.2 else c for c in text
    )


def insert(rng, text, parts):
    at = rng.randrange(len(text) + 1)
    return text[:at] + rng.choice(parts) + text[at:]


WEDGES = ("/", "//", "/.", "/./", "/..", "/../", ";", ";a=b", "\\", "%2f",
          "%2F", "%5c", "%00", "%0a", "%0d%0a", "%20", "+", "?", "#", ":",
          ".", "..", "~", "%c0%af", "%e2%81%84", "\t", "%u002f", "|", "*",
          "@", "&", "=", "'", '"', "<", "\x7f", "\xe9", "\u2044")  # fmt: skip


def path(rng):
    """(method, target), mostly of a closed route, mostly misspelled."""
    target = rng.choice(PATHS)
    for _ in range(rng.randrange(4)):
        how = rng.randrange(9)
        if how == 0:
            target = percent(rng, target)
        elif how == 1:
            target = cases(rng, target)
        elif how in (2, 3):
            target = insert(rng, target, WEDGES)
        elif how == 4:
            target = rng.choice(OPEN) + rng.choice(
                ("/..", "/../..", "/%2e%2e", ";/..", "/.;/..")
            ) + target  # fmt: skip
        elif how == 5:
            target = rng.choice(("", "http://localhost", "http://127.0.0.1:1",
                                 "HTTP://x", "//localhost", "https://localhost",
                                 "/k/x", "/k/", "/k/../x")) + target  # fmt: skip
        elif how == 6:
            target += rng.choice(("/", "?", "?x", "/.", "/*", "#x", "?/../x"))
        elif how == 7:
            target = target.replace("/", rng.choice(("//", "/./", "\\", "%2f")))
        else:
            at = rng.randrange(len(target))
            target = target[:at] + target[at + 1 :]
    return rng.choice(METHODS[:2] + METHODS), target or "/"


# --- names ---

ALIKE = {"a": "\u0430", "e": "\u0435", "s": "\u017f", "k": "\u212a",
         "o": "\u043e", "c": "\u0441", "i": "\u0131"}  # fmt: skip
HOSTS = ("registry.ollama.ai/", "REGISTRY.OLLAMA.AI/", "ollama.com/",
         "localhost/", "registry.ollama.ai:443/", "http://x/", "hf.co/",
         "library/", "Library/", "x/", "/", "./", "../")  # fmt: skip
TAGS = (":latest", ":LATEST", ":local", ":", "::", ":latest:latest", ":x",
        "@sha256:0", ":cloud", "-cloud", ":1b-cloud", ":latest-cloud")


def escape(rng, text):
    """Some of ${text} as JSON escapes."""
    return "".join(
        "\\u%04x" % ord(c) if rng.random() < 0.3 and ord(c) < 65536 else c
        for c in text
    )


def name(rng, model):
    """A JSON string, without its quotes, that is more or less ${model}."""
    text = model
    for _ in range(rng.randrange(4)):
        how = rng.randrange(8)
        if how == 0:
            text = cases(rng, text)
        elif how == 1:
            text = rng.choice(HOSTS) + text
        elif how == 2:
            text += rng.choice(TAGS)
        elif how == 3:
            text = insert(rng, text, (" ", "\\t", "\\u0000", "\\n", "\u200b",
                                      "\ufeff", ".", "-", "/", "\\\\", "%20",
                                      "\\/", "\u00a0", "\u0301"))  # fmt: skip
        elif how == 4:
            text = "".join(
                ALIKE.get(c, c) if rng.random() < 0.3 else c for c in text
            )
        elif how == 5:
            text = percent(rng, text)
        elif how == 6:
            text = text.replace("/", rng.choice(("//", "\\/", "%2f", "/./")))
        else:
            text = text[: rng.randrange(len(text) + 1)]
    return escape(rng, text) if "\\" not in text else text


KEYS = ("model", "Model", "MODEL", "mod\\u0065l", "name", "\\u006dodel",
        "model ", "mode\u017f", "mode\\u006C")  # fmt: skip


def body(rng, closed, open_):
    """A request's body in bytes that names ${closed} in some way."""
    fields = ['"%s":"%s"' % (rng.choice(KEYS[:1] * 6 + KEYS), name(rng, closed))]
    if rng.random() < 0.3:
        fields.append('"model":"%s"' % open_)
    if rng.random() < 0.2:
        fields.append('"%s":"%s"' % (rng.choice(KEYS), name(rng, closed)))
    fields.append('"stream":false')
    fields.append('"messages":[{"role":"user","content":"a"}]')
    fields.append('"prompt":"a"')
    rng.shuffle(fields)
    return ("{" + ",".join(fields) + "}").encode("utf-8", "replace")


def seeded(seed):
    return random.Random(seed)
