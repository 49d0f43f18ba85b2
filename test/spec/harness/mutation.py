"""Run mutants (mutants.py) through weir; what a scripted engine got of them."""

import json
import re
import urllib.parse

from . import mutants, replies
from .caller import request
from .wire import WireError

CLOSED_MODELS = ("secret", "team/secret:1b")
READ_ONLY = ("/props", "/lora-adapters")


def plain(target):
    """The path that the most lenient reader could take ${target} for."""
    path = re.sub(r"^[a-z]+://[^/]*", "", target, flags=re.I)
    for _ in range(3):
        path = urllib.parse.unquote(path, errors="replace")
    path = path.split("?")[0].split("#")[0].replace("\\", "/").lower()
    parts = []
    for part in path.split("/"):
        part = part.split(";")[0].strip(" \t\0")
        if part == "..":
            parts = parts[:-1]
        elif part not in ("", "."):
            parts.append(part)
    return "/" + "/".join(parts)


def is_closed(method, target):
    path = plain(target)
    if path in READ_ONLY and method in ("GET", "HEAD"):
        return False
    return any(path == p or path.startswith(p + "/") for p in mutants.PATHS)


def models_of(body):
    """Every model that an engine could find in ${body}, made plain.

    Keys are matched as Go does; /api/show takes "name" where no model stands.
    """
    found = {"model": [], "name": []}

    def see(pairs):
        for key, value in pairs:
            key = key.lower().replace("\u017f", "s").replace("\u212a", "k")
            if key in found and isinstance(value, str):
                found[key].append(value)
        return dict(pairs)

    json.loads(body, object_pairs_hook=see)
    named = [name for name in found["model"] if name] or found["name"]
    return [plain_name(name) for name in named]


def plain_name(name):
    name = name.strip().lower()
    for prefix in ("registry.ollama.ai/", "library/"):
        name = name.removeprefix(prefix)
    for tag in (":local", ":latest"):
        name = name.removesuffix(tag)
    return name


class Run:
    """A weir whose anonymous caller may use one model and manage none."""

    def __init__(self, start_weir, start_engine):
        models = [replies.MODEL, *CLOSED_MODELS]
        self.engine = start_engine(models=models)
        self.weir = start_weir(
            {
                "callers": [{"name": "anonymous", "models": [replies.MODEL]}],
                "limits": {"listing": "1000000/s"},
                "log": {"path": str("/dev/null")},
            },
            self.engine,
        )
        self.weir.is_checked = False  # its log is nobody's
        self.answered = self.served = 0
        self.caller = None

    def _ask(self, method, data):
        """Send ${data}; the status, None if the connection just ended."""
        for _ in range(2):
            if self.caller is None:
                self.caller = self.weir.connect()
            try:
                self.caller.send(data)
                r = self.caller.response(method).finish()
            except (WireError, OSError):
                self._hang_up()
                continue
            self.answered += 1
            self.served += r.status == 200
            if r.field("connection") == "close":
                self._hang_up()
            return r.status
        return None

    def _hang_up(self):
        if self.caller:
            self.caller.close()
        self.caller = None

    def _got(self, since):
        return [
            r
            for r in self.engine.probes[since[0] :]
            + self.engine.requests[since[1] :]
        ]

    def paths(self, seed, n):
        """What of ${n} mutated paths reached a closed route: sentences."""
        rng = mutants.seeded(seed)
        since = len(self.engine.probes), len(self.engine.requests)
        body = b'{"model":"llama3.2","name":"x","source":"a","destination":"b"}'
        for _ in range(n):
            method, target = mutants.path(rng)
            has_body = method not in ("GET", "HEAD", "OPTIONS")
            data = request("@", "@", body if has_body else None)
            line = "%s %s HTTP/1.1" % (method, target)
            data = data.replace(b"@ @ HTTP/1.1", line.encode(), 1)
            self._ask(method, data)
        self._hang_up()
        return [
            "%s %s" % (r.method, r.target)
            for r in self._got(since)
            if is_closed(r.method, r.target)
        ]

    def names(self, seed, n):
        """What of ${n} mutated names reached a closed model: bodies."""
        rng = mutants.seeded(seed)
        since = len(self.engine.probes), len(self.engine.requests)
        routes = ("/api/chat", "/api/generate", "/v1/chat/completions",
                  "/v1/messages", "/api/show", "/api/embed")  # fmt: skip
        for _ in range(n):
            closed = rng.choice((*CLOSED_MODELS, replies.MODEL))
            body = mutants.body(rng, closed, replies.MODEL)
            self._ask("POST", request("POST", rng.choice(routes), body))
        self._hang_up()
        return [
            "%s %r" % (r.target, r.body)
            for r in self._got(since)
            if r.method == "POST" and set(models_of(r.body)) - {replies.MODEL}
        ]
